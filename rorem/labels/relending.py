"""Hand-outs made anew from the events, where these came from elsewhere: nobody is asked again what they answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from rorem.labels.current import Chain, chains, is_undo
from rorem.labels.event import JUDGEMENT, Event, new_id
from rorem.labels.sql import chunks
from rorem.labels.store import to_event
from rorem.labels.tables import annotators, events, handouts


def relend(connection: Connection, ids: Iterable[str]) -> int:
    """Adds the hand-outs that the events on these items answered, and the annotators; those that are there stay.

    An answer that was taken back and not given anew is to be asked again: its annotator finds it when they come back.
    Returns how many hand-outs were added.
    """
    rows: list[dict[str, Any]] = []
    seeds: dict[str, tuple[int, int]] = {}
    for chunk in chunks(list(dict.fromkeys(ids))):
        told = _events_on(connection, chunk)
        for one in told:
            seeds.setdefault(one.annotator, (one.order_seed, one.at))
        rows += _rows(chains(told))
    there = {name: _there(connection, name, [row[name] for row in rows if row[name]]) for name in ("id", "supersedes")}
    new = [
        row
        for row in rows
        if row["id"] not in there["id"] and (row["status"] != "expired" or row["supersedes"] not in there["supersedes"])
    ]
    if new:
        _number(connection, new, seeds)
        connection.execute(insert(handouts), new)
    return len(new)


def _number(connection: Connection, new: list[dict[str, Any]], seeds: dict[str, tuple[int, int]]) -> None:
    """Numbers each annotator's hand-outs in the order of time, after those that they had; adds who is new."""
    people = sorted({row["annotator"] for row in new})
    draws: dict[str, int] = {}
    for chunk in chunks(people):
        found = connection.execute(select(annotators.c.id, annotators.c.draws).where(annotators.c.id.in_(chunk)))
        draws |= {id: count for id, count in found}
    if unknown := [id for id in people if id not in draws]:
        rows = [{"id": id, "order_seed": seeds[id][0], "draws": 0, "since": seeds[id][1]} for id in unknown]
        connection.execute(insert(annotators), rows)
    new.sort(key=lambda row: row["at"])
    for row in new:
        row["number"] = draws.get(row["annotator"], 0)
        draws[row["annotator"]] = row["number"] + 1
    values = [{"who": id, "count": draws[id]} for id in people]
    connection.execute(
        update(annotators).where(annotators.c.id == bindparam("who")).values(draws=bindparam("count")), values
    )


def _rows(some: Sequence[Chain]) -> Iterator[dict[str, Any]]:
    asked: set[tuple[str, str]] = set()
    for chain in some:
        root = chain.events[0]
        gold = root.source == "gold"
        again = (root.annotator, root.item) in asked
        asked.add((root.annotator, root.item))
        undone = {one.supersedes for one in chain.events if is_undo(one)}
        for number, one in enumerate(chain.events):
            if not one.handout:
                continue
            purpose = "redo" if number else "gold" if gold else "repeat" if again else "ask"
            status = "dropped" if one.event in undone else "answered"
            yield _row(one, one.handout, purpose, not gold and not again, status, one.supersedes)
        if chain.answer is None:
            last = chain.events[-1]
            yield _row(last, new_id(), "redo", not gold and not again, "expired", last.event)


def _row(event: Event, id: str, purpose: str, counts: bool, status: str, supersedes: str) -> dict[str, Any]:
    lent = {"id": id, "item": event.item, "annotator": event.annotator, "purpose": purpose, "counts": counts}
    return {**lent, "status": status, "at": event.at, "expires": event.at, "supersedes": supersedes}


def _events_on(connection: Connection, ids: Sequence[str]) -> list[Event]:
    """Judgements of the queue's annotators, in the order of writing."""
    asked = (events.c.item.in_(ids), events.c.kind == JUDGEMENT, events.c.source != "public")
    found = connection.execute(select(events).where(*asked).order_by(events.c.seq))
    return [to_event(row) for row in found.mappings()]


def _there(connection: Connection, name: str, wanted: Sequence[str]) -> set[str]:
    """Which of these some hand-out has already."""
    column = handouts.c[name]
    asked = (select(column).where(column.in_(chunk)) for chunk in chunks(wanted))
    return {value for one in asked for value in connection.scalars(one)}
