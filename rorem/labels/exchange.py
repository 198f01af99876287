"""Labels as files and back: every event, and all that is known of the items beside their pictures.

labels.jsonl has the events and labels.items.jsonl the items, one a line; .parquet likewise. Both go back in with
nothing lost and nothing twice. labels.csv has the answers that hold, for tables and for `rorem evaluate --answers`;
it does not go back.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.engine import RowMapping

from rorem.errors import BadData, BadOptions
from rorem.labels.current import current
from rorem.labels.event import Event, from_record
from rorem.labels.item_record import FIELDS, check_item, item_record, to_row
from rorem.labels.items import add_items
from rorem.labels.plan import Plan
from rorem.labels.record_files import FIX, JSONL, PAGE, PARQUET, read_records, whole, write_records
from rorem.labels.recount import recount
from rorem.labels.relending import relend
from rorem.labels.sql import chunks
from rorem.labels.store import Store, add_events, order_seed, to_event
from rorem.labels.tables import events, items, withdrawals

T = TypeVar("T")
CSV = ".csv"
WRITTEN = 2000  # items or events in one transaction: an app that runs beside has to wait for so long
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula
OF_ITEM = ("sample", "method", "seed", "name", "category", "round")
ANSWERS = (*OF_ITEM, "item", "annotator", "verdict", "reasons", "seconds")
TYPES = {"reasons": "list<string>", "seconds": "double", "order_seed": "int64", "at": "int64", "schema": "int64"}
EVENT_FIELDS = {name: TYPES.get(name, "string") for name in Event.__dataclass_fields__}


@dataclass(frozen=True)
class Moved:
    """How many went out or came in. known: events that were there already. withdrawn: items that stay away."""

    events: int
    items: int
    known: int = 0
    withdrawn: int = 0


def items_file(path: Path) -> Path:
    """Where the items lie beside the events: labels.jsonl, labels.items.jsonl."""
    return path.with_name(f"{path.stem}.items{path.suffix}")


def export(store: Store, path: Path) -> Moved:
    """Writes events and items, each file whole or not at all; what is there under these names is replaced.

    The suffix chooses the format. Raises BadOptions for another one, Unavailable for Parquet without pyarrow, OSError,
    CannotSave.
    """
    if (suffix := path.suffix.lower()) == CSV:
        return _export_answers(store, path)
    if suffix not in (JSONL, PARQUET):
        raise BadOptions(f"Labels are written as {JSONL}, {PARQUET} or {CSV}.", "Choose one of these for the file.")
    told = write_records(path, EVENT_FIELDS, (_record(one) for _, one in store.events(most=PAGE)))
    # After the events, so that an item which one is about is never missing.
    return Moved(told, write_records(items_file(path), FIELDS, (item_record(row) for row in _items(store))))


def bring_in(store: Store, plan: Plan, path: Path) -> Moved:
    """Adds the events and items of an export, and counts anew what they are about.

    What is there already is left as it is, so the same file can be brought in twice, also after it was stopped. Nothing
    is added of a file with anything wrong in it. Withdrawn items stay away, and what was said of them.
    Raises BadData for a file that is none, and for an event that is there and says something else; BadOptions,
    Unavailable, OSError, CannotSave.
    """
    if path.suffix.lower() not in (JSONL, PARQUET):
        raise BadOptions(f"Labels are read from {JSONL} or {PARQUET}.", "`rorem labels export` writes such files.")
    told = [from_record(record) for record in read_records(path)]
    beside = items_file(path)
    things = [check_item(record) for record in read_records(beside)] if beside.exists() else []
    _refuse_doubles(told)
    store.read(lambda connection: _new(connection, told))
    parts: list[Moved] = []
    for some in chunks(things, WRITTEN):
        parts.append(store.write(lambda connection, some=some: add_all(connection, plan, (), some)))
    for some in chunks(told, WRITTEN):
        parts.append(store.write(lambda connection, some=some: add_all(connection, plan, some, ())))
    return Moved(*(sum(getattr(one, field.name) for one in parts) for field in fields(Moved)))


def add_all(connection: Connection, plan: Plan, told: Sequence[Event], things: Sequence[Mapping[str, Any]]) -> Moved:
    """Adds events (in the order of writing) and items (see `check_item`), and counts anew. See `bring_in`.

    Some thousands at a time: nobody else can write to SQLite meanwhile.
    """
    _refuse_doubles(told)
    gone = set(connection.scalars(select(withdrawals.c.item)))
    new = [one for one in _new(connection, told) if not {one.item, one.item_a, one.item_b} & gone]
    seed = order_seed(connection)
    there = _there(connection, [str(thing["id"]) for thing in things])
    rows = [to_row(thing, seed) for thing in things if thing["id"] not in there and thing["id"] not in gone]
    added = add_items(connection, rows)
    add_events(connection, new)
    touched = [*(one.item for one in new if one.item), *(row["id"] for row in rows)]
    relend(connection, touched)
    recount(connection, plan, touched)
    known = sum(1 for _ in _found(connection, events.c.event, [one.event for one in told])) - len(new)
    return Moved(len(new), added, known, sum(thing["id"] in gone for thing in things))


def cell(value: object) -> object:
    """A value as a cell of a CSV that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _export_answers(store: Store, path: Path) -> Moved:
    told = {row["id"]: row for row in _items(store)}
    held = current(one for _, one in store.events(most=PAGE)).answers
    with whole(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(ANSWERS)
        for one in held:
            row = told.get(one.item)
            about = {} if row is None else {name: row[name] for name in OF_ITEM}
            said = {"item": one.item, "annotator": one.annotator, "verdict": one.verdict, "seconds": one.seconds}
            record = {**about, **said, "reasons": " ".join(one.reasons)}
            writer.writerow([cell(record.get(name, "")) for name in ANSWERS])
    return Moved(len(held), 0)


def _items(store: Store) -> Iterator[RowMapping]:
    """Every item in the order of ids, read in pages."""
    last = ""
    while True:
        wanted = select(items).where(items.c.id > last).order_by(items.c.id).limit(PAGE)
        page = store.read(lambda connection, wanted=wanted: connection.execute(wanted).mappings().all())
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1]["id"]


def _refuse_doubles(told: Sequence[Event]) -> None:
    """Raises BadData for two events of one id, answers to one hand-out, or successors of one event."""
    for name, what in (("event", "have one id"), ("handout", "answer one hand-out"), ("supersedes", "supersede one")):
        seen: set[str] = set()
        for one in told:
            value = getattr(one, name)
            if value and value in seen:
                raise BadData(f"Two labels of the file {what}: {value}.", FIX)
            seen.add(value)


def _new(connection: Connection, told: Sequence[Event]) -> list[Event]:
    """Those that are not there yet. Raises BadData for one that is there and says something else, and for one that
    answers or supersedes what one of the store's own does already."""
    known = {one.event: one for one in _found(connection, events.c.event, [one.event for one in told])}
    for one in told:
        if one.event in known and known[one.event] != one:
            raise BadData(f"The label {one.event} is there already and says something else.", FIX)
    new = [one for one in told if one.event not in known]
    for name in ("handout", "supersedes"):
        wanted = [value for one in new if (value := getattr(one, name))]
        for there in _found(connection, events.c[name], wanted):
            raise BadData(f"The label {there.event} has the same {name} as one of the file.", FIX)
    return new


def _found(connection: Connection, column: Any, wanted: Sequence[str]) -> Iterator[Event]:
    for chunk in chunks(wanted):
        yield from map(to_event, connection.execute(select(events).where(column.in_(chunk))).mappings())


def _there(connection: Connection, ids: Sequence[str]) -> set[str]:
    return {id for chunk in chunks(ids) for id in connection.scalars(select(items.c.id).where(items.c.id.in_(chunk)))}


def _record(event: Event) -> dict[str, Any]:
    return {**vars(event), "reasons": list(event.reasons)}
