"""The queue: who is asked about what next, and what an answer changes.

Blind and fair: the group (category and mask size) that was asked about least, in it the items with the fewest answers,
among those one at random under the annotator's seed. `lending` hands it out, `answering` takes what is said.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, case, func, select
from sqlalchemy.engine import RowMapping

from rorem.errors import BadData
from rorem.labels import answering
from rorem.labels.answering import NOT_LAST, STRANGER
from rorem.labels.choosing import seen
from rorem.labels.counts import NEEDED
from rorem.labels.event import LONGEST, Event, is_id, new_id
from rorem.labels.identity import NotAllowed
from rorem.labels.items import SHARED
from rorem.labels.lending import Handout, lend, take_back
from rorem.labels.plan import Plan
from rorem.labels.store import Store
from rorem.labels.tables import events, handouts, items

__all__ = ["Handout", "Progress", "Queue"]
COUNTED = 1000  # items left are counted up to here
LOOKED_AT = 2000  # items, to count those that are left
SWEEP = 1000  # ms between two looks for hand-outs whose time is over
PACE = 50  # answers that the pace is taken of


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
            lambda connection: answering.answer(
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
            lambda connection: answering.undo(connection, annotator, answered, event, self.plan, self._now())
        )

    def report(self, handout: str, annotator: str) -> None:
        """Takes an item out of the queue until the operator has looked at it; each annotator can do so once an item.

        Raises NotAllowed.
        """
        self._store.write(lambda connection: answering.report(connection, handout, annotator, self._now()))

    def put_away(self, handout: str, odd: bool) -> None:
        """Takes back a hand-out that cannot be shown. odd: nobody ever could, so the item waits for the operator."""
        self._store.write(lambda connection: answering.put_away(connection, handout, odd, self._now()))

    def last(self, annotator: str) -> str:
        """The hand-out of the answer that `undo` would take back; "" without any."""
        return self._store.read(lambda connection: answering.last(connection, annotator))

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
