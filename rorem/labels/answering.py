"""What annotators do with a hand-out, each within one transaction: answer it, take the answer back, report the item.

Locks are taken in the order of `lending`.
"""

from __future__ import annotations

from sqlalchemy import Connection, Select, bindparam, exists, insert, select, update
from sqlalchemy.engine import RowMapping

from rorem.errors import BadData
from rorem.labels.counts import change_pending, locked, tally
from rorem.labels.event import JUDGEMENT, Event, is_id, new_id
from rorem.labels.identity import NotAllowed
from rorem.labels.items import REPORTED, SHARED
from rorem.labels.lending import Handout, hand_out, lock, set_draws, set_status
from rorem.labels.plan import Plan
from rorem.labels.store import add_events, to_event
from rorem.labels.tables import events, handouts, items, reports

STRANGER = "This removal was not handed out to you."
NOT_LAST = ("Only the last answer can be taken back.", "Go back one by one.")
NEXT = "Go on with the next one."
NOBODY = ""  # who reports what cannot be shown


def answer(
    connection: Connection,
    handout: str,
    annotator: str,
    verdict: str,
    reasons: tuple[str, ...],
    seconds: float,
    plan: Plan,
    now: int,
) -> Event:
    """See `Queue.answer`."""
    lent, known = _lent_to(connection, handout, annotator)
    if lent["status"] == "answered":
        before = connection.execute(select(events).where(events.c.handout == handout)).mappings().one()
        given = to_event(before)
        if (given.verdict, given.reasons) != (verdict, reasons):
            raise BadData("This removal was answered already.", "Undo takes the last answer back.")
        return given
    if lent["status"] == "dropped":
        raise BadData("This removal is no longer asked about.", NEXT)
    item = locked(connection, lent["item"])
    if item is None:
        raise BadData("This photo was withdrawn.", NEXT)
    event = Event(
        event=new_id(),
        kind=JUDGEMENT,
        annotator=annotator,
        verdict=verdict,
        item=lent["item"],
        reasons=reasons,
        seconds=seconds,
        order_seed=known["order_seed"],
        handout=handout,
        source="gold" if item["gold"] else "annotator",
        supersedes=lent["supersedes"],
        at=now,
    )
    add_events(connection, [event])
    set_status(connection, handout, "answered")
    if lent["counts"]:
        tally(connection, item, verdict, 1, plan, pending=-1 if lent["status"] == "out" else 0)
    return event


def undo(connection: Connection, annotator: str, answered: str, event: str, plan: Plan, now: int) -> Handout | None:
    """See `Queue.undo`. event: the id that the undo gets, or has where the first try was written after all."""
    known = lock(connection, annotator)
    if known is None:
        return None
    if (again := _undone(connection, annotator, answered, event)) is not None:
        return again
    found = connection.execute(_LAST, {"who": annotator}).mappings().first()
    if found is None:
        return None
    if answered and found["handout"] != answered:
        raise BadData(*NOT_LAST)
    item = locked(connection, found["item"])
    if item is None or item["state"] not in SHARED:  # just now
        return None
    taken_back = Event(
        event=event,
        kind=JUDGEMENT,
        annotator=annotator,
        verdict="skip",
        item=found["item"],
        order_seed=found["order_seed"],
        source=found["source"],
        supersedes=found["event"],
        at=now,
    )
    add_events(connection, [taken_back])
    set_status(connection, found["handout"], "dropped")
    draws = known["draws"]
    handed = hand_out(connection, annotator, item["id"], "redo", found["counts"], draws, plan, now, taken_back.event)
    set_draws(connection, annotator, draws + 1)
    if found["counts"]:
        tally(connection, item, found["verdict"], -1, plan, pending=1)
    return handed


def _undone(connection: Connection, annotator: str, answered: str, event: str) -> Handout | None:
    """The hand-out that came of this undo, or of one of the same answer. Raises BadData if that is answered, too."""
    mine = select(events.c.event).where(events.c.annotator == annotator, events.c.handout == "")
    undo = connection.scalar(mine.where(events.c.event == event))
    if undo is None and answered:
        before = select(events.c.event).where(events.c.handout == answered).scalar_subquery()
        undo = connection.scalar(mine.where(events.c.supersedes == before))
    if undo is None:
        return None
    came = select(handouts).where(handouts.c.annotator == annotator, handouts.c.supersedes == undo)
    row = connection.execute(came).mappings().first()
    if row is None or row["status"] not in ("out", "expired"):
        raise BadData(*NOT_LAST)
    return Handout(row["id"], row["item"], row["expires"])


def report(connection: Connection, handout: str, annotator: str, now: int) -> None:
    """See `Queue.report`."""
    lent, _ = _lent_to(connection, handout, annotator)
    mine = select(reports.c.id).where(reports.c.item == lent["item"], reports.c.annotator == annotator)
    if connection.execute(mine.limit(1)).first() is None:
        _take_out(connection, lent, annotator, now, reported=True)


def put_away(connection: Connection, handout: str, odd: bool, now: int) -> None:
    """Takes back a hand-out that cannot be shown. odd: nobody ever could, so the item waits for the operator."""
    owner = connection.scalar(select(handouts.c.annotator).where(handouts.c.id == handout))
    if owner is None:
        return
    lent, _ = _lent_to(connection, handout, owner)
    _take_out(connection, lent, NOBODY, now, reported=odd)


def last(connection: Connection, annotator: str) -> str:
    """The hand-out of the answer that `undo` would take back; "" without any."""
    found = connection.execute(_LAST, {"who": annotator}).mappings().first()
    return found["handout"] if found else ""


def _take_out(connection: Connection, lent: RowMapping, who: str, now: int, reported: bool) -> None:
    """Ends a hand-out, and takes its item out of the queue where it is reported."""
    item = locked(connection, lent["item"])
    if lent["status"] in ("out", "expired"):
        set_status(connection, lent["id"], "dropped")
    if item is None:
        return
    if lent["counts"] and lent["status"] == "out":
        change_pending(connection, lent["item"], -1)
    if reported:
        connection.execute(insert(reports).values(item=lent["item"], annotator=who, at=now))
        shared = items.c.state.in_(SHARED)
        connection.execute(update(items).where(items.c.id == lent["item"], shared).values(state=REPORTED, need=0))


def _lent_to(connection: Connection, handout: str, annotator: str) -> tuple[RowMapping, RowMapping]:
    """The hand-out and the annotator, both locked.

    Raises NotAllowed, the same for what belongs to another and for what does not exist.
    """
    if not is_id(handout) or not is_id(annotator):
        raise NotAllowed(STRANGER, NEXT)
    known = lock(connection, annotator)
    found = connection.execute(_HANDOUT, {"which": handout}).mappings().first()
    if known is None or found is None or found["annotator"] != annotator:
        raise NotAllowed(STRANGER, NEXT)
    return found, known


def _last() -> Select[*tuple[object, ...]]:
    """The newest answer of an annotator that holds, of an item that they may still be asked about."""
    later = events.alias()
    return (
        select(events, handouts.c.counts)
        .join(handouts, handouts.c.id == events.c.handout)
        .join(items, items.c.id == events.c.item)
        .where(events.c.annotator == bindparam("who"), events.c.kind == JUDGEMENT, items.c.state.in_(SHARED))
        .where(~exists().where(later.c.supersedes == events.c.event))
        .order_by(events.c.seq.desc())
        .limit(1)
    )


# Statements are made once: making one takes longer than running it.
_HANDOUT = select(handouts).where(handouts.c.id == bindparam("which")).with_for_update()
_LAST = _last()
