"""Rows: what was measured, one number each, with the id of its metric; and the file they lie in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from rorem.errors import BadData
from rorem.files import write_whole

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "rows.parquet"


@dataclass(frozen=True, order=True)
class Row:
    """One number about one removal, or about all removals of a method.

    sample: content hash of source and mask; "" for a number about the whole set. name: of the sample, for people.
    method: an id of the catalog, or of results from elsewhere. revision: of its weights. protocol: the road.
    policy: how the mask was changed before the removal. seed: of the removal. options: JSON, as heeded.
    metric: the id, which says how `value` is defined. value: None where there is none, and then `reason` says why.
    category, objects (how many at once), occluded (None = nobody said), mask_share (0 to 1): of the sample.
    n: how many pictures stand behind the value.
    """

    sample: str
    name: str
    method: str
    revision: str
    protocol: str
    policy: str
    seed: int
    options: str
    metric: str
    value: float | None
    reason: str = ""
    category: str = ""
    objects: int = 1
    occluded: bool | None = None
    mask_share: float = 0.0
    n: int = 1


def write(path: Path, rows: Iterable[Row]) -> None:
    """Writes rows as Parquet, whole or not at all, in one order whatever theirs was. Raises OSError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ordered = sorted(rows, key=_key)
    columns = list(zip(*map(astuple, ordered), strict=True)) or [()] * len(fields(Row))
    table = pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _schema(), strict=True)], _schema()
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    write_whole(path, sink.getvalue().to_pybytes())


def read(path: Path) -> list[Row]:
    """Rows of a file that `write` made. Raises BadData."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return [Row(**record) for record in pq.read_table(path).to_pylist()]
    except (OSError, pa.ArrowException, TypeError) as error:
        raise BadData(f"{path} does not hold the rows of an evaluation.", "Run it again.") from error


def number(value: float) -> float | None:
    """NaN, which says that there was nothing to measure, becomes None."""
    return None if math.isnan(value) else float(value)


def _schema() -> pa.Schema:
    import pyarrow as pa

    types = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    return pa.schema([(field.name, types[str(field.type).removesuffix(" | None")]) for field in fields(Row)])


def _key(row: Row) -> tuple[object, ...]:
    return row.method, row.policy, row.name, row.sample, row.seed, row.metric
