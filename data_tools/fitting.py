"""Whether a record fits into a shard, asked before it is written with others, which it would spoil."""

from __future__ import annotations

import json

from rorem.triplet import Triplet
from rorem.triplet.columns import COLUMNS, EXTRA, IMAGE, schema
from rorem.triplet.fields import check_extra, told
from rorem.triplet.sets import bad_record


def check_fits(triplet: Triplet) -> None:
    """Raises BadData for a record that cannot be a row of a shard."""
    import pyarrow as pa

    every = schema()
    plain = pa.schema([every.field(name) for name, kind in COLUMNS.items() if kind != IMAGE])
    try:
        check_extra(triplet)
        triplet.name.encode()
        row = {**told(triplet), EXTRA: json.dumps(triplet.extra)}
        pa.RecordBatch.from_pylist([row], schema=plain)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError, ValueError, RecursionError) as error:
        raise bad_record(triplet.name, f"it does not fit the columns of a shard ({error})") from error
