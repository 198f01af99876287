"""`rorem evaluate`: methods on a set of samples, with numbers that say how they were measured."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rorem.errors import BadOptions, Unavailable
from rorem.terminal import STOPPED, complain, in_sentences, plain, say

if TYPE_CHECKING:
    from rorem.evaluation.plan import Plan
    from rorem.evaluation.publish import Published
    from rorem.evaluation.running import Failure, OnProgress
    from rorem.evaluation.summary import Summary

BUILT_IN = "built-in"  # the twelve pairs that come with RORem
NEEDED = ("pyarrow", "matplotlib", "jinja2")
MOST_NAMED = 3  # samples that are named with a failure; the report tells more
HOW_TO_READ = (
    "Means over pictures, each with its 95 % interval. Bold beats every other method beyond chance. The report explains"
    " every number."
)

DATASET = "A folder of triplets, Parquet shards or a Hub dataset (owner/name). Without it the built-in twelve pairs."
METHODS = "With commas: ids of `rorem methods`, or `given` for results that came with the set; or all-ready."
POLICIES = "With commas, or all: as given, tight, dilated, eroded, shifted, scribble."
METRICS = "Ids with commas. Without it all that can be measured here."
RESULTS = "NAME=FOLDER: results that were made elsewhere, named like the samples."
ANSWERS = "People's yes and no: CSV or .jsonl with sample, method, verdict."
PROBES = "Tricks instead of methods: shows which metrics can be gamed."
PAPER = "Print the paper's own table beside, marked as not run here."
OUT = "A folder for everything. The same command takes up a run that was stopped."
FETCHING = "Fetching"
Protocol = Literal["same", "published"]


def evaluate(
    dataset: Annotated[str, typer.Argument(help=DATASET)] = BUILT_IN,
    methods: Annotated[str, typer.Option("--methods", "-m", help=METHODS)] = "patchmatch,telea",
    seeds: Annotated[str, typer.Option(help="With commas; each is a removal of its own.")] = "0",
    protocol: Annotated[Protocol, typer.Option(help="Our pipeline for all, or each as its paper runs it.")] = "same",
    out: Annotated[Path, typer.Option("--out", "-o", help=OUT)] = Path("evaluation"),
    policies: Annotated[str, typer.Option("--masks", help=POLICIES)] = "as given",
    metrics: Annotated[str | None, typer.Option(help=METRICS)] = None,
    results: Annotated[list[str] | None, typer.Option("--results", metavar="NAME=FOLDER", help=RESULTS)] = None,
    answers: Annotated[Path | None, typer.Option(help=ANSWERS)] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="METHOD.NAME=VALUE")] = None,
    probes: Annotated[bool, typer.Option("--probes", help=PROBES)] = False,
    paper: Annotated[bool, typer.Option("--paper", help=PAPER)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Runs methods on a set of samples and writes rows.parquet, table.md, table.csv and report.html.

    Runs on several GPUs with: accelerate launch -m rorem.cli evaluate ...
    """
    with in_sentences():
        from importlib.util import find_spec

        if missing := [name for name in NEEDED if find_spec(name) is None]:
            raise Unavailable(f"An evaluation needs the package {missing[0]}.", "pip install 'rorem[eval]' brings it.")
        from rorem.batch import unwritten
        from rorem.evaluation import processes, publish
        from rorem.triplet import open_set

        plan = _plan(methods, seeds, protocol, policies, metrics, results or [], answers, settings or [], probes)
        together = processes.join()
        try:
            with _bars(shown=together.first and not as_json) as on_progress:
                where = str(built_in()) if dataset == BUILT_IN else dataset
                samples = open_set(where, on_file=functools.partial(on_progress, FETCHING))
                if dataset == BUILT_IN:
                    samples.name = "The built-in pairs"
                run = publish.probe if probes else publish.evaluate
                published = run(samples, plan, out, together, on_progress, paper=paper)
        except OSError as error:
            complain(f"{unwritten(error).advice} The same command then goes on from there.")
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            complain("Stopped. What is done is kept; the same command goes on from there.")
            raise typer.Exit(STOPPED) from None
    if published is not None:
        _tell(published, as_json)
        raise typer.Exit(1 if published.run.failures else 0)


def built_in() -> Path:
    """The folder of the twelve pairs that come with RORem."""
    return Path(__file__).parent / "samples"


def _plan(
    methods: str,
    seeds: str,
    protocol: Protocol,
    policies: str,
    metrics: str | None,
    results: Sequence[str],
    answers: Path | None,
    settings: Sequence[str],
    probes: bool,
) -> Plan:
    from rorem.evaluation.plan import Plan
    from rorem.evaluation.policies import POLICIES as ALL_POLICIES
    from rorem.methods import catalog
    from rorem.remover import AS_PUBLISHED, SAME_PIPELINE

    ready = [entry.id for entry in catalog.ENTRIES if entry.state().kind == "ready"]
    wanted = tuple(ready) if methods == "all-ready" else _split(methods)
    by_method: dict[str, dict[str, object]] = {}
    for name, value in (_pair(one, "--set takes METHOD.NAME=VALUE") for one in settings):
        method, dot, setting = name.rpartition(".")
        if not dot:
            raise BadOptions(f"--set takes METHOD.NAME=VALUE, not {name}={value}.", "Such as rorem.steps=20.")
        by_method.setdefault(method, {})[setting] = value
    plan = Plan(
        methods=wanted,
        seeds=_numbers(seeds),
        protocol=AS_PUBLISHED if protocol == "published" else SAME_PIPELINE,
        policies=tuple(ALL_POLICIES) if policies == "all" else _split(policies),
        settings=by_method,
        metrics=None if metrics is None else _split(metrics),
        results={name: Path(folder) for name, folder in (_pair(one, "--results takes NAME=FOLDER") for one in results)},
        answers=answers,
    )
    if not probes:
        plan.check()
    return plan


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str) -> tuple[int, ...]:
    parts = _split(text)
    if not parts or not all(part.isascii() and part.isdigit() and len(part) < 12 for part in parts):
        raise BadOptions(f"--seeds takes whole numbers, not {text!r}.", "Such as --seeds 0,1,2.")
    return tuple(map(int, parts))


def _pair(text: str, rule: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name.strip() or not equals or not value.strip():
        raise BadOptions(f"{rule}, not {text!r}.", "`rorem evaluate --help` shows how.")
    return name.strip(), value.strip()


@contextmanager
def _bars(shown: bool) -> Iterator[OnProgress]:
    """A bar for each half of the run, with the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[what]}", markup=False),
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
    )
    rows: dict[str, object] = {}
    with bars:

        def on_progress(half: str, done: int, total: int, what: str) -> None:
            row = rows.get(half)
            if row is None:
                row = rows[half] = bars.add_task(half, total=total, what=what)
            bars.update(row, completed=done, total=total, what=plain(what))  # type: ignore[arg-type]

        yield on_progress


def _tell(published: Published, as_json: bool) -> None:
    finished = published.run
    for (method, reason), names in _alike(finished.failures).items():
        others = len(names) - MOST_NAMED
        where = ", ".join(names[:MOST_NAMED]) + (f" and {others} more" if others > 0 else "")
        complain(f"{method} failed on {where}: {reason}")
    if finished.twice:
        complain(f"In the set more than once, counted once: {', '.join(finished.twice)}.")
    if as_json:
        say(json.dumps(_record(published)))
        return
    if published.probes is not None:
        typer.echo(published.probes.read_text("utf-8"))
    elif published.summary is not None:
        _print(published.summary)
    for why in dict.fromkeys(finished.left_out.values()):
        ids = [id for id, reason in finished.left_out.items() if reason == why]
        complain(f"Left out: {', '.join(ids)}. {why}")
    say(f"The report is {published.report}" if published.summary else "Nothing was measured, so there is no report.")


def _alike(failures: Sequence[Failure]) -> dict[tuple[str, str], list[str]]:
    """The names of the samples, by method and sentence: a method without weights fails everywhere alike."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in failures:
        names = found.setdefault((one.method, one.reason), [])
        if one.name not in names:
            names.append(one.name)
    return found


def _print(summary: Summary) -> None:
    from rich.console import Console

    from rorem.evaluation import tables

    console = Console()
    for table in tables.terminal(summary, console.width):
        console.print(table)
    console.print(HOW_TO_READ, markup=False, highlight=False)


def _record(published: Published) -> dict[str, object]:
    """The table and what went wrong, as plain values."""
    summary = published.summary
    cells = [] if summary is None else summary.cells.values()
    return {
        "report": str(published.report) if summary else None,
        "probes": str(published.probes) if published.probes else None,
        "table": [
            {
                "method": cell.method,
                "metric": cell.metric,
                "mean": cell.mean.value,
                "low": cell.mean.low,
                "high": cell.mean.high,
                "n": cell.mean.n,
                "exact": cell.exact,
                "rest": cell.mean.rest,
                "best": cell.best,
            }
            for cell in cells
        ],
        "failures": [asdict(one) for one in published.run.failures],
        "left_out": dict(published.run.left_out),
        "counted_once": list(published.run.twice),
    }
