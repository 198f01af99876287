"""Items: the removals that people judge, and where their pictures lie."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, or_, select, update
from sqlalchemy.engine import RowMapping

from rorem.errors import BadData
from rorem.files import write_whole
from rorem.labels.plan import Plan
from rorem.labels.sql import chunks, insert_into
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
TEXTS = ("method", "revision", "options", "protocol", "category", "licence", "author")
UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # in a database's text
COUNTS = ("network_calls", "round")
SIZES = ((0.02, "small"), (0.1, "medium"), (1.0, "large"))  # the mask's share of the photo, at most
LONGEST_CATEGORY = 60  # signs of it that tell groups apart
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
    """A row of `items` for a triplet. now: ms. mask_share: of the photo's area. The triplet must have a result.

    Raises BadData for texts and numbers that a database cannot hold.
    """
    assert triplet.result is not None
    _check(triplet)
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
        "stratum": f"{triplet.category[:LONGEST_CATEGORY]}/{size_of(mask_share)}",
        "rank": shuffled(order_seed, triplet.id),
        "wanted": wanted,
        "need": wanted if state == OPEN else 0,
        "gold": gold,
        "code": code,
        "hold_until": hold_until,
        "added": now,
    }


def _check(triplet: Triplet) -> None:
    texts = (triplet.name, *(getattr(triplet, name) for name in TEXTS))
    if any(UNSTORABLE.search(text) for text in texts):
        raise BadData("A text of this record cannot be stored.")
    if not -(2**63) <= triplet.seed < 2**63 or any(not -(2**31) <= getattr(triplet, name) < 2**31 for name in COUNTS):
        raise BadData("A number of this record is too large.")


def size_of(mask_share: float) -> str:
    return next((name for most, name in SIZES if mask_share <= most), SIZES[-1][1])


def shuffled(seed: int, text: str) -> int:
    """A number from 0 to 2^62 that looks random and is the same for the same seed and text."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{text}".encode()).digest()[:8], "big") >> 2


def add_items(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Adds items; how many were new. One that is there already keeps its state, and learns where its pictures are.

    Some thousands at a time: nobody else can write to SQLite meanwhile.
    """
    if not rows:
        return 0
    by_id = {row["id"]: row for row in reversed(rows)}
    # In one order everywhere: two servers that add the same items must not wait for each other in a circle.
    ids = sorted(by_id)
    added = 0
    for some in chunks(ids):
        there = set(connection.scalars(select(items.c.id).where(items.c.id.in_(some))))
        if new := [by_id[id] for id in some if id not in there]:
            known = insert_into(connection, items).on_conflict_do_nothing(index_elements=["id"]).returning(items.c.id)
            added += len(connection.execute(known, new).all())
        if moved := [
            {"which": id, "from_set": by_id[id]["origin"], "at_place": by_id[id]["place"]}
            for id in some
            if id in there and by_id[id]["origin"]
        ]:
            values = {"origin": bindparam("from_set"), "place": bindparam("at_place")}
            connection.execute(update(items).where(items.c.id == bindparam("which")).values(values), moved)
    _add_strata(connection, {row["stratum"] for row in rows})
    return added


def _add_strata(connection: Connection, names: set[str]) -> None:
    """A new group starts where the others are: else nobody would be asked about anything else for a long time."""
    there = set(connection.scalars(select(strata.c.id).where(strata.c.id.in_(names))))
    if not (new := sorted(names - there)):
        return
    asked = connection.scalar(select(func.max(strata.c.asked))) or 0
    values = [{"id": name, "asked": asked} for name in new]
    connection.execute(insert_into(connection, strata).on_conflict_do_nothing(index_elements=["id"]), values)


def set_state(connection: Connection, ids: Iterable[str], state: str, skips: int = Plan.skips) -> int:
    """Changes the state of items; how many there were. "open" becomes "gold" or "closed" for those that are.

    skips: after as many an item is closed.
    """
    left = items.c.wanted - items.c.given - items.c.pending
    values: dict[str, Any] = {"state": state, "need": 0}
    if state == OPEN:
        done = or_(items.c.given >= items.c.wanted, items.c.skips >= skips)
        values["state"] = case((items.c.gold != "", GOLD), (done, CLOSED), else_=OPEN)
        values["need"] = case((items.c.gold != "", 0), (done, 0), (left > 0, left), else_=0)
    changed = 0
    for id in sorted(set(ids)):
        changed += connection.execute(update(items).where(items.c.id == id).values(values)).rowcount
    return changed


def item_of(connection: Connection, id: str) -> RowMapping | None:
    return connection.execute(select(items).where(items.c.id == id)).mappings().first()


def where(row: RowMapping) -> Where:
    return Where(row["origin"], row["place"], {part: row[f"sha256_{part}"] for part in PARTS})


def keep_picture(folder: Path, data: bytes) -> str:
    """Keeps a file under its hash, once; returns the hash. Raises OSError."""
    digits = hashlib.sha256(data).hexdigest()
    path = picture_path(folder, digits)
    try:
        os.utime(path)  # as good as new: whoever tidies up leaves new files alone, since their items are on their way
    except FileNotFoundError:
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
        """open_origin: gives the set of this name; called for the first record, and for one that cannot be read."""
        self._folder = folder
        self._open = open_origin
        self._sets: dict[str, Sequence[Triplet]] = {}

    def read(self, where: Where, part: str) -> bytes | None:
        """The file, byte for byte, or None where it is gone or not what the item was made of.

        part: source, mask or result. Raises RoremError where its set cannot be opened.
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
        if where.origin in self._sets:
            with contextlib.suppress(IndexError, BadData):
                return getattr(self._sets[where.origin][where.place], part)
        # Opened, also again: a set that went away as a whole says nothing about this item, and raises.
        self._sets[where.origin] = self._open(where.origin)
        try:
            return getattr(self._sets[where.origin][where.place], part)
        except (IndexError, BadData):
            return None
