"""Deleting from the Hub what was withdrawn: a shard makes place for one without the withdrawn rows, in one commit.

The commits before it still have them: docs/label.md says how an operator squashes these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from rorem.labels.hub_repository import Head, HubRepository
from rorem.labels.shards import EVENTS, ITEMS, path_of, without
from rorem.labels.tables import events, handouts, items, pushed, reports, shards, withdrawals


@dataclass(frozen=True)
class Rewrite:
    """A shard on the Hub and what is to be there instead. new: "" for nothing. gone, kept: ids of its rows."""

    old: str
    new: str
    kind: str
    gone: frozenset[str]
    kept: tuple[str, ...]


def due(connection: Connection) -> list[str]:
    """Items that were withdrawn and that the Hub may still have."""
    return list(connection.scalars(select(withdrawals.c.item).where(withdrawals.c.shard != "")))


def rewrites(connection: Connection, withdrawn: Sequence[str]) -> list[Rewrite]:
    """What has to change on the Hub for these items to be gone, with all that was said of them."""
    gone: dict[tuple[str, str], set[str]] = {}
    for item in withdrawn:
        said = select(events.c.event).where(_about(item))
        ids = ((ITEMS, pushed.c.id == item), (EVENTS, pushed.c.id.in_(said)))
        for kind, wanted in ids:
            for row in connection.execute(select(pushed.c.id, pushed.c.shard).where(pushed.c.kind == kind, wanted)):
                gone.setdefault((kind, row.shard), set()).add(row.id)
    found = []
    for (kind, old), some in sorted(gone.items()):
        kept = tuple(sorted(set(connection.scalars(select(pushed.c.id).where(pushed.c.shard == old))) - some))
        found.append(Rewrite(old, path_of(kind, kept) if kept else "", kind, frozenset(some), kept))
    return found


def changes(
    repository: HubRepository, head: Head, some: Sequence[Rewrite], folder: Path
) -> tuple[Mapping[str, Path], list[str]]:
    """Files to add, by their paths, and paths to delete. What was done before, unheard, is not done again.

    Raises HubTrouble, BadData, OSError.
    """
    adds: dict[str, Path] = {}
    deletes: list[str] = []
    for one in some:
        if one.old not in head.files:
            continue
        deletes.append(one.old)
        if one.new and one.new not in head.files:
            old = repository.fetch(one.old, head.commit, folder)
            adds[one.new] = folder / f"new-{len(adds)}-{one.kind}.parquet"
            without(old, one.kind, one.gone, adds[one.new])
            old.unlink()
    return adds, deletes


def settle(
    connection: Connection, withdrawn: Sequence[str], some: Sequence[Rewrite], files: Collection[str], now: int
) -> None:
    """After the Hub has confirmed: the rows of the shards, and the last traces here.

    files: on the Hub now. A shard that was missing there could not be made anew, and stays noted with what it had left.
    """
    for one in some:
        connection.execute(delete(pushed).where(pushed.c.shard == one.old, pushed.c.id.in_(one.gone)))
        if one.new and one.new not in files:
            continue
        connection.execute(delete(shards).where(shards.c.path == one.old))
        if one.new:
            connection.execute(delete(shards).where(shards.c.path == one.new))
            told = {"path": one.new, "kind": one.kind, "rows": len(one.kept), "state": "there", "at": now}
            connection.execute(shards.insert().values(told))
            connection.execute(update(pushed).where(pushed.c.shard == one.old).values(shard=one.new))
    erase(connection, withdrawn)
    for item in withdrawn:
        connection.execute(update(withdrawals).where(withdrawals.c.item == item).values(shard=""))


def erase(connection: Connection, some: Sequence[str]) -> None:
    """Deletes these items here, with all that was said of them."""
    for item in some:
        connection.execute(delete(events).where(_about(item)))
        for table in (handouts, reports):
            connection.execute(delete(table).where(table.c.item == item))
        connection.execute(delete(items).where(items.c.id == item))


def _about(item: str) -> ColumnElement[bool]:
    return or_(events.c.item == item, events.c.item_a == item, events.c.item_b == item)
