"""The second half of a run: every number that is not there yet, measured on the pictures that were kept.

Metrics that share their networks go together, so one network at a time is in memory and none while methods run. A
metric that is added later is measured on the old pictures; nothing is removed again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from rorem import judge
from rorem.errors import Cancelled, RoremError
from rorem.evaluation.facts import JUDGE_RAW, SUCCESS_JUDGE
from rorem.evaluation.removing import Job, OnCell, Readings, remove_one
from rorem.evaluation.store import Number, Store
from rorem.metrics import Metric, Seen, SetMetric, networks
from rorem.metrics.seeing import seen
from rorem.picture import to_rgb
from rorem.weights import Part, revision_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gauge:
    """Something that gives numbers of one removal. ids: of the numbers. needs_truth: only where that is known.

    load: makes the function that measures. features: it gives two vectors for a number of the whole set.
    networks: names of the parts that it needs. revision: of these.
    """

    ids: tuple[str, ...]
    load: Callable[[], Callable[[Seen], Sequence[float] | np.ndarray]]
    networks: tuple[str, ...] = ()
    needs_truth: bool = False
    features: bool = False
    revision: str = ""


def gauges(metrics: Sequence[Metric | SetMetric], judged: bool) -> list[Gauge]:
    """What measures these metrics; those with the same networks stand next to each other."""
    every = [_of_set(one) if isinstance(one, SetMetric) else _of_one(one) for one in metrics]
    if judged:
        names, revision = _networks(judge.PARTS)
        every.append(Gauge((JUDGE_RAW.id, SUCCESS_JUDGE.id), _judge, names, revision=revision))
    return sorted(every, key=lambda gauge: gauge.networks)


def measure_all(
    todo: Sequence[Job], readings: Readings, store: Store, chosen: Sequence[Gauge], on_cell: OnCell
) -> None:
    """Measures what is not there yet. Jobs whose removal failed are passed over.

    Raises Cancelled from `on_cell`, and OSError where nothing can be written.
    """
    groups = [list(group) for _, group in groupby(chosen, key=lambda gauge: gauge.networks)]
    by_sample = sorted(todo, key=lambda job: job.index)  # what a network saw of a photo serves all its removals
    total, done = len(groups) * len(todo), 0
    for group in groups:
        networks.clear()
        loaded: dict[Gauge, Callable[[Seen], Sequence[float] | np.ndarray] | RoremError] = {}
        for job in by_sample:
            on_cell(done, total, f"{group[0].ids[0]}, {readings.name(job.index)}")
            _measure(job, readings, store, group, loaded)
            done += 1
    on_cell(total, total, "")


def _measure(
    job: Job,
    readings: Readings,
    store: Store,
    group: Sequence[Gauge],
    loaded: dict[Gauge, Callable[[Seen], Sequence[float] | np.ndarray] | RoremError],
) -> None:
    numbers = store.numbers(job.place)
    todo = [gauge for gauge in group if not all(_finished(numbers.get(id), gauge) for id in gauge.ids)]
    record = store.record(job.place)
    if not todo or record is None or record.error:
        return
    picture, hole = store.picture(job.place, record), store.hole(job.place)
    if picture is None or hole is None:  # damaged since: made again, and everything is measured anew
        store.forget(job.place)
        remove_one(job, readings, store)
        return _measure(job, readings, store, group, loaded)
    sample = readings.sample(job.index)
    view = seen(to_rgb(sample.picture), sample.mask, picture, hole, sample.truth, sample.category)
    found = dict(numbers)
    for gauge in todo:
        if gauge.needs_truth and view.truth is None:
            found |= dict.fromkeys(gauge.ids, Number(None, revision=gauge.revision))
            continue
        if gauge not in loaded:
            loaded[gauge] = _loaded(gauge)
        new = _numbers(gauge, loaded[gauge], view, lambda id, features: store.keep_features(job.place, id, features))
        found |= {id: replace(number, revision=gauge.revision) for id, number in new.items()}
    store.keep_numbers(job.place, found)


def _finished(number: Number | None, gauge: Gauge) -> bool:
    """A number that failed is tried again, and one that other weights measured is measured anew."""
    return number is not None and not number.reason and number.revision == gauge.revision


def _loaded(gauge: Gauge) -> Callable[[Seen], Sequence[float] | np.ndarray] | RoremError:
    try:
        return gauge.load()
    except RoremError as error:
        return error


def _numbers(
    gauge: Gauge,
    measure: Callable[[Seen], Sequence[float] | np.ndarray] | RoremError,
    view: Seen,
    keep_features: Callable[[str, np.ndarray], None],
) -> Mapping[str, Number]:
    if isinstance(measure, RoremError):
        return dict.fromkeys(gauge.ids, Number(None, measure.advice))
    try:
        values = measure(view)
    except Cancelled:
        raise
    except RoremError as error:
        return dict.fromkeys(gauge.ids, Number(None, error.advice))
    except Exception as error:  # one number less must not cost the others
        logger.exception("%s failed in a way that was not foreseen", gauge.ids[0])
        return dict.fromkeys(gauge.ids, Number(None, f"It failed in a way that was not foreseen ({error!r})."))
    if gauge.features:
        keep_features(gauge.ids[0], np.asarray(values))
        return {gauge.ids[0]: Number(0.0)}  # says that the features are there
    return {id: Number(None if np.isnan(value) else float(value)) for id, value in zip(gauge.ids, values, strict=True)}


def _of_one(metric: Metric) -> Gauge:
    def load() -> Callable[[Seen], Sequence[float]]:
        measure = metric.load()
        return lambda view: (measure(view),)

    names, revision = _networks(metric.parts)
    return Gauge((metric.id,), load, names, metric.needs_truth, revision=revision)


def _of_set(metric: SetMetric) -> Gauge:
    def load() -> Callable[[Seen], np.ndarray]:
        embed = metric.load()
        return lambda view: np.stack(embed(view))

    names, revision = _networks(metric.parts)
    return Gauge((metric.id,), load, names, metric.needs_truth, features=True, revision=revision)


def _networks(parts: Sequence[Part]) -> tuple[tuple[str, ...], str]:
    """Their names, and which weights lie on this machine."""
    return tuple(part.name for part in parts), ", ".join(f"{part.name} {revision_of(part)}" for part in parts)


def _judge() -> Callable[[Seen], Sequence[float]]:
    """The judge sees the whole picture in a square of 512 px, as published."""
    loaded = judge.shared()

    def measure(view: Seen) -> Sequence[float]:
        score = loaded.score(view.source, view.mask, view.result)
        return score.raw, float(score.accepts())

    return measure


def features_of(todo: Sequence[Job], store: Store, metric: str) -> Iterator[tuple[Job, np.ndarray]]:
    """The feature vectors that were kept, float32 (2, D) each."""
    for job in todo:
        features = store.features(job.place, metric)
        if features is not None:
            yield job, features
