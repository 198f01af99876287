"""`rorem labels add` and `gold`: what people are to judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rorem.cli_labels.opening import LabelDir, Labels, opened, progress
from rorem.errors import BadData
from rorem.terminal import complain, say

if TYPE_CHECKING:
    from rorem.labels.filling import Filled

SETS = "Folders of triplets, Parquet shards, or data sets on the Hub (owner/name)."
CHECKS = "A folder of triplets with TRUTH, or another set with truths; without it the built-in twelve pairs."
BUILT_IN = "built-in"


def add(
    sets: Annotated[list[str], typer.Argument(help=SETS)],
    labels: Labels = None,
    label_dir: LabelDir = None,
) -> None:
    """Adds the removals of sets to the queue. What is there already stays as it is."""
    with opened(labels, label_dir, new=True) as desk:
        from rorem.labels.filling import fill

        failed = False
        for name in sets:
            with progress(name) as on_item:
                (filled,) = fill(
                    desk.store, desk.queue.plan, [name], lambda _, done, total, on_item=on_item: on_item(done, total)
                )
            failed |= _tell(filled, "removal")
    raise typer.Exit(1 if failed else 0)


def gold(
    name: Annotated[str, typer.Argument(metavar="[SET]", help=CHECKS)] = BUILT_IN,
    labels: Labels = None,
    label_dir: LabelDir = None,
) -> None:
    """Adds checks, whose answer is known: a truth is a sure yes, the untouched photo a sure no."""
    with opened(labels, label_dir, new=True) as desk:
        from rorem.labels.filling import add_gold
        from rorem.triplet import open_set

        where = str(built_in()) if name == BUILT_IN else name
        with progress(name) as on_item:
            filled = add_gold(desk.store, desk.queue.plan, open_set(where), where, on_item)
        failed = _tell(filled, "check")
        if not filled.unchanged and not filled.added and not filled.there:
            raise BadData(f"{name} gives no checks.", "Its records need a truth.")
    raise typer.Exit(1 if failed else 0)


def built_in() -> Path:
    """The folder of the twelve pairs that come with RORem."""
    import rorem

    return Path(rorem.__file__).parent / "samples"


def _tell(filled: Filled, what: str) -> bool:
    """Says what became of a set; whether nothing could be had from it."""
    for note in filled.notes:
        complain(note)
    if filled.unchanged:
        say(f"{filled.name}: nothing has changed since it was added.")
        return False
    if not (filled.added or filled.there or filled.skipped):
        return True  # it could not be opened, as told
    plural = "" if filled.added == 1 else "s"
    left = f", {filled.skipped} records left out" if filled.skipped else ""
    say(f"{filled.name}: {filled.added} {what}{plural} added, {filled.there} there already{left}.")
    return not filled.added and not filled.there
