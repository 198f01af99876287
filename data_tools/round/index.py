"""All that a round knows of a set without its pictures, kept in a cache, so that a set is looked through once.

The cache has a folder for each set, called by its fingerprint, with a Parquet file for each piece of the set: a run
that was killed goes on at the piece it was at. Of an evaluation set other things are known than of one that comes in,
so the two are kept apart.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from data_tools.commands import OnStep
from data_tools.near.hashing import EDITION as LOOKS
from data_tools.round import item, pictured
from data_tools.round.item import Item, kind_of
from data_tools.round.pictured import Pictured
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
KINDS = {"at": "int64", "seed": "int64", "round": "int32", "votes_yes": "int32", "votes_no": "int32"}
KINDS |= dict.fromkeys(("look", "result_look", "truth_look"), "uint64")
KINDS |= dict.fromkeys(("left", "top", "right", "bottom", "share", "psnr", "p_yes"), "float64")  # others are texts
Known = TypeVar("Known", bound=Pictured)


@dataclass(frozen=True, eq=False)
class Wanted(Generic[Known]):
    """What is to be known of each record. key: of the cache. look: takes a record's number, the record, and perceptual
    hashes that are known by hashes of files; raises what is wrong with it."""

    type: type[Known]
    key: str
    look: Callable[[int, Triplet, Mapping[str, int]], Known]

    @property
    def stored(self) -> tuple[str, ...]:
        """Columns. The set tells the names."""
        return tuple(one.name for one in fields(self.type) if one.name != "name")


# The functions are looked up when they are called.
ITEMS = Wanted(Item, f"{item.EDITION}-{pictured.EDITION}-{LOOKS}", lambda *one: item.look_at(*one))
PHOTOS = Wanted(Pictured, f"photos-{pictured.EDITION}-{LOOKS}", lambda *one: pictured.pictured(*one))


@dataclass(frozen=True, eq=False)
class Index(Generic[Known]):
    """items: in the order of the set. bad: records that could not be looked at."""

    fingerprint: str
    records: int
    items: list[Known]
    bad: Tally = field(default_factory=Tally)


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where indexes are kept: all of it can be made again."""
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "rorem" / "round"


def index_of(
    set_: TripletSet, cache: Path, wanted: Wanted[Known], on_step: OnStep = lambda done, total: None
) -> Index[Known]:
    """The index of a set, from the cache as far as it is there. on_step: told of records; may raise, to stop.

    Raises BadData for a set that cannot be fingerprinted, Unavailable without pyarrow, OSError.
    """
    need_pyarrow()
    items: list[Known] = []
    bad = Tally()
    for start in range(0, len(set_), PIECE):
        end = min(start + PIECE, len(set_))
        file = piece_of(cache, set_, wanted, start)
        some, amiss = _kept(set_, file, wanted) or _looked(set_, start, end, file, wanted, on_step)
        items += some
        for kind, name, why in amiss:
            bad.add(kind, name, why)
        on_step(end, len(set_))
    return Index(set_.fingerprint, len(set_), items, bad)


def piece_of(cache: Path, set_: TripletSet, wanted: Wanted[Known], start: int) -> Path:
    """Where the piece that begins at this record is kept. Raises BadData."""
    return cache / folder_of(set_, wanted) / f"{start:09}.parquet"


def folder_of(set_: TripletSet, wanted: Wanted[Known]) -> str:
    """What the cache's folder of a set is called. Raises BadData."""
    return f"{set_.fingerprint}-{wanted.key}"


_Amiss = list[tuple[str, str, str]]  # kind, name, why


def _looked(
    set_: TripletSet, start: int, end: int, file: Path, wanted: Wanted[Known], on_step: OnStep
) -> tuple[list[Known], _Amiss]:
    """Looks at a piece of a set and keeps it."""
    items: list[Known] = []
    amiss: _Amiss = []
    looks: dict[str, int] = {}  # a photo with many things in it has as many records, mostly one after the other
    with ThreadPoolExecutor(THREADS) as threads:
        for done, (name, one) in enumerate(_results(set_, range(start, end), looks, wanted, threads), start):
            if isinstance(one, RoremError):
                amiss.append((kind_of(one), name, str(one)))
            else:
                items.append(one)
                looks.update(one.pictures)
            on_step(done, len(set_))
    keep(file, wanted, items, amiss)
    return items, amiss


def _results(
    set_: TripletSet, numbers: range, looks: dict[str, int], wanted: Wanted[Known], threads: ThreadPoolExecutor
) -> Iterator[tuple[str, Known | RoremError]]:
    """Every record's name, and its item or what is wrong with it, in order."""
    waiting: deque[tuple[str, Future[Known | RoremError]]] = deque()
    for at in numbers:
        waiting.append((set_.names[at], threads.submit(_item, at, _read(set_, at), looks, wanted)))
        if len(waiting) == AHEAD:
            name, one = waiting.popleft()
            yield name, one.result()
    yield from ((name, one.result()) for name, one in waiting)


def _read(set_: TripletSet, at: int) -> Triplet | BadData:
    try:
        return set_[at]
    except BadData as error:
        return error


def _item(at: int, triplet: Triplet | BadData, looks: Mapping[str, int], wanted: Wanted[Known]) -> Known | RoremError:
    if isinstance(triplet, BadData):
        return triplet
    try:
        return wanted.look(at, triplet, looks)
    except RoremError as error:
        return error


def keep(file: Path, wanted: Wanted[Known], items: list[Known], amiss: _Amiss) -> None:
    """Writes a piece, whole or not at all. Raises OSError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    shape = pa.schema([(name, _kind(name)) for name in wanted.stored], metadata={BAD: json.dumps(amiss).encode()})
    columns = [pa.array([getattr(one, name) for one in items], _kind(name)) for name in wanted.stored]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=shape), sink, compression="zstd")
    write_whole(file, sink.getvalue().to_pybytes())


def _kept(set_: TripletSet, file: Path, wanted: Wanted[Known]) -> tuple[list[Known], _Amiss] | None:
    """What the cache has of a piece; None if it has nothing, or something that is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not file.is_file():
        return None
    try:
        table = pq.read_table(file, columns=list(wanted.stored))
        amiss = [tuple(one) for one in json.loads(table.schema.metadata[BAD])]
        columns: dict[str, list[Any]] = {name: table[name].to_pylist() for name in wanted.stored}
        columns["name"] = [set_.names[at] for at in columns["at"]]
        ordered = [columns[one.name] for one in fields(wanted.type)]
        return [wanted.type(*values) for values in zip(*ordered, strict=True)], amiss
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError, IndexError):
        return None


def _kind(name: str) -> pa.DataType:
    import pyarrow as pa

    return pa.type_for_alias(KINDS.get(name, "string"))
