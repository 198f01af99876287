"""Shards of a data set on the Hub: items with their pictures, and events, in Parquet files named by what is in them.

The name is made of the ids of the rows, which are made of their content. So the same rows have the same name whichever
version of pyarrow writes them, and nothing can be there twice under one name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rorem.errors import BadData, Unavailable
from rorem.labels.event import Event, from_record
from rorem.labels.exchange import EVENT_FIELDS
from rorem.labels.record_files import read_records, write_records
from rorem.triplet.columns import COLUMNS, EXTRA, IMAGE, IMAGES, schema
from rorem.triplet.folder_writing import suffix_of

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetWriter

ITEMS, EVENTS = "items", "events"
FOLDERS = {ITEMS: "data", EVENTS: "events"}
PATH = re.compile(r"(?:data/(?=items)|events/(?=events))(items|events)-([0-9]+)-([0-9a-f]{16})\.parquet")
SHARD = 200_000_000  # bytes of different pictures
# A picture is kept once in a row group, so all items of a photo are in one of these, however many they are.
GROUP = 32_000_000  # bytes of different pictures, after which a row group ends with its photo
HEAVY = 8 * GROUP  # bytes of all rows' pictures, after which it ends anyway: they are in memory one by one
PARTS = ("source", "mask", "result")
# What the store knows of an item and the columns do not have; in the column `extra`, under this key.
KEPT = "labels"
KEPT_FIELDS = ("name", "mask_share", "removal_seconds", "gold", "code", "added")

Read = Callable[[Mapping[str, Any], str], bytes | None]  # a row of the table of items, a part -> the file


@dataclass(frozen=True)
class Told:
    """What the path of a shard says. kind: items or events."""

    kind: str
    rows: int


@dataclass(frozen=True)
class Written:
    """Ids of items. missing: those that are in no file since a picture of theirs is gone."""

    ids: tuple[str, ...]
    missing: tuple[str, ...]


def path_of(kind: str, ids: Iterable[str]) -> str:
    """data/items-ROWS-HASH.parquet or events/events-ROWS-HASH.parquet. ids: of the rows, in any order, each once."""
    ordered = sorted(ids)
    digits = hashlib.sha256("\n".join(ordered).encode()).hexdigest()[:16]
    return f"{FOLDERS[kind]}/{kind}-{len(ordered):05}-{digits}.parquet"


def told_by(path: str) -> Told | None:
    """None for a file that is no shard of labels."""
    found = PATH.fullmatch(path)
    return Told(found[1], int(found[2])) if found else None


def shards_in(files: Iterable[str], kind: str) -> list[str]:
    """The paths of this kind of shards, sorted."""
    return sorted(path for path in files if (told := told_by(path)) and told.kind == kind)


def sort_key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Items of one photo stand together in a shard, so that it is kept once."""
    return row["sha256_source"], row["sha256_mask"], row["id"]


def write_items(path: Path, rows: Sequence[Mapping[str, Any]], read: Read, most: int = SHARD) -> Written:
    """A shard of items with their pictures, byte for byte.

    rows: of the table of items. most: bytes of pictures, after which the rest of the rows is left for another shard.
    Holds one row group in memory. Raises Unavailable without pyarrow, OSError, and what `read` raises.
    """
    need_pyarrow()
    import pyarrow as pa

    ids: list[str] = []
    missing: list[str] = []
    columns, size = schema(), 0
    writer = _writer(path)
    try:
        for group, weight in _groups(sorted(rows, key=sort_key), read, missing):
            batches = [pa.RecordBatch.from_pylist([one], schema=columns) for one in group]
            writer.write_table(pa.Table.from_batches(batches, columns).combine_chunks())
            ids += [one["id"] for one in group]
            if (size := size + weight) >= most:
                break
    finally:
        writer.close()
    _sync(path)
    return Written(tuple(ids), tuple(missing))


def write_events(path: Path, some: Iterable[Event]) -> None:
    """A shard of events. Raises Unavailable without pyarrow, OSError."""
    need_pyarrow()
    write_records(path, EVENT_FIELDS, (asdict(one) for one in some))


def read_events(path: Path) -> Iterator[Event]:
    """Raises BadData, OSError, Unavailable."""
    need_pyarrow()
    return (from_record(record) for record in read_records(path))


def read_items(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a shard of items, one at a time: plain columns as they are, pictures as bytes or None.

    Raises BadData for a file that is none, and for a picture that is not what its hash says; OSError, Unavailable.
    """
    need_pyarrow()
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path, buffer_size=1 << 20, page_checksum_verification=True) as file:
            for batch in file.iter_batches(1, use_threads=False):
                (row,) = batch.to_pylist()
                yield _checked(path.name, row)
    except (pa.ArrowException, KeyError) as error:
        raise BadData(f"{path.name} is no sound shard of items.", "Look at it on the Hub.") from error


def without(path: Path, kind: str, ids: frozenset[str], into: Path) -> None:
    """Writes the same shard without some of its rows. Raises BadData, OSError, Unavailable."""
    if kind == EVENTS:
        write_events(into, (one for one in read_events(path) if one.event not in ids))
        return
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    writer = _writer(into)
    try:
        with ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, use_threads=False)
                kept = table.filter(pa.array([id not in ids for id in table["id"].to_pylist()], pa.bool_()))
                if kept.num_rows:
                    writer.write_table(kept.cast(schema()))
    except pa.ArrowException as error:
        raise BadData(f"{path.name} is no sound shard of items.", "Look at it on the Hub.") from error
    finally:
        writer.close()
    _sync(into)


def kept_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row of a shard says of an item beyond its columns; {} for a shard by others."""
    try:
        told = json.loads(row.get(EXTRA) or "{}")
    except ValueError:
        return {}
    inner = told.get(KEPT) if isinstance(told, dict) else None
    return inner if isinstance(inner, dict) else {}


def need_pyarrow() -> None:
    """Raises Unavailable where it is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise Unavailable(
            "Shards of labels need the package pyarrow.", "pip install 'rorem[labels]' brings it."
        ) from error


def _groups(
    rows: Iterable[Mapping[str, Any]], read: Read, missing: list[str]
) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Row groups, and the bytes of their different pictures."""
    group: list[dict[str, Any]] = []
    known: dict[str, bytes] = {}  # pictures of the group: each is read and counted once
    weight = 0
    for row in rows:
        new_photo = group and row["sha256_source"] != group[-1]["sha256_source"]
        if weight >= HEAVY or (new_photo and sum(map(len, known.values())) >= GROUP):
            yield group, sum(map(len, known.values()))
            group, known, weight = [], {}, 0
        pictures: dict[str, bytes] = {}
        for part in PARTS:
            data = known.get(row[f"sha256_{part}"]) or read(row, part)
            if data is not None:
                pictures[part] = data
        if len(pictures) < len(PARTS):
            missing.append(row["id"])
            continue
        known |= {row[f"sha256_{part}"]: data for part, data in pictures.items()}
        weight += sum(map(len, pictures.values()))
        group.append(_row(row, pictures))
    if group:
        yield group, sum(map(len, known.values()))


def _row(row: Mapping[str, Any], pictures: Mapping[str, bytes]) -> dict[str, Any]:
    """What is known now of an item. Its answers may be more later: what holds follows from the events."""
    yes, no = row["yes"], row["no"]
    told = {name: row[name] for name in COLUMNS if name in row}
    judged = {"votes_yes": yes, "votes_no": no, "p_yes": yes / (yes + no) if yes + no else None}
    judged["accepted_by"] = "human" if yes > no else "none"
    kept = {KEPT: {name: row[name] for name in KEPT_FIELDS}}
    shown = dict.fromkeys(IMAGES) | {
        part: {"bytes": data, "path": row["name"] + suffix_of(data)} for part, data in pictures.items()
    }
    return {**told, **judged, **shown, EXTRA: json.dumps(kept)}


def _checked(file: str, row: dict[str, Any]) -> dict[str, Any]:
    for part in IMAGES:
        row[part] = row[part] and row[part]["bytes"]
    for part in PARTS:
        if row[part] is None or hashlib.sha256(row[part]).hexdigest() != row[f"sha256_{part}"]:
            raise BadData(f"{file}: a {part} is not what its hash says.", "Look at it on the Hub.")
    if hashlib.sha256(":".join(row[f"sha256_{part}"] for part in PARTS).encode()).hexdigest() != row["id"]:
        raise BadData(f"{file}: an id is not that of its pictures.", "Look at it on the Hub.")
    return row


def _writer(path: Path) -> ParquetWriter:
    from pyarrow.parquet import ParquetWriter

    plain = [name for name, kind in COLUMNS.items() if kind != IMAGE]
    inner = [f"{name}.{part}" for name in IMAGES for part in ("bytes", "path")]
    settings: dict[str, Any] = {
        "compression": dict.fromkeys(plain, "zstd"),  # pictures are compressed already
        "use_dictionary": [*plain, *inner],
        "dictionary_pagesize_limit": 2**30,  # bytes; beyond the usual 1 MB each row would have a copy of its picture
        "write_statistics": plain,
        "write_page_checksum": True,
    }
    return ParquetWriter(path, schema(), **settings)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
