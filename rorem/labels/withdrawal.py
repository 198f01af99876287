"""Taking back what a visitor has shared, by the code that they were shown."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from rorem.labels.hub_removal import erase
from rorem.labels.items import PARTS, PRIVATE
from rorem.labels.shards import ITEMS
from rorem.labels.sharing import drop_pictures
from rorem.labels.store import Store
from rorem.labels.tables import handouts, items, pushed, reports, withdrawals


@dataclass(frozen=True)
class Withdrawn:
    """How many removals belonged to the code. on_hub: of these, still in the data set on the Hub, or on their way
    there; the next push deletes them."""

    found: int
    on_hub: int


def withdraw(store: Store, code_hash: str, now: int) -> Withdrawn:
    """Deletes what was shared under this code: pictures, rows and all that was said of it.

    Nobody is shown it any more from the first moment on; if this breaks off, the same code goes on with it.
    code_hash: of `Identities.code_hash`. now: ms. Raises CannotSave, OSError.
    """
    if not code_hash:
        return Withdrawn(0, 0)
    hashes = store.write(lambda connection: _hide(connection, code_hash))
    drop_pictures(store, hashes)
    return store.write(lambda connection: _delete(connection, code_hash, now))


def _hide(connection: Connection, code: str) -> list[str]:
    """Returns the hashes of its pictures."""
    rows = connection.execute(select(items).where(items.c.code == code)).mappings().all()
    connection.execute(update(items).where(items.c.code == code).values(state=PRIVATE, need=0, pending=0))
    for row in rows:
        for table in (handouts, reports):
            connection.execute(delete(table).where(table.c.item == row["id"]))
    return [row[f"sha256_{part}"] for row in rows for part in PARTS]


def _delete(connection: Connection, code: str, now: int) -> Withdrawn:
    ids = list(connection.scalars(select(items.c.id).where(items.c.code == code)))
    insert = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
    on_hub = 0
    for id in ids:
        shard = connection.scalar(select(pushed.c.shard).where(pushed.c.kind == ITEMS, pushed.c.id == id)) or ""
        told = {"item": id, "at": now, "shard": shard}
        again = {"at": now, "shard": shard}
        connection.execute(insert(withdrawals).values(told).on_conflict_do_update(index_elements=["item"], set_=again))
        if shard:
            on_hub += 1
        else:
            erase(connection, [id])
    return Withdrawn(len(ids), on_hub)
