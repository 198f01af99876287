"""The queue: who is asked about what next, and what an answer changes.

Blind and fair: the group (category and mask size) that was asked about least, in it the items with the fewest answers,
among those one at random under the annotator's seed. `lending` chooses.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, case, exists, func, insert, select, update
from sqlalchemy.engine import RowMapping

from rorem.errors import BadData
from rorem.labels.choosing import seen
from rorem.labels.counts import NEEDED, change_pending, locked, tally
from rorem.labels.event import JUDGEMENT, LONGEST, Event, is_id, new_id
from rorem.labels.identity import NotAllowed
from rorem.labels.items import REPORTED, SHARED
from rorem.labels.lending import Handout, hand_out, lend, lock, set_draws, set_status, take_back
from rorem.labels.plan import Plan
from rorem.labels.store import Store, add_events, to_event
from rorem.labels.tables import events, handouts, items, reports

__all__ = ["Handout", "Progress", "Queue"]
COUNTED = 1000  # items left are counted up to here
LOOKED_AT = 2000  # items, to count those that are left
SWEEP = 1000  # ms between two looks for hand-outs whose time is over
PACE = 50  # answers that the pace is taken of
STRANGER = "This removal was not handed out to you."
NOT_LAST = ("Only the last answer can be taken back.", "Go back one by one.")
NEXT = "Go on with the next one."


@dataclass(frozen=True)
class Progress:
    """done: answers of this annotator. left: items that they can still be asked about; where it is many, at least as
    many, and 1000 at most. pace: s an answer, the median of the last fifty; None without any."""

    done: int
    left: int
    pace: float | None


class Queue:
    """What annotators do. Every method is one transaction, on disk when it returns; any of them raises CannotSave."""

    def __init__(self, store: Store, plan: Plan, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self.plan = plan
        self._clock = clock
        self._swept = -SWEEP

    def lent(self, annotator: str, most: int) -> list[Handout]:
        """Items for this annotator: those that they have already and then new ones, `most` in all; fewer at the end.

        Who comes back gets what they had; what they took back comes first. Raises NotAllowed for what is no pseudonym.
        """
        if not is_id(annotator):
            raise NotAllowed(STRANGER)
        now = self._now()
        if abs(now - self._swept) >= SWEEP:
            self._store.write(lambda connection: take_back(connection, now))
            self._swept = now
        done, held = False, []
        while not done:
            held, done = self._store.write(lambda connection: lend(connection, annotator, most, self.plan, self._now()))
        return held

    def answer(
        self, handout: str, annotator: str, verdict: str, reasons: tuple[str, ...] = (), seconds: float = 0.0
    ) -> Event:
        """Takes the one answer of a hand-out. The same one again changes nothing and returns the same event.

        Raises NotAllowed for what was not handed out to this annotator, BadData for an answer that is none, and for
        another one than was given before.
        """
        reasons = tuple(reasons) if isinstance(reasons, list) else reasons  # JSON has no tuples and few floats
        seconds = float(seconds) if type(seconds) is int and abs(seconds) < LONGEST else seconds
        return self._store.write(
            lambda connection: _answer(
                connection, handout, annotator, verdict, reasons, seconds, self.plan, self._now()
            )
        )

    def undo(self, annotator: str, answered: str = "") -> Handout | None:
        """Takes the last answer back, by a superseding skip, and hands the item out again. None: there is no more.

        answered: the hand-out whose answer is meant, so that who asks twice takes back one only. Raises BadData where
        it is not the last one.
        """
        if not is_id(annotator):
            return None
        if answered and not is_id(answered):
            raise BadData(*NOT_LAST)
        event = new_id()  # found again where the first try was written after all
        return self._store.write(
            lambda connection: _undo(connection, annotator, answered, event, self.plan, self._now())
        )

    def report(self, handout: str, annotator: str) -> None:
        """Takes an item out of the queue until the operator has looked at it; each annotator can do so once an item.

        Raises NotAllowed.
        """
        self._store.write(lambda connection: _report(connection, handout, annotator, self._now()))

    def progress(self, annotator: str) -> Progress:
        if not is_id(annotator):
            raise NotAllowed(STRANGER)
        return self._store.read(lambda connection: _progress(connection, annotator))

    def item(self, handout: str) -> RowMapping | None:
        """The item of a hand-out, for its pictures. None for an unknown one, or one that was taken out."""
        if not is_id(handout):
            return None
        return self._store.read(lambda connection: _item_of_handout(connection, handout))

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _answer(
    connection: Connection,
    handout: str,
    annotator: str,
    verdict: str,
    reasons: tuple[str, ...],
    seconds: float,
    plan: Plan,
    now: int,
) -> Event:
    lent, known = _lent_to(connection, handout, annotator)
    if lent["status"] == "answered":
        before = connection.execute(select(events).where(events.c.handout == handout)).mappings().one()
        given = to_event(before)
        if (given.verdict, given.reasons) != (verdict, reasons):
            raise BadData("This removal was answered already.", "Undo takes the last answer back.")
        return given
    if lent["status"] == "dropped":
        raise BadData("This removal is no longer asked about.", "Go on with the next one.")
    item = locked(connection, lent["item"])
    if item is None:
        raise BadData("This photo was withdrawn.", "Go on with the next one.")
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


def _undo(connection: Connection, annotator: str, answered: str, event: str, plan: Plan, now: int) -> Handout | None:
    known = lock(connection, annotator)
    if known is None:
        return None
    if (again := _undone(connection, annotator, answered, event)) is not None:
        return again
    later = events.alias()
    last = (
        select(events, handouts.c.counts)
        .join(handouts, handouts.c.id == events.c.handout)
        .join(items, items.c.id == events.c.item)
        .where(events.c.annotator == annotator, events.c.kind == JUDGEMENT, items.c.state.in_(SHARED))
        .where(~exists().where(later.c.supersedes == events.c.event))
        .order_by(events.c.seq.desc())
        .limit(1)
    )
    found = connection.execute(last).mappings().first()
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


def _report(connection: Connection, handout: str, annotator: str, now: int) -> None:
    lent, _ = _lent_to(connection, handout, annotator)
    mine = select(reports.c.id).where(reports.c.item == lent["item"], reports.c.annotator == annotator)
    if connection.execute(mine.limit(1)).first() is not None:
        return
    if locked(connection, lent["item"]) is None:
        return
    if lent["status"] in ("out", "expired"):
        set_status(connection, handout, "dropped")
    if lent["counts"] and lent["status"] == "out":
        change_pending(connection, lent["item"], -1)
    connection.execute(insert(reports).values(item=lent["item"], annotator=annotator, at=now))
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


def _progress(connection: Connection, annotator: str) -> Progress:
    who = {"who": annotator}
    seconds = connection.scalars(_SECONDS, who).all()
    needed, left = connection.execute(_LEFT, who).one()
    if needed == LOOKED_AT and not left:  # perhaps there are some behind those that were looked at
        left = connection.scalar(_LEFT_OF_ALL, who)
    pace = statistics.median(seconds) if seconds else None
    return Progress(connection.scalar(_DONE, who) or 0, min(COUNTED, int(left or 0)), pace)


def _item_of_handout(connection: Connection, handout: str) -> RowMapping | None:
    return connection.execute(_ITEM, {"which": handout}).mappings().first()


# Statements are made once: making one takes longer than running it.
_HANDOUT = select(handouts).where(handouts.c.id == bindparam("which")).with_for_update()
_ITEM = (
    select(items)
    .join(handouts, handouts.c.item == items.c.id)
    .where(handouts.c.id == bindparam("which"), handouts.c.status != "dropped", items.c.state.in_(SHARED))
)
_mine = handouts.c.annotator == bindparam("who")
_DONE = select(func.count()).where(_mine, handouts.c.status == "answered")
_SECONDS = (
    select(events.c.seconds)
    .where(events.c.annotator == bindparam("who"), events.c.handout != "")
    .order_by(events.c.seq.desc())
    .limit(PACE)
)
_some = select(items.c.id).where(NEEDED).order_by(items.c.given, items.c.rank).limit(LOOKED_AT).subquery()
_LEFT = select(func.count(), func.sum(case((seen(_some.c.id), 0), else_=1))).select_from(_some)
_LEFT_OF_ALL = select(func.count()).select_from(
    select(items.c.id).where(NEEDED, ~seen(items.c.id)).limit(COUNTED).subquery()
)
