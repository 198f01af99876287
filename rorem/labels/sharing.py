"""Strangers' photos: held for some days, looked at by the operator, and only then shown to annotators or pushed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update
from sqlalchemy.engine import RowMapping

from rorem.errors import BadData
from rorem.labels.items import (
    HELD,
    OPEN,
    OWN,
    PARTS,
    PRIVATE,
    REFUSED,
    REPORTED,
    Where,
    add_items,
    item_of,
    keep_picture,
    picture_path,
    set_state,
    where,
)
from rorem.labels.store import Store
from rorem.labels.tables import events, handouts, items, pushed, reports, withdrawals

DAY = 86_400_000  # ms
ALREADY = "This removal was shared already."


@dataclass(frozen=True)
class Pending:
    """What waits for the operator: a photo that was shared (state "held"), or a removal that somebody reported.

    added, hold_until: ms since 1970. reports: how many. visitor: whether a visitor shared it.
    """

    id: str
    state: str
    added: int
    hold_until: int
    method: str
    reports: int
    visitor: bool
    pictures: Where

    def ready(self, now: int) -> bool:
        """Whether its time of waiting is over."""
        return self.hold_until <= now


@dataclass(frozen=True)
class Decided:
    """Ids by what became of them. early: still held. unknown: nothing with this id waits."""

    done: tuple[str, ...] = ()
    early: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def share(
    store: Store, row: Mapping[str, Any], files: Mapping[str, bytes], code: str, now: int, hold_days: float
) -> None:
    """Keeps a visitor's removal with its pictures, held. All of it is on disk when it returns.

    row: of `public.private_row`. files: source, mask and result. code: the hash of the withdrawal code.
    Raises BadData for one that was shared before, CannotSave, OSError; then nothing is kept.
    """
    held = {"code": code, "added": now, "hold_until": now + int(hold_days * DAY)}

    def write(connection: Connection) -> None:
        there = item_of(connection, row["id"])
        if there is not None and there["state"] != PRIVATE:
            raise BadData(ALREADY, "Its code takes it back.")
        if connection.scalar(select(withdrawals.c.shard).where(withdrawals.c.item == row["id"])):
            raise BadData("This removal was withdrawn and is still being deleted.", "Share it again later.")
        connection.execute(delete(withdrawals).where(withdrawals.c.item == row["id"]))  # they have thought better of it
        add_items(connection, [dict(row)])
        connection.execute(update(items).where(items.c.id == row["id"]).values(**held, state=HELD, origin=OWN, need=0))

    try:
        for part in PARTS:
            keep_picture(store.pictures, files[part])
        store.write(write)
        for part in PARTS:  # another item with the same photo may have been withdrawn meanwhile
            keep_picture(store.pictures, files[part])
    except BaseException:
        with contextlib.suppress(Exception):
            drop_pictures(store, [row[f"sha256_{part}"] for part in PARTS])
        raise


def pending(store: Store) -> list[Pending]:
    """What waits for the operator, the oldest first. Raises CannotSave."""
    count = select(func.count()).where(reports.c.item == items.c.id).scalar_subquery()
    wanted = select(items, count.label("reports")).where(items.c.state.in_((HELD, REPORTED)))
    rows = store.read(
        lambda connection: connection.execute(wanted.order_by(items.c.added, items.c.id)).mappings().all()
    )
    return [_pending(row) for row in rows]


def approve(store: Store, ids: Iterable[str], now: int, early: bool = False) -> Decided:
    """Lets annotators judge what was shared, and what was reported for no reason. Raises CannotSave.

    What is still held stays so: visitors were told how long they have. early: it does not; for one's own photos.
    """
    return store.write(lambda connection: _approve(connection, list(dict.fromkeys(ids)), now, early))


def refuse(store: Store, ids: Iterable[str]) -> Decided:
    """Deletes what visitors shared: pictures, row and answers. Reported removals of a set are never asked about again.

    A removal that is on the Hub already is not deleted there: withdraw it. Raises CannotSave, OSError.
    """
    decided, hashes = store.write(lambda connection: _refuse(connection, list(dict.fromkeys(ids))))
    drop_pictures(store, hashes)
    return decided


def drop_pictures(store: Store, hashes: Iterable[str]) -> None:
    """Deletes pictures of the store's folder that no item needs any more. Raises CannotSave, OSError."""
    hashes = set(hashes)
    columns = [items.c[f"sha256_{part}"] for part in PARTS]
    needing = select(*columns).where(
        items.c.state != PRIVATE, items.c.origin == OWN, or_(*(column.in_(hashes) for column in columns))
    )
    rows = store.read(lambda connection: connection.execute(needing).all())
    for digits in hashes - {digits for row in rows for digits in row}:
        picture_path(store.pictures, digits).unlink(missing_ok=True)
        _tidy(picture_path(store.pictures, digits).parent)


def _pending(row: RowMapping) -> Pending:
    known = {name: row[name] for name in ("id", "state", "added", "hold_until", "method", "reports")}
    return Pending(**known, visitor=row["code"] != "", pictures=where(row))


def _approve(connection: Connection, ids: list[str], now: int, early: bool) -> Decided:
    done, held, unknown = [], [], []
    for id in ids:
        row = _waiting(connection, id)
        if row is None:
            unknown.append(id)
        elif row["state"] == HELD and row["hold_until"] > now and not early:
            held.append(id)
        else:
            set_state(connection, [id], OPEN)
            connection.execute(delete(reports).where(reports.c.item == id))
            done.append(id)
    return Decided(tuple(done), tuple(held), tuple(unknown))


def _refuse(connection: Connection, ids: list[str]) -> tuple[Decided, list[str]]:
    done, unknown, hashes = [], [], []
    for id in ids:
        row = _waiting(connection, id)
        if row is None:
            unknown.append(id)
            continue
        done.append(id)
        there = connection.execute(select(pushed).where(pushed.c.id == id).limit(1)).first()
        if row["code"] == "" or there is not None:
            set_state(connection, [id], REFUSED)
            continue
        hashes += [row[f"sha256_{part}"] for part in PARTS]
        voted = or_(events.c.item_a == id, events.c.item_b == id)
        connection.execute(delete(events).where(or_(events.c.item == id, voted)))
        for table in (handouts, reports):
            connection.execute(delete(table).where(table.c.item == id))
        connection.execute(delete(items).where(items.c.id == id))
    return Decided(tuple(done), (), tuple(unknown)), hashes


def _waiting(connection: Connection, id: str) -> RowMapping | None:
    row = item_of(connection, id)
    return row if row is not None and row["state"] in (HELD, REPORTED) else None


def _tidy(folder: Path) -> None:
    with contextlib.suppress(OSError):  # others are in it
        folder.rmdir()
