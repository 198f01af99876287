"""Splitting a set into parts that never depend on the order or the number of machines."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

SIZE = 200  # records in a part: what is lost at most when a machine dies


@dataclass(frozen=True)
class Part:
    """Some records of a set, by their numbers in it. number: 0 <= number < count."""

    number: int
    count: int
    indices: tuple[int, ...]

    @property
    def name(self) -> str:
        """As in the names of files: 00007-of-00120."""
        return f"{self.number:05}-of-{self.count:05}"


def parts_of(names: Sequence[str], count: int = 0) -> list[Part]:
    """Every record in one part, by its name and the number of parts alone; parts without records are left out.

    count: how many parts there are; 0 makes it so that each holds about SIZE records.
    """
    count = count or max(1, -(-len(names) // SIZE))
    indices: list[list[int]] = [[] for _ in range(count)]
    for index, name in enumerate(names):
        indices[hash_of("part", name) % count].append(index)
    return [Part(number, count, tuple(some)) for number, some in enumerate(indices) if some]


def seed_of(key: str, seed: int) -> int:
    """The seed of one record, 0 to 2^31 - 1: the same whoever makes it, and when. key: what tells it from others."""
    return hash_of("seed", str(seed), key) >> 33


def hash_of(*texts: str) -> int:
    """A number from 0 to 2^64 - 1 that is the same on every machine."""
    told = "".join(f"{len(text)}:{text}" for text in texts)
    return int.from_bytes(hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()[:8], "big")
