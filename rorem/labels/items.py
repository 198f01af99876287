"""Items: the removals that people judge, and where their pictures lie."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, case, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import RowMapping

from rorem.files import write_whole
from rorem.labels.plan import Plan
from rorem.labels.tables import items, strata
from rorem.triplet import Triplet

OPEN = "open"  # may be handed out
CLOSED = "closed"  # has its answers
HELD = "held"  # a stranger's, waits for its time and the operator
PRIVATE = "private"  # never shared: its hashes alone, so that public answers have something to be about
GOLD = "gold"  # its answer is known
REPORTED = "reported"  # taken out of the queue until the operator has looked
REFUSED = "refused"  # by the operator
STATES = (OPEN, CLOSED, HELD, PRIVATE, GOLD, REPORTED, REFUSED)
SHARED = (OPEN, CLOSED, GOLD)  # what annotators and the Hub may see
PARTS = ("source", "mask", "result")
SIZES = ((0.02, "small"), (0.1, "medium"), (1.0, "large"))  # the mask's share of the photo, at most
OWN = ""  # the origin of items whose pictures lie in the store's folder


@dataclass(frozen=True)
class Where:
    """Where an item's pictures are: a set and a number in it, or hashes of files in the store's folder."""

    origin: str
    place: int
    hashes: dict[str, str]


def row_of(
    triplet: Triplet,
    plan: Plan,
    order_seed: int,
    now: int,
    *,
    mask_share: float,
    origin: str = OWN,
    place: int = 0,
    state: str = OPEN,
    gold: str = "",
    code: str = "",
    hold_until: int = 0,
    removal_seconds: float | None = None,
) -> dict[str, Any]:
    """A row of `items` for a triplet. now: ms. mask_share: of the photo's area. The triplet must have a result."""
    assert triplet.result is not None
    if gold:
        state = GOLD
    wanted = plan.wanted(triplet.id)
    return {
        "id": triplet.id,
        "sample": triplet.sample,
        **{name: digits or "" for name, digits in triplet.hashes.items()},
        "name": triplet.name,
        **{
            name: getattr(triplet, name)
            for name in ("method", "revision", "options", "protocol", "seed", "network_calls", "category")
        },
        **{name: getattr(triplet, name) for name in ("round", "licence", "author")},
        "mask_share": mask_share,
        "removal_seconds": removal_seconds,
        "origin": origin,
        "place": place,
        "state": state,
        "stratum": f"{triplet.category}/{size_of(mask_share)}",
        "rank": shuffled(order_seed, triplet.id),
        "wanted": wanted,
        "need": wanted if state == OPEN else 0,
        "gold": gold,
        "code": code,
        "hold_until": hold_until,
        "added": now,
    }


def size_of(mask_share: float) -> str:
    return next((name for most, name in SIZES if mask_share <= most), SIZES[-1][1])


def shuffled(seed: int, text: str) -> int:
    """A number from 0 to 2^62 that looks random and is the same for the same seed and text."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{text}".encode()).digest()[:8], "big") >> 2


def add_items(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Adds items; how many were new. One that is there already keeps its state, and learns where its pictures are."""
    added = 0
    insert = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
    for row in rows:
        new = connection.execute(insert(items).values(row).on_conflict_do_nothing(index_elements=["id"])).rowcount
        added += max(new, 0)
        if not new and row["origin"]:
            there = {"origin": row["origin"], "place": row["place"]}
            connection.execute(update(items).where(items.c.id == row["id"]).values(there))
    if names := sorted({row["stratum"] for row in rows}):
        values = [{"id": name} for name in names]
        connection.execute(insert(strata).values(values).on_conflict_do_nothing(index_elements=["id"]))
    return added


def set_state(connection: Connection, ids: Iterable[str], state: str) -> int:
    """Changes the state of items; how many there were."""
    left = items.c.wanted - items.c.given - items.c.pending
    need = case((left > 0, left), else_=0) if state == OPEN else 0
    changed = 0
    for id in ids:
        changed += connection.execute(update(items).where(items.c.id == id).values(state=state, need=need)).rowcount
    return changed


def item_of(connection: Connection, id: str) -> RowMapping | None:
    return connection.execute(select(items).where(items.c.id == id)).mappings().first()


def where(row: RowMapping) -> Where:
    return Where(row["origin"], row["place"], {part: row[f"sha256_{part}"] for part in PARTS})


def keep_picture(folder: Path, data: bytes) -> str:
    """Keeps a file under its hash, once; returns the hash. Raises OSError."""
    digits = hashlib.sha256(data).hexdigest()
    path = picture_path(folder, digits)
    if not path.exists():
        write_whole(path, data)
    return digits


def picture_path(folder: Path, digits: str) -> Path:
    """Where `keep_picture` keeps it. Raises ValueError for what is no hash, so that no path can be made of it."""
    if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise ValueError("not a hash")
    return folder / digits[:2] / digits


class Pictures:
    """Reads the pictures of items: from the sets they came from, or from the store's folder."""

    def __init__(self, folder: Path, open_origin: Callable[[str], Sequence[Triplet]]) -> None:
        """open_origin: gives the set of this name; called once for each, when it is first needed."""
        self._folder = folder
        self._open = open_origin
        self._sets: dict[str, Sequence[Triplet]] = {}

    def read(self, where: Where, part: str) -> bytes | None:
        """The file, byte for byte, or None where it is gone or not what the item was made of.

        part: source, mask or result. Raises RoremError from the set.
        """
        if part not in PARTS:
            return None
        try:
            data = picture_path(self._folder, where.hashes[part]).read_bytes()
        except OSError:
            data = self._from_set(where, part)
        if data is None or hashlib.sha256(data).hexdigest() != where.hashes[part]:
            return None
        return data

    def _from_set(self, where: Where, part: str) -> bytes | None:
        if where.origin == OWN:
            return None
        if where.origin not in self._sets:
            self._sets[where.origin] = self._open(where.origin)
        try:
            return getattr(self._sets[where.origin][where.place], part)
        except IndexError:
            return None
