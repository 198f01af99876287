"""What visitors of the Remove tab say of their own removals: a yes or a no. Of their photos only hashes are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, func, select
from sqlalchemy.exc import IntegrityError

from rorem.errors import BadData
from rorem.labels.event import JUDGEMENT, LONGEST, Event, new_id
from rorem.labels.items import PRIVATE, add_items, row_of
from rorem.labels.plan import Plan
from rorem.labels.store import Store, add_events, to_event
from rorem.labels.tables import events
from rorem.triplet import Triplet

SOURCE = "public"
ANSWERS = ("yes", "no")
MOST_CHANGES = 20  # of one person's mind about one result


@dataclass(frozen=True)
class Made:
    """How a result came about. options: JSON. seconds: that the removal took."""

    method: str
    revision: str = ""
    options: str = "{}"
    protocol: str = ""
    seed: int = 0
    network_calls: int = 0
    seconds: float | None = None


def record(source: bytes, mask: bytes, result: bytes, made: Made) -> Triplet:
    """A visitor's removal as a record: PNG files as `labels.pixels` makes them. It has no name but its hash."""
    told = {name: getattr(made, name) for name in ("method", "revision", "options", "protocol", "seed")}
    triplet = Triplet("", source, mask, result, network_calls=made.network_calls, **told)
    return Triplet(f"visitor-{triplet.id[:16]}", source, mask, result, network_calls=made.network_calls, **told)


def private_row(
    triplet: Triplet, made: Made, plan: Plan, order_seed: int, mask_share: float, now: int
) -> dict[str, Any]:
    """The row of an item that nobody is shown: hashes and how it was made, no pictures. now: ms."""
    return row_of(triplet, plan, order_seed, now, mask_share=mask_share, state=PRIVATE, removal_seconds=made.seconds)


def judge(
    store: Store,
    row: Mapping[str, Any],
    annotator: str,
    verdict: str,
    reasons: tuple[str, ...],
    seconds: float,
    now: int,
) -> Event:
    """Keeps a visitor's yes or no about a result, on disk when it returns; another one supersedes the one before.

    row: of `private_row`. annotator: their pseudonym. The same answer again changes nothing. now: ms.
    Raises BadData for what is no such answer or one change too many, CannotSave.
    """
    if verdict not in ANSWERS:
        raise BadData("The answer is yes or no.", "Press one of the two buttons.")

    def write(connection: Connection) -> Event:
        return _judge(connection, row, annotator, verdict, reasons, bounded(seconds), now)

    try:
        return store.write(write)
    except IntegrityError:  # two presses at once: the second sees what the first has written
        return store.write(write)


def bounded(seconds: float) -> float:
    """A time that a browser told, as a label may hold it."""
    return min(LONGEST, max(0.0, seconds)) if seconds == seconds else 0.0


def derived(*parts: str) -> str:
    """An id, 32 hex digits, that is the same for the same parts: for what may be answered once."""
    return hashlib.sha256("\0".join(("public", *parts)).encode()).hexdigest()[:32]


def _judge(
    connection: Connection,
    row: Mapping[str, Any],
    annotator: str,
    verdict: str,
    reasons: tuple[str, ...],
    seconds: float,
    now: int,
) -> Event:
    item = row["id"]
    mine = (events.c.annotator == annotator, events.c.item == item)
    later = events.alias()
    valid = ~exists().where(later.c.supersedes == events.c.event)
    found = connection.execute(select(events).where(*mine, valid)).mappings().first()
    before = None if found is None else to_event(found)
    if before is not None and (before.verdict, set(before.reasons)) == (verdict, set(reasons)):
        return before
    if (connection.scalar(select(func.count()).select_from(events).where(*mine)) or 0) >= MOST_CHANGES:
        raise BadData("You have changed your answer often enough.", "The last one counts.")
    event = Event(
        event=new_id(),
        kind=JUDGEMENT,
        annotator=annotator,
        verdict=verdict,
        item=item,
        reasons=reasons,
        seconds=seconds,
        handout=derived(annotator, item) if before is None else "",
        source=SOURCE,
        supersedes="" if before is None else before.event,
        at=now,
    )
    add_items(connection, [dict(row)])
    add_events(connection, [event])
    return event
