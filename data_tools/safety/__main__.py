"""The command: `python -m data_tools.safety SET --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data_tools.commands import tell, told
from data_tools.safety.checker import CHECKER
from data_tools.safety.screening import Settings, screen
from rorem.terminal import complain, say
from rorem.weights import pull

SET = "A folder, a list such as meta.json, Parquet shards, or owner/name on the Hub."
ADJUSTMENT = "Is added to every score: above 0 more is dropped, below 0 less."
LOOK = "Which pictures: source, result, truth; with commas between them."
SHOWN = 20  # dropped records that are named; safety.json names all

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    name: Annotated[str, typer.Argument(metavar="SET", help=SET)],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder for what is let through.")],
    adjustment: Annotated[float, typer.Option(help=ADJUSTMENT)] = 0.0,
    look: Annotated[str, typer.Option(help=LOOK)] = "source,result",
    fetch: Annotated[bool, typer.Option("--pull", help="Fetch the checker, 1.2 GB, if it is not here.")] = False,
) -> None:
    """Leaves out records that the safety checker of Stable Diffusion holds for unsafe.

    The same command goes on where it was stopped.
    """
    with told("Looking") as on_step:
        settings = Settings(adjustment, tuple(filter(None, (part.strip() for part in look.split(",")))))
        if fetch:
            pull(CHECKER)
        done = screen(name, out, settings, on_step=on_step)
    dropped = done.told["dropped"]
    for one in dropped[:SHOWN]:
        complain(
            f"dropped {one['name']}: " + ", ".join(f"{part} {score:+.3f}" for part, score in one["scores"].items())
        )
    if len(dropped) > SHOWN:
        complain(f"dropped {len(dropped) - SHOWN:,} more; safety.json names them.")
    tell(done.left_out)
    say(f"{done.told['kept']:,} of {done.told['records']:,} records are in {out}, {len(dropped):,} were dropped.")
    raise typer.Exit(1 if done.left_out.total else 0)


if __name__ == "__main__":
    app()
