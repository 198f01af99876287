"""The data under the loop: workers, a kill, and another number of processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.conftest import run_script
from tests.training.data.scenes import write_scenes

pytestmark = pytest.mark.soak  # each run is a process of its own, which takes a while to start
SCRIPT = Path(__file__).with_name("learning.py")


def losses(out: Path) -> dict[int, float]:
    told = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return {one["step"]: one["loss"] for one in told if "loss" in one}


def run(out: Path, data: Path, *given: str, processes: int = 1, **environment: str) -> int:
    more = ("--data", str(data), "--cache", str(data.parent / "cache"), *given)
    done = run_script(SCRIPT, "--out", str(out), *more, processes=processes, **environment)
    assert done.returncode in (0, -9), done.stderr[-2000:]
    return done.returncode


def test_a_killed_run_goes_on_with_the_same_samples(tmp_path: Path) -> None:
    data = write_scenes(tmp_path / "set", 7, [(96, 64), (64, 64)])
    run(tmp_path / "straight", data, "--workers", "1")
    assert run(tmp_path / "killed", data, "--workers", "1", KILL_AT="5") == -9
    run(tmp_path / "killed", data, "--resume", "latest")
    assert losses(tmp_path / "killed") == losses(tmp_path / "straight") and len(losses(tmp_path / "straight")) == 8


def test_two_processes_see_what_one_sees(tmp_path: Path) -> None:
    data = write_scenes(tmp_path / "set", 9, [(96, 64), (64, 64)])
    given = (
        "--buckets",
        "true",
        "--bucket_step",
        "16",
        "--bucket_run",
        "4",
        "--cache_latents",
        "true",
        "--variants",
        "2",
    )
    run(tmp_path / "one", data, *given, "--batch", "4")
    run(tmp_path / "two", data, *given, "--batch", "2", processes=2)
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert one.keys() == two.keys() and list(one.values()) == pytest.approx(list(two.values()), rel=1e-5)
