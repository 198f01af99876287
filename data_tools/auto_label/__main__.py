"""The command: `python -m data_tools.auto_label SET OUT --answers answers.csv`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data_tools import engine
from data_tools.auto_label.running import PAGE, Summary, auto_label
from data_tools.auto_label.scorers import DISCRIMINATOR, FILE, JUDGES, Judge
from data_tools.auto_label.settings import AUTO, KINDS, USES, VERDICTS, Settings
from data_tools.commands import tell, told
from data_tools.parts import SIZE
from rorem.terminal import complain, say

SET = "Removals: Parquet shards, a folder of triplets or a Hub data set."
ANSWERS = "What people said: a data set of labels (folder or owner/name), or a .csv, .jsonl or .parquet of answers."
JUDGE = f"Who scores: {' or '.join(JUDGES)}. The latter needs no weights and sees seams only."
SCORES = "Scores from elsewhere instead: .csv or .jsonl with id or name, and raw."
PRECISION = "Wanted share of accepted removals that people would accept, too."
KIND = f"From score to probability: {', '.join(KINDS)}."
USE = f"Which removals count: with three answers or more, or all. {', '.join(USES)}."
MODEL = f"How several answers become one: {', '.join(VERDICTS)}."
PHOTO = "Count one answered removal of each photo and mask."

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    name: Annotated[str, typer.Argument(metavar="SET", help=SET)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A folder for scores, calibration and report.")],
    answers: Annotated[str, typer.Option(help=ANSWERS)] = "",
    judge: Annotated[str, typer.Option(help=JUDGE)] = DISCRIMINATOR,
    scores: Annotated[Path | None, typer.Option(help=SCORES)] = None,
    precision: Annotated[float, typer.Option(help=PRECISION)] = Settings.wanted,
    confidence: Annotated[float, typer.Option(help="Of the lower bound of that share.")] = Settings.confidence,
    curve: Annotated[str, typer.Option(help=KIND)] = AUTO,
    use: Annotated[str, typer.Option(help=USE)] = AUTO,
    verdicts: Annotated[str, typer.Option(help=MODEL)] = Settings.verdicts,
    one_per_photo: Annotated[bool, typer.Option("--one-per-photo", help=PHOTO)] = False,
    bins: Annotated[int, typer.Option(help="Of the reliability curve.")] = Settings.bins,
    seed: Annotated[int, typer.Option(help="Of folds and bootstrap.")] = 0,
    part_size: Annotated[int, typer.Option(help="Records in a part: what is lost when a machine dies.")] = SIZE,
    engine_name: Annotated[str, typer.Option("--engine", help="local, or ray for many machines.")] = engine.LOCAL,
    workers: Annotated[int, typer.Option(help="With Ray: how many hold the judge.")] = 1,
) -> None:
    """Scores the removals of a set and accepts those that people would accept, as far as their answers show it.

    The same command takes up a run that was stopped; with other answers it does not score again.
    """
    with told("Scoring") as on_step:
        settings = Settings(precision, confidence, curve, use, verdicts, one_per_photo, bins, seed)
        who = Judge(FILE, str(scores)) if scores else Judge(judge)
        summary = auto_label(
            name, out, who, answers, settings, part_size=part_size, engine=engine_name, workers=workers, on_step=on_step
        )
    _tell(summary, out)
    raise typer.Exit(1 if summary.failed.total else 0)


def _tell(summary: Summary, out: Path) -> None:
    tell(summary.failed)
    tell(summary.unused)
    for note in summary.notes:
        complain(note)
    made = summary.calibration
    say(f"{summary.accepted:,} of {summary.scored:,} removals accepted by the rule: {made.rule}.")
    say(made.reason)
    say(f"The report is {out / PAGE}.")


if __name__ == "__main__":
    app()
