"""Works for the tests of the engines: in a module of their own, so that workers elsewhere can import them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from data_tools.auto_label import scoring
from data_tools.check.looking import Found, Search
from data_tools.generate.part_files import Failure, Outcome
from data_tools.generate.work import MakeWork, Work
from data_tools.parts import Part
from rorem.errors import BadData, MissingWeights
from rorem.triplet import Triplet, open_set

Told = TypeVar("Told")


@dataclass(frozen=True)
class Slow:
    """Makes a work that takes its time and writes down who did what. folder: for that."""

    folder: Path
    seconds: float = 0.0
    bad: int = -1  # this part fails

    def __call__(self) -> Slow:
        (self.folder / f"made-{os.getpid()}").touch()
        return self

    def work(self, part: Part) -> tuple[str, int]:
        time.sleep(self.seconds)
        (self.folder / f"{part.name}-by-{os.getpid()}").write_text(node())
        if part.number == self.bad:
            raise BadData("This part is bad.", "Make it anew.")
        return part.name, sum(part.indices)


@dataclass(frozen=True)
class Made:
    slow: Slow | Deadly

    def __call__(self, part: Part) -> tuple[str, int]:
        return self.slow.work(part)


@dataclass(frozen=True)
class Making:
    slow: Slow | Deadly

    def __call__(self) -> Made:
        return Made(self.slow())


@dataclass(frozen=True)
class Deadly:
    """Makes a work that ends its process at one part."""

    part: int

    def __call__(self) -> Deadly:
        return self

    def work(self, part: Part) -> tuple[str, int]:
        if part.number == self.part:
            os.kill(os.getpid(), signal.SIGKILL)
        return part.name, sum(part.indices)


class DeadlyWork(Work):
    """Removals of which one ends its process."""

    def _removal(self, index: int, name: str) -> tuple[Triplet, float] | Failure:
        if name == "scene03":
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._removal(index, name)


class DeadlyMakeWork(MakeWork):
    def __call__(self) -> Work:
        return DeadlyWork(open_set(self.name), self.settings.maker(), self)


class SlowMakeWork(MakeWork):
    def __call__(self) -> Callable[[Part], Outcome]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return slowly(super().__call__(), self.out.parent)


class SlowScoring(scoring.MakeWork):
    def __call__(self) -> Callable[[Part], scoring.Outcome]:
        return slowly(super().__call__(), self.out.parent)


class SlowSearch(Search):
    def __call__(self) -> Callable[[Part], Found]:  # pyright: ignore[reportIncompatibleMethodOverride]
        assert self.keep
        return slowly(super().__call__(), self.keep.parent)

    def __reduce__(self) -> tuple[type[Search], tuple[object, ...]]:
        return SlowSearch, (self.name, self.rules, self.keep, self.made_with)


def slowly(work: Callable[[Part], Told], folder: Path) -> Callable[[Part], Told]:
    """On a cluster it takes its time, with a note in folder/log of which machine did which part, before it is done."""

    def working(part: Part) -> Told:
        if machine := node():
            (folder / "log" / f"{part.name}-{os.getpid()}").write_text(machine)
            time.sleep(0.5)
        return work(part)

    return working


def without_weights() -> Made:
    raise MissingWeights("There are no weights here.", "Fetch them.")


class Odd(Exception):
    """Cannot travel."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(one)


def with_an_odd_error() -> Made:
    raise Odd("one", "other")


def node() -> str:
    """The id of the machine of the cluster."""
    import ray

    return ray.get_runtime_context().get_node_id() if ray.is_initialized() else ""
