"""Rows as arrays: values by method, metric and picture, whatever the order of the rows was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rorem.evaluation.estimates import Definition, kind
from rorem.evaluation.gathering import FAILED
from rorem.evaluation.rows import Row


@dataclass(frozen=True)
class Photo:
    """What the rows say of a sample. mask_share: 0 to 1. occluded: None = nobody said."""

    sample: str
    name: str
    category: str
    objects: int
    occluded: bool | None
    mask_share: float


@dataclass(frozen=True, eq=False)
class Runs:
    """Every measured number by itself, sorted. method, metric, photo: indices into those of a grid, int64 (R,); seed:
    int64 (R,); value: float64 (R,), NaN where there was none; of metrics that are best at 0 the distance from it."""

    method: np.ndarray
    metric: np.ndarray
    photo: np.ndarray
    seed: np.ndarray
    value: np.ndarray


@dataclass(frozen=True, eq=False)
class Grid:
    """What was measured under one mask policy.

    values: float64 (methods, metrics, photos), means over the seeds; NaN = none. Infinite where most seeds are, else
    the mean of the finite ones. Of metrics that are best at 0 it is the mean distance from 0, so that +3 and -3 do not
    cancel. In a rate a removal that failed is a no, see `_noes`.
    expected: bool (metrics, photos), whether any method has a row there. failed: bool (methods, photos), whether a
    removal gave no number at all. absent: int (methods,), photos without a row. whole: (metric, method) -> value and
    number of pictures, of metrics of the whole set.
    """

    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    photos: tuple[Photo, ...]
    values: np.ndarray
    expected: np.ndarray
    failed: np.ndarray
    absent: np.ndarray
    runs: Runs
    whole: Mapping[tuple[str, str], tuple[float, int]]


def labels(rows: Iterable[Row]) -> dict[tuple[str, str], str]:
    """What to call each method: (method, protocol) -> name. The protocol is told where a method has several."""
    found = sorted({(row.method, row.protocol) for row in rows})
    count = Counter(method for method, _ in found)
    return {(method, road): f"{method} ({road})" if count[method] > 1 else method for method, road in found}


def grid(rows: Sequence[Row], methods: Sequence[str], definitions: Mapping[str, Definition]) -> Grid:
    """Rows of one policy as arrays. methods, definitions: which come first, in this order; others follow by name."""
    called = labels(rows)
    sizes = {id for id, one in definitions.items() if one.better == "zero"}
    singles = [row for row in rows if row.sample]
    names = [called[row.method, row.protocol] for row in singles]
    whole = [(row.metric, called[row.method, row.protocol], row) for row in rows if not row.sample]
    all_methods = _ordered({*names, *(method for _, method, _ in whole)}, methods)
    all_metrics = _ordered({row.metric for row in rows}, tuple(definitions))
    photos = _photos(singles)
    runs = _runs(
        _positions(names, all_methods),
        _positions([row.metric for row in singles], all_metrics),
        _positions([row.sample for row in singles], [photo.sample for photo in photos]),
        np.array([row.seed for row in singles], np.int64),
        np.array([_value(row, sizes) for row in singles], np.float64),
    )
    shape = len(all_methods), len(all_metrics), len(photos)
    failed, absent = _gaps(runs, shape)
    values = _means(runs, shape)
    rates = [at for at, id in enumerate(all_metrics) if id in definitions and kind(definitions[id]) == "rate"]
    if FAILED in all_metrics and rates:
        values = _means(_noes(runs, values, rates, all_metrics.index(FAILED)), shape)
    return Grid(
        methods=all_methods,
        metrics=all_metrics,
        photos=photos,
        values=values,
        expected=np.asarray(_count(runs, np.ones(len(runs.value)), shape).any(axis=0)),
        failed=failed,
        absent=absent,
        runs=runs,
        whole=_whole(whole, sizes),
    )


def _value(row: Row, sizes: Collection[str]) -> float:
    """NaN for none. sizes: ids of the metrics of which the distance from 0 counts."""
    if row.value is None:
        return np.nan
    return abs(row.value) if row.metric in sizes else row.value


def _noes(runs: Runs, values: np.ndarray, rates: Sequence[int], removal: int) -> Runs:
    """With a 0 in each rate for each removal that failed on a photo where another method has a value in that rate:
    else a method would gain by failing on what is hard. A method that has values, but none in the rate, was not asked.

    values: float64 (methods, metrics, photos). rates: their places. removal: the place of the rows of failures.
    """
    lost = (runs.metric == removal) & np.isnan(runs.value)
    method, photo, seed = runs.method[lost], runs.photo[lost], runs.seed[lost]
    there = np.asarray(~np.isnan(values))
    helpless = ~there.any(axis=(1, 2))
    parts = [runs]
    for rate in rates:
        mine = np.asarray(there[:, rate])
        others = np.asarray(mine.sum(axis=0) - mine > 0)
        asked = np.asarray(mine.any(axis=1) | helpless)
        no = others[method, photo] & asked[method]
        count = int(no.sum())
        parts.append(Runs(method[no], np.full(count, rate), photo[no], seed[no], np.zeros(count)))
    return _runs(*(np.concatenate(columns) for columns in zip(*map(_columns, parts), strict=True)))


def _columns(runs: Runs) -> tuple[np.ndarray, ...]:
    return runs.method, runs.metric, runs.photo, runs.seed, runs.value


def _ordered(found: set[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The wanted ones first; "lama (as published)" stands where "lama" is wanted."""
    place = {name: number for number, name in enumerate(wanted)}
    return tuple(sorted(found, key=lambda name: (place.get(name, place.get(name.split(" (")[0], len(place))), name)))


def _photos(rows: Sequence[Row]) -> tuple[Photo, ...]:
    facts = {(row.sample, row.name, row.category, row.objects, row.occluded, row.mask_share) for row in rows}
    by_sample: dict[str, Photo] = {}
    for one in sorted(facts, key=repr):
        by_sample.setdefault(one[0], Photo(*one))
    return tuple(by_sample[sample] for sample in sorted(by_sample))


def _positions(names: Sequence[str], among: Sequence[str]) -> np.ndarray:
    place = {name: number for number, name in enumerate(among)}
    return np.array([place[name] for name in names], np.int64)


def _runs(method: np.ndarray, metric: np.ndarray, photo: np.ndarray, seed: np.ndarray, value: np.ndarray) -> Runs:
    """Sorted, so that sums come out the same to the last bit whatever the order of the rows was."""
    order = np.lexsort((value, seed, photo, metric, method))
    return Runs(method[order], metric[order], photo[order], seed[order], value[order])


def _count(runs: Runs, weights: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    places = np.ravel_multi_index((runs.method, runs.metric, runs.photo), shape) if len(weights) else np.zeros(0, int)
    return np.bincount(places, weights, int(np.prod(shape))).reshape(shape)


def _means(runs: Runs, shape: tuple[int, int, int]) -> np.ndarray:
    finite = np.isfinite(runs.value)
    count = _count(runs, finite.astype(float), shape)
    total = _count(runs, np.where(finite, runs.value, 0.0), shape)
    means = np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)
    for endless in (-np.inf, np.inf):
        means[_count(runs, (runs.value == endless).astype(float), shape) > count] = endless
    return means


def _gaps(runs: Runs, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where a removal gave no number, bool (methods, photos), and for each method how many photos have no row."""
    seeds, seed = np.unique(runs.seed, return_inverse=True)
    removals = (shape[0], shape[2], max(1, len(seeds)))
    places = np.ravel_multi_index((runs.method, runs.photo, seed), removals) if len(seed) else np.zeros(0, int)
    rows = np.bincount(places, minlength=int(np.prod(removals))).reshape(removals)
    numbers = np.bincount(places, (~np.isnan(runs.value)).astype(float), int(np.prod(removals))).reshape(removals)
    failed = ((rows > 0) & (numbers == 0)).any(axis=2)
    return failed, (rows.sum(axis=2) == 0).sum(axis=1)


def _whole(rows: Sequence[tuple[str, str, Row]], sizes: Collection[str]) -> dict[tuple[str, str], tuple[float, int]]:
    found: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for metric, method, row in rows:
        if row.value is not None:
            found.setdefault((metric, method), []).append((_value(row, sizes), row.n))
    return {
        key: (float(np.mean(sorted(value for value, _ in several))), max(n for _, n in several))
        for key, several in found.items()
    }
