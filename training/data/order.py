"""Which record a draw takes: a function of the seed and the draw's number, and of nothing that happened before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np

from training.noise import seed_of

BLOCK = 64  # records side by side that are read together where reading in turn is quicker
MIXED = 16  # blocks whose records are mixed with one another


class Order(Protocol):
    """The records of draws 0, 1, ... over all epochs."""

    def __len__(self) -> int:
        """Draws of an epoch."""
        ...

    def at(self, draw: int) -> int:
        """The record of a draw."""
        ...

    def alike(self, draw: int) -> np.ndarray:
        """Records that could stand in for that of a draw."""
        ...


class Shuffled:
    """Each record once an epoch, in another order each time."""

    def __init__(self, records: Sequence[int] | np.ndarray, seed: int, block: int = 1, mixed: int = MIXED) -> None:
        """block: 1 shuffles throughout. More shuffles blocks of so many neighbours, puts `mixed` of them together and
        shuffles within those: whoever reads such a part reads few places of the set."""
        self._records, self._seed, self._block, self._mixed = np.asarray(records), seed, block, mixed
        self._of_epoch = lru_cache(2)(self._shuffled)

    def __len__(self) -> int:
        return len(self._records)

    def at(self, draw: int) -> int:
        epoch, place = divmod(draw, len(self))
        return int(self._of_epoch(epoch)[place])

    def alike(self, draw: int) -> np.ndarray:
        return self._records

    def _shuffled(self, epoch: int) -> np.ndarray:
        chance = np.random.default_rng(seed_of(self._seed, "order", epoch))
        if self._block <= 1:
            return chance.permutation(self._records)
        starts = range(0, len(self), self._block)
        blocks = [self._records[starts[one] : starts[one] + self._block] for one in chance.permutation(len(starts))]
        parts = [np.concatenate(blocks[at : at + self._mixed]) for at in range(0, len(blocks), self._mixed)]
        return np.concatenate([chance.permutation(part) for part in parts])

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_of_epoch"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._of_epoch = lru_cache(2)(self._shuffled)


class Unshuffled:
    """The records as they stand, again and again."""

    def __init__(self, records: Sequence[int] | np.ndarray) -> None:
        self._records = np.asarray(records)

    def __len__(self) -> int:
        return len(self._records)

    def at(self, draw: int) -> int:
        return int(self._records[draw % len(self)])

    def alike(self, draw: int) -> np.ndarray:
        return self._records


class InRuns:
    """Runs of draws from one group at a time, such as photos of one shape; each record as often as every other.

    A group of n records has a place for n draws in each epoch, but goes in whole runs: what is left over of an epoch is
    carried to the next. So an epoch has sometimes a run more and sometimes one less, and no record is dropped or
    preferred. Where epoch e begins follows from the sizes of the groups alone.
    """

    def __init__(self, groups: Sequence[Sequence[int] | np.ndarray], run: int, seed: int, block: int = 1) -> None:
        """groups: none of them empty. run: draws in a row from one of them."""
        self._run, self._seed = run, seed
        self._sizes = [len(group) for group in groups]
        # Each group begins somewhere within a run, else they would all carry over at the same time.
        self._carried = [seed_of(seed, "carried", number) % run for number in range(len(groups))]
        self._orders = [Shuffled(group, seed_of(seed, "group", number), block) for number, group in enumerate(groups)]
        self._runs_of = lru_cache(4)(self._shuffled)

    def __len__(self) -> int:
        return sum(self._sizes)

    def at(self, draw: int) -> int:
        group, place = self._place(draw)
        return self._orders[group].at(place)

    def alike(self, draw: int) -> np.ndarray:
        group, place = self._place(draw)
        return self._orders[group].alike(place)

    def group(self, draw: int) -> int:
        """Which group a draw takes from."""
        return self._place(draw)[0]

    def _place(self, draw: int) -> tuple[int, int]:
        """A draw's group, and its number among all draws from there."""
        run, inside = divmod(draw, self._run)
        epoch = self._epoch(run)
        group, number = self._runs_of(epoch)[run - self._before(epoch)]
        return int(group), int(number) * self._run + inside

    def _epoch(self, run: int) -> int:
        """The one in which a run lies; a guess that is put right, since an epoch has len / run runs, more or less."""
        epoch = run * self._run // len(self)
        while self._before(epoch) > run:
            epoch -= 1
        while self._before(epoch + 1) <= run:
            epoch += 1
        return epoch

    def _before(self, epoch: int) -> int:
        """Runs before an epoch."""
        return sum(self._runs(group, epoch) for group in range(len(self._sizes)))

    def _runs(self, group: int, epoch: int) -> int:
        """Runs of one group before an epoch."""
        return (epoch * self._sizes[group] + self._carried[group]) // self._run

    def _shuffled(self, epoch: int) -> np.ndarray:
        """(runs, 2): group and number of run in it."""
        every = [
            (group, number)
            for group in range(len(self._sizes))
            for number in range(self._runs(group, epoch), self._runs(group, epoch + 1))
        ]
        chance = np.random.default_rng(seed_of(self._seed, "runs", epoch))
        return chance.permutation(np.array(every).reshape(-1, 2))

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_runs_of"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._runs_of = lru_cache(4)(self._shuffled)
