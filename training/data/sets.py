"""Several sets of triplets as one list of records."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from rorem.errors import BadOptions
from rorem.triplet import Triplet, TripletSet, open_set

META, PHOTOS = "meta.json", "source"
LISTS = (".json", ".jsonl")
MANIFEST = "manifest.json"


class Sets:
    """Records of several sets, one after the other, read one at a time.

    in_turn: whether records that stand together are quicker to read together, as in Parquet shards.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Raises BadOptions for no set, BadData for one that cannot be opened."""
        if not names:
            raise BadOptions("There is no set to train on.", "Name one or several: --data FOLDER.")
        self._sets: list[TripletSet] = [open_set(name) for name in names]
        self._ends = list(accumulate(len(one) for one in self._sets))
        self._where = list(names)
        self.in_turn = not all(_is_folder(name) for name in names)

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, record: int) -> Triplet:
        """Raises BadData that names the record."""
        number, place = self._place(record)
        return self._sets[number][place]

    def name(self, record: int) -> str:
        """Of a record; where there are several sets, with its set's."""
        number, place = self._place(record)
        name = self._sets[number].names[place]
        return f"{self._sets[number].name}/{name}" if len(self._sets) > 1 else name

    @property
    def title(self) -> str:
        """The sets' names and how many records they have."""
        return ", ".join(f"{one.name} ({len(one)})" for one in self._sets)

    @property
    def fingerprint(self) -> str:
        """Changes when one of the sets does; see `TripletSet.fingerprint`. Hex, 64 digits. Raises BadData."""
        return hashlib.sha256("".join(one.fingerprint for one in self._sets).encode()).hexdigest()

    @property
    def revisions(self) -> str:
        """Commits of the sets that come from the Hub."""
        return ", ".join(one.revision for one in self._sets if one.revision)

    @property
    def manifests(self) -> str:
        """SHA-256 of each set's manifest.json, where one lies beside the set."""
        return ", ".join(digest for where in self._where if (digest := _manifest(Path(where))))

    def records(self, times: Sequence[int] = ()) -> np.ndarray:
        """The numbers of an epoch's records; those of each set so often, one after the other."""
        starts = [0, *self._ends]
        parts = [np.arange(*span) for span in zip(starts, self._ends, strict=False)]
        return np.concatenate(
            [np.tile(part, many) for part, many in zip(parts, times or [1] * len(parts), strict=True)]
        )

    def __reduce__(self) -> tuple[type[Sets], tuple[list[str]]]:
        """Opened anew in a process that shares no memory with this one: open files cannot be handed over."""
        return Sets, (self._where,)

    def _place(self, record: int) -> tuple[int, int]:
        number = bisect_right(self._ends, record)
        return number, record - (self._ends[number - 1] if number else 0)


def _is_folder(name: str) -> bool:
    """Whether the set is a folder of pictures, where each record is as near as any other."""
    path = Path(name)
    return path.suffix.lower() in LISTS or (path / META).exists() or (path / PHOTOS).is_dir()


def _manifest(where: Path) -> str:
    folder = where if where.is_dir() else where.parent
    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError:
        return ""
