"""A run with its report: what `rorem evaluate` does."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rorem.errors import RoremError
from rorem.evaluation import probe_table, probes, report, running
from rorem.evaluation.cases import Case, CasePictures
from rorem.evaluation.estimates import Definition
from rorem.evaluation.facts import FACTS
from rorem.evaluation.plan import Plan
from rorem.evaluation.processes import Processes
from rorem.evaluation.removing import Job, Readings
from rorem.evaluation.report import RunFacts
from rorem.evaluation.running import Finished, OnProgress
from rorem.evaluation.store import Store
from rorem.evaluation.summary import Summary
from rorem.files import write_whole
from rorem.methods import catalog as methods
from rorem.metrics import catalog
from rorem.metrics.seeing import seen
from rorem.picture import to_rgb
from rorem.triplet.sets import TripletSet
from rorem.version import __version__

PROBES = "probes.md"


@dataclass(frozen=True)
class Published:
    """A finished run and what its report says; summary: None where there was nothing to sum up."""

    run: Finished
    summary: Summary | None
    report: Path
    probes: Path | None = None


def definitions() -> dict[str, Definition]:
    """Everything that may stand in a row, by its id, in the order of the tables: what people care for first."""
    first = [one for one in FACTS if one.id.startswith("success")]
    then = [one for one in FACTS if one not in first]
    return {one.id: one for one in (*first, *catalog.METRICS, *catalog.SET_METRICS, *then)}


def evaluate(
    samples: TripletSet, plan: Plan, out: Path, processes: Processes, on_progress: OnProgress, paper: bool = False
) -> Published | None:
    """As `running.evaluate`, and writes table.md, table.csv and report.html. paper: with the paper's own tables."""
    finished = running.evaluate(samples, plan, out, processes, on_progress)
    if finished is None:
        return None
    about = _about(samples, plan, finished)
    summary = _report(samples, finished, about, paper)
    return Published(finished, summary, out / report.PAGE)


def probe(
    samples: TripletSet, plan: Plan, out: Path, processes: Processes, on_progress: OnProgress, paper: bool = False
) -> Published | None:
    """Tricks instead of the plan's methods: also writes probes.md. Of the plan only the metrics count."""
    store = Store(out)
    plan = Plan((probes.BASE,), tuple(range(probes.BEST_OF)), metrics=plan.metrics)
    plan.check()
    makers = probes.makers(store, _truth_known(samples))
    finished = running.evaluate(samples, plan, out, processes, on_progress, makers)
    if finished is None:
        return None
    finished = replace(finished, rows=tuple(probes.probed(finished.rows)))
    measured = {id: one for id, one in definitions().items() if id not in {fact.id for fact in FACTS}}
    table = probe_table.probe_table(finished.rows, measured)
    write_whole(out / PROBES, probe_table.markdown(table).encode())
    about = replace(_about(samples, plan, finished), methods=tuple(probes.ABOUT), notes=_told(table))
    summary = _report(samples, finished, about, paper)
    return Published(finished, summary, out / report.PAGE, out / PROBES)


def _report(samples: TripletSet, finished: Finished, about: RunFacts, paper: bool) -> Summary | None:
    if not any(row.value is not None for row in finished.rows):
        return None
    pictures = _Pictures(finished, Readings(samples))
    return report.write(finished.folder, finished.rows, about, definitions(), pictures, paper)


class _Pictures:
    """Finds the pictures of a case."""

    def __init__(self, finished: Finished, readings: Readings) -> None:
        self._store = Store(finished.folder)
        self._readings = readings
        self._jobs: Mapping[tuple[str, str, str, int], Job] = {
            (job.sample, job.place.method, job.place.policy, job.place.seed): job for job in finished.jobs
        }

    def __call__(self, case: Case) -> CasePictures | None:
        method = probes.BASE if case.method in (probes.HONEST, probes.BEST) else case.method
        job = self._jobs.get((case.sample, method, case.policy, case.seed))
        record = self._store.record(job.place) if job else None
        picture = self._store.picture(job.place, record) if job and record else None
        if job is None or picture is None:
            return None
        sample = self._readings.sample(job.index)
        view = seen(to_rgb(sample.picture), sample.mask, picture, sample.mask, sample.truth)
        return CasePictures(view.source, view.mask, view.result, view.truth)


def _about(samples: TripletSet, plan: Plan, finished: Finished) -> RunFacts:
    revision = f" @ {samples.revision}" if samples.revision else ""
    measured_with = [f"Measured with {', '.join(finished.networks)}."] if finished.networks else []
    twice = [f"In the set more than once, counted once: {', '.join(finished.twice)}."] if finished.twice else []
    return RunFacts(
        dataset=f"{samples.name}{revision}",
        protocol=plan.protocol,
        machine=machine(),
        date=datetime.now(UTC).date().isoformat(),
        version=__version__,
        methods=(*plan.methods, *plan.results),
        titles={entry.id: entry.title for entry in methods.ENTRIES},
        left_out=finished.left_out,
        notes=[*twice, *measured_with],
    )


def machine() -> str:
    """What the times depend on: cores, and the GPU if torch uses one."""
    import sys

    cores = f"{os.cpu_count()} CPU cores ({platform.machine()}), Python {platform.python_version()}"
    torch = sys.modules.get("torch")
    if torch is None:
        return cores
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{cores}, torch {torch.__version__}, {gpu}"


def _told(table: probe_table.ProbeTable) -> Sequence[str]:
    """What the probes came to, in sentences."""
    names = {metric.id: [trick for id, trick in table.fooled if id == metric.id] for metric in table.metrics}
    fooled = [f"{id} is fooled by {', '.join(sorted(tricks))}." for id, tricks in names.items() if tricks]
    lines = [f"{trick}: {probes.ABOUT[trick]}" for trick in table.tricks]
    return (*fooled, *lines)


def _truth_known(samples: TripletSet) -> bool:
    """Whether every record that can be read has its truth."""

    def has(index: int) -> bool:
        try:
            return samples[index].truth is not None
        except RoremError:
            return True

    return all(has(index) for index in range(len(samples)))
