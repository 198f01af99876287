"""Works for the tests of the engines: in a module of their own, so that workers elsewhere can import them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from data_tools.generate.part_files import Outcome
from data_tools.generate.work import MakeWork
from data_tools.parts import Part
from rorem.errors import BadData, MissingWeights


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
    slow: Slow

    def __call__(self, part: Part) -> tuple[str, int]:
        return self.slow.work(part)


@dataclass(frozen=True)
class Making:
    slow: Slow

    def __call__(self) -> Made:
        return Made(self.slow())


class SlowMakeWork(MakeWork):
    """Removals that take their time, with a note of which machine did which part, before it is done."""

    def __call__(self) -> Callable[[Part], Outcome]:
        work, log = super().__call__(), self.out.parent / "log"

        def slowly(part: Part) -> Outcome:
            log.mkdir(exist_ok=True)
            (log / f"{part.name}-{os.getpid()}").write_text(node())
            time.sleep(0.5)
            return work(part)

        return slowly


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
