"""Taking back what a visitor has shared: by the code that they were shown, or by the operator who refuses it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, select, update

from rorem.labels.database import CannotSave, empty_log
from rorem.labels.hub_removal import erase
from rorem.labels.items import PARTS, PRIVATE
from rorem.labels.kept_pictures import drop_pictures
from rorem.labels.shards import ITEMS
from rorem.labels.sql import insert_into
from rorem.labels.store import Store
from rorem.labels.tables import handouts, items, pushed, reports, withdrawals


@dataclass(frozen=True)
class Withdrawn:
    """How many removals belonged to the code. on_hub: of these, still in the data set on the Hub, or on their way
    there; the next push deletes them. ids: of all."""

    found: int
    on_hub: int
    ids: tuple[str, ...] = field(default=(), compare=False)


def withdraw(store: Store, code_hash: str, now: int) -> Withdrawn:
    """Deletes what was shared under this code: pictures, rows and all that was said of it.

    Nobody is shown it any more from the first moment on; if this breaks off, the same code goes on with it, and so does
    `resume`. code_hash: of `Identities.code_hash`. now: ms. Raises CannotSave, OSError.
    """
    return _take_back(store, items.c.code == code_hash, now) if code_hash else Withdrawn(0, 0)


def withdraw_items(store: Store, ids: Collection[str], now: int) -> Withdrawn:
    """The same for items of these ids that visitors have shared. now: ms. Raises CannotSave, OSError."""
    return _take_back(store, and_(items.c.id.in_(ids), items.c.code != ""), now) if ids else Withdrawn(0, 0)


def resume(store: Store, now: int) -> int:
    """Goes on with withdrawals that broke off; of how many items. now: ms. Raises CannotSave, OSError."""
    told = exists().where(withdrawals.c.item == items.c.id)
    hidden = and_(items.c.code > "", items.c.state == PRIVATE, ~told)
    if store.read(lambda connection: connection.scalar(select(items.c.id).where(hidden).limit(1))) is None:
        return 0
    return _take_back(store, hidden, now).found


def _take_back(store: Store, which: ColumnElement[bool], now: int) -> Withdrawn:
    """which: as true of hidden items as before."""
    hashes = store.write(lambda connection: _hide(connection, which))
    drop_pictures(store, hashes)
    withdrawn = store.write(lambda connection: _delete(connection, which, now))
    with contextlib.suppress(CannotSave):  # all that matters is done
        store.read(empty_log)
    return withdrawn


def _hide(connection: Connection, which: ColumnElement[bool]) -> list[str]:
    """Returns the hashes of its pictures."""
    rows = connection.execute(select(items).where(which)).mappings().all()
    connection.execute(update(items).where(which).values(state=PRIVATE, need=0, pending=0))
    for row in rows:
        for table in (handouts, reports):
            connection.execute(delete(table).where(table.c.item == row["id"]))
    return [row[f"sha256_{part}"] for row in rows for part in PARTS]


def _delete(connection: Connection, which: ColumnElement[bool], now: int) -> Withdrawn:
    ids = tuple(connection.scalars(select(items.c.id).where(which).with_for_update()))
    on_hub = 0
    for id in ids:
        shard = connection.scalar(select(pushed.c.shard).where(pushed.c.kind == ITEMS, pushed.c.id == id)) or ""
        told = {"item": id, "at": now, "shard": shard}
        again = {"at": now, "shard": shard}
        put = insert_into(connection, withdrawals).values(told)
        connection.execute(put.on_conflict_do_update(index_elements=["item"], set_=again))
        if shard:
            on_hub += 1
        else:
            erase(connection, [id])
    return Withdrawn(len(ids), on_hub, ids)
