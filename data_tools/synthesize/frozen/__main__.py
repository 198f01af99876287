"""The command: `python -m data_tools.synthesize.frozen --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data_tools.synthesize.fetching import cache_folder
from data_tools.synthesize.frozen.making import write
from data_tools.synthesize.frozen.scenes import SCENES
from rorem.terminal import STOPPED, complain, in_sentences, say

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    out: Annotated[Path, typer.Option(help="The folder for the set.")],
    cache: Annotated[Path | None, typer.Option(help="Where fetched packages are kept.")] = None,
) -> None:
    """Makes the twelve pairs anew, from photos in Debian 12's packages, which are fetched."""
    with in_sentences():
        try:
            write(out, cache or cache_folder(), lambda name: complain(f"Making {name}."))
        except KeyboardInterrupt:
            complain("Stopped.")
            raise typer.Exit(STOPPED) from None
    say(f"{len(SCENES)} pairs are in {out}.")


if __name__ == "__main__":
    app()
