"""A whole set held to the rules, part by part, here or on many machines."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from data_tools import engine
from data_tools.check.listed import list_of, repeats, said_twice
from data_tools.check.looking import ID, InOrder, Search, numbered
from data_tools.check.problem import DUPLICATE, Problem
from data_tools.check.rules import Rules
from data_tools.check.written import written
from rorem.triplet import TripletSet, open_set
from rorem.triplet.sets import shown

OnProblem = Callable[[Problem], None]
OnStep = Callable[[int, int], None]
EDITION = 2  # raised with every change of what a rule finds, or of what becomes of it

GOOD, BAD, AGAIN = 0, 1, 2  # what a record is: sound, with problems, a copy of another one that stays


@dataclass(frozen=True)
class Checked:
    """What a check came to. name: by which this very set is found again, from anywhere. counts: problems by kind.
    states: for each record GOOD, BAD or AGAIN, a byte each.
    """

    name: str
    records: int
    counts: Mapping[str, int]
    states: bytes

    @property
    def wrong(self) -> int:
        """How many records have a problem."""
        return self.records - self.states.count(GOOD)


def check(
    name: str,
    rules: Rules = Rules(),  # noqa: B008
    on_problem: OnProblem = lambda problem: None,
    on_step: OnStep = lambda done, total: None,
    engine_name: str = engine.LOCAL,
    workers: int = 1,
    keep: Path | None = None,
) -> Checked:
    """Holds the set of this name (see `open_set`) to every rule; every picture is decoded.

    on_problem: told of each problem as it is found; those of duplicates come last. What the two functions raise comes
    through. keep: a folder where what was found is kept, part by part, so that the same call goes on where another was
    stopped; on several machines all have to reach it. Files that were exchanged since are told by their size and when
    they were written. In memory it holds what `open_set` holds, and at most 64 bytes a record beside; what an engine
    for many machines holds is told in docs/data/check.md.
    Raises BadData for no such set, BadOptions, OSError, and Unavailable where a package is missing.
    """
    set_ = open_set(name)
    count = len(set_)
    ids, states = np.zeros((count, ID // 8), np.uint64), bytearray(count)
    counts = Counter[str]()

    def tell(index: int, problem: Problem, state: int = BAD) -> None:
        counts[problem.kind] += 1
        states[index] = max(states[index], state)
        on_problem(problem)

    if listed := list_of(name):
        for index, problem in said_twice(listed, set_):
            tell(index, problem)
    made_with = _made_with(name, set_, rules, keep) if keep else ""
    done = 0
    on_step(0, count)
    everywhere = engine.name_everywhere(name, set_)
    search = Search(everywhere, rules, keep and keep.absolute(), made_with, set_)
    for found in engine.run(search, InOrder(count), engine_name, workers):
        for index, id_ in numbered(found):
            ids[index] = np.frombuffer(id_, np.uint64)
        for index, problem in found.problems:
            tell(index, problem)
        done += len(found.indices)
        on_step(done, count)
    stays: dict[int, int] = {}  # instead of the first, by its number
    for index, first in repeats(ids):
        if states[first] == BAD and states[index] == GOOD:  # never the better one of two goes
            stays[first] = index
            index, first = first, index
        first = stays.get(first, first)
        what = f"its photo, mask and result are those of record {shown(set_.names[first])}"
        tell(index, Problem(set_.names[index], DUPLICATE, what), AGAIN)
    return Checked(everywhere, count, dict(counts), bytes(states))


def _made_with(name: str, set_: TripletSet, rules: Rules, keep: Path) -> str:
    told = [EDITION, set_.fingerprint, set_.revision, written(name, keep), asdict(rules)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
