"""Cutting a set into Parquet shards, one at a time: where a shard ends follows from where it begins."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from data_tools.fitting import check_fits
from data_tools.publish.counts import Counts, bytes_of
from data_tools.publish.exact import packed
from data_tools.tally import Tally
from rorem.errors import BadData
from rorem.triplet import Triplet, TripletSet, write_shards
from rorem.triplet.sets import shown
from rorem.triplet.shards_writing import SHARD

# Why a record is left out.
UNREADABLE, UNWRITABLE, CHANGED = "could not be read", "did not fit into a shard", "is not what its hashes say"
HASH = re.compile(r"[0-9a-f]{64}")
SUFFIX = ".parquet"
Keep = Callable[[Triplet], bool]
OnStep = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Shard:
    """A stretch of a set, start <= index < stop, as a file. rows: in it; 0 = there is no file, nothing of the stretch
    could be used. bytes, sha256: of the file."""

    number: int
    start: int
    stop: int
    rows: int
    bytes: int = 0
    sha256: str = ""
    counts: Counts = field(default_factory=Counts)
    left_out: Tally = field(default_factory=Tally)


def cut(
    set_: TripletSet,
    start: int,
    number: int,
    folder: Path,
    max_bytes: int = SHARD,
    keep: Keep = lambda triplet: True,
    on_step: OnStep = lambda done, total: None,
) -> tuple[Shard, Path | None]:
    """The shard that begins at a record, and its file in `folder`: the same bytes whenever it is made.

    Pictures go in byte for byte, one row group is in memory at a time. max_bytes: of pictures in the shard; one record
    that is larger has a shard of its own. keep: records that it does not want are not in the file and not counted.
    on_step: may raise, to stop. A record that cannot be read or written is left out and counted.
    Raises OSError, Unavailable; what `keep` raises comes through.
    """
    some = _Stretch(set_, start, max_bytes, keep, on_step)
    stem = f"shard-{number:05}"
    for old in folder.glob(f"{stem}*"):  # of a run that was killed
        old.unlink()
    path = folder / f"{stem}{SUFFIX}"
    try:
        (made,) = write_shards(some, folder, stem, max_bytes=2**62)
    except BadData:
        if some.rows or not some.ended:  # else there was just nothing to write
            raise
        return Shard(number, start, some.stop, 0, left_out=some.left_out), None
    made.replace(path)
    with path.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    size = path.stat().st_size
    return Shard(number, start, some.stop, some.rows, size, digest, some.counts, some.left_out), path


class _Stretch:
    """The records of one shard. stop: where the next one begins, known at the end."""

    def __init__(self, set_: TripletSet, start: int, max_bytes: int, keep: Keep, on_step: OnStep) -> None:
        self._set, self._max_bytes, self._keep, self._on_step = set_, max_bytes, keep, on_step
        self.stop, self.rows, self.ended = start, 0, False
        self.counts, self.left_out = Counts(), Tally()

    def __iter__(self) -> Iterator[Triplet]:
        total, size = len(self._set), 0
        for index in range(self.stop, total):
            self._on_step(index, total)
            try:
                triplet = self._set[index]
            except BadData as error:
                self._leave_out(UNREADABLE, index, str(error))
                continue
            if wrong := wrong_hashes(triplet):
                self._leave_out(CHANGED, index, ", ".join(wrong))
                continue
            if not self._keep(triplet):
                self.stop = index + 1
                continue
            own = bytes_of(triplet)
            if self.rows and size + own > self._max_bytes:
                self._on_step(index, total)
                return
            try:
                triplet = packed(triplet)
                check_fits(triplet)
            except BadData as error:
                self._leave_out(UNWRITABLE, index, str(error))
                continue
            self.stop, self.rows, size = index + 1, self.rows + 1, size + own
            self.counts.add(triplet)
            yield triplet
        self._on_step(total, total)
        self.ended = True

    def _leave_out(self, kind: str, index: int, why: str) -> None:
        self.stop = index + 1
        self.left_out.add(kind, shown(self._set.names[index]), why)


def wrong_hashes(triplet: Triplet) -> list[str]:
    """The columns that speak of other pictures than its own: what a reader could not make fit stays in `extra`.

    `id` says nothing that the hashes of the pictures do not, and many sets have one of another kind.
    """
    told = {key: triplet.extra.get(key) for key in triplet.hashes}
    return [key for key, value in told.items() if isinstance(value, str) and HASH.fullmatch(value)]
