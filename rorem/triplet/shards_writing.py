"""Writing a set of triplets as Parquet shards with the pictures inside, for the Hub."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rorem.errors import BadData
from rorem.triplet.columns import COLUMNS, EXTRA, IMAGE, IMAGES, need_pyarrow, schema
from rorem.triplet.fields import check_extra, told
from rorem.triplet.folder_writing import check_free, check_name, staging, suffix_of
from rorem.triplet.record import Triplet
from rorem.triplet.sets import bad_record

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

SHARD = 500_000_000  # bytes of pictures; what the Hub's own tools make
# Whoever reads one record reads a part of its row group, and whoever writes holds one in memory.
GROUP = 32_000_000  # bytes of pictures
GROUP_ROWS = 100


def write_shards(triplets: Iterable[Triplet], folder: Path, stem: str = "data", max_bytes: int = SHARD) -> list[Path]:
    """Writes a set as STEM-00000-of-00003.parquet and so on, whole or not at all, and returns their paths.

    Holds one row group in memory. max_bytes: of pictures in a shard; one triplet that is larger has a shard of its own.
    A folder may hold several stems: more is added to a set on the Hub under a new one.
    `open_shards` reads back what was written, but `p_yes` in float32.
    Raises OSError; Unavailable without pyarrow; BadData for shards of this stem in the way, for no triplets, for two of
    one name, and for a field that does not fit its column. What the iterable raises comes through.
    """
    need_pyarrow()
    check_free(folder, (f"{stem}-[0-9]*.parquet",))
    with staging(folder, stem) as stage:
        count = sum(1 for _ in _write(triplets, stage, max_bytes))
        if not count:
            raise BadData("There are no triplets to write.")
        names = [f"{stem}-{number:05}-of-{count:05}.parquet" for number in range(count)]
        return [(stage / str(number)).rename(folder / name) for number, name in enumerate(names)]


def _write(triplets: Iterable[Triplet], stage: Path, max_bytes: int) -> Iterator[Path]:
    """Shards called 0, 1, 2 ... in a folder, each when it is done."""
    import pyarrow as pa

    writer, path, size = None, stage / "0", 0
    try:
        for number, (rows, bytes) in enumerate(_groups(triplets, min(GROUP, max_bytes))):
            if writer and size + bytes > max_bytes:
                writer.close()
                _sync(path)
                yield path
                writer = None
            if writer is None:
                path, size = stage / (str(int(path.name) + 1) if number else "0"), 0
                writer = _writer(path)
            writer.write_table(pa.Table.from_batches(rows).combine_chunks())
            size += bytes
    finally:
        if writer:
            writer.close()
    if writer:
        _sync(path)
        yield path


def _groups(triplets: Iterable[Triplet], max_bytes: int) -> Iterator[tuple[list[pa.RecordBatch], int]]:
    """Row groups, as batches of one row, and the bytes of their pictures."""
    rows, size, names, columns = [], 0, set[str](), schema()
    for triplet in triplets:
        check_name(triplet, names)
        check_extra(triplet)
        own = sum(len(getattr(triplet, part) or b"") for part in IMAGES)
        if rows and (size + own > max_bytes or len(rows) == GROUP_ROWS):
            yield rows, size
            rows, size = [], 0
        rows.append(_row(triplet, columns))
        size += own
    if rows:
        yield rows, size


def _row(triplet: Triplet, columns: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    row = {**told(triplet), EXTRA: json.dumps(triplet.extra)}
    for part in IMAGES:
        data = getattr(triplet, part)
        row[part] = None if data is None else {"bytes": data, "path": triplet.name + suffix_of(data)}
    try:
        return pa.RecordBatch.from_pylist([row], schema=columns)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
        raise bad_record(triplet.name, f"it does not fit the columns of a shard ({error})") from error


def _writer(path: Path) -> ParquetWriter:
    from pyarrow.parquet import ParquetWriter

    plain = [name for name, kind in COLUMNS.items() if kind != IMAGE]
    settings: dict[str, Any] = {
        "compression": dict.fromkeys(plain, "zstd"),  # pictures are compressed already
        "use_dictionary": plain,
        "write_statistics": plain,
        "write_page_checksum": True,  # so that a damaged picture is found when it is read
    }
    return ParquetWriter(path, schema(), **settings)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
