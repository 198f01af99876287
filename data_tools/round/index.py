"""All that a round knows of a set without its pictures, kept in a cache, so that a set is looked through once.

The cache has a folder for each set, called by its fingerprint, with a Parquet file for each piece of the set: a run
that was killed goes on at the piece it was at.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from data_tools.commands import OnStep
from data_tools.near.hashing import EDITION as LOOKS
from data_tools.round.item import EDITION, FIELDS, Item, kind_of, look_at
from data_tools.tally import Tally
from rorem.errors import BadData, RoremError
from rorem.files import write_whole
from rorem.triplet import Triplet, TripletSet
from rorem.triplet.columns import need_pyarrow

if TYPE_CHECKING:
    import pyarrow as pa

PIECE = 5000  # records looked at before they are kept
THREADS = 2  # opening photos is the work, and leaves other threads free meanwhile
AHEAD = 8  # records in memory
BAD = b"bad"  # in a piece's metadata: the records that could not be looked at
STORED = tuple(name for name in FIELDS if name != "name")  # the set tells the names
KINDS = {"at": "int64", "round": "int32", "votes_yes": "int32", "votes_no": "int32", "look": "uint64"}
REALS = {"left", "top", "right", "bottom", "share", "psnr", "p_yes"}


@dataclass(frozen=True, eq=False)
class Index:
    """items: in the order of the set. bad: records that could not be looked at."""

    fingerprint: str
    records: int
    items: list[Item]
    bad: Tally = field(default_factory=Tally)


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where indexes are kept: all of it can be made again."""
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "rorem" / "round"


def index_of(set_: TripletSet, cache: Path, on_step: OnStep = lambda done, total: None) -> Index:
    """The index of a set, from the cache as far as it is there. on_step: told of records; may raise, to stop.

    Raises BadData for a set that cannot be fingerprinted, Unavailable without pyarrow, OSError.
    """
    need_pyarrow()
    items: list[Item] = []
    bad = Tally()
    for start in range(0, len(set_), PIECE):
        end = min(start + PIECE, len(set_))
        file = piece_of(cache, set_, start)
        some, amiss = _kept(set_, file) or _looked(set_, start, end, file, on_step)
        items += some
        for kind, name, why in amiss:
            bad.add(kind, name, why)
        on_step(end, len(set_))
    return Index(set_.fingerprint, len(set_), items, bad)


def piece_of(cache: Path, set_: TripletSet, start: int) -> Path:
    """Where the piece that begins at this record is kept. Raises BadData."""
    return cache / f"{set_.fingerprint}-{EDITION}-{LOOKS}" / f"{start:09}.parquet"


_Amiss = list[tuple[str, str, str]]  # kind, name, why


def _looked(set_: TripletSet, start: int, end: int, file: Path, on_step: OnStep) -> tuple[list[Item], _Amiss]:
    """Looks at a piece of a set and keeps it."""
    items: list[Item] = []
    amiss: _Amiss = []
    looks: dict[str, int] = {}  # a photo with many things in it has as many records, mostly one after the other
    with ThreadPoolExecutor(THREADS) as threads:
        for done, (name, item) in enumerate(_results(set_, range(start, end), looks, threads), start):
            if isinstance(item, Item):
                items.append(item)
                looks[item.source] = item.look
            else:
                amiss.append((kind_of(item), name, str(item)))
            on_step(done, len(set_))
    keep(file, items, amiss)
    return items, amiss


def _results(
    set_: TripletSet, numbers: range, looks: dict[str, int], threads: ThreadPoolExecutor
) -> Iterator[tuple[str, Item | RoremError]]:
    """Every record's name, and its item or what is wrong with it, in order."""
    waiting: deque[tuple[str, Future[Item | RoremError]]] = deque()
    for at in numbers:
        waiting.append((set_.names[at], threads.submit(_item, at, _read(set_, at), looks)))
        if len(waiting) == AHEAD:
            name, one = waiting.popleft()
            yield name, one.result()
    yield from ((name, one.result()) for name, one in waiting)


def _read(set_: TripletSet, at: int) -> Triplet | BadData:
    try:
        return set_[at]
    except BadData as error:
        return error


def _item(at: int, triplet: Triplet | BadData, looks: Mapping[str, int]) -> Item | RoremError:
    if isinstance(triplet, BadData):
        return triplet
    try:
        return look_at(at, triplet, looks.get(triplet.hashes["sha256_source"] or ""))
    except RoremError as error:
        return error


def keep(file: Path, items: list[Item], amiss: _Amiss) -> None:
    """Writes a piece, whole or not at all. Raises OSError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    shape = pa.schema([(name, _kind(name)) for name in STORED], metadata={BAD: json.dumps(amiss).encode()})
    columns = [pa.array([getattr(item, name) for item in items], _kind(name)) for name in STORED]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=shape), sink, compression="zstd")
    write_whole(file, sink.getvalue().to_pybytes())


def _kept(set_: TripletSet, file: Path) -> tuple[list[Item], _Amiss] | None:
    """What the cache has of a piece; None if it has nothing, or something that is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not file.is_file():
        return None
    try:
        table = pq.read_table(file, columns=list(STORED))
        amiss = [tuple(one) for one in json.loads(table.schema.metadata[BAD])]
        names = (set_.names[at] for at in table["at"].to_pylist())
        columns = (names if name == "name" else table[name].to_pylist() for name in FIELDS)
        return [Item(*values) for values in zip(*columns, strict=True)], amiss
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError, IndexError):
        return None


def _kind(name: str) -> pa.DataType:
    import pyarrow as pa

    if name in REALS:
        return pa.float64()
    return pa.bool_() if name in ("result", "truth") else pa.type_for_alias(KINDS.get(name, "string"))
