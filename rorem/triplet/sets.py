"""A set of triplets, wherever it lies: counted and named at once, read one record at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Protocol

from rorem.errors import BadData
from rorem.triplet.record import Triplet

SHOWN = 300  # signs; longer names are cut in a sentence


class Records(Protocol):
    """What a way of keeping triplets has to offer. Only the names and an index may be held in memory."""

    @property
    def names(self) -> Sequence[str]: ...

    def read(self, index: int) -> Triplet:
        """The record at 0 <= index < len(names). Raises BadData that names it."""
        ...

    def fingerprint(self) -> str:
        """Hex, 64 digits. Raises BadData."""
        ...


class TripletSet:
    """Records in a fixed order. May be read from any thread; nothing is read before it is asked for.

    name: for people and for files. revision: the commit of a set from the Hub, 40 digits; "" for others.
    """

    def __init__(self, name: str, records: Records, revision: str = "") -> None:
        self.name = name
        self.revision = revision
        self._records = records

    @property
    def names(self) -> Sequence[str]:
        """Of all records, in order; no two are alike. Those of bad records, too."""
        return self._records.names

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the set changes, so that a run which goes on can tell. Hex, 64 digits.

        Made without reading pictures. Of a folder: each record's name, all that meta.json says of it, and the sizes of
        its files; so a picture that was exchanged for one of the same size goes unnoticed. Of shards: the names, the
        file's own table of contents and, where there is one, the column `id`, which is made of the pictures' hashes.
        Where the set lies and what its files are called in the file system does not matter. Raises BadData.
        """
        return self._records.fingerprint()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Triplet:
        """Reads a record. Raises BadData that names it and says what is wrong; the others can still be read."""
        return self._records.read(range(len(self))[index])

    def __iter__(self) -> Iterator[Triplet | BadData]:
        """Every record or what is wrong with it, in order; never ends early."""
        for index in range(len(self)):
            try:
                yield self[index]
            except BadData as error:
                yield error


class Names:
    """Collects names and makes each unlike those before it: a second "beach" becomes "beach-2"."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._seen: set[str] = set()
        self._next: dict[str, int] = {}

    def add(self, wanted: str) -> str:
        name, number = wanted, self._next.get(wanted, 2)
        while name in self._seen:
            name, number = f"{wanted}-{number}", number + 1
            self._next[wanted] = number
        self._seen.add(name)
        self.all.append(name)
        return name


def bad_record(name: str, what: str, fix: str = "") -> BadData:
    """what: the rest of the sentence, without its full stop."""
    return BadData(f"Record {shown(name)}: {shown(what)}.", fix)


def shown(text: str) -> str:
    """A name from a file as it may stand in a sentence: short, on one line, and printable."""
    text = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return "".join(sign if sign.isprintable() else "?" for sign in text)
