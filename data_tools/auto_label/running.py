"""A run: a set scored, calibrated by people's answers, and the files that say so."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from data_tools.auto_label import report
from data_tools.auto_label.answers import read_answers
from data_tools.auto_label.calibration import Calibration, to_record
from data_tools.auto_label.findings import Findings, findings
from data_tools.auto_label.scorers import Judge, Scorer
from data_tools.auto_label.scoring import OTHER, PARTS, LeftOut, MakeWork, Outcome, outcome_of
from data_tools.auto_label.settings import Settings
from data_tools.auto_label.verdicts import Scored
from data_tools.commands import OnStep
from data_tools.engine import LOCAL, name_everywhere, run
from data_tools.parts import SIZE, parts_of
from data_tools.put import clear, put
from data_tools.tally import Tally
from rorem.errors import BadData, BadOptions, Unavailable
from rorem.labels.record_files import write_records
from rorem.triplet import TripletSet, open_set
from rorem.version import __version__

SCORES, CALIBRATION, PAGE, ABOUT = "scores.parquet", "calibration.json", "report.html", "scoring.json"
COLUMNS = {
    **dict.fromkeys(("name", "id", "sample", "method"), "string"),
    **dict.fromkeys(("raw", "probability"), "double"),
    "accepted": "bool",
}
DEFAULT = Settings()
NONE_SCORED = "None of the records could be scored"


@dataclass(frozen=True)
class Summary:
    """What became of a run. there: parts that were scored before. failed: records without a score. unused: answers that
    do not count. notes: what to know of the judge and of the answers."""

    calibration: Calibration
    scored: int
    accepted: int
    there: int
    notes: tuple[str, ...]
    failed: Tally = field(default_factory=Tally)
    unused: Tally = field(default_factory=Tally)


def auto_label(
    name: str,
    out: Path,
    judge: Judge,
    answers: str = "",
    settings: Settings = DEFAULT,
    *,
    part_size: int = SIZE,
    engine: str = LOCAL,
    workers: int = 1,
    environment: Mapping[str, str] = os.environ,
    on_step: OnStep = lambda done, total: None,
) -> Summary:
    """Scores the removals of a set and accepts those that people would accept, too, as far as their answers show it.

    name: of a set with results, as `open_set` takes it. answers: see `read_answers`; "" for none. Writes
    scores.parquet, report.html and, last, calibration.json into `out`. What is scored already is not scored again; the
    rest is made anew each time, so the same command with more answers is quick. The same input gives the same files,
    whatever the engine.
    on_step: told of records; may raise, to stop.
    Raises BadOptions; BadData for no set, for no answers, and for an `out` that holds other scores; MissingWeights,
    Unavailable, HubTrouble; OSError.
    """
    if workers < 1 or part_size < 1:
        raise BadOptions("There has to be one worker, and one record in a part.", "Use 1 or more.")
    _check_packages()
    if judge.file:  # workers have other current folders
        judge = replace(judge, file=str(Path(judge.file).expanduser().absolute()))
    told, unused = read_answers(answers, environment) if answers else ([], Tally())
    set_, scorer, out = open_set(name, environment), judge.load(), out.absolute()
    hashed = made_with(set_, judge, scorer.revision)
    about = {"set": set_.name, "set_fingerprint": set_.fingerprint, "judge": judge.name, "revision": scorer.revision}
    _take(out, {**about, "part_size": part_size, "made_with": hashed})
    make_work = MakeWork(name_everywhere(name, set_), out, judge, hashed)
    outcomes, there = _outcomes(make_work, set_, scorer, part_size, engine, workers, on_step)
    clear(out / PARTS)
    place = {one: number for number, one in enumerate(set_.names)}
    scored = sorted((one for outcome in outcomes for one in outcome.scored), key=lambda one: place[one.name])
    left_out = sorted((one for outcome in outcomes for one in outcome.left_out), key=lambda one: place[one.name])
    if not scored:
        raise BadData(f"{NONE_SCORED}: {left_out[0].why}", "Give a set of removals.")
    failed = _tally(left_out)
    found = findings(scored, told, settings, judge.name, scorer.revision, unused)
    notes = tuple(dict.fromkeys((*(note for one in outcomes for note in one.notes), *found.notes)))
    _write(out, found, scored, {**about, "answers_from": _said(answers)}, notes, failed)
    return Summary(found.calibration, len(scored), int(found.accepted.sum()), there, notes, failed, unused)


def made_with(set_: TripletSet, judge: Judge, revision: str) -> str:
    """Hash of all that scores depend on. Hex, 64 digits."""
    return hashlib.sha256(json.dumps([set_.fingerprint, judge.name, revision]).encode()).hexdigest()


def _outcomes(
    make_work: MakeWork,
    set_: TripletSet,
    scorer: Scorer,
    part_size: int,
    engine: str,
    workers: int,
    on_step: OnStep,
) -> tuple[list[Outcome], int]:
    """Of every part, and how many were done before."""
    done, todo, counted = list[Outcome](), [], 0

    def step(records: int) -> None:
        nonlocal counted
        counted += records
        on_step(counted, len(set_))

    for part in parts_of(set_.names, -(-len(set_) // part_size)):
        if before := outcome_of(make_work.out, part, make_work.made_with):
            done.append(before)
            step(len(part.indices))
        else:
            todo.append(part)
    there = len(done)
    if todo and engine == LOCAL:
        make_work = MakeWork(**{**make_work.__dict__, "here": (set_, scorer), "on_record": step})
    for outcome in run(make_work, todo, engine, workers) if todo else ():
        done.append(outcome)
        if engine != LOCAL:
            step(len(outcome.scored) + len(outcome.left_out))
    return done, there


def _take(out: Path, about: Mapping[str, object]) -> None:
    """Makes the folder this run's, or finds that it is. Raises BadData, OSError."""
    try:
        there = json.loads((out / ABOUT).read_bytes())
    except FileNotFoundError:
        if any((out / name).exists() for name in (SCORES, CALIBRATION, PARTS, "meta.json")):
            raise BadData(f"{out} holds something else.", OTHER) from None
        put(out / ABOUT, _page(about))
        return
    except ValueError as error:
        raise BadData(f"{out / ABOUT} cannot be read.", OTHER) from error
    if there != about:
        raise BadData(f"{out} holds scores of another set, by another judge, or in parts of another size.", OTHER)


def _write(
    out: Path,
    found: Findings,
    scored: Sequence[Scored],
    about: Mapping[str, object],
    notes: Sequence[str],
    failed: Tally,
) -> None:
    """The files of a run. calibration.json goes first and comes last: where it is, the others fit it."""
    page = report.page(found, about, notes, failed)
    (out / CALIBRATION).unlink(missing_ok=True)
    likely = found.calibration.probability(found.raw)
    rows = (
        {
            **{name: getattr(one, name) for name in ("name", "id", "sample", "method", "raw")},
            "probability": None if likely is None else float(likely[number]),
            "accepted": bool(found.accepted[number]),
        }
        for number, one in enumerate(scored)
    )
    write_records(out / SCORES, COLUMNS, rows)
    put(out / PAGE, page.encode())
    put(out / CALIBRATION, _page(_told(found, about, notes, failed)))


def _told(found: Findings, about: Mapping[str, object], notes: Sequence[str], failed: Tally) -> dict[str, Any]:
    """For calibration.json."""
    error = found.error
    return {
        **to_record(found.calibration),
        "ece": None if error is None else error.value,
        "ece_interval": None if error is None else [error.low, error.high],
        "ece_by_chance": None if error is None else error.chance,
        "log_loss": dict(found.losses),
        "scored": len(found.raw),
        "accepted": int(found.accepted.sum()),
        "accepted_share": float(found.accepted.mean()),
        "failed": dict(found_counts(failed)),
        "answers_unused": dict(found_counts(found.unused)),
        "answers_used": found.use,
        "verdicts": found.settings.verdicts,
        "photos": found.photos,
        "settings": asdict(found.settings),
        "tests": [asdict(one) for one in found.looks],
        "bins": [asdict(one) for one in found.bins],
        "methods": [asdict(one) for one in found.methods],
        "method_left_out": [asdict(one) for one in found.by_method],
        "category_left_out": [asdict(one) for one in found.by_category],
        "notes": list(notes),
        **about,
        "rorem": __version__,
    }


def found_counts(tally: Tally) -> list[tuple[str, int]]:
    """In an order that does not depend on that of the work."""
    return sorted(tally.counts.items())


def _tally(left_out: Sequence[LeftOut]) -> Tally:
    tally = Tally()
    for one in left_out:
        tally.add(one.kind, one.name, one.why)
    return tally


def _said(answers: str) -> str:
    """Where the answers came from, without the folders of somebody's machine."""
    return Path(answers).name if answers and Path(answers).expanduser().exists() else answers


def _page(told: Mapping[str, object]) -> bytes:
    return (json.dumps(told, indent=2, allow_nan=False) + "\n").encode()


def _check_packages() -> None:
    """Raises Unavailable: better before the scoring than after."""
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
        import pyarrow  # noqa: F401
        import scipy.stats  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        fix = "pip install 'rorem[data]' brings it."
        raise Unavailable(f"Calibrating needs the package {error.name}.", fix) from error
