"""Whose turn it is: a sequence that is the same however the rows lie, and that a longer set only makes longer.

Balance "even" goes round after round; in each, every category that has anything left gives one candidate. With room for
N this is the fairest split there is: no category has two more than another one unless that one has no more to give.
Balance "natural" takes all objects in the order of their keys, so that categories are as frequent as in the data.
In both no category gives more than the cap. An object that cannot be taken gives its turn to the next of its category.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from data_tools.openimages.candidate import Candidate
from data_tools.openimages.settings import EVEN, Settings
from data_tools.openimages.table import Table
from data_tools.parts import hash_of

TURNS = 10_000  # in a round where categories are as frequent as in the data
WAVE = 16  # candidates that are made at once: photos are read side by side, and their masks wait in memory

Proposed = Candidate | str  # a candidate, or the name of one that is there from an earlier run
Look = Callable[[int], Proposed | None]  # what a row of the table gives, if anything
Keep = Callable[[Sequence[Proposed]], Sequence[bool]]  # which of some candidates could be kept


@dataclass(eq=False)
class Queue:
    """The rows of one category, in the order of their keys. kept: how many candidates it gave."""

    label: str
    rows: np.ndarray
    at: int = 0
    kept: int = 0

    def propose(self, look: Look) -> Proposed | None:
        """The next one that can be taken; None if there is none."""
        while self.at < len(self.rows):
            self.at += 1
            if (found := look(int(self.rows[self.at - 1]))) is not None:
                return found
        return None


@dataclass
class Selection:
    """What came of it. eligible: objects in the table, by label. kept: candidates, by the label of the first object."""

    eligible: Mapping[str, int]
    kept: Counter[str] = field(default_factory=Counter)


def select(
    table: Table,
    settings: Settings,
    look: Look,
    keep: Keep,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Selection:
    """Asks `look` for candidates and hands them to `keep`, at most WAVE at a time, until there are enough.

    What either raises comes through.
    """
    queues = _queues(table)
    selection = Selection({queue.label: len(queue.rows) for queue in queues})
    total = sum(min(len(queue.rows), settings.cap) for queue in queues)
    total = min(total, settings.count) if settings.count else total
    on_step(0, total)
    for turns in _rounds(queues, table, settings):
        waiting = deque(turns)
        while waiting:
            room = total - selection.kept.total()
            if not room:
                return selection
            proposed = _wave(waiting, min(room, WAVE), look, settings.cap)
            if not proposed:
                break
            fates = keep([candidate for _, candidate in proposed])
            for queue, fate in [*zip((queue for queue, _ in proposed), fates, strict=True)][::-1]:
                if fate:
                    queue.kept += 1
                    selection.kept[queue.label] += 1
                else:
                    waiting.appendleft(queue)  # it is still its turn
            on_step(selection.kept.total(), total)
    return selection


def _wave(waiting: deque[Queue], most: int, look: Look, cap: int) -> list[tuple[Queue, Proposed]]:
    proposed: list[tuple[Queue, Proposed]] = []
    mine: Counter[str] = Counter()
    while waiting and len(proposed) < most:
        queue = waiting.popleft()
        if queue.kept + mine[queue.label] >= cap:
            continue
        if (candidate := queue.propose(look)) is not None:
            proposed.append((queue, candidate))
            mine[queue.label] += 1
    return proposed


def _queues(table: Table) -> list[Queue]:
    """In the order of their labels, as numbers of classes depend on the order of the rows."""
    order = np.argsort(table.classes, kind="stable")
    bounds = np.searchsorted(table.classes[order], np.arange(len(table.labels) + 1))
    queues = [Queue(label, order[bounds[at] : bounds[at + 1]]) for at, label in enumerate(table.labels)]
    return sorted((queue for queue in queues if len(queue.rows)), key=lambda queue: queue.label)


def _rounds(queues: Sequence[Queue], table: Table, settings: Settings) -> Iterator[Sequence[Queue]]:
    """Turns, round after round."""
    if settings.balance == EVEN:
        for turn in range(settings.cap):
            able = [queue for queue in queues if queue.at < len(queue.rows)]
            if not able:
                return
            # Another order in each, so that a last round which is cut short favours nobody.
            yield sorted(able, key=partial(_place, str(settings.seed), str(turn)))
        return
    by_label = {queue.label: queue for queue in queues}
    for first in range(0, len(table), TURNS):
        yield [by_label[table.labels[number]] for number in map(int, table.classes[first : first + TURNS])]


def _place(seed: str, turn: str, queue: Queue) -> int:
    return hash_of(seed, turn, queue.label)
