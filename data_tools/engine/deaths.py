"""Which parts and which records end the workers that take them: kept for as long as a run with Ray lasts.

A worker that dies (a fault in a codec, no memory left) says nothing, and Ray gives its part to another one, for ever.
So workers say here what they begin and end. A part that was begun before is done with care: its worker names each
record, too, before it takes it, and a record at which several workers have died is left out from then on. Where workers
only die and nothing is done, it is no single record's fault, and the run has to end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from data_tools.parts import Part

Told = TypeVar("Told", covariant=True)

FATAL = 2  # workers that have died at a record; one may have gone with its machine
ROUNDS = 4  # times that all workers and one more may die, with nothing done between, before the run ends


@dataclass(frozen=True)
class Care:
    """How to do a part that ended its worker before. fatal: records to leave out, by their numbers in the set.
    trying: to be told the number of each other record before it is begun."""

    fatal: Set[int] = frozenset()
    trying: Callable[[int], None] = lambda index: None


CALM = Care()


@runtime_checkable
class Careful(Protocol[Told]):
    """What a work has besides if it can leave single records out, and say that it did."""

    def carefully(self, part: Part, care: Care) -> Told: ...


@dataclass(frozen=True)
class Begun:
    """again: the part was begun before, and its worker died. fatal: see `Care`. in_a_row: deaths since a part was
    done. at: the record at which the worker before died, None = nobody knows. hopeless: the run has to end."""

    again: bool
    fatal: frozenset[int]
    in_a_row: int
    at: int | None
    hopeless: bool


class Deaths:
    """Counts; has no threads and no clock. limit: deaths in a row with which there is hope."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._at: dict[int, int | None] = {}  # parts that were begun and not ended; the record, if it was told
        self._died = Counter[int]()
        self._in_a_row = 0

    def begin(self, part: int) -> Begun:
        """A worker takes the part with this number. If it was taken before, whoever took it has died."""
        again, at = part in self._at, self._at.get(part)
        self._in_a_row += again
        if at is not None:
            self._died[at] += 1
        self._at[part] = None
        fatal = frozenset(index for index, times in self._died.items() if times >= FATAL)
        return Begun(again, fatal, self._in_a_row, at, self._in_a_row > self._limit)

    def trying(self, part: int, index: int) -> None:
        """The worker that has the part begins with this record of the set."""
        self._at[part] = index

    def end(self, part: int) -> None:
        """The part is done, or its work has said why not."""
        self._at.pop(part, None)
        self._in_a_row = 0
