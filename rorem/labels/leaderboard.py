"""Which method people prefer: Bradley-Terry scores of the votes, with intervals, counts and seconds a removal."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from rorem.errors import Unavailable
from rorem.labels.current import current
from rorem.labels.event import VOTE, Event
from rorem.labels.sql import chunks
from rorem.labels.store import Store, to_event
from rorem.labels.tables import events, items

CENTRE, STEP = 1000.0, 400.0  # as in chess: 400 points more win ten times as often as they lose
RESAMPLES = 200  # more would make a page wait for longer than a second
LIMIT = 100_000  # rounds of the fit; a handful is usual
SEED = 0
MISSING = "A leaderboard needs the package evalica."


@dataclass(frozen=True)
class Standing:
    """A method's place. score: 1000 for one of middling strength, with its 95 % interval.

    votes = wins + losses + ties; both_bad: how many of the ties were. seconds: a removal, the median; None = not known.
    group: methods of different groups were never compared, not even by way of others; their scores say nothing of each
    other.
    """

    method: str
    score: float
    low: float
    high: float
    votes: int
    wins: int
    losses: int
    ties: int
    both_bad: int
    seconds: float | None
    group: int


@dataclass(frozen=True)
class Vote:
    """One comparison. photo: what both were made of; votes on one photo are drawn together."""

    left: str
    right: str
    verdict: str
    photo: str


def board(store: Store, seed: int = SEED) -> list[Standing]:
    """The leaderboard of a store, the best first; [] without votes. The same seed gives the same intervals.

    Takes about a second: its caller keeps it for a while. Raises Unavailable without evalica, CannotSave.
    """
    votes, seconds = store.read(_votes)
    return standings(votes, seconds, seed)


def standings(votes: Sequence[Vote], seconds: Mapping[str, float], seed: int = SEED) -> list[Standing]:
    """The best first.

    A tie is half a win for each, and so is "both bad": neither is the better one. Votes between two results of one
    method say nothing and are left out. Every method also starts with one tie against an imaginary method of middling
    strength: so a method that never won has a finite score, and one that nobody compared with others stands at 1000.
    Intervals: photos drawn with replacement, since votes on one photo go together. Raises Unavailable without evalica.
    """
    votes = [one for one in votes if one.left != one.right]
    if not votes:
        return []
    names = sorted({name for one in votes for name in (one.left, one.right)})
    wins = _wins(votes, names)
    scores = _scores(wins.sum(axis=0))
    chance = np.random.default_rng(seed)
    several = np.array([_scores(_drawn(wins, chance)) for _ in range(RESAMPLES)])
    lows, highs = np.quantile(several, [0.025, 0.975], axis=0)
    groups = _groups(votes, names)
    found = [
        Standing(
            name,
            float(scores[at]),
            float(lows[at]),
            float(highs[at]),
            **_counted(votes, name),
            seconds=seconds.get(name),
            group=groups[name],
        )
        for at, name in enumerate(names)
    ]
    return sorted(found, key=lambda one: (-one.score, one.method))


def _votes(connection: Connection) -> tuple[list[Vote], dict[str, float]]:
    """Votes that hold, and the median seconds of each method."""
    rows = connection.execute(select(events).where(events.c.kind == VOTE).order_by(events.c.seq)).mappings()
    held = current(to_event(row) for row in rows).votes
    known = _known(connection, held)
    seconds: dict[str, list[float]] = defaultdict(list)
    for method, _, took in known.values():
        if took is not None:
            seconds[method].append(took)
    votes = [
        Vote(left[0], right[0], one.verdict, left[1])
        for one in held
        if (left := known.get(one.item_a)) and (right := known.get(one.item_b)) and left[0] and right[0]
    ]
    return votes, {method: statistics.median(values) for method, values in seconds.items()}


def _known(connection: Connection, held: Iterable[Event]) -> dict[str, tuple[str, str, float | None]]:
    """Method, photo and seconds of the items that were voted on; those that were withdrawn are not there."""
    ids = list(dict.fromkeys(id for one in held for id in (one.item_a, one.item_b)))
    found = {}
    columns = select(items.c.id, items.c.method, items.c.sample, items.c.removal_seconds)
    for chunk in chunks(ids):
        some = connection.execute(columns.where(items.c.id.in_(chunk)))
        found |= {id: (method, sample, took) for id, method, sample, took in some}
    return found


def _wins(votes: Sequence[Vote], names: Sequence[str]) -> np.ndarray:
    """float (photos, methods, methods): how often the row's method won over the column's on each photo."""
    at = {name: number for number, name in enumerate(names)}
    photos = {photo: number for number, photo in enumerate(dict.fromkeys(one.photo for one in votes))}
    wins = np.zeros((len(photos), len(names), len(names)), np.float32)
    for one in votes:
        left, right = at[one.left], at[one.right]
        share = {"left": 1.0, "right": 0.0}.get(one.verdict, 0.5)
        wins[photos[one.photo], left, right] += share
        wins[photos[one.photo], right, left] += 1 - share
    return wins


def _drawn(wins: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """As many photos, drawn with replacement, added up."""
    often = np.bincount(chance.integers(len(wins), size=len(wins)), minlength=len(wins))
    return np.tensordot(often.astype(np.float32), wins, axes=1)


def _scores(wins: np.ndarray) -> np.ndarray:
    """Points of each method. wins: float (methods, methods)."""
    try:
        from evalica import Winner, bradley_terry
        from pandas import Index
    except ImportError as error:
        raise Unavailable(MISSING, "pip install 'rorem[labels]' brings it.") from error
    count = len(wins)
    with_middling = np.zeros((count + 1, count + 1))
    with_middling[:count, :count] = wins
    with_middling[count, :count] = with_middling[:count, count] = 0.5
    left, right = np.nonzero(with_middling)
    found = bradley_terry(
        left.tolist(),
        right.tolist(),
        [Winner.X] * len(left),
        index=Index(range(count + 1)),
        weights=with_middling[left, right].tolist(),
        limit=LIMIT,
    )
    strengths = found.scores.sort_index().to_numpy()
    return CENTRE + STEP * np.log10(strengths[:count] / strengths[count])


def _counted(votes: Sequence[Vote], name: str) -> dict[str, int]:
    counts = Counter[str]()
    for one in votes:
        if name not in (one.left, one.right):
            continue
        own = "left" if one.left == name else "right"
        counts["both_bad"] += one.verdict == "both_bad"
        counts["wins" if one.verdict == own else "losses" if one.verdict in ("left", "right") else "ties"] += 1
    told = {kind: counts[kind] for kind in ("wins", "losses", "ties", "both_bad")}
    return {"votes": counts["wins"] + counts["losses"] + counts["ties"], **told}


def _groups(votes: Sequence[Vote], names: Sequence[str]) -> dict[str, int]:
    """A number for each method, the same for all that are linked by votes."""
    leader = {name: name for name in names}

    def of(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for one in votes:
        leader[of(one.right)] = of(one.left)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(of(name) for name in names))}
    return {name: numbers[of(name)] for name in names}


def describe(found: Sequence[Standing]) -> list[str]:
    """Sentences on what a reader could take wrongly; few or none."""
    if len({one.group for one in found}) < 2:
        return []
    return ["Some methods were never compared, not even by way of others: their scores cannot be set side by side."]
