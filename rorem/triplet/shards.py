"""A set of triplets as Parquet shards with the pictures inside: ours, and others with at least a photo and a mask."""

from __future__ import annotations

import hashlib
import json
import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from rorem.errors import BadData
from rorem.triplet.columns import EXTRA, need_pyarrow, pictures_in, plain_in, tells_path
from rorem.triplet.fields import as_plain, to_triplet
from rorem.triplet.record import Triplet
from rorem.triplet.sets import Names, TripletSet, bad_record

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

UNSOUND = "is no sound Parquet file"
BATCH = 4  # rows unpacked at once; photos are large, and others' row groups may be huge
NUMBERED = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.parquet")
SPLITS = {"train": "train", "test": "test", "validation": "validation", "valid": "validation", "val": "validation"}


def open_shards(files: Sequence[Path], name: str, revision: str = "") -> TripletSet:
    """The set in some Parquet files, in their order.

    Pictures are columns as `datasets` writes them (struct<bytes, path>) or plain bytes; only `source` and `mask` are
    needed. Any further columns without bytes go to `Triplet.extra`. A record is called what its photo's file was, else
    by its number in the set. Reads the tables of contents and the photos' names, nothing else.
    Raises Unavailable without pyarrow; BadData for a file that is no Parquet or lacks a column, and for no records.
    """
    need_pyarrow()
    records = _Shards(files)
    if not records.names:
        raise BadData(f"{name} holds no records.")
    return TripletSet(name, records, revision)


def check_names(names: Sequence[str], where: str) -> None:
    """Raises BadData if some of the shards are missing, by their names, or if they are several splits of a set."""
    found = {name: numbered for name in names if (numbered := NUMBERED.fullmatch(name))}
    there = {(one["stem"], int(one["number"])) for one in found.values()}
    for one in found.values():
        for number in range(int(one["count"])):
            if (one["stem"], number) not in there:
                raise BadData(
                    f"{where} has no {one['stem']}-{number:05}-of-{one['count']}.parquet.", "Fetch the whole set again."
                )
    splits = {split for name in names if (split := _split(name))}
    if len(splits) > 1:
        raise BadData(
            f"{where} holds several sets: {', '.join(sorted(splits))}.",
            f"Name one, by where its files' names begin: {where}/{_example(names)}",
        )


@dataclass(frozen=True)
class _Place:
    """A row group. file: its number among the files. start: of its first record in the set."""

    file: int
    group: int
    start: int


class _Shards:
    """Reads records from files in turn; quick where one is read after the other."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Raises BadData."""
        self._files = [_Shard(path) for path in files]
        self._places: list[_Place] = []
        names, start = Names(), 0
        for number, shard in enumerate(self._files):
            for group, rows in enumerate(shard.rows):
                self._places.append(_Place(number, group, start))
                start += rows
            for path in shard.paths():
                names.add(_stem(path) if path else f"{len(names.all):06}")
        self._places = [place for place in self._places if self._files[place.file].rows[place.group]]
        self.names = names.all
        self._lock = Lock()
        self._place: _Place | None = None  # where _rows comes from
        self._rows: Iterator[pa.RecordBatch] = iter(())
        self._at = 0  # the next record that _rows gives

    def read(self, index: int) -> Triplet:
        place = self._places[bisect_right(self._places, index, key=lambda place: place.start) - 1]
        shard, name = self._files[place.file], self.names[index]
        with self._lock, _in_sentences(shard.path, name):
            if place is not self._place or self._at > index:
                self._rows, self._at = shard.read(place.group), place.start
            self._place = None  # if this fails, the next one starts anew
            for row in self._rows:
                self._at += 1
                if self._at > index:
                    self._place = place
                    return _triplet(name, _values(row), shard.columns)
        raise bad_record(name, f"{shard.path.name} ends before it")

    def fingerprint(self) -> str:
        whole = hashlib.sha256()
        for name in self.names:
            whole.update(f"{name}\0".encode("utf-8", "surrogatepass"))
        for shard in self._files:
            whole.update(shard.digest())
        return whole.hexdigest()


class _Shard:
    """One file. columns: which column holds which part. rows: of each row group."""

    def __init__(self, path: Path) -> None:
        """Raises BadData."""
        self.path = path
        with _in_sentences(path), self._open() as file:
            found = file.schema_arrow
            self.columns = pictures_in(found, path.name)
            self._plain = plain_in(found)
            self._path = f"{self.columns['source']}.path" if tells_path(found, self.columns["source"]) else ""
            self.rows = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]

    def paths(self) -> Iterator[str | None]:
        """What each photo's file was called, if that is told. Raises BadData."""
        if not self._path:
            yield from [None] * sum(self.rows)
            return
        with _in_sentences(self.path), self._open() as file:
            for batch in file.iter_batches(columns=[self._path], use_threads=False):
                yield from (photo and photo["path"] for photo in batch.column(0).to_pylist())

    def read(self, group: int) -> Iterator[pa.RecordBatch]:
        """The records of a row group, a batch of one row each. Raises what pyarrow raises, and OSError."""
        with self._open() as file:
            columns = [*self.columns.values(), *self._plain]
            for batch in file.iter_batches(BATCH, row_groups=[group], columns=columns, use_threads=False):
                yield from (batch.slice(row, 1) for row in range(batch.num_rows))

    def digest(self) -> bytes:
        """Tells files apart by their tables of contents, which know the size of every piece, and by the records' ids.

        Raises BadData.
        """
        whole = hashlib.sha256()
        with _in_sentences(self.path):
            with self.path.open("rb") as raw:
                size = raw.seek(-8, os.SEEK_END) + 8
                contents = int.from_bytes(raw.read(4), "little") + 8
                raw.seek(-min(contents, size), os.SEEK_END)
                whole.update(raw.read())
            if "id" in self._plain:
                with self._open() as file:
                    for batch in file.iter_batches(columns=["id"], use_threads=False):
                        whole.update(json.dumps(batch.column(0).to_pylist(), default=str).encode())
        return whole.digest()

    def _open(self) -> ParquetFile:
        from pyarrow.parquet import ParquetFile

        # A buffer, so that pieces of a column are read as they are needed and not the whole of it.
        return ParquetFile(self.path, buffer_size=1 << 20, page_checksum_verification=True)


def _values(row: pa.RecordBatch) -> Mapping[str, object]:
    (values,) = row.to_pylist()
    return values


def _triplet(name: str, row: Mapping[str, object], columns: Mapping[str, str]) -> Triplet:
    """Raises BadData."""
    pictures = {part: _bytes(name, part, row[column]) for part, column in columns.items()}
    for part in ("source", "mask"):
        if pictures[part] is None:
            raise bad_record(name, f"it has no {part}")
    told = {key: as_plain(value) for key, value in row.items() if key not in columns.values()}
    kept = told.get(EXTRA)
    if isinstance(kept, str):
        try:
            kept = json.loads(kept)
        except (ValueError, RecursionError):
            kept = None
    if isinstance(kept, dict):
        del told[EXTRA]
        return to_triplet(name, pictures, told, kept)
    return to_triplet(name, pictures, told)


def _bytes(name: str, part: str, value: object) -> bytes | None:
    """Raises BadData."""
    data = value.get("bytes") if isinstance(value, dict) else value
    if data is None and isinstance(value, dict) and value.get("path"):
        raise bad_record(name, f"its {part} is not in the file, which only says where it was")
    return data  # pyright: ignore[reportReturnType]


def _stem(path: str) -> str:
    """Without the suffix."""
    stem, dot, suffix = path.rpartition(".")
    return stem if stem and dot and "/" not in suffix else path


def _split(name: str) -> str:
    """ "train", "test" or "validation" if that is in the path; else ""."""
    *folders, file = name.lower().split("/")
    words = (re.split(r"[-._]", file)[0], *reversed(folders))
    return next((SPLITS[word] for word in words if word in SPLITS), "")


def _example(names: Sequence[str]) -> str:
    """How the names of one split begin; of the one for tests, if there is one."""
    name = max((name for name in names if _split(name)), key=lambda name: _split(name) == "test")
    numbered = NUMBERED.fullmatch(name)
    return numbered["stem"] if numbered else name.rpartition("/")[0] or name


@contextmanager
def _in_sentences(path: Path, record: str = "") -> Iterator[None]:
    """Turns what goes wrong with a file, or with one record of it, into BadData."""
    import pyarrow as pa

    try:
        yield
        return
    except OSError as error:
        # Of what it cannot make sense of, pyarrow says so in many lines and without a number.
        why, cause = f"cannot be read ({os.strerror(error.errno).lower()})" if error.errno else UNSOUND, error
    except (pa.ArrowException, ValueError, OverflowError) as error:
        why, cause = UNSOUND, error
    what = f"{path.name} {why}"
    raise (bad_record(record, what) if record else BadData(f"{what}.")) from cause
