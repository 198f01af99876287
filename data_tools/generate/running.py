"""A run: removals of a whole set, or of one machine's share of it, part by part."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data_tools.commands import OnStep
from data_tools.engine import LOCAL, name_everywhere, run
from data_tools.generate.part_files import Outcome, complete, outcome_of, reopen, take
from data_tools.generate.settings import Settings
from data_tools.generate.work import MakeWork
from data_tools.parts import Part, parts_of
from data_tools.staging import check_apart
from data_tools.tally import Tally
from rorem.errors import BadOptions, MissingWeights
from rorem.methods import catalog
from rorem.triplet import open_set

DEFAULT = Settings()


@dataclass
class Summary:
    """What became of a run. made, there: removals, now and before. left_out: records that failed, now or before.
    waiting: parts that other machines have not done yet; 0 = the set is complete."""

    made: int = 0
    there: int = 0
    left_out: Tally = field(default_factory=Tally)
    waiting: int = 0


def generate(
    name: str,
    out: Path,
    settings: Settings = DEFAULT,
    *,
    engine: str = LOCAL,
    workers: int = 1,
    machine: int = 0,
    machines: int = 1,
    retry: bool = False,
    on_step: OnStep = lambda done, total: None,
) -> Summary:
    """Removes what the masks of a set mark, one removal a record, and writes Parquet shards.

    `open_set(out)` reads them once every part is done, and refuses them before.
    name: of a set, as `open_set` takes it; results that are there already are not looked at. The same set, settings and
    versions give the same bytes, whatever the engine, the order and the number of machines. What is done is not done
    again; retry: but records that failed are tried again. machine: 0 <= machine < machines, of several that share the
    work without knowing each other. on_step: told of records; may raise, to stop.
    Raises BadOptions; BadData for no set, and for an `out` that holds another one; MissingWeights, Unavailable and
    OSError.
    """
    if not 0 <= machine < machines:
        raise BadOptions(f"There is no machine {machine} of {machines}.", "They are counted from 0.")
    if workers < 1:
        raise BadOptions("There has to be one worker at least.", "Leave out --workers.")
    if workers > 1 and engine == LOCAL:
        raise BadOptions("Several workers need Ray.", "Add --engine ray, or see --machines.")
    maker = settings.maker()
    _check_ready(settings.method)
    set_ = open_set(name)
    out = out.absolute()
    check_apart(name, out)
    told = take(out, settings.told(set_, maker))
    every = parts_of(set_.names, -(-len(set_) // settings.size))
    mine = every[machine::machines]
    counting = _Counting(mine, on_step)
    todo = []
    for part in mine:
        before = outcome_of(out, part)
        if before and not (retry and before.failed):
            counting.was_there(part, before)
        else:
            todo.append(part)
            counting.made_before += before.made if before else 0
    if todo:
        reopen(out, told)
        on_record = counting.on_record if engine == LOCAL else None
        make_work = MakeWork(name_everywhere(name, set_), out, settings, told, retry, set_, on_record)
        for outcome in run(make_work, todo, engine, workers):
            counting.is_done(outcome)
    counting.summary.waiting = _finish(out, told, every)
    return counting.summary


class _Counting:
    """The summary as it grows, and progress by records."""

    def __init__(self, parts: Sequence[Part], on_step: OnStep) -> None:
        self.summary = Summary()
        self.made_before = 0  # in parts that are done again
        self._total = sum(len(part.indices) for part in parts)
        self._done = self._ahead = 0  # records of parts that are done, and of the one that is being done
        self._on_step = on_step

    def was_there(self, part: Part, outcome: Outcome) -> None:
        self.summary.there += outcome.made
        self._close(outcome)

    def on_record(self) -> None:
        self._ahead += 1
        self._on_step(self._done + self._ahead, self._total)

    def is_done(self, outcome: Outcome) -> None:
        again = min(self.made_before, outcome.made)
        self.made_before -= again
        self.summary.there += again
        self.summary.made += outcome.made - again
        self._close(outcome)

    def _close(self, outcome: Outcome) -> None:
        for failure in outcome.failed:
            self.summary.left_out.add(failure.kind, failure.name, failure.why)
        self._done, self._ahead = self._done + outcome.made + len(outcome.failed), 0
        self._on_step(self._done, self._total)


def _check_ready(method: str) -> None:
    """Raises MissingWeights, Unavailable: better now than on every machine."""
    state = catalog.find(method).state()
    if state.kind == "download":
        raise MissingWeights(f"The weights of {method} are not on this machine.", state.why)
    if state.kind == "unavailable":
        catalog.find(method).load()  # says it better


def _finish(out: Path, told: dict[str, object], parts: Sequence[Part]) -> int:
    """Notes that the set is complete, if it is; the number of parts that are still to come."""
    waiting = removals = failed = 0
    whole = hashlib.sha256()
    for part in parts:
        outcome = outcome_of(out, part)
        if outcome is None:
            waiting += 1
            continue
        removals += outcome.made
        failed += len(outcome.failed)
        whole.update(outcome.sha256.encode())
    if not waiting:
        counts = {"parts": len(parts), "removals": removals, "failed": failed, "sha256": whole.hexdigest()}
        complete(out, told, counts)  # sha256: of the hashes of the files, in their order
    return waiting
