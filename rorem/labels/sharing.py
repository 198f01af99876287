"""Strangers' photos: held for some days, looked at by the operator, and only then shown to annotators or pushed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
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
    set_state,
    where,
)
from rorem.labels.kept_pictures import drop_pictures, keep_pictures, room
from rorem.labels.store import Store
from rorem.labels.tables import items, reports, withdrawals
from rorem.labels.withdrawal import withdraw_items

DAY = 86_400_000  # ms
MOST_WAITING = 200  # photos that nobody has looked at; one page shows as many
LEAST_ROOM = 1_000_000_000  # bytes of disk that are not for strangers: answers are kept there, too
LATER = "Please try again another day."
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
    """Ids by what became of them. early: still held. unknown: nothing with this id waits. on_hub: how many of those
    that are done have to be deleted from the Hub, too, which the next push does."""

    done: tuple[str, ...] = ()
    early: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    on_hub: int = 0


def share(
    store: Store, row: Mapping[str, Any], files: Mapping[str, bytes], code: str, now: int, hold_days: float
) -> None:
    """Keeps a visitor's removal with its pictures, held. All of it is on disk when it returns.

    row: of `public.private_row`. files: source, mask and result. code: the hash of the withdrawal code; what is shared
    under it already stays as it is. Raises BadData for one that was shared under another code or cannot be taken now,
    CannotSave, OSError; then nothing is kept.
    """
    held = {"code": code, "added": now, "hold_until": now + int(hold_days * DAY)}

    def write(connection: Connection) -> None:
        if _is_new(connection, row["id"], code):
            connection.execute(delete(withdrawals).where(withdrawals.c.item == row["id"]))  # they thought better of it
            add_items(connection, [dict(row)])
            values = {**held, "state": HELD, "origin": OWN, "need": 0}
            connection.execute(update(items).where(items.c.id == row["id"]).values(**values))

    if not store.read(lambda connection: _is_new(connection, row["id"], code)):
        return
    if room(store.pictures) < LEAST_ROOM:
        raise BadData("The disk for shared photos is nearly full.", LATER)
    pictures = [files[part] for part in PARTS]
    try:
        keep_pictures(store.pictures, pictures)
        store.write(write)
        keep_pictures(store.pictures, pictures)  # another item with the same photo may have been withdrawn meanwhile
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


def refuse(store: Store, ids: Iterable[str], now: int) -> Decided:
    """Withdraws what visitors have shared, also what waits no more: pictures, row and answers go, on the Hub with the
    next push. If this breaks off, the same call goes on with it.

    Reported removals of a set are not asked about again; those that are on the Hub stay there. now: ms. Raises
    CannotSave, OSError.
    """
    decided, theirs = store.write(lambda connection: _refuse(connection, list(dict.fromkeys(ids))))
    return replace(decided, on_hub=withdraw_items(store, theirs, now).on_hub)


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
    """Second: those that visitors have shared, whether they wait or not. With them nothing is done yet."""
    done, theirs, unknown = [], [], []
    for id in ids:
        row = item_of(connection, id)
        if row is not None and row["code"]:
            theirs.append(id)
        elif row is not None and row["state"] in (HELD, REPORTED):
            set_state(connection, [id], REFUSED)
        else:
            unknown.append(id)
            continue
        done.append(id)
    return Decided(tuple(done), (), tuple(unknown)), theirs


def _waiting(connection: Connection, id: str) -> RowMapping | None:
    row = item_of(connection, id)
    return row if row is not None and row["state"] in (HELD, REPORTED) else None


def _is_new(connection: Connection, id: str, code: str) -> bool:
    """False for what is shared under this code already. Raises BadData for what cannot be shared now."""
    there = item_of(connection, id)
    if there is not None and there["state"] != PRIVATE:
        if there["code"] == code:
            return False
        raise BadData(ALREADY, "Its code takes it back.")
    if connection.scalar(select(withdrawals.c.shard).where(withdrawals.c.item == id)):
        raise BadData("This removal was withdrawn and is still being deleted.", "Share it again later.")
    held = select(func.count()).select_from(items).where(items.c.state == HELD)
    if (connection.scalar(held) or 0) >= MOST_WAITING:
        raise BadData("Too many photos wait to be looked at.", LATER)
    return True
