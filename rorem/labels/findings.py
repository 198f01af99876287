"""All that is told of a store's labels: counts, agreement, verdicts, annotators, disputes. What a report is made of."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select
from sqlalchemy.engine import Row

from rorem.labels.aggregation import JUDGED, Verdict, aggregate
from rorem.labels.agreement import Agreement, by_round
from rorem.labels.annotator_stats import Annotator, Share, annotators
from rorem.labels.current import Current, current
from rorem.labels.event import REASONS, Event
from rorem.labels.item_record import LATEST
from rorem.labels.leaderboard import Standing, board
from rorem.labels.plan import Plan
from rorem.labels.plots import Slot
from rorem.labels.store import Store
from rorem.labels.tables import items

SHOWN = 50  # disputed items in a list; the others are counted
SLOTS = 40  # points of a curve over time, at most
SPANS = (60, 300, 900, 3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400)  # s; a slot is one of these long
CLEAR = Plan().clear  # the share of the answers that the leading one needs, else an item is disputed
COLUMNS = (items.c.id, items.c.name, items.c.method, items.c.category, items.c.round, items.c.gold)


@dataclass(frozen=True)
class Accepted:
    """Of a method in a round. items: with a majority. yes: how many of those are accepted."""

    round: int
    method: str
    yes: Share


@dataclass(frozen=True)
class Disputed:
    id: str
    name: str
    method: str
    category: str
    verdict: Verdict


@dataclass(frozen=True)
class Findings:
    """state: what holds. judged: verdict by item. disputed: the most evenly split ones; in_dispute: how many there are.

    reasons: how often each was given for a no. slots: pace over time. likely: p_yes of every item that has one.
    """

    state: Current
    judged: dict[str, Verdict]
    agreement: list[Agreement]
    accepted: list[Accepted]
    people: list[Annotator]
    disputed: list[Disputed]
    in_dispute: int
    reasons: dict[str, int]
    slots: list[Slot]
    standings: list[Standing]
    likely: list[float]


def findings(store: Store, seed: int = 0) -> Findings:
    """Everything at once; some seconds for 200,000 labels. Raises Unavailable without crowd-kit, CannotSave."""
    state = current(event for _, event in store.events())
    rows = store.read(_items)
    judged = aggregate(state.answers)
    disputed = _disputed(judged, rows)
    return Findings(
        state=state,
        judged=judged,
        agreement=by_round(state.answers, {id: row.round for id, row in rows.items()}, seed),
        accepted=_accepted(judged, rows),
        people=annotators(state, {id: row.gold for id, row in rows.items() if row.gold}),
        disputed=disputed[:SHOWN],
        in_dispute=len(disputed),
        reasons=_reasons(state.answers),
        slots=_slots(state.answers),
        standings=board(store, seed) if state.votes else [],
        likely=[one.p_yes for one in judged.values() if one.p_yes is not None],
    )


def _items(connection: Connection) -> dict[str, Row]:
    return {row.id: row for row in connection.execute(select(*COLUMNS))}


def _accepted(judged: dict[str, Verdict], rows: dict[str, Row]) -> list[Accepted]:
    counts: Counter[tuple[int, str, str]] = Counter()
    for id, verdict in judged.items():
        if id in rows and verdict.majority:
            counts[rows[id].round, rows[id].method, verdict.majority] += 1
    groups = sorted({(round, method) for round, method, _ in counts})
    return [
        Accepted(round, method, Share(yes := counts[round, method, "yes"], yes + counts[round, method, "no"]))
        for round, method in groups
    ]


def _disputed(judged: dict[str, Verdict], rows: dict[str, Row]) -> list[Disputed]:
    """Those on which the answers differ, the most evenly split first."""
    found = []
    for id, one in judged.items():
        given = one.yes + one.no + one.mask_wrong
        share = max(one.yes, one.no, one.mask_wrong) / given
        if given > 1 and share < CLEAR:
            row = rows.get(id)
            told = (row.name, row.method, row.category) if row is not None else ("", "", "")
            found.append((share, -given, Disputed(id, *told, verdict=one)))
    return [one for _, _, one in sorted(found, key=lambda entry: (entry[0], entry[1], entry[2].id))]


def _reasons(answers: Iterable[Event]) -> dict[str, int]:
    counts = Counter(reason for one in answers for reason in one.reasons)
    return {reason: counts[reason] for reason in REASONS}


def _slots(answers: Sequence[Event]) -> list[Slot]:
    """The answers' seconds over time, in slots of one length; empty ones are left out."""
    timed = [one for one in answers if one.verdict in JUDGED and 0 < one.at <= LATEST]
    if not timed:
        return []
    span = (max(one.at for one in timed) - min(one.at for one in timed)) / 1000
    length = next((one for one in SPANS if span / one < SLOTS), SPANS[-1])
    seconds: dict[int, list[float]] = {}
    for one in timed:
        seconds.setdefault(one.at // 1000 // length, []).append(one.seconds)
    pattern = "%H:%M" if span < 86400 else "%d %b"
    return [_slot(datetime.fromtimestamp(at * length, UTC).strftime(pattern), seconds[at]) for at in sorted(seconds)]


def _slot(label: str, values: list[float]) -> Slot:
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return Slot(label, low, middle, high)
