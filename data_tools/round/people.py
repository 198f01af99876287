"""What people said of removals, counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from data_tools.auto_label.answers import Answer
from data_tools.auto_label.said import Removal, Said, joined
from data_tools.auto_label.said import counted as counted_by
from data_tools.tally import Tally
from rorem.labels.agreement import CATEGORIES, MOST, Agreement, of_counts

# By item and annotator, so that the same answer in two files counts once. An answer of nobody is somebody's own.
Answers = dict[tuple[str, str], str]
__all__ = ["Answers", "Said", "add", "agreement", "counted"]


def add(answers: Answers, some: Iterable[Answer], tally: Tally, removals: Sequence[Removal]) -> None:
    """Adds answers to those that there are; what one person said first of a removal is what counts.

    removals: all that they may be about; answers are joined to them as `auto_label` does it. Raises BadData where there
    are answers and none belongs to a removal.
    """
    for item, one in joined(removals, some, tally):
        answers.setdefault((item, one.annotator or f"somebody, answer {len(answers)}"), one.verdict)


def counted(answers: Mapping[tuple[str, str], str]) -> dict[str, Said]:
    """By item."""
    return counted_by((item, verdict) for (item, _), verdict in answers.items())


def agreement(answers: Mapping[tuple[str, str], str], items: Iterable[str], round: int) -> Agreement | None:
    """How far people agree on these items, see `rorem.labels.agreement`; None where no item has two answers."""
    wanted = set(items)
    counts: dict[str, list[int]] = {}
    for (item, _), verdict in answers.items():
        if item in wanted and verdict in CATEGORIES:
            found = counts.setdefault(item, [0, 0])
            if sum(found) < MOST:
                found[CATEGORIES.index(verdict)] += 1
    if not any(sum(found) > 1 for found in counts.values()):
        return None
    return of_counts(round, np.array(list(counts.values())))
