"""What goes to the Hub and what is there: planned in the database first, and marked as there once the Hub has said so.

A shard is `planned` with all its rows, then pushed, then `there`. A push that dies is repeated with the same rows under
the same name. A plan that can no longer be kept is `dropped`: should its file turn up on the Hub after all, because a
push that was given up had reached it, that file is deleted again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.engine import RowMapping

from rorem.labels.card import Agreement
from rorem.labels.event import JUDGEMENT, VOTE, Event
from rorem.labels.items import SHARED
from rorem.labels.shards import EVENTS, ITEMS
from rorem.labels.sql import IS_UNDO, chunks, insert_into
from rorem.labels.store import to_event
from rorem.labels.tables import events, items, pushed, shards, withdrawals

PLANNED, THERE, DROPPED = "planned", "there", "dropped"
Chunked = Iterator[Sequence[str]]


@dataclass(frozen=True)
class Counts:
    """Of answers: judgements and votes, without undos. safe: in the database. waiting: may go to the Hub and have not.

    kept_here: about removals that are private, held, reported or refused.
    """

    safe: int
    waiting: int
    kept_here: int


@dataclass(frozen=True)
class Planned:
    path: str
    kind: str
    rows: int


def counts(connection: Connection) -> Counts:
    safe = connection.scalar(select(func.count()).select_from(events).where(~IS_UNDO)) or 0
    kept = func.sum(case((_may_go(), 0), else_=1))
    unplanned = select(func.count(), kept).where(~IS_UNDO, ~_is_pushed(EVENTS, events.c.event))
    left, here = connection.execute(unplanned).one()
    planned = (
        select(func.count())
        .select_from(shards)
        .join(pushed, pushed.c.shard == shards.c.path)
        .join(events, events.c.event == pushed.c.id)
        .where(shards.c.kind == EVENTS, shards.c.state == PLANNED, ~IS_UNDO)
    )
    here = int(here or 0)
    return Counts(safe, left - here + (connection.scalar(planned) or 0), here)


def waiting_events(connection: Connection, after: int, most: int) -> list[tuple[int, Event]]:
    """Events that may go to the Hub and are in no shard, with their numbers, in the order of writing."""
    wanted = select(events).where(events.c.seq > after, ~_is_pushed(EVENTS, events.c.event), _may_go())
    rows = connection.execute(wanted.order_by(events.c.seq).limit(most)).mappings()
    return [(row["seq"], to_event(row)) for row in rows]


def unpushed_items(connection: Connection, ids: Iterable[str]) -> list[RowMapping]:
    """Of these items, the rows of those that are in no shard."""
    found: list[RowMapping] = []
    for chunk in chunks(ids):
        wanted = select(items).where(items.c.id.in_(chunk), ~_is_pushed(ITEMS, items.c.id))
        found += connection.execute(wanted).mappings()
    return found


def plan(connection: Connection, made: Mapping[Planned, Sequence[str]], now: int) -> bool:
    """Writes down which rows each new shard has. False, and nothing, where one of them may no longer be pushed.

    Raises IntegrityError where another process has planned one of the rows.
    """
    for shard, ids in made.items():
        _lock(connection, shard.kind, ids)
        if len(valid(connection, shard.kind, ids)) < len(ids):
            return False
    for shard, ids in made.items():
        connection.execute(delete(shards).where(shards.c.path == shard.path, shards.c.state == DROPPED))
        told = {"path": shard.path, "kind": shard.kind, "rows": shard.rows, "state": PLANNED, "at": now}
        connection.execute(insert(shards).values(told))
        connection.execute(insert(pushed), [{"kind": shard.kind, "id": id, "shard": shard.path} for id in ids])
    return True


def in_state(connection: Connection, state: str) -> list[Planned]:
    """Items first: they have to be there before what is said of them."""
    found = connection.execute(select(shards).where(shards.c.state == state)).mappings()
    return sorted(
        (Planned(row["path"], row["kind"], row["rows"]) for row in found), key=lambda one: (one.kind != ITEMS, one.path)
    )


def ids_in(connection: Connection, path: str) -> list[str]:
    return list(connection.scalars(select(pushed.c.id).where(pushed.c.shard == path).order_by(pushed.c.id)))


def valid(connection: Connection, kind: str, ids: Iterable[str]) -> set[str]:
    """Of these rows, those that are still here and may be shared."""
    found: set[str] = set()
    for chunk in chunks(ids):
        if kind == ITEMS:
            wanted = select(items.c.id).where(items.c.id.in_(chunk), items.c.state.in_(SHARED))
        else:
            wanted = select(events.c.event).where(events.c.event.in_(chunk), _may_go())
        found |= set(connection.scalars(wanted))
    return found


def items_of(connection: Connection, ids: Iterable[str]) -> list[RowMapping]:
    found: list[RowMapping] = []
    for chunk in chunks(ids):
        found += connection.execute(select(items).where(items.c.id.in_(chunk))).mappings()
    return found


def events_of(connection: Connection, ids: Iterable[str]) -> list[Event]:
    """In the order of writing."""
    found: list[RowMapping] = []
    for chunk in chunks(ids):
        found += connection.execute(select(events).where(events.c.event.in_(chunk))).mappings()
    return [to_event(row) for row in sorted(found, key=lambda row: row["seq"])]


def confirm(connection: Connection, paths: Iterable[str], now: int) -> None:
    """The Hub has them."""
    for path in paths:
        connection.execute(update(shards).where(shards.c.path == path).values(state=THERE, at=now))


def drop(connection: Connection, path: str, now: int) -> None:
    """Gives a plan up: its rows may be planned anew."""
    connection.execute(update(shards).where(shards.c.path == path).values(state=DROPPED, at=now))
    connection.execute(delete(pushed).where(pushed.c.shard == path))


def forget_dropped(connection: Connection, paths: Iterable[str]) -> None:
    for path in paths:
        connection.execute(delete(shards).where(shards.c.path == path, shards.c.state == DROPPED))


def note_there(connection: Connection, kind: str, path: str, rows: int, ids: Sequence[str], now: int) -> None:
    """Notes a shard that was found on the Hub. What is in two of them belongs to the one that was noted first.

    Items that were withdrawn, maybe just now, are noted as still to be deleted there.
    """
    if kind == ITEMS:
        _lock(connection, kind, ids)
    told = {"path": path, "kind": kind, "rows": rows, "state": THERE, "at": now}
    put = insert_into(connection, shards).values(told)
    connection.execute(put.on_conflict_do_nothing(index_elements=["path"]))
    known = insert_into(connection, pushed).on_conflict_do_nothing(index_elements=["kind", "id"])
    if ids:
        connection.execute(known, [{"kind": kind, "id": id, "shard": path} for id in ids])
    for chunk in chunks(ids if kind == ITEMS else ()):
        connection.execute(update(withdrawals).where(withdrawals.c.item.in_(chunk)).values(shard=path))


def agreement(connection: Connection) -> Agreement | None:
    """Of yes and no on shared removals; None while none has two answers."""
    both = items.c.yes + items.c.no
    same = items.c.yes * (items.c.yes - 1) + items.c.no * (items.c.no - 1)  # twice the pairs that agree
    wanted = select(func.sum(same), func.sum(both * (both - 1)), func.count())
    row = connection.execute(wanted.where(both >= 2, items.c.state.in_(SHARED))).one()
    return Agreement(int(row[0]) / int(row[1]), int(row[1]) // 2, row[2]) if row[2] else None


def _lock(connection: Connection, kind: str, ids: Iterable[str]) -> None:
    """Has a withdrawal wait until the plan is written: then it sees that its item is on the way to the Hub."""
    for chunk in chunks(ids):
        about = [chunk]
        if kind == EVENTS:
            told = select(events.c.item, events.c.item_a, events.c.item_b).where(events.c.event.in_(chunk))
            about = list(chunks({id for row in connection.execute(told) for id in row if id}))
        for some in about:
            wanted = select(items.c.id).where(items.c.id.in_(some)).order_by(items.c.id)
            connection.execute(wanted.with_for_update(read=True)).all()


def _may_go() -> ColumnElement[bool]:
    """Whether an event is about shared items alone."""
    judged = and_(events.c.kind == JUDGEMENT, _is_shared(events.c.item))
    return or_(judged, and_(events.c.kind == VOTE, _is_shared(events.c.item_a), _is_shared(events.c.item_b)))


def _is_shared(id: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(items.c.id == id, items.c.state.in_(SHARED))


def _is_pushed(kind: str, id: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(pushed.c.kind == kind, pushed.c.id == id)
