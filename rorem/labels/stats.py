"""Counts of a store, quick enough to be asked at any time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, case, func, select

from rorem.labels.event import SOURCES, VOTE
from rorem.labels.items import CLOSED, SHARED, STATES
from rorem.labels.store import Store
from rorem.labels.tables import events, items


@dataclass(frozen=True)
class Round:
    """Of the items of a round that annotators may see, checks apart: how many, how many have their answers, and the
    answers."""

    round: int
    items: int
    closed: int
    yes: int
    no: int
    mask_wrong: int
    skips: int


@dataclass(frozen=True)
class Counts:
    """events: all labels, taken back or not. judgements, gold, public, votes: by where they come from.

    annotators: who answered anything that the queue asked. states: items in each, those without any left out. wanted:
    answers that are still to be asked for.
    """

    events: int
    judgements: int
    gold: int
    public: int
    votes: int
    annotators: int
    items: int
    states: dict[str, int]
    wanted: int
    rounds: tuple[Round, ...]


def count(store: Store) -> Counts:
    """Raises CannotSave."""
    return store.read(_count)


def _count(connection: Connection) -> Counts:
    kinds = select(events.c.kind, events.c.source, func.count()).group_by(events.c.kind, events.c.source)
    told = {(kind, source): number for kind, source, number in connection.execute(kinds)}
    votes = sum(number for (kind, _), number in told.items() if kind == VOTE)
    of = {source: sum(n for (kind, from_), n in told.items() if kind != VOTE and from_ == source) for source in SOURCES}
    asked = select(func.count(events.c.annotator.distinct())).where(events.c.source != "public")
    found = connection.execute(select(items.c.state, func.count()).group_by(items.c.state)).all()
    by_state: dict[str, int] = {state: number for state, number in found}
    return Counts(
        events=sum(told.values()),
        judgements=of["annotator"],
        gold=of["gold"],
        public=of["public"],
        votes=votes,
        annotators=connection.scalar(asked) or 0,
        items=sum(by_state.values()),
        states={state: by_state[state] for state in STATES if state in by_state},
        wanted=int(connection.scalar(select(func.sum(items.c.need))) or 0),
        rounds=tuple(_rounds(connection)),
    )


def _rounds(connection: Connection) -> list[Round]:
    sums = [func.sum(items.c[name]) for name in ("yes", "no", "mask_wrong", "skips")]
    closed = func.sum(case((items.c.state == CLOSED, 1), else_=0))
    seen = and_(items.c.state.in_(SHARED), items.c.gold == "")
    wanted = select(items.c.round, func.count(), closed, *sums).where(seen).group_by(items.c.round)
    return [Round(*map(int, row)) for row in connection.execute(wanted.order_by(items.c.round))]
