"""One part of a set held to the rules, on whatever machine: the function that every engine calls."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from data_tools.check.problem import MISSING, OUTSIDE, UNREADABLE, Problem
from data_tools.check.rules import Rules, look
from data_tools.parts import SIZE, Part
from rorem.errors import BadData
from rorem.files import write_whole
from rorem.triplet import Triplet, TripletSet, open_set
from rorem.triplet.sets import shown

ID = 16  # bytes of a content id that are kept: two records of 10 million that agree in them by chance, 1 in 10^24
NO_ID = bytes(ID)  # of a record that cannot be read


@dataclass(frozen=True)
class Found:
    """What one part came to. ids: ID bytes for each record. problems: with the record's number in the set."""

    indices: tuple[int, ...]
    ids: bytes
    problems: tuple[tuple[int, Problem], ...]


@dataclass(frozen=True)
class Search:
    """Makes the work, and can be sent to other machines. keep: a folder for what was found, or None; see `Work`.

    opened: the set where it is open already; it stays on this machine.
    """

    name: str
    rules: Rules
    keep: Path | None = None
    made_with: str = ""
    opened: TripletSet | None = field(default=None, compare=False, repr=False)

    def __reduce__(self) -> tuple[Callable[..., Search], tuple[object, ...]]:
        return Search, (self.name, self.rules, self.keep, self.made_with)

    def __call__(self) -> Work:
        return Work(self)


class Work:
    """Looks at part after part. The set is opened where the work is done, when the first part comes.

    With a folder to keep things in, what a part came to is written there, whole, and a part that is there for the same
    set and rules is not looked at again.
    """

    def __init__(self, search: Search) -> None:
        self._search = search
        self._set = search.opened

    def __reduce__(self) -> tuple[Callable[[Search], Work], tuple[Search]]:
        return Work, (self._search,)

    def __call__(self, part: Part) -> Found:
        """Raises BadData if the set cannot be opened, and OSError if what was found cannot be kept."""
        file = self._search.keep / f"part-{part.name}.json" if self._search.keep else None
        if file and (found := _kept(file, part, self._search.made_with)):
            return found
        if self._set is None:
            self._set = open_set(self._search.name)
        found = look_at(self._set, part.indices, self._search.rules)
        if file:
            write_whole(file, _to_json(found, self._search.made_with))
        return found


class InOrder(Sequence[Part]):
    """The parts of a set in the order of its records, made as they are asked for.

    Not by names, as nothing that is made here depends on a part: so shards are read from front to back, and here a list
    of ten million records needs no numbers in memory. Ray is given all parts at once, and they are then held.
    """

    def __init__(self, count: int, size: int = SIZE) -> None:
        self._count, self._size = count, size

    def __len__(self) -> int:
        return -(-self._count // self._size)

    @overload
    def __getitem__(self, number: int) -> Part: ...
    @overload
    def __getitem__(self, number: slice) -> list[Part]: ...
    def __getitem__(self, number: int | slice) -> Part | list[Part]:
        if isinstance(number, slice):
            return [self[one] for one in range(len(self))[number]]
        number = range(len(self))[number]
        first = number * self._size
        return Part(number, len(self), tuple(range(first, min(first + self._size, self._count))))


def look_at(set_: TripletSet, indices: Sequence[int], rules: Rules) -> Found:
    """What is wrong with some records of a set."""
    ids, problems = bytearray(), list[tuple[int, Problem]]()
    for index in indices:
        read = read_record(set_, index)
        if isinstance(read, Problem):
            ids += NO_ID
            problems.append((index, read))
            continue
        ids += bytes.fromhex(read.id)[:ID]
        problems += ((index, problem) for problem in look(read, rules))
    return Found(tuple(indices), bytes(ids), tuple(problems))


def read_record(set_: TripletSet, index: int) -> Triplet | Problem:
    """A record, or why it cannot be had."""
    try:
        return set_[index]
    except BadData as error:
        name = set_.names[index]
        return Problem(name, _kind(error), str(error).removeprefix(f"Record {shown(name)}: ").rstrip("."))


def _kind(error: BadData) -> str:
    """By what rorem.triplet says of it."""
    said = str(error)
    if isinstance(error.__cause__, FileNotFoundError) or "there is no file" in said or ": it has no " in said:
        return MISSING
    if " leads out of " in said or " is no path" in said:
        return OUTSIDE
    return UNREADABLE


def _to_json(found: Found, made_with: str) -> bytes:
    problems = [[index, one.record, one.kind, one.what, one.part] for index, one in found.problems]
    told = {"made_with": made_with, "ids": base64.b64encode(found.ids).decode(), "problems": problems}
    return json.dumps(told).encode()


def _kept(file: Path, part: Part, made_with: str) -> Found | None:
    """What is there of a part; None if there is nothing, or something else."""
    try:
        told = json.loads(file.read_bytes())
        ids = base64.b64decode(told["ids"])
        problems = tuple((index, Problem(*map(str, texts))) for index, *texts in told["problems"])
        same = told["made_with"] == made_with and len(ids) == ID * len(part.indices)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Found(part.indices, ids, problems) if same else None


def numbered(found: Found) -> Iterator[tuple[int, bytes]]:
    """The records' numbers and ids."""
    for at, index in enumerate(found.indices):
        yield index, found.ids[at * ID : (at + 1) * ID]
