"""Runs of the toy task, in this process and in others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOY = Path(__file__).with_name("toy.py")
ROOT = TOY.parents[2]


@pytest.fixture
def alone() -> Iterator[None]:
    """accelerate keeps its state for the whole process; each test begins and ends without it."""
    from accelerate.state import AcceleratorState, GradientState, PartialState

    def forget() -> None:
        for state in (AcceleratorState, GradientState, PartialState):
            state._reset_state()

    forget()
    yield
    forget()


def run_toy(out: Path, *given: str, processes: int = 1, **environment: str) -> subprocess.CompletedProcess[str]:
    """tests/training/toy.py in processes of its own, on the CPU."""
    return run_script(TOY, "--out", str(out), *given, processes=processes, **environment)


def run_script(script: Path, *given: str, processes: int = 1, **environment: str) -> subprocess.CompletedProcess[str]:
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes)]
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    return subprocess.run(
        [sys.executable, *(launcher if processes > 1 else []), str(script), *given],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "ACCELERATE_USE_CPU": "true",
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "passive",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=250,
    )
