"""Whether a store is sound: the events themselves, and all that is kept beside them to be quick."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select
from sqlalchemy.engine import RowMapping

from rorem.errors import BadData
from rorem.labels.current import is_undo
from rorem.labels.event import JUDGEMENT, Event, check
from rorem.labels.items import CLOSED, GOLD, HELD, OPEN, OWN, PARTS, REPORTED, STATES, picture_path
from rorem.labels.kept_pictures import strays
from rorem.labels.store import Store, to_event
from rorem.labels.tables import events, handouts, items

WITH_PICTURES = (OPEN, CLOSED, GOLD, HELD, REPORTED)
STATUSES = ("out", "answered", "expired", "dropped")
MOST = 100  # problems of a kind that are told; more say no more
PAGE = 2000


def verify(store: Store) -> list[str]:
    """What is wrong with a store, one sentence each; empty where nothing is. Changes nothing.

    Holds the events to their own rules, their chains (what supersedes what), the counts of the items to the events and
    the hand-outs, these to each other, and pictures of the store's own to their hashes and items. Raises CannotSave.
    """
    found = store.read(_all)
    found += store.read(lambda connection: list(_few(_pictures(connection, store.pictures))))
    return [*found, *_few(f"The picture {path.name} belongs to no item." for path in strays(store))]


def _all(connection: Connection) -> list[str]:
    if connection.dialect.name == "postgresql":  # all that follows is to see one moment, as it does on SQLite
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    kinds = (_events(connection), _chains(connection), _items(connection), _handouts(connection))
    return [problem for kind in kinds for problem in _few(kind)]


def _few(problems: Iterator[str]) -> Iterator[str]:
    for number, problem in enumerate(problems):
        if number == MOST:
            yield "There are more of this kind."
            return
        yield problem


def _rows(connection: Connection, query: Select[*tuple[Any, ...]]) -> Iterator[RowMapping]:
    yield from connection.execute(query.execution_options(yield_per=PAGE)).mappings()


def _events(connection: Connection) -> Iterator[str]:
    for row in _rows(connection, select(events).order_by(events.c.seq)):
        try:
            check(to_event(row))
        except (BadData, ValueError, TypeError) as error:
            told = str(error) if isinstance(error, BadData) else "Its reasons cannot be read."
            yield f"Label {row['event']}: {told}"


def _chains(connection: Connection) -> Iterator[str]:
    before = events.alias()
    about = ("annotator", "kind", "item", "item_a", "item_b")
    same = and_(*(events.c[name] == before.c[name] for name in about))
    odd = (
        select(events.c.event, events.c.supersedes, before.c.event.label("known"))
        .outerjoin(before, before.c.event == events.c.supersedes)
        .where(events.c.supersedes != "", or_(before.c.event.is_(None), ~same))
    )
    for row in _rows(connection, odd.order_by(events.c.seq)):
        what = "is not there" if row["known"] is None else "is somebody else's or about something else"
        yield f"Label {row['event']} supersedes {row['supersedes']}, which {what}."
    forked = select(events.c.supersedes).where(events.c.supersedes != "").group_by(events.c.supersedes)
    for row in _rows(connection, forked.having(func.count() > 1).order_by(events.c.supersedes)):
        yield f"Label {row['supersedes']} is superseded twice."
    links = select(events.c.event, events.c.supersedes).where(events.c.supersedes != "").order_by(events.c.seq)
    before_of = {row["event"]: row["supersedes"] for row in _rows(connection, links)}
    sound: set[str] = set()
    for start in before_of:
        path, at = dict[str, None](), start
        while at in before_of and at not in sound and at not in path:
            path[at] = None
            at = before_of[at]
        if at in path:
            yield f"Label {at} supersedes itself, by way of others."
        sound.update(path)


def _items(connection: Connection) -> Iterator[str]:
    """Items and their events side by side, both in the order of the items' ids."""
    order = select(events).where(events.c.kind == JUDGEMENT).order_by(events.c.item, events.c.seq)
    told = groupby(_rows(connection, order), key=itemgetter("item"))
    waiting = next(told, None)
    out = _out(connection)
    for row in _rows(connection, select(items).order_by(items.c.id)):
        while waiting is not None and waiting[0] < row["id"]:
            yield f"Item {waiting[0]} has labels, but is not there."
            waiting = next(told, None)
        some: list[Event] = []
        if waiting is not None and waiting[0] == row["id"]:
            some = list(_readable(waiting[1]))
            waiting = next(told, None)
        yield from _counts(row, some, out.get(row["id"], 0))
    while waiting is not None:
        yield f"Item {waiting[0]} has labels, but is not there."
        waiting = next(told, None)


def _readable(rows: Iterator[RowMapping]) -> Iterator[Event]:
    for row in rows:
        with contextlib.suppress(ValueError, TypeError):  # `_events` tells of it
            yield to_event(row)


def _out(connection: Connection) -> dict[str, int]:
    query = select(handouts.c.item, func.count()).where(handouts.c.status == "out", handouts.c.counts)
    return {item: count for item, count in connection.execute(query.group_by(handouts.c.item))}


def _counts(row: RowMapping, some: Sequence[Event], pending: int) -> Iterator[str]:
    counts: dict[str, int] = dict.fromkeys(("yes", "no", "mask_wrong", "skips"), 0)
    for verdict in _counting(some):
        name = "skips" if verdict == "skip" else verdict
        if name in counts:  # `_events` tells of others
            counts[name] += 1
    given = counts["yes"] + counts["no"] + counts["mask_wrong"]
    for name, value in {**counts, "given": given, "pending": pending}.items():
        if row[name] != value:
            yield f"Item {row['id']} says {name} {row[name]}, and it should be {value}."
    if row["state"] not in STATES:
        yield f"Item {row['id']} is in a state called {row['state']}."
    if (row["state"] == GOLD) > bool(row["gold"]):
        yield f"Item {row['id']} is a known one, but has no answer."
    if row["state"] == OPEN and given >= row["wanted"]:
        yield f"Item {row['id']} has all its answers, but is open."
    if row["state"] == CLOSED and given < row["wanted"] and not counts["skips"]:
        yield f"Item {row['id']} is closed, but lacks answers."
    need = max(0, row["wanted"] - given - pending) if row["state"] == OPEN else 0
    if row["need"] != need:
        yield f"Item {row['id']} says need {row['need']}, and it should be {need}."


def _counting(some: Sequence[Event]) -> Iterator[str]:
    """Verdicts that count, of the events of one item in the order of writing.

    Of each annotator it is the first chain, whether or not it was taken back at its end; later ones are repeats.
    """
    next_of = {one.supersedes: one for one in some if one.supersedes}
    seen: set[str] = set()
    for root in some:
        if root.source != "annotator" or root.supersedes or root.annotator in seen:
            continue
        seen.add(root.annotator)
        last, length = root, 0
        while (after := next_of.get(last.event)) is not None and length < len(some):
            last, length = after, length + 1
        if not is_undo(last):
            yield last.verdict


def _handouts(connection: Connection) -> Iterator[str]:
    later = events.alias()
    joined = (
        select(handouts, events.c.event, events.c.item.label("about"), events.c.annotator.label("by"))
        .add_columns(later.c.event.label("after"))
        .outerjoin(events, events.c.handout == handouts.c.id)
        .outerjoin(later, later.c.supersedes == events.c.event)
        .order_by(handouts.c.id)
    )
    for row in _rows(connection, joined):
        yield from _lent(row)


def _lent(row: RowMapping) -> Iterator[str]:
    name, status = f"Hand-out {row['id']}", row["status"]
    if status not in STATUSES:
        yield f"{name} is in a state called {status}."
    if status == "answered" and row["event"] is None:
        yield f"{name} is answered, but there is no label."
    if row["event"] is None:
        return
    if (row["about"], row["by"]) != (row["item"], row["annotator"]):
        yield f"{name} was answered by somebody else or about something else: label {row['event']}."
    if status in ("out", "expired"):
        yield f"{name} has label {row['event']}, but waits for an answer."
    if status == "dropped" and row["after"] is None:
        yield f"{name} was taken back, but its label {row['event']} holds."
    if status == "answered" and row["after"] is not None:
        yield f"{name} is answered, but its label {row['event']} was superseded."


def _pictures(connection: Connection, folder: Path) -> Iterator[str]:
    own = select(items).where(items.c.origin == OWN, items.c.state.in_(WITH_PICTURES)).order_by(items.c.id)
    for row in _rows(connection, own):
        for part in PARTS:
            digits = row[f"sha256_{part}"]
            try:
                data = picture_path(folder, digits).read_bytes()
            except (OSError, ValueError):
                yield f"Item {row['id']}: its {part} is not there."
                continue
            if hashlib.sha256(data).hexdigest() != digits:
                yield f"Item {row['id']}: its {part} is damaged."
