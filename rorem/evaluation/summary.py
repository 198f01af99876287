"""What the rows say: means with intervals, failures counted, and which method is the best where that can be told.

Everything is counted over pictures: the seeds of one picture are averaged first, since they are not independent of each
other. The rules are told to readers in `rorem.evaluation.tables`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from rorem.evaluation.accounts import Contender, Trouble, contenders, troubles
from rorem.evaluation.estimates import (
    Definition,
    Estimate,
    defined,
    estimates,
    kind,
    known_number,
    mean_changes,
)
from rorem.evaluation.grid import Grid, grid
from rorem.evaluation.policies import AS_GIVEN
from rorem.evaluation.rows import Row
from rorem.metrics.intervals import differences as minus
from rorem.metrics.intervals import quantile_intervals, sign_flip

# Of two methods of which neither is better, one wins no more often than this. The interval alone does not keep that:
# with twelve pictures a percentile bootstrap leaves out 0 in 9 to 11 % of such cases. The test keeps it wherever it is
# chance which one is ahead on a picture. Where one is ahead a little on most and far behind on a few, so that the means
# are equal, twelve pictures often lack the few, and both are too sure: 9 to 10 % for differences that are exponential.
CHANCE = 0.05
FEWEST_FOR_BEST = 6  # what the test can tell at the earliest: ahead on all of five has p = 2 / 2**5 = 6 %
SHARES = (0.5, 0.95)  # p50 and p95


@dataclass(frozen=True)
class Cell:
    """One method in one metric.

    mean: over the pictures, with Wilson's interval for a rate and a bootstrapped one otherwise. median: over all
    pictures with a value, infinite ones too. missing: pictures where there should be a value and is none. p50, p95: of
    a latency, over single removals. whole: one number about the whole set, without interval. best: better than every
    other method, beyond chance.
    """

    metric: str
    method: str
    mean: Estimate
    median: float | None = None
    missing: int = 0
    p50: Estimate | None = None
    p95: Estimate | None = None
    whole: bool = False
    best: bool = False

    @property
    def exact(self) -> int:
        """Pictures whose value is infinite, which means equal."""
        return self.mean.exact


@dataclass(frozen=True)
class Difference:
    """Method a minus method b, on the pictures where both have a value; of sizes where nearest to zero is best.

    mean: of the differences; two infinite values differ by 0. chance: p of the sign-flip test, 0 to 1.
    better: "a", "b" or "" for undecided; never one that failed on a picture where the other has a value.
    """

    metric: str
    a: str
    b: str
    mean: Estimate
    chance: float
    better: str


@dataclass(frozen=True, eq=False)
class Summary:
    """All of a run under one mask policy. cells: (metric id, method) -> Cell. differences: (metric id, a, b), for each
    pair once. empty: metric id -> why no method has a value. definitions: of the metrics with values, in order."""

    policy: str
    protocols: tuple[str, ...]
    pictures: int
    seeds: tuple[int, ...]
    methods: tuple[Contender, ...]
    definitions: tuple[Definition, ...]
    cells: Mapping[tuple[str, str], Cell]
    differences: Mapping[tuple[str, str, str], Difference]
    empty: Mapping[str, str]
    troubles: tuple[Trouble, ...]
    grid: Grid


def summarize(
    rows: Sequence[Row],
    definitions: Mapping[str, Definition],
    methods: Sequence[str] = (),
    policy: str = AS_GIVEN,
    seed: int = 0,
) -> Summary:
    """Sums up the rows of one mask policy. Their order does not matter, and the same seed gives the same intervals.

    definitions: by id; their order is that of the tables. methods: the order of the methods; others follow by name.
    """
    rows = [row for row in rows if row.policy == policy]
    found = grid(rows, methods, definitions)
    known = tuple(defined(definitions, metric) for metric in found.metrics)
    cells = _cells(found, known, seed)
    differences = _differences(found, known, seed)
    for metric, method in _best(found, known, differences):
        cells[metric, method] = replace(cells[metric, method], best=True)
    measured = tuple(one for one in known if any((one.id, method) in cells for method in found.methods))
    missed, empty = troubles(rows, {id: one.title for id, one in definitions.items()}, {one.id for one in measured})
    return Summary(
        policy=policy,
        protocols=tuple(sorted({row.protocol for row in rows})),
        pictures=len(found.photos),
        seeds=tuple(sorted({row.seed for row in rows if row.sample})),
        methods=contenders(rows, found),
        definitions=measured,
        cells=cells,
        differences=differences,
        empty=empty,
        troubles=missed,
        grid=found,
    )


def _cells(found: Grid, known: Sequence[Definition], seed: int) -> dict[tuple[str, str], Cell]:
    pairs = [(column, row) for row in range(len(known)) for column in range(len(found.methods))]
    columns = np.array([found.values[method, metric] for method, metric in pairs]).reshape(
        len(pairs), len(found.photos)
    )
    means = estimates(columns, [kind(known[metric]) == "rate" for _, metric in pairs], seed)
    cells: dict[tuple[str, str], Cell] = {}
    for (method, metric), values, mean in zip(pairs, columns, means, strict=True):
        key = known[metric].id, found.methods[method]
        if key in found.whole:
            value, n = found.whole[key]
            cells[key] = Cell(*key, Estimate(value, n=n), whole=True)
        elif mean.n:
            there = values[~np.isnan(values)]
            p50, p95 = _quantiles(found, method, metric, seed) if kind(known[metric]) == "latency" else (None, None)
            cells[key] = Cell(
                *key,
                mean,
                median=float(np.median(there)),
                missing=int((found.expected[metric] & np.isnan(values)).sum()),
                p50=p50,
                p95=p95,
            )
    return cells


def _quantiles(found: Grid, method: int, metric: int, seed: int) -> tuple[Estimate, Estimate]:
    """p50 and p95 over single removals."""
    runs = found.runs
    mine = (runs.method == method) & (runs.metric == metric) & np.isfinite(runs.value)
    values, photo = runs.value[mine], runs.photo[mine]
    if not len(values):
        return Estimate(None), Estimate(None)
    n = len(np.unique(photo))
    middle, slow = (
        Estimate(float(np.quantile(values, share)), known_number(low), known_number(high), n)
        for share, (low, high) in zip(SHARES, quantile_intervals(values, photo, SHARES, seed), strict=True)
    )
    return middle, slow


def _differences(found: Grid, known: Sequence[Definition], seed: int) -> dict[tuple[str, str, str], Difference]:
    pairs = [(a, b, m) for m in range(len(known)) for a, b in combinations(range(len(found.methods)), 2)]
    columns = [minus(found.values[a, m], found.values[b, m]) for a, b, m in pairs]
    stacked = np.reshape(columns, (len(pairs), len(found.photos)))
    differences: dict[tuple[str, str, str], Difference] = {}
    for (a, b, m), mean, chance in zip(pairs, mean_changes(stacked, seed), sign_flip(stacked, seed), strict=True):
        if not mean.n:
            continue
        key = known[m].id, found.methods[a], found.methods[b]
        winner = _winner(mean, float(chance), known[m].better)
        if winner and _failed_beside(found, *((a, b) if winner == "a" else (b, a)), m):
            winner = ""
        differences[key] = Difference(*key, mean, float(chance), winner)
    return differences


def _failed_beside(found: Grid, method: int, other: int, metric: int) -> bool:
    """Whether a method failed on a picture where the other has a value: it may have left out what is hard."""
    return bool((found.failed[method] & ~np.isnan(found.values[other, metric])).any())


def _winner(mean: Estimate, chance: float, better: str) -> str:
    if not better or mean.low is None or mean.high is None or chance >= CHANCE:
        return ""
    if mean.low > 0:
        return "a" if better == "higher" else "b"
    return ("b" if better == "higher" else "a") if mean.high < 0 else ""


def _best(
    found: Grid, known: Sequence[Definition], differences: Mapping[tuple[str, str, str], Difference]
) -> list[tuple[str, str]]:
    """(metric id, method) where a method is better than every other one that has values at all."""
    winners = []
    for number, definition in enumerate(known):
        there = [name for name, values in zip(found.methods, found.values[:, number], strict=True) if _any(values)]
        wins = dict.fromkeys(there, 0)
        for a, b in combinations(there, 2):
            duel = differences.get((definition.id, a, b))
            if duel is not None and duel.better:
                wins[a if duel.better == "a" else b] += 1
        winners += [(definition.id, name) for name, count in wins.items() if len(there) > 1 and count == len(there) - 1]
    return winners


def _any(values: np.ndarray) -> bool:
    return bool((~np.isnan(values)).any())
