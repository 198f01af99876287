"""The command: `python -m data_tools.generate SET OUT --method patchmatch`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from data_tools.commands import tell, told
from data_tools.engine import LOCAL
from data_tools.generate.running import generate
from data_tools.generate.settings import ROADS, Settings
from data_tools.parts import SIZE
from rorem.errors import BadOptions
from rorem.terminal import say

SET = "Photos with masks: a folder of triplets, Parquet shards or a Hub data set."
SETTING = "A setting of the method, as steps=30; say --set again for another."
PUBLISHED = "Run it as its paper's own program does."
PART = "Records in a part: what is lost at most when a machine dies."
MACHINE = "Which of several machines this is, from 0, where they share the work without Ray."
SECONDS = "Keep in each record what its removal took. Two runs are then not equal to the byte."

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    name: Annotated[str, typer.Argument(metavar="SET", help=SET)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A folder for the removals.")],
    method: Annotated[str, typer.Option("--method", "-m", help="An id of `rorem methods`.")] = "patchmatch",
    chosen: Annotated[list[str] | None, typer.Option("--set", help=SETTING)] = None,
    as_published: Annotated[bool, typer.Option("--as-published", help=PUBLISHED)] = False,
    grow: Annotated[int | None, typer.Option(help="Pixels that the hole reaches beyond the mark.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed gives other removals.")] = 0,
    part_size: Annotated[int, typer.Option(help=PART)] = SIZE,
    keep_seconds: Annotated[bool, typer.Option("--keep-seconds", help=SECONDS)] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try records again that failed.")] = False,
    engine: Annotated[str, typer.Option(help="`local`, or `ray` for the machines of a Ray cluster.")] = LOCAL,
    workers: Annotated[int, typer.Option(help="With Ray: how many hold the method.")] = 1,
    machine: Annotated[int, typer.Option(help=MACHINE)] = 0,
    machines: Annotated[int, typer.Option(help="How many machines there are.")] = 1,
) -> None:
    """Removes what the masks of a set mark, one removal a record, and writes them as Parquet shards.

    The same command takes up a run that was stopped.
    """
    with told("Removing") as on_step:
        settings = Settings(method, _settings(chosen or []), ROADS[as_published], grow, seed, part_size, keep_seconds)
        summary = generate(
            name,
            out,
            settings,
            engine=engine,
            workers=workers,
            machine=machine,
            machines=machines,
            retry=retry,
            on_step=on_step,
        )
    tell(summary.left_out)
    failed = f", {summary.left_out.total:,} failed" if summary.left_out.total else ""
    say(f"{summary.made:,} removals made, {summary.there:,} there already{failed}. They are in {out}.")
    if summary.waiting:
        say(f"{summary.waiting:,} parts are still to come from other machines.")
    raise typer.Exit(1 if summary.left_out.total else 0)


def _settings(chosen: list[str]) -> dict[str, object]:
    """By name; values as JSON where they are, else as text. Raises BadOptions."""
    settings: dict[str, object] = {}
    for one in chosen:
        name, found, text = one.partition("=")
        if not found or not name.strip():
            raise BadOptions(f"--set takes NAME=VALUE, not {one!r}.", "Such as --set steps=30.")
        try:
            settings[name.strip()] = json.loads(text)
        except ValueError:
            settings[name.strip()] = text
    return settings


if __name__ == "__main__":
    app()
