"""The queue: who is asked about what next, and what an answer changes.

Blind and fair. The database does the choosing, through indexes: the group (category and mask size) that was asked about
least, in it the items with the fewest answers, among those one at random under the annotator's seed.
"""

from __future__ import annotations

import random
import secrets
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, insert, literal, select, update
from sqlalchemy.engine import RowMapping

from rorem.errors import BadData
from rorem.labels.event import JUDGEMENT, Event, new_id
from rorem.labels.identity import NotAllowed
from rorem.labels.items import CLOSED, GOLD, OPEN, REPORTED, item_of
from rorem.labels.plan import Plan
from rorem.labels.store import Store, add_events, to_event
from rorem.labels.tables import annotators, events, handouts, items, reports, strata

GROUPS = 8  # tried before any item will do
SWEPT = 200  # hand-outs taken back at a time
COUNTED = 1000  # items left are counted up to here
PACE = 50  # answers that the pace is taken of
OLDEST = 100  # items that a repeat is drawn from


@dataclass(frozen=True)
class Handout:
    """An item lent to an annotator. id: 32 hex digits that nobody else knows: who has it may see the pictures."""

    id: str
    item: str
    expires: int


@dataclass(frozen=True)
class Progress:
    """done: answers of this annotator. left: items that they can still be asked about, at most 1000. pace: s an answer,
    the median of the last fifty; None without any."""

    done: int
    left: int
    pace: float | None


class Queue:
    """What annotators do. Every method is one transaction, on disk when it returns; any of them raises CannotSave."""

    def __init__(self, store: Store, plan: Plan, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self.plan = plan
        self._clock = clock

    def lent(self, annotator: str, most: int) -> list[Handout]:
        """Items for this annotator: those that they have already and then new ones, `most` in all; fewer at the end.

        Who comes back gets what they had.
        """
        held = self._store.write(lambda connection: _mine(connection, annotator, self.plan, self._now()))
        while len(held) < most:  # one transaction each: no two servers wait for each other
            more = self._store.write(lambda connection: _draw(connection, annotator, self.plan, self._now()))
            if more is None:
                break
            held.append(more)
        return held

    def answer(
        self, handout: str, annotator: str, verdict: str, reasons: tuple[str, ...] = (), seconds: float = 0.0
    ) -> Event:
        """Takes the one answer of a hand-out. The same one again changes nothing and returns the same event.

        Raises NotAllowed for what was not handed out to this annotator, BadData for an answer that is none, and for
        another one than was given before.
        """
        return self._store.write(
            lambda connection: _answer(
                connection, handout, annotator, verdict, reasons, seconds, self.plan, self._now()
            )
        )

    def undo(self, annotator: str) -> Handout | None:
        """Takes the last answer back, by a superseding skip, and hands the item out again. None: there is no more."""
        return self._store.write(lambda connection: _undo(connection, annotator, self.plan, self._now()))

    def report(self, handout: str, annotator: str) -> None:
        """Takes an item out of the queue until the operator has looked at it. Raises NotAllowed."""
        self._store.write(lambda connection: _report(connection, handout, annotator, self._now()))

    def progress(self, annotator: str) -> Progress:
        return self._store.read(lambda connection: _progress(connection, annotator))

    def item(self, handout: str) -> RowMapping | None:
        """The item of a hand-out, for its pictures. None for an unknown one, or one that was taken out."""
        return self._store.read(lambda connection: _item_of_handout(connection, handout))

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _mine(connection: Connection, annotator: str, plan: Plan, now: int) -> list[Handout]:
    """What the annotator has; with what they had once, and is still wanted."""
    _take_back(connection, now)
    expired = (
        select(handouts)
        .join(items, items.c.id == handouts.c.item)
        .where(handouts.c.annotator == annotator, handouts.c.status == "expired")
        .where((items.c.need > 0) | ~handouts.c.counts)
        .order_by(handouts.c.at)
        .limit(OLDEST)
    )
    expires = now + int(plan.timeout * 1000)
    for row in connection.execute(expired).mappings().all():
        connection.execute(update(handouts).where(handouts.c.id == row["id"]).values(status="out", expires=expires))
        if row["counts"]:
            _pending(connection, row["item"], 1)
    out = select(handouts).where(handouts.c.annotator == annotator, handouts.c.status == "out").order_by(handouts.c.at)
    return [Handout(row["id"], row["item"], row["expires"]) for row in connection.execute(out).mappings()]


def _take_back(connection: Connection, now: int) -> None:
    """Ends hand-outs whose time is over."""
    over = select(handouts).where(handouts.c.status == "out", handouts.c.expires < now).limit(SWEPT)
    for row in connection.execute(over.with_for_update(skip_locked=True)).mappings().all():
        connection.execute(update(handouts).where(handouts.c.id == row["id"]).values(status="expired"))
        if row["counts"]:
            _pending(connection, row["item"], -1)


def _draw(connection: Connection, annotator: str, plan: Plan, now: int) -> Handout | None:
    known = _annotator(connection, annotator, now)
    chance = random.Random(f"{known['order_seed']}:{known['draws']}")
    kind = chance.random()
    item = purpose = None
    if kind < plan.gold:
        item, purpose = _unseen_gold(connection, annotator, chance), "gold"
    elif kind < plan.gold + plan.repeats:
        item, purpose = _repeat(connection, annotator, plan, chance), "repeat"
    if item is None:
        item, purpose = _unseen(connection, annotator, chance), "ask"
    if item is None:
        return None
    return _hand_out(connection, annotator, item, purpose or "ask", plan, now)


def _annotator(connection: Connection, annotator: str, now: int) -> RowMapping:
    wanted = select(annotators).where(annotators.c.id == annotator).with_for_update()
    found = connection.execute(wanted).mappings().first()
    if found is None:
        told = {"id": annotator, "order_seed": secrets.randbits(62), "draws": 0, "since": now}
        connection.execute(insert(annotators).values(told))
        found = connection.execute(wanted).mappings().one()
    return found


def _seen(annotator: str) -> ColumnElement[bool]:
    return exists().where(handouts.c.annotator == annotator, handouts.c.item == items.c.id)


def _unseen(connection: Connection, annotator: str, chance: random.Random) -> RowMapping | None:
    start = chance.getrandbits(62)
    waiting = exists().where(items.c.stratum == strata.c.id, items.c.need > 0)
    groups = select(strata.c.id).where(waiting).order_by(strata.c.asked, strata.c.id).limit(GROUPS)
    for group in connection.scalars(groups).all():
        if (found := _in(connection, annotator, items.c.stratum == group, start)) is not None:
            return found
    return _in(connection, annotator, literal(True), start)


def _in(connection: Connection, annotator: str, group: ColumnElement[bool], start: int) -> RowMapping | None:
    """Of a group, an item with the fewest answers, the first behind `start` in the shuffled order."""
    needed = and_(group, items.c.need > 0)
    given = connection.scalar(select(func.min(items.c.given)).where(needed))
    most = connection.scalar(select(func.max(items.c.given)).where(needed))
    if given is None or most is None:
        return None
    for level in range(given, most + 1):
        for side in (items.c.rank >= start, items.c.rank < start):
            wanted = select(items).where(needed, items.c.given == level, side, ~_seen(annotator))
            ordered = wanted.order_by(items.c.rank).limit(1).with_for_update(skip_locked=True, of=items)
            if (found := connection.execute(ordered).mappings().first()) is not None:
                return found
    return None


def _unseen_gold(connection: Connection, annotator: str, chance: random.Random) -> RowMapping | None:
    start = chance.getrandbits(62)
    for side in (items.c.rank >= start, items.c.rank < start):
        wanted = select(items).where(items.c.gold != "", items.c.state == GOLD, side, ~_seen(annotator))
        if (found := connection.execute(wanted.order_by(items.c.rank).limit(1)).mappings().first()) is not None:
            return found
    return None


def _repeat(connection: Connection, annotator: str, plan: Plan, chance: random.Random) -> RowMapping | None:
    """An item that this annotator said yes or no to a while ago, once."""
    mine = select(handouts.c.at).where(handouts.c.annotator == annotator).order_by(handouts.c.at.desc())
    edge = connection.scalar(mine.offset(plan.distance).limit(1))
    if edge is None:
        return None
    again = handouts.alias()
    repeated = exists().where(again.c.annotator == annotator, again.c.item == handouts.c.item, again.c.purpose != "ask")
    wanted = (
        select(handouts.c.item)
        .join(events, events.c.handout == handouts.c.id)
        .join(items, items.c.id == handouts.c.item)
        .where(handouts.c.annotator == annotator, handouts.c.purpose == "ask", handouts.c.status == "answered")
        .where(handouts.c.at <= edge, events.c.verdict.in_(("yes", "no")), items.c.state.in_((OPEN, CLOSED)), ~repeated)
        .order_by(handouts.c.at)
        .limit(OLDEST)
    )
    found = connection.scalars(wanted).all()
    return item_of(connection, chance.choice(found)) if found else None


def _hand_out(
    connection: Connection, annotator: str, item: RowMapping, purpose: str, plan: Plan, now: int, replaces: str = ""
) -> Handout:
    counts = purpose == "ask"
    id, expires = new_id(), now + int(plan.timeout * 1000)
    told = {"item": item["id"], "annotator": annotator, "purpose": purpose, "counts": counts, "status": "out"}
    connection.execute(insert(handouts).values(id=id, **told, at=now, expires=expires, supersedes=replaces))
    if counts:
        _pending(connection, item["id"], 1)
        connection.execute(update(strata).where(strata.c.id == item["stratum"]).values(asked=strata.c.asked + 1))
    connection.execute(update(annotators).where(annotators.c.id == annotator).values(draws=annotators.c.draws + 1))
    return Handout(id, item["id"], expires)


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
    lent = _lent_to(connection, handout, annotator)
    if lent["status"] == "answered":
        before = connection.execute(select(events).where(events.c.handout == handout)).mappings().one()
        given = to_event(before)
        if (given.verdict, given.reasons) != (verdict, reasons):
            raise BadData("This removal was answered already.", "Undo takes the last answer back.")
        return given
    if lent["status"] == "dropped":
        raise BadData("This removal is no longer asked about.", "Go on with the next one.")
    item = item_of(connection, lent["item"])
    if item is None:
        raise BadData("This photo was withdrawn.", "Go on with the next one.")
    seed = connection.scalar(select(annotators.c.order_seed).where(annotators.c.id == annotator)) or 0
    event = Event(
        event=new_id(),
        kind=JUDGEMENT,
        annotator=annotator,
        verdict=verdict,
        item=lent["item"],
        reasons=reasons,
        seconds=seconds,
        order_seed=seed,
        handout=handout,
        source="gold" if item["gold"] else "annotator",
        supersedes=lent["supersedes"],
        at=now,
    )
    add_events(connection, [event])
    connection.execute(update(handouts).where(handouts.c.id == handout).values(status="answered"))
    if lent["counts"]:
        _tally(connection, item["id"], verdict, 1, plan, returned=lent["status"] == "out")
    return event


def _undo(connection: Connection, annotator: str, plan: Plan, now: int) -> Handout | None:
    later = events.alias()
    last = (
        select(events, handouts.c.counts)
        .join(handouts, handouts.c.id == events.c.handout)
        .where(events.c.annotator == annotator, events.c.kind == JUDGEMENT)
        .where(~exists().where(later.c.supersedes == events.c.event))
        .order_by(events.c.seq.desc())
        .limit(1)
    )
    found = connection.execute(last).mappings().first()
    if found is None:
        return None
    item = item_of(connection, found["item"])
    if item is None or item["state"] == REPORTED:
        return None
    taken_back = Event(
        event=new_id(),
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
    connection.execute(update(handouts).where(handouts.c.id == found["handout"]).values(status="dropped"))
    handed = _hand_out(connection, annotator, item, "redo", plan, now, taken_back.event)
    if found["counts"]:
        connection.execute(update(handouts).where(handouts.c.id == handed.id).values(counts=True))
        _pending(connection, item["id"], 1)
        _tally(connection, item["id"], found["verdict"], -1, plan)
    return handed


def _report(connection: Connection, handout: str, annotator: str, now: int) -> None:
    lent = _lent_to(connection, handout, annotator)
    connection.execute(insert(reports).values(item=lent["item"], annotator=annotator, at=now))
    connection.execute(update(items).where(items.c.id == lent["item"]).values(state=REPORTED, need=0))
    if lent["status"] == "answered":
        return
    connection.execute(update(handouts).where(handouts.c.id == handout).values(status="dropped"))
    if lent["counts"] and lent["status"] == "out":
        _pending(connection, lent["item"], -1)


def _lent_to(connection: Connection, handout: str, annotator: str) -> RowMapping:
    """Raises NotAllowed, the same for what belongs to another and for what does not exist."""
    found = connection.execute(select(handouts).where(handouts.c.id == handout).with_for_update()).mappings().first()
    if found is None or found["annotator"] != annotator:
        raise NotAllowed("This removal was not handed out to you.", "Go on with the next one.")
    return found


def _pending(connection: Connection, item: str, change: int) -> None:
    connection.execute(update(items).where(items.c.id == item).values(pending=items.c.pending + change))
    _need(connection, item)


def _tally(connection: Connection, item: str, verdict: str, change: int, plan: Plan, returned: bool = False) -> None:
    """Counts an answer, or takes it off, and says whether the item needs more. returned: the hand-out is over, too."""
    column = items.c.skips if verdict == "skip" else items.c[verdict]
    values = {column: column + change, items.c.pending: items.c.pending - int(returned)}
    if verdict != "skip":
        values[items.c.given] = items.c.given + change
    connection.execute(update(items).where(items.c.id == item).values(values))
    row = item_of(connection, item)
    assert row is not None
    wanted, given = row["wanted"], row["given"]
    leading = max(row["yes"], row["no"], row["mask_wrong"])
    disputed = wanted > 1 and given >= wanted and leading < plan.clear * given
    if disputed and wanted + 2 <= plan.most_answers:
        wanted += 2
    state = row["state"]
    if state in (OPEN, CLOSED):
        state = CLOSED if given >= wanted or row["skips"] >= plan.skips else OPEN
    connection.execute(update(items).where(items.c.id == item).values(wanted=wanted, state=state))
    _need(connection, item)


def _need(connection: Connection, item: str) -> None:
    left = items.c.wanted - items.c.given - items.c.pending
    need = case((and_(items.c.state == OPEN, left > 0), left), else_=0)
    connection.execute(update(items).where(items.c.id == item).values(need=need))


def _progress(connection: Connection, annotator: str) -> Progress:
    done = connection.scalar(
        select(func.count()).where(handouts.c.annotator == annotator, handouts.c.status == "answered")
    )
    some = select(literal(1)).select_from(items).where(items.c.need > 0, ~_seen(annotator)).limit(COUNTED)
    left = connection.scalar(select(func.count()).select_from(some.subquery()))
    last = select(events.c.seconds).where(events.c.annotator == annotator, events.c.handout != "")
    seconds = connection.scalars(last.order_by(events.c.seq.desc()).limit(PACE)).all()
    return Progress(done or 0, left or 0, statistics.median(seconds) if seconds else None)


def _item_of_handout(connection: Connection, handout: str) -> RowMapping | None:
    wanted = select(items).join(handouts, handouts.c.item == items.c.id)
    return connection.execute(wanted.where(handouts.c.id == handout, handouts.c.status != "dropped")).mappings().first()
