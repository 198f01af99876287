"""The command: `python -m data_tools.fetch OWNER/NAME --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data_tools.commands import tell, told
from data_tools.fetch.fetching import fetch
from data_tools.publish.converting import SHARDS
from data_tools.publish.patience import Patience
from rorem.labels.hub_trouble import HubTrouble
from rorem.terminal import complain, say
from rorem.triplet.shards_writing import SHARD

NAME = "A data set on the Hub; @REVISION for an older state, /WHERE for one of several sets or archives in it."
TO = "shards, or folder for source/ mask/ GT/ meta.json."
MILLION = 10**6

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help=NAME)],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder.")],
    to: Annotated[str, typer.Option(help=TO)] = SHARDS,
    shard_mb: Annotated[int, typer.Option(min=1, help="For shards that have to be made.")] = SHARD // MILLION,
) -> None:
    """Fetches a set from the Hub and holds every file and record to its hash. HF_TOKEN opens private ones.

    The same command goes on where it was stopped.
    """
    with told("Fetching") as on_step:
        done = fetch(name, out, to, on_step=on_step, patience=Patience(_waits), max_bytes=shard_mb * MILLION)
    tell(done.left_out)
    for note in done.notes:
        complain(note)
    say(f"{done.written:,} records are in {out}.")
    raise typer.Exit(1 if done.left_out.total else 0)


def _waits(trouble: HubTrouble, seconds: float) -> None:
    complain(f"{trouble} Trying again in {seconds:.0f} s.")


if __name__ == "__main__":
    app()
