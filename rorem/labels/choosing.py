"""Which item an annotator gets next. The database does the choosing, through indexes: a million are no trouble."""

from __future__ import annotations

import random
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, exists, func, literal_column, select
from sqlalchemy.engine import RowMapping

from rorem.labels.counts import NEEDED
from rorem.labels.items import CLOSED, GOLD, OPEN, item_of
from rorem.labels.plan import Plan
from rorem.labels.tables import events, handouts, items, strata

GROUPS = 4  # tried before any item will do
LOOKED_AT = 32  # items of a group, to see whether it has any that the annotator has not seen

Chosen = tuple[RowMapping | None, str]
Sides = tuple[Select[Any, Any], ...]


def choose(connection: Connection, annotator: str, chance: random.Random, draws: int, plan: Plan) -> Chosen:
    """The next item and what it is for: ask, gold or repeat. chance: of the annotator's seed and number of draws.

    Some items are known ones, some are repeats. For all others: of the groups that were asked about least, an item with
    the fewest answers, the first one behind a random place in the shuffled order.
    """
    kind, start = chance.random(), chance.getrandbits(62)
    if kind < plan.gold:
        if (item := _first(connection, _GOLD, {"who": annotator, "start": start})) is not None:
            return item, "gold"
    elif kind < plan.gold + plan.repeats and (
        (item := _repeat(connection, annotator, draws - plan.distance, chance)) is not None
    ):
        return item, "repeat"
    for group in connection.scalars(_GROUPS, {"who": annotator}).all():
        if (item := _first(connection, _IN, {"who": annotator, "start": start, "group": group})) is not None:
            return item, "ask"
    return _any(connection, annotator, start, _ANY), "ask"


def wait_for_any(connection: Connection, annotator: str) -> RowMapping | None:
    """An item that another server may have had in hand when `choose` passed it over."""
    return _any(connection, annotator, 0, _ANY_WAITING)


def seen(item: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the annotator bound as `who` has, or had, this item."""
    return exists().where(handouts.c.item == item, handouts.c.annotator == bindparam("who"))


def _first(connection: Connection, sides: Sides, values: dict[str, object]) -> RowMapping | None:
    """From a place in the shuffled order to its end, and then from its beginning."""
    for side in sides:
        if (found := connection.execute(side, values).mappings().first()) is not None:
            return found
    return None


def _any(connection: Connection, annotator: str, start: int, sides: Sides) -> RowMapping | None:
    """An item of any group with the fewest answers; looks at all that there are."""
    fewest, most = connection.scalar(_FEWEST), connection.scalar(_MOST)
    if fewest is None or most is None:
        return None
    for level in range(fewest, most + 1):
        if (item := _first(connection, sides, {"who": annotator, "start": start, "level": level})) is not None:
            return item
    return None


def _repeat(connection: Connection, annotator: str, last: int, chance: random.Random) -> RowMapping | None:
    """An item that this annotator said yes or no to, once. last: of their hand-outs; later ones are fresh in mind."""
    if last < 0:
        return None
    start = chance.randint(0, last)
    for low, high in ((start, last), (0, start - 1)):
        found = connection.scalar(_REPEAT, {"who": annotator, "low": low, "high": high})
        if found is not None:
            return item_of(connection, found)
    return None


# Statements are made once: making one takes longer than running it.
_SIDES = (items.c.rank >= bindparam("start"), items.c.rank < bindparam("start"))


def _groups() -> Select[Any]:
    """Those that were asked about least, of those that seem to have something for this annotator."""
    some = (
        select(items.c.id.label("id"))
        .where(items.c.stratum == strata.c.id, NEEDED)
        .order_by(items.c.given, items.c.rank)
        .limit(LOOKED_AT)
        .correlate(strata)
        .subquery()
    )
    fresh = exists(select(literal_column("1")).select_from(some).where(~seen(some.c.id)))
    return select(strata.c.id).where(fresh).order_by(strata.c.asked, strata.c.id).limit(GROUPS)


def _in(side: ColumnElement[bool]) -> Select[Any, Any]:
    """Of a group, among the items with the fewest answers."""
    group = items.c.stratum == bindparam("group")
    fewest = select(func.min(items.c.given)).where(group, NEEDED).scalar_subquery()
    some = (
        select(items.c.id, items.c.rank)
        .where(group, NEEDED, items.c.given == fewest, side)
        .order_by(items.c.rank)
        .limit(LOOKED_AT)
        .subquery()
    )
    fresh = select(items.c.id, items.c.stratum).join(some, some.c.id == items.c.id).where(NEEDED, ~seen(some.c.id))
    return fresh.order_by(some.c.rank).limit(1).with_for_update(skip_locked=True, of=items)


def _of_all(side: ColumnElement[bool], wait: bool = False) -> Select[Any, Any]:
    fresh = select(items.c.id, items.c.stratum).where(NEEDED, items.c.given == bindparam("level"), side)
    ordered = fresh.where(~seen(items.c.id)).order_by(items.c.rank).limit(1)
    return ordered.with_for_update(skip_locked=not wait, of=items)


def _known(side: ColumnElement[bool]) -> Select[Any, Any]:
    gold = items.c.gold != literal_column("''")  # as the partial index has it
    fresh = select(items.c.id, items.c.stratum).where(gold, items.c.state == GOLD, side, ~seen(items.c.id))
    return fresh.order_by(items.c.rank).limit(1)


def _repeats() -> Select[Any]:
    again = handouts.alias()
    mine = again.c.annotator == bindparam("who")
    repeated = exists().where(again.c.item == handouts.c.item, mine, again.c.purpose != "ask")
    answered = exists().where(events.c.handout == handouts.c.id, events.c.verdict.in_(("yes", "no")))
    there = exists().where(items.c.id == handouts.c.item, items.c.state.in_((OPEN, CLOSED)))
    return (
        select(handouts.c.item)
        .where(handouts.c.annotator == bindparam("who"))
        .where(handouts.c.number.between(bindparam("low"), bindparam("high")))
        .where(handouts.c.purpose == "ask", handouts.c.status == "answered", answered, there, ~repeated)
        .order_by(handouts.c.number)
        .limit(1)
    )


_GROUPS = _groups()
_IN = tuple(_in(side) for side in _SIDES)
_ANY = tuple(_of_all(side) for side in _SIDES)
_ANY_WAITING = tuple(_of_all(side, wait=True) for side in _SIDES)
_FEWEST = select(func.min(items.c.given)).where(NEEDED)  # each on its own: so the index answers at once
_MOST = select(func.max(items.c.given)).where(NEEDED)
_GOLD = tuple(_known(side) for side in _SIDES)
_REPEAT = _repeats()
