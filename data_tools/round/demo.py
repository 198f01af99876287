"""`python -m data_tools.round.demo`: one round from nothing to a checked set, without network, weights or people.

The pairs of the package are taken apart into photos and cut-outs, but for a few that are the evaluation set, and
everything else is what a real round does: synthesize -> generate -> answers -> auto_label -> round -> check.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from data_tools import generate
from data_tools.auto_label.running import auto_label
from data_tools.auto_label.scorers import SEAM, Judge
from data_tools.auto_label.settings import Settings as Calibrating
from data_tools.check import Checked, check
from data_tools.commands import OnStep, told
from data_tools.round.demo_people import RULE, write_answers
from data_tools.round.demo_stock import EVALUATION, evaluation, take_apart
from data_tools.round.making import Inputs, Made, make
from data_tools.round.status import HEADS, cells, status
from data_tools.round.telling import sums, table
from data_tools.synthesize.building import Settings as Building
from data_tools.synthesize.building import synthesize
from rorem.errors import BadData
from rorem.files import write_whole
from rorem.terminal import say
from rorem.triplet import open_set

SIZES = (160,)  # px: small, so that a demonstration is quick
METHODS = ("patchmatch", "telea")  # the built-in method, and one that smears: a judge needs something to refuse
WANTED = 0.7  # precision; 95 % can only be shown with more answers than a demonstration has time for
PAIRS, START = 64, 24  # photos to remove from, and pairs of the first set


@dataclass(frozen=True)
class Finished:
    """made: the round. checked: what `check` found in it. answers: how many were simulated."""

    made: Made
    checked: Checked
    answers: int


def demo(
    folder: Path,
    pairs: int = PAIRS,
    start: int = START,
    say: Callable[[str], None] = lambda line: None,
    on_step: OnStep = lambda done, total: None,
) -> Finished:
    """A whole round in a folder; a second run goes on where the first was stopped.

    say: told what is done, a sentence each. on_step: told how far it is. Raises BadData for a folder with another
    number of pairs in it, Unavailable where a package is missing, OSError.
    """
    _claim(folder, {"pairs": pairs, "start": start, "evaluation": EVALUATION})
    photos, cutouts = take_apart(folder / "stock")
    kept_out = evaluation(folder / "evaluation")
    say(f"Synthesizing {start} pairs for a first set and {pairs} to remove things from.")
    for name, count, seed in (("start", start, 1), ("candidates", pairs, 2)):
        settings = Building(SIZES, seed, several=0.0, occluded=0.0)
        synthesize(folder / name, [photos], [cutouts], count, settings, on_sample=on_step, chosen=True)
    for method in METHODS:
        say(f"Removing them with {method}.")
        settings = generate.Settings(method=method)
        generate.generate(str(folder / "candidates"), folder / "removals" / method, settings, on_step=on_step)
    removals = str(folder / "removals")
    answers = folder / "answers.csv"
    count = write_answers(open_set(removals), answers)
    say(RULE)
    say(f"Calibrating the judge on {count:,} answers, to a precision of {WANTED:.0%}.")
    auto_label(removals, folder / "scores", Judge(SEAM), str(answers), Calibrating(wanted=WANTED), on_step=on_step)
    say(f"Putting the round together; {EVALUATION} pairs that nothing was made of are its evaluation set.")
    inputs = Inputs(
        previous=[str(folder / "start")],
        generated=[removals],
        answers=[answers],
        scores=[folder / "scores"],
        keep_out=[str(kept_out)],
    )
    out = folder / "round-1"
    made = make(out, inputs, cache=folder / "cache", on_look=on_step, on_write=on_step)
    say("Checking the set.")
    return Finished(made, check(str(out), on_step=on_step), count)


def _claim(folder: Path, settings: dict[str, int]) -> None:
    note = folder / "demo.json"
    if note.is_file():
        if json.loads(note.read_text("utf-8")) != settings:
            raise BadData(f"{folder} holds another demonstration.", "Choose another folder.")
        return
    if folder.is_dir() and next(folder.iterdir(), None):
        raise BadData(f"{folder} is not empty.", "Choose another folder.")
    write_whole(note, json.dumps(settings).encode())


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
FOLDER = "Where to work; without it, a temporary folder that is gone afterwards."


@app.command()
def main(
    folder: Annotated[Path | None, typer.Argument(help=FOLDER)] = None,
    pairs: Annotated[int, typer.Option(min=8, help="How many photos to remove things from.")] = PAIRS,
    start: Annotated[int, typer.Option(min=1, help="How many pairs the first set has.")] = START,
) -> None:
    """One round from nothing to a checked set, with the built-in method and simulated annotators."""
    with _place(folder) as where:
        with told("Working") as on_step:
            finished = demo(where, pairs, start, say, on_step)
        say("")
        for line in sums(finished.made.manifest):
            say(line)
        say("")
        for line in table(HEADS, [cells(row) for row in status([where / "start", where / "round-1"])]):
            say(line)
        say("")
        checked = finished.checked
        say(f"check: {checked.records:,} records, {checked.wrong:,} of them with problems.")
        for kind, count in checked.counts.items():
            say(f"{count:>9,}  {kind}")
        if folder:
            say(f"The set is {where / 'round-1'}, the judge's report {where / 'scores' / 'report.html'}.")
    raise typer.Exit(1 if checked.wrong else 0)


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="rorem-round-") as temporary:
        yield Path(temporary)


if __name__ == "__main__":
    app()
