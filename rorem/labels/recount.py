"""The counts of items made anew from the events: after an import, and after a fresh disk was filled from the Hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, or_, select, union, update
from sqlalchemy.engine import RowMapping

from rorem.labels.current import chains, is_undo
from rorem.labels.event import JUDGEMENT, Event
from rorem.labels.items import CLOSED, OPEN
from rorem.labels.plan import Plan
from rorem.labels.sql import chunks
from rorem.labels.store import to_event
from rorem.labels.tables import events, items

COUNTED = ("yes", "no", "mask_wrong", "skips")


@dataclass(frozen=True)
class Tally:
    """Answers to an item, and how many are wanted by now."""

    yes: int
    no: int
    mask_wrong: int
    skips: int
    wanted: int

    @property
    def given(self) -> int:
        return self.yes + self.no + self.mask_wrong


def recount(connection: Connection, plan: Plan, ids: Iterable[str] | None = None) -> int:
    """Makes yes, no, mask_wrong, skips, given, wanted, state and need of items anew from their events.

    ids: of items; None = all that have counts or events. `wanted` is never lowered. What is handed out at the moment
    (`pending`) stays as it is, and so does every state but open and closed. Returns how many items changed.
    """
    changed = 0
    wanted = _with_counts(connection) if ids is None else list(dict.fromkeys(ids))
    for chunk in chunks(wanted):
        rows = connection.execute(select(items).where(items.c.id.in_(chunk))).mappings().all()
        told = _events_of(connection, chunk)
        new = [values for row in rows if (values := _values(row, told.get(row["id"], []), plan))]
        if new:
            connection.execute(update(items).where(items.c.id == bindparam("which")), new)
        changed += len(new)
    return changed


def tally(some: Sequence[Event], wanted: int, plan: Plan) -> Tally:
    """Counts the events of one item, in the order of writing, as the queue did when they came.

    wanted: answers before the first of them; a disputed item comes to want more on the way.
    """
    counts: dict[str, int] = dict.fromkeys(COUNTED, 0)
    for verdict, change in _steps(some):
        counts["skips" if verdict == "skip" else verdict] += change
        given = counts["yes"] + counts["no"] + counts["mask_wrong"]
        leading = max(counts["yes"], counts["no"], counts["mask_wrong"])
        disputed = wanted > 1 and given >= wanted and leading < plan.clear * given
        if disputed and wanted + 2 <= plan.most_answers:
            wanted += 2
    return Tally(**counts, wanted=wanted)


def _steps(some: Sequence[Event]) -> Iterator[tuple[str, int]]:
    """Verdicts that were added (1) and taken off (-1), in order; of each annotator only what counts."""
    before: dict[str, Event] = {}
    settled: set[str] = set()
    for chain in chains(one for one in some if one.kind == JUDGEMENT and one.source == "annotator"):
        if chain.events[0].annotator in settled:
            continue  # a repeat
        settled.add(chain.events[0].annotator)
        for earlier, later in zip((None, *chain.events), chain.events, strict=False):
            before[later.event] = later if earlier is None else earlier
    for one in some:
        if (earlier := before.get(one.event)) is None:
            continue
        if earlier is not one and not is_undo(earlier):
            yield earlier.verdict, -1
        if not is_undo(one):
            yield one.verdict, 1


def _values(row: RowMapping, some: Sequence[Event], plan: Plan) -> dict[str, object] | None:
    """What changes in a row; None for nothing."""
    found = tally(some, row["wanted"], plan)
    state = row["state"]
    if state in (OPEN, CLOSED):
        state = CLOSED if found.given >= found.wanted or found.skips >= plan.skips else OPEN
    need = max(0, found.wanted - found.given - row["pending"]) if state == OPEN else 0
    values = {name: getattr(found, name) for name in COUNTED}
    values |= {"given": found.given, "wanted": found.wanted, "state": state, "need": need}
    return None if all(row[name] == value for name, value in values.items()) else {"which": row["id"], **values}


def _with_counts(connection: Connection) -> list[str]:
    counted = select(items.c.id).where(or_(items.c.given > 0, items.c.skips > 0))
    answered = select(events.c.item).where(events.c.kind == JUDGEMENT)
    return list(connection.scalars(union(counted, answered)))


def _events_of(connection: Connection, ids: Sequence[str]) -> dict[str, list[Event]]:
    """In the order of writing."""
    found: dict[str, list[Event]] = {}
    for row in connection.execute(select(events).where(events.c.item.in_(ids)).order_by(events.c.seq)).mappings():
        found.setdefault(row["item"], []).append(to_event(row))
    return found
