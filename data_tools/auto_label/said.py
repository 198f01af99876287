"""What people said of each removal: their answers joined to removals, and counted.

`auto_label` and `round` both go by this, so what the one promises is what the other accepts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from data_tools.auto_label.answers import Answer
from data_tools.tally import Tally
from rorem.errors import BadData
from rorem.labels.event import HASH

OTHERS = "answers to removals that are not in this set"
SEVERAL = "answers that fit several removals of this set"
REPEATED = "answers of one person to one removal again"
FIX = "Answers belong to a removal by its id in the column item, or by sample or name with method and seed."


class Removal(Protocol):
    """By which answers find it. id: hash of source, mask and result; sample: of source and mask."""

    @property
    def id(self) -> str: ...
    @property
    def sample(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True)
class Said:
    """Of one removal: how many people said so."""

    yes: int = 0
    no: int = 0
    mask_wrong: int = 0

    @property
    def answers(self) -> int:
        return self.yes + self.no + self.mask_wrong

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
        return not self.accepted and self.answers > 0

    @property
    def share(self) -> float:
        """Of yes among yes and no, 0 to 1."""
        return self.yes / (self.yes + self.no)


def joined(removals: Sequence[Removal], answers: Iterable[Answer], tally: Tally) -> list[tuple[str, Answer]]:
    """Each answer with the id of the removal that it is about. Of one person's answers to a removal the first counts.

    An item has to be the removal's id. Without one, a sample that is a hash has to be the removal's; only without that
    a name will do, and either with the method and the seed, if they are told. What fits no removal, or several, is
    counted and left out. Raises BadData where there are answers and none is of these removals.
    """
    answers = list(answers)
    ids = {one.id for one in removals}
    called = _called(removals, {_word(one) for one in answers if not one.item})
    found: list[tuple[str, Answer]] = []
    seen: set[tuple[str, str]] = set()
    for one in answers:
        fitting = {one.item} & ids if one.item else _fitting(called[_word(one)], one)
        if len(fitting) != 1:
            tally.add(SEVERAL if fitting else OTHERS, _told(one))
            continue
        (id,) = fitting
        if one.annotator and (id, one.annotator) in seen:
            tally.add(REPEATED, _told(one))
            continue
        seen.add((id, one.annotator))
        found.append((id, one))
    if answers and not found:
        raise BadData("None of the answers is of a removal in this set.", FIX)
    return found


def counted(verdicts: Iterable[tuple[str, str]]) -> dict[str, Said]:
    """By removal. verdicts: the removal and what one person said of it."""
    counts: dict[str, dict[str, int]] = {}
    for id, verdict in verdicts:
        found = counts.setdefault(id, {"yes": 0, "no": 0, "mask_wrong": 0})
        found[verdict] += 1
    return {id: Said(**found) for id, found in counts.items()}


def _called(removals: Iterable[Removal], words: set[str]) -> Mapping[str, Sequence[Removal]]:
    """The removals that go by each of these words."""
    found: defaultdict[str, list[Removal]] = defaultdict(list)
    for one in removals if words else ():
        for word in {one.name, one.sample} & words:
            found[word].append(one)
    return found


def _word(one: Answer) -> str:
    """Pictures that are others are never made up for by a name that is the same."""
    return one.sample or one.name


def _fitting(removals: Iterable[Removal], answer: Answer) -> set[str]:
    by_hash = HASH.fullmatch(answer.sample)
    return {
        one.id
        for one in removals
        if (one.sample == answer.sample if by_hash else True)
        and answer.method in ("", one.method)
        and answer.seed in ("", str(one.seed))
    }


def _told(one: Answer) -> str:
    return one.item or one.sample or one.name
