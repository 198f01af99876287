"""Records as files: one a line in .jsonl, or a table in .parquet; written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rorem.errors import BadData, Unavailable

if TYPE_CHECKING:
    import pyarrow as pa

JSONL, PARQUET = ".jsonl", ".parquet"
PAGE = 5000  # records written and read at once
FIX = "docs/label.md tells what such a file looks like."


def write_records(path: Path, fields: Mapping[str, str], records: Iterable[Mapping[str, Any]]) -> int:
    """Writes a file of the format that its suffix names; how many records there were.

    fields: names and types, as pyarrow calls them. Raises OSError, Unavailable for Parquet without pyarrow.
    """
    with whole(path) as part:
        return (_write_table if path.suffix.lower() == PARQUET else _write_lines)(part, fields, records)


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Every record of such a file. Raises BadData for one that cannot be understood, OSError, Unavailable."""
    if path.suffix.lower() == JSONL:
        with path.open(encoding="utf-8") as file:
            yield from _lines(file)
        return
    _need_pyarrow()
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(PAGE):
                yield from batch.to_pylist()
    except (pa.ArrowException, ValueError) as error:
        raise BadData(f"{path.name} is no sound Parquet file.", FIX) from error


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file beside the wanted one, which takes its place at the end if nothing was raised. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_lines(path: Path, fields: Mapping[str, str], records: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="ascii", newline="\n") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n")
            count += 1
    return count


def _write_table(path: Path, fields: Mapping[str, str], records: Iterable[Mapping[str, Any]]) -> int:
    _need_pyarrow()
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    shape, count, page = _shape(fields), 0, []
    with ParquetWriter(path, shape, compression="zstd") as writer:
        for record in records:
            page.append(record)
            count += 1
            if len(page) == PAGE:
                writer.write_table(pa.Table.from_pylist(page, schema=shape))
                page = []
        writer.write_table(pa.Table.from_pylist(page, schema=shape))
    return count


def _lines(file: IO[str]) -> Iterator[dict[str, Any]]:
    try:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            record = json.loads(line)
            if not isinstance(record, dict):
                raise BadData(f"Line {number} of the file is not an object.", FIX)
            yield record
    except (ValueError, RecursionError) as error:
        raise BadData("A line of the file is not JSON.", FIX) from error


def _shape(fields: Mapping[str, str]) -> pa.Schema:
    import pyarrow as pa

    named = {"list<string>": pa.list_(pa.string())}
    return pa.schema([(name, named.get(kind) or pa.type_for_alias(kind)) for name, kind in fields.items()])


def _need_pyarrow() -> None:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        fix = "pip install 'rorem[labels]' brings it."
        raise Unavailable("Parquet files need the package pyarrow.", fix) from error
