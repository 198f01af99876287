"""What people said of removals, counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from data_tools.auto_label.answers import Answer
from data_tools.tally import Tally
from rorem.labels.agreement import CATEGORIES, MOST, Agreement, of_counts
from rorem.labels.event import HASH

# By item and annotator, so that the same answer in two files counts once. An answer of nobody is somebody's own.
Answers = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Said:
    """Of one removal: how many people said so."""

    yes: int = 0
    no: int = 0
    mask_wrong: int = 0

    @property
    def judged(self) -> bool:
        """Whether anybody said yes or no."""
        return self.yes + self.no > 0

    @property
    def accepted(self) -> bool:
        """By the majority of yes and no; a tie is a no."""
        return self.yes > self.no

    @property
    def refused(self) -> bool:
        """Also where all that was said is that the mask is wrong: then no judge may accept it either."""
        return not self.accepted and (self.judged or self.mask_wrong > 0)

    @property
    def share(self) -> float:
        """Of yes among yes and no, 0 to 1."""
        return self.yes / (self.yes + self.no)


def add(answers: Answers, some: Iterable[Answer], tally: Tally) -> None:
    """Adds answers to those that there are; what one person said first of a removal is what counts.

    Those that do not name a removal by its id are counted in the tally.
    """
    for one in some:
        if not HASH.fullmatch(one.item):
            tally.add("answers that name no removal by its id", one.item or one.sample or one.name)
            continue
        answers.setdefault((one.item, one.annotator or f"somebody, answer {len(answers)}"), one.verdict)


def counted(answers: Mapping[tuple[str, str], str]) -> dict[str, Said]:
    """By item."""
    counts: dict[str, dict[str, int]] = {}
    for (item, _), verdict in answers.items():
        found = counts.setdefault(item, {"yes": 0, "no": 0, "mask_wrong": 0})
        found[verdict] += 1
    return {item: Said(**found) for item, found in counts.items()}


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
