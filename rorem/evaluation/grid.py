"""Rows as arrays: values by method, metric and picture, whatever the order of the rows was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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
    int64 (R,); value: float64 (R,), NaN where there was none."""

    method: np.ndarray
    metric: np.ndarray
    photo: np.ndarray
    seed: np.ndarray
    value: np.ndarray


@dataclass(frozen=True, eq=False)
class Grid:
    """What was measured under one mask policy.

    values: float64 (methods, metrics, photos), means over the seeds; NaN = none. A seed with an infinite value counts
    only where every seed has one. expected: bool (metrics, photos), whether any method has a row there.
    failed: int (methods,), photos with a removal that gave no number at all. absent: int (methods,), photos without a
    row. whole: (metric, method) -> value and number of pictures, of metrics of the whole set.
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


def grid(rows: Sequence[Row], methods: Sequence[str] = (), metrics: Sequence[str] = ()) -> Grid:
    """Rows of one policy as arrays. methods, metrics: which come first, in this order; others follow by name."""
    called = labels(rows)
    singles = [row for row in rows if row.sample]
    names = [called[row.method, row.protocol] for row in singles]
    whole = [(row.metric, called[row.method, row.protocol], row) for row in rows if not row.sample]
    all_methods = _ordered({*names, *(method for _, method, _ in whole)}, methods)
    all_metrics = _ordered({row.metric for row in rows}, metrics)
    photos = _photos(singles)
    runs = _runs(
        _positions(names, all_methods),
        _positions([row.metric for row in singles], all_metrics),
        _positions([row.sample for row in singles], [photo.sample for photo in photos]),
        np.array([row.seed for row in singles], np.int64),
        np.array([np.nan if row.value is None else row.value for row in singles], np.float64),
    )
    shape = len(all_methods), len(all_metrics), len(photos)
    failed, absent = _gaps(runs, shape)
    return Grid(
        methods=all_methods,
        metrics=all_metrics,
        photos=photos,
        values=_means(runs, shape),
        expected=np.asarray(_count(runs, np.ones(len(runs.value)), shape).any(axis=0)),
        failed=failed,
        absent=absent,
        runs=runs,
        whole=_whole(whole),
    )


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
        there = _count(runs, (runs.value == endless).astype(float), shape) > 0
        means[there & (count == 0)] = endless
    return means


def _gaps(runs: Runs, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """For each method: photos with a removal without any number, and photos without a row."""
    seeds, seed = np.unique(runs.seed, return_inverse=True)
    removals = (shape[0], shape[2], max(1, len(seeds)))
    places = np.ravel_multi_index((runs.method, runs.photo, seed), removals) if len(seed) else np.zeros(0, int)
    rows = np.bincount(places, minlength=int(np.prod(removals))).reshape(removals)
    numbers = np.bincount(places, (~np.isnan(runs.value)).astype(float), int(np.prod(removals))).reshape(removals)
    failed = ((rows > 0) & (numbers == 0)).any(axis=2).sum(axis=1)
    return failed, (rows.sum(axis=2) == 0).sum(axis=1)


def _whole(rows: Sequence[tuple[str, str, Row]]) -> dict[tuple[str, str], tuple[float, int]]:
    found: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for metric, method, row in rows:
        if row.value is not None:
            found.setdefault((metric, method), []).append((row.value, row.n))
    return {
        key: (float(np.mean(sorted(value for value, _ in several))), max(n for _, n in several))
        for key, several in found.items()
    }
