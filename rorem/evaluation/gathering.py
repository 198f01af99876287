"""From what lies in a run's folder to rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from rorem.evaluation import answers as people
from rorem.evaluation.facts import SUCCESS_HUMAN
from rorem.evaluation.measuring import features_of
from rorem.evaluation.policies import AS_GIVEN
from rorem.evaluation.removing import Job
from rorem.evaluation.rows import Row
from rorem.evaluation.store import Record, Store
from rorem.metrics import SetMetric

FAILED = "removal"  # the metric of a row that only says why there is no removal


def rows_of(
    todo: Sequence[Job], store: Store, ids: Sequence[str], answers: people.Answers, sets: Sequence[SetMetric]
) -> list[Row]:
    """All rows of a run. ids: of the metrics and judgements that were measured, one number a removal.

    A removal that failed has one row, with the metric `removal` and the sentence; a number that could not be had has
    None as its value and the sentence.
    """
    rows = [row for job in todo for row in _of_job(job, store, ids, answers)]
    return rows + [row for metric in sets for row in _of_set(metric, todo, store)]


def _of_job(job: Job, store: Store, ids: Sequence[str], answers: people.Answers) -> Iterator[Row]:
    record = store.record(job.place)
    if record is None:
        return
    base = _base(job, record)
    if record.error:
        yield replace(base, metric=FAILED, value=None, reason=record.error)
        return
    for id, value in record.facts.items():
        yield replace(base, metric=id, value=value)
    said = people.accepted(answers, (job.sample, record.name), job.place.method, job.place.seed)
    if said is not None and job.place.policy == AS_GIVEN:  # people saw that one
        yield replace(base, metric=SUCCESS_HUMAN.id, value=said)
    numbers = store.numbers(job.place)
    for id in ids:
        number = numbers.get(id)
        if number is not None and (number.value is not None or number.reason):
            yield replace(base, metric=id, value=number.value, reason=number.reason)


def _base(job: Job, record: Record) -> Row:
    return Row(
        sample=job.sample,
        name=record.name,
        method=job.place.method,
        revision=record.revision,
        protocol=job.maker.protocol,
        policy=job.place.policy,
        seed=job.place.seed,
        options=record.options,
        metric="",
        value=None,
        category=record.category,
        objects=record.objects,
        occluded=record.occluded,
        mask_share=record.mask_share,
    )


def _of_set(metric: SetMetric, todo: Sequence[Job], store: Store) -> Iterator[Row]:
    """One row for each method, policy and seed."""
    clouds: dict[tuple[str, str, int], list[np.ndarray]] = defaultdict(list)
    first: dict[tuple[str, str, int], Job] = {}
    for job, features in features_of(todo, store, metric.id):
        group = job.place.method, job.place.policy, job.place.seed
        clouds[group].append(features)
        first.setdefault(group, job)
    for group, features in clouds.items():
        record = store.record(first[group].place)
        if record is None:
            continue
        results, references = np.stack(features, 1)
        value = metric.distance(results, references)
        base = replace(_base(first[group], record), sample="", name="", category="", objects=0, occluded=None)
        known = None if np.isnan(value) else float(value)
        yield replace(base, mask_share=0.0, metric=metric.id, value=known, n=len(features))
