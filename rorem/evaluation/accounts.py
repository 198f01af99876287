"""Who took part, and why numbers are missing: nothing that failed is dropped in silence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rorem.evaluation.grid import Grid, labels
from rorem.evaluation.rows import Row

NOT_TOLD = "No reason was given."
Removal = tuple[str, str, str, str, int]  # method, protocol, sample, name, seed


@dataclass(frozen=True)
class Contender:
    """A method of the run. pictures: with a row. failed: with a removal that gave no number. absent: without a row.
    revisions, options: all that the rows name; more than one means that the run mixed them."""

    method: str
    revisions: tuple[str, ...]
    options: tuple[str, ...]
    seeds: tuple[int, ...]
    pictures: int
    failed: int
    absent: int


@dataclass(frozen=True)
class Trouble:
    """Why numbers are missing. metrics: titles, () = the removal failed. names: of the pictures. count: removals."""

    method: str
    reason: str
    metrics: tuple[str, ...]
    names: tuple[str, ...]
    count: int


def contenders(rows: Sequence[Row], found: Grid) -> tuple[Contender, ...]:
    """The methods of a grid, with what its rows say of each."""
    called = labels(rows)
    facts = {(called[row.method, row.protocol], row.revision, row.options) for row in rows if row.value is not None}
    return tuple(
        Contender(
            method=name,
            revisions=tuple(sorted({revision for method, revision, _ in facts if method == name and revision})),
            options=tuple(sorted({options for method, _, options in facts if method == name and options})),
            seeds=tuple(np.unique(found.runs.seed[found.runs.method == number]).tolist()),
            pictures=len(found.photos) - int(found.absent[number]),
            failed=int(found.failed[number].sum()),
            absent=int(found.absent[number]),
        )
        for number, name in enumerate(found.methods)
    )


def troubles(
    rows: Sequence[Row], titles: Mapping[str, str], measured: Collection[str]
) -> tuple[tuple[Trouble, ...], dict[str, str]]:
    """Why numbers are missing, and for each metric that no method has a value of, the most frequent reason.

    titles: of the metrics that are defined, by id. measured: ids of the metrics with values.
    """
    called = labels(rows)
    lost = [row for row in rows if row.value is None]
    empty = {
        metric: _commonest(row.reason for row in lost if row.metric == metric)
        for metric in titles
        if metric not in measured and any(row.metric == metric for row in lost)
    }
    worked = {_removal(row) for row in rows if row.value is not None}
    reasons: dict[tuple[Removal, str], set[str]] = defaultdict(set)
    for row in lost:
        reasons[_removal(row), row.reason or NOT_TOLD].add(row.metric)
    told: dict[tuple[str, str, tuple[str, ...]], set[Removal]] = defaultdict(set)
    for (removal, reason), metrics in reasons.items():
        whole_set = not removal[2]
        if not (whole_set or removal in worked):
            told[called[removal[:2]], reason, ()].add(removal)
        elif names := tuple(sorted(titles.get(metric, metric) for metric in metrics - set(empty))):
            told[called[removal[:2]], reason, names].add(removal)
    found = [
        Trouble(method, reason, metrics, tuple(sorted({name for _, _, _, name, _ in removals})), len(removals))
        for (method, reason, metrics), removals in told.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.method, one.metrics, -one.count, one.reason))), empty


def _removal(row: Row) -> Removal:
    return row.method, row.protocol, row.sample, row.name, row.seed


def _commonest(reasons: Iterable[str]) -> str:
    """Of equally frequent ones the first by the alphabet, so that the order of rows does not matter."""
    counted = Counter(reason or NOT_TOLD for reason in reasons)
    return min(counted, key=lambda reason: (-counted[reason], reason), default=NOT_TOLD)
