"""`rorem labels stats`, `report`, `leaderboard` and `verify`: what the labels say."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rorem.cli_labels.opening import AsJson, LabelDir, Labels, opened
from rorem.terminal import complain, plain, say

if TYPE_CHECKING:
    from rich.table import Table

OUT = "The page to write; it holds everything in itself."


def stats(labels: Labels = None, label_dir: LabelDir = None, as_json: AsJson = False) -> None:
    """Counts the labels and the items, by state and by round."""
    with opened(labels, label_dir) as desk:
        from rorem.labels.stats import count

        told = count(desk.store)
        if as_json:
            say(json.dumps(asdict(told)))
            return
        kinds = {"from the queue": told.judgements, "on checks": told.gold, "by visitors": told.public}
        parts = [f"{count} {kind}" for kind, count in kinds.items()]
        say(f"Labels: {told.events}: {', '.join(parts)}, {told.votes} votes. Annotators: {told.annotators}.")
        states = ", ".join(f"{count} {state}" for state, count in told.states.items())
        say(f"Items: {states or 'none'}. Answers still wanted: {told.wanted}.")
        table = _table("Round", "Items", "Closed", "Yes", "No", "Mask wrong", "Skips")
        for one in told.rounds:
            table.add_row(*(str(value) for value in asdict(one).values()))
        if told.rounds:
            _print(table)


def report(
    out: Annotated[Path, typer.Option("--out", "-o", help=OUT)] = Path("labels.html"),
    labels: Labels = None,
    label_dir: LabelDir = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals' bootstrap.")] = 0,
) -> None:
    """Writes a page: agreement with intervals, soft labels, each annotator's record, disputed items."""
    with opened(labels, label_dir) as desk:
        from rorem.labels.report import write

        found = write(desk.store, out, time.time(), seed)
        say(f"{len(found.state.answers)} answers of {len(found.people)} annotators; the page is {out}.")


def leaderboard(labels: Labels = None, label_dir: LabelDir = None, as_json: AsJson = False) -> None:
    """Ranks the methods by the blind votes of the Compare tab."""
    with opened(labels, label_dir) as desk:
        from rorem.labels.leaderboard import board, describe

        found = board(desk.store)
        if as_json:
            say(json.dumps([asdict(one) for one in found]))
            return
        if not found:
            say("There are no votes yet.")
            return
        table = _table("Method", "Score", "95 %", "Votes", "Wins", "Losses", "Ties", "Both bad", "Seconds")
        for one in found:
            between = f"{one.low:.0f} to {one.high:.0f}"
            counts = (one.votes, one.wins, one.losses, one.ties, one.both_bad)
            seconds = "-" if one.seconds is None else f"{one.seconds:.1f}"
            table.add_row(plain(one.method), f"{one.score:.0f}", between, *map(str, counts), seconds)
        _print(table)
        for remark in describe(found):
            say(remark)


def verify(labels: Labels = None, label_dir: LabelDir = None) -> None:
    """Holds the counts, the hand-outs and the pictures to the labels themselves. Exit code 1 if something is wrong."""
    with opened(labels, label_dir) as desk:
        from rorem.labels.verify import verify as problems

        found = problems(desk.store)
        for problem in found:
            complain(problem)
        if found:
            raise typer.Exit(1)
        say(f"All is well: {desk.store.count()} labels.")


def _table(*heads: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", overflow="fold")
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    Console(markup=False, highlight=False, emoji=False).print(table)
