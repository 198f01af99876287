"""The commands: `python -m data_tools.round make OUT`, `status` and `rebuild`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from data_tools.commands import tell, told
from data_tools.round.making import Inputs, Made, make
from data_tools.round.rebuilding import rebuild
from data_tools.round.settings import NEAR, Settings
from data_tools.round.status import HEADS, cells, status
from data_tools.round.telling import sums, table
from rorem.errors import BadOptions
from rorem.terminal import complain, in_sentences, say

AGAIN = "say it again for another"
PREVIOUS = f"A set that is there already, all of whose records were accepted; {AGAIN}."
GENERATED = f"Removals of data_tools.generate; {AGAIN}."
LABELLED = f"A data set of labels, a folder or on the Hub: its removals and what people said of them; {AGAIN}."
ANSWERS = f"A file of answers of `rorem labels export`, .csv or .jsonl; {AGAIN}."
SCORES = f"A folder of data_tools.auto_label; {AGAIN}."
KEEP_OUT = f"An evaluation set: its photos, and what looks like them, stay out; {AGAIN}."
KEEP_OUT_NEAR = "Bits of 64 in which a photo may differ from one of an evaluation set and still stays out, 0 to 16."
NEAR_HELP = "Bits of 64 in which photos of near-duplicates may differ, 0 to 16."
ROUND = "Its number. Without it, one more than in the previous set."
CACHE = "Where it is kept what is known of sets that were looked through."
EVALUATION = f"ROUND=FOLDER: a run of `rorem evaluate` of the model that was trained on this round's set; {AGAIN}."

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


@app.command("make")
def make_command(
    out: Annotated[Path, typer.Argument(help="The folder for the set; it must not be there yet.")],
    previous: Annotated[list[str] | None, typer.Option(help=PREVIOUS)] = None,
    generated: Annotated[list[str] | None, typer.Option(help=GENERATED)] = None,
    labelled: Annotated[list[str] | None, typer.Option(help=LABELLED)] = None,
    answers: Annotated[list[Path] | None, typer.Option(help=ANSWERS)] = None,
    scores: Annotated[list[Path] | None, typer.Option(help=SCORES)] = None,
    keep_out: Annotated[list[str] | None, typer.Option(help=KEEP_OUT)] = None,
    keep_out_near: Annotated[int, typer.Option(help=KEEP_OUT_NEAR)] = NEAR,
    near: Annotated[int, typer.Option(help=NEAR_HELP)] = NEAR,
    exact: Annotated[
        bool, typer.Option("--exact", help="Near-duplicates stay; evaluation sets stay out all the same.")
    ] = False,
    round: Annotated[int | None, typer.Option(help=ROUND)] = None,
    cache: Annotated[Path | None, typer.Option(help=CACHE)] = None,
    look_again: Annotated[bool, typer.Option("--look-again", help="Look through the sets anew.")] = False,
) -> None:
    """Puts a round together: previous sets, what people said yes to, what the judge accepted.

    Duplicates and near-duplicates go, evaluation sets stay out, and a manifest says where every pair came from.
    """
    with told("Looking through the sets") as on_step:
        inputs = Inputs(previous or (), generated or (), labelled or (), answers or (), scores or (), keep_out or ())
        settings = Settings(None if exact else near, round, keep_out_near)
        made = make(out, inputs, settings, cache=cache, look_again=look_again, on_look=on_step, on_write=on_step)
    _tell_made(made, out)


@app.command("status")
def status_command(
    folders: Annotated[list[Path], typer.Argument(help="Rounds; other sets are counted.")],
    evaluation: Annotated[list[str] | None, typer.Option(help=EVALUATION)] = None,
    method: Annotated[str, typer.Option(help="Which method of the evaluations is meant.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Shows the rounds so far as a table: set size, human success, what the judge accepted and at which threshold."""
    with in_sentences():
        rows = status(folders, _evaluations(evaluation or ()), method)
        if as_json:
            typer.echo(json.dumps([asdict(row) for row in rows], indent=1))
            return
        for line in table(HEADS, [cells(row) for row in rows]):
            say(line)


@app.command("rebuild")
def rebuild_command(
    round: Annotated[Path, typer.Argument(help="A folder with manifest.json and the files that belong to it.")],
    out: Annotated[Path, typer.Argument(help="The folder for the set; it must not be there yet.")],
    moved: Annotated[list[str] | None, typer.Option(help=f"OLD=NEW: where an input lies now; {AGAIN}.")] = None,
) -> None:
    """Makes the set of a manifest again, byte for byte, or says which input is missing or has changed."""
    with told("Writing") as on_step:
        rebuilt = rebuild(round, out, _pairs(moved or (), "--moved", "OLD=NEW"), on_write=on_step)
    say(f"{rebuilt.records:,} pairs in {out}, all {rebuilt.files} files the same to the byte.")


def _pairs(some: Sequence[str], option: str, what: str) -> dict[str, str]:
    """Of texts such as OLD=NEW. Raises BadOptions."""
    parts = [one.partition("=") for one in some]
    found = {before: after for before, _, after in parts}
    if bad := [before for before, after in found.items() if not before or not after]:
        raise BadOptions(f"{option} takes {what}, not {bad[0]!r}.", f"Write {option} {what}.")
    return found


def _evaluations(some: Sequence[str]) -> dict[int, Path]:
    found = _pairs(some, "--evaluation", "ROUND=FOLDER")
    if bad := [number for number in found if not number.isdecimal()]:
        raise BadOptions(f"A round has a number, not {bad[0]!r}.", "Write --evaluation 2=FOLDER.")
    return {int(number): Path(folder) for number, folder in found.items()}


def _tell_made(made: Made, out: Path) -> None:
    tell(made.amiss)
    if any("left_out" in one for one in made.manifest["inputs"]):
        complain("`python -m data_tools.check` tells what is wrong with each record, and mends what can be mended.")
    if made.there:
        complain(f"{out} was made before, of the same sets and with the same settings.")
    for line in sums(made.manifest):
        say(line)


if __name__ == "__main__":
    app()
