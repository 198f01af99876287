"""A few steps of a run, to know beforehand how quick it is, what memory it takes and how long all of it would take."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from rorem.memory import peak_memory
from training.loop import Going, train
from training.record import LOG
from training.settings import LoopSettings
from training.task import Task

Settings = TypeVar("Settings", bound=LoopSettings)
WARM_UP, MEASURED = 2, 2  # steps; the first ones compile, choose kernels and fill queues


def try_out(make: Callable[[Settings], Task[Any]], settings: Settings) -> str:
    """Builds everything and runs some steps; what was seen, as lines for a person. Keeps nothing.

    Raises what `train` raises.
    """
    with tempfile.TemporaryDirectory() as folder:
        changed = {
            "out": Path(folder),
            "steps": WARM_UP + MEASURED,
            "log_every": 1,
            "validate_every": 0,
            "tracker": "none",
        }
        state = train(make(settings.model_copy(update=changed)), Going(trial=True))
        told = [json.loads(line) for line in (Path(folder) / LOG).read_text("utf-8").splitlines()]
    last = told[-MEASURED:]
    rate = statistics.median(one["samples_per_second"] for one in last)
    waiting = statistics.median(one["waiting"] for one in last)
    samples = settings.batch * settings.accumulate * settings.steps
    memory = max(one["memory"] for one in told)
    lines = [
        f"{rate:.2f} images a second, {100 * waiting:.0f} % of the time waiting for data",
        f"{memory / 1e9:.1f} GB of the GPU at most"
        if memory
        else f"{(peak_memory() or 0) / 1e9:.1f} GB of memory at most",
        f"{duration(samples * _processes() / rate)} for {settings.steps} steps",
    ]
    if last[-1]["mfu"] is not None:
        lines.insert(1, f"MFU {100 * last[-1]['mfu']:.0f} %")
    if state.skipped or state.bad:
        lines.append(f"{state.skipped} updates left out, {state.bad} records that could not be read")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """For a person: "3 h 20 min"."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if hours else f"{left} min"


def _processes() -> int:
    import os

    return int(os.environ.get("WORLD_SIZE", "1"))
