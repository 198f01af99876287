"""A run: methods x samples x seeds x mask policies -> rows, a table and a page."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rorem import judge
from rorem.errors import BadOptions
from rorem.evaluation import answers as people
from rorem.evaluation import gathering, rows
from rorem.evaluation.facts import JUDGE_RAW, SUCCESS_JUDGE
from rorem.evaluation.makers import Maker
from rorem.evaluation.measuring import gauges, measure_all
from rorem.evaluation.plan import Plan
from rorem.evaluation.processes import Processes
from rorem.evaluation.removing import Identity, Job, Readings, jobs, remove_all
from rorem.evaluation.rows import Row
from rorem.evaluation.store import Store
from rorem.files import write_whole
from rorem.methods.loaded import NETWORKS
from rorem.metrics import SetMetric
from rorem.triplet.sets import TripletSet
from rorem.version import __version__

REMOVING, MEASURING = "Removing", "Measuring"
OnProgress = Callable[[str, int, int, str], None]  # the half of the run, how many are done, of how many, and what now
RUN = "run.json"


@dataclass(frozen=True)
class Failure:
    """A removal that came to nothing. name: of the sample. reason: one plain sentence."""

    method: str
    name: str
    reason: str


@dataclass(frozen=True)
class Finished:
    """What a run came to. rows: all numbers. left_out: metrics that could not be measured here, with the reasons.
    failures: removals that came to nothing. twice: samples that were in the set more than once. jobs: every removal, by
    which its pictures can be found. networks: the weights that measured, with their revisions."""

    folder: Path
    rows: tuple[Row, ...]
    jobs: tuple[Job, ...]
    left_out: Mapping[str, str]
    failures: tuple[Failure, ...]
    twice: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


def evaluate(
    samples: TripletSet,
    plan: Plan,
    out: Path,
    processes: Processes = Processes(),  # noqa: B008  (frozen)
    on_progress: OnProgress = lambda half, done, total, what: None,
    makers: Sequence[Maker] | None = None,
) -> Finished | None:
    """Does what of a plan is not done yet and gathers everything into `out`/rows.parquet.

    samples: the set. out: a folder of this run's own; the same plan takes up a run that was stopped, and a plan with
    more methods, seeds or metrics adds to it. makers: None = the plan's; others take their place.
    Of several processes only the first returns something.
    Raises BadOptions, BadData, Unavailable, OSError, and what `on_progress` raises.
    """
    if makers is None:
        plan.check()
        makers = plan.makers()
    metrics, left_out = plan.measured()
    said = people.read(plan.answers) if plan.answers else {}
    unjudged = judge.obstacle() if plan.metrics is None else "It was not asked for."
    store, readings = Store(out), Readings(samples)
    if processes.first:
        _own_folder(out)
        write_whole(out / RUN, json.dumps(_about(samples, plan), indent=1).encode())
    processes.wait()
    identities = [readings.identity(index) for index in range(len(samples))]
    mine = list(jobs(plan, makers, [identities[index] for index in processes.share(len(samples))]))
    remove_all(mine, readings, store, lambda *told: on_progress(REMOVING, *told))
    _make_room(makers)
    chosen = gauges(metrics, judged=not unjudged)
    measure_all(mine, readings, store, chosen, lambda *told: on_progress(MEASURING, *told))
    processes.wait()
    if not processes.first:
        return None
    once, twice = _each_once(identities)
    every = list(jobs(plan, makers, once)) if processes.count > 1 or twice else mine
    ids = [id for gauge in chosen if not gauge.features for id in gauge.ids]
    sets = [metric for metric in metrics if isinstance(metric, SetMetric)]
    found = gathering.rows_of(every, store, ids, said, sets)
    rows.write(out / rows.FILE, found)
    if unjudged and plan.metrics is None:
        left_out |= dict.fromkeys((SUCCESS_JUDGE.id, JUDGE_RAW.id), unjudged)
    failures = [Failure(row.method, row.name, row.reason) for row in found if row.metric == gathering.FAILED]
    names = tuple(samples.names[index] for index in twice)
    networks = dict.fromkeys(part for gauge in chosen if gauge.revision for part in gauge.revision.split(", "))
    return Finished(out, tuple(found), tuple(every), left_out, tuple(failures), names, tuple(networks))


def _make_room(makers: Sequence[Maker]) -> None:
    """For the networks of the metrics."""
    for maker in makers:
        maker.release()
    NETWORKS.clear()


def _own_folder(out: Path) -> None:
    """Raises BadOptions for a place that holds something else already."""
    if out.exists() and not out.is_dir():
        raise BadOptions(f"{out} is a file.", "Name a folder with --out.")
    if out.is_dir() and any(out.iterdir()) and not (out / RUN).exists() and not (out / "removals").is_dir():
        raise BadOptions(f"{out} holds something else already.", "Name a folder of its own with --out.")
    out.mkdir(parents=True, exist_ok=True)


def _about(samples: TripletSet, plan: Plan) -> dict[str, object]:
    """What was run, for whoever finds the folder."""
    told = asdict(plan) | {"results": {name: str(folder) for name, folder in plan.results.items()}}
    return {
        "dataset": samples.name,
        "samples": len(samples),
        "rorem": __version__,
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **told,
        "answers": str(plan.answers) if plan.answers else None,
    }


def _each_once(identities: Sequence[Identity]) -> tuple[list[Identity], list[int]]:
    """Samples by source and mask, and the indices of those that were there before."""
    seen: set[str] = set()
    once, twice = [], []
    for one in identities:
        if one.sample in seen:
            twice.append(one.index)
        else:
            seen.add(one.sample)
            once.append(one)
    return once, twice
