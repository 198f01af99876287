"""A run that was killed goes on to the same losses, bit for bit; several processes come to what one does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.training.conftest import run_toy


def told(out: Path) -> dict[int, tuple[float, float]]:
    lines = map(json.loads, (out / "log.jsonl").read_text().splitlines())
    return {one["step"]: (one["loss"], one["norm"]) for one in lines if "loss" in one}


def killed_and_resumed(out: Path, *given: str, step: int, processes: int, **environment: str) -> None:
    killed = run_toy(out, "--kill_at", str(step), *given, processes=processes, **environment)
    assert killed.returncode != 0 and not (out / "result").exists()
    again = run_toy(out, "--resume", "latest", "--allow-changes", *given, processes=processes, **environment)
    assert again.returncode == 0, again.stderr


@pytest.mark.soak
@pytest.mark.parametrize("processes", [1, 2])
def test_after_a_kill_the_losses_are_the_same_to_the_bit(tmp_path: Path, processes: int) -> None:
    """With dropout, which draws from the process's own generator, averaged weights and reading processes."""
    given = ("--ema", "0.9", "--workers", "1", "--accumulate", "2", "--warmup", "3", "--schedule", "cosine")
    straight = run_toy(tmp_path / "straight", *given, processes=processes)
    assert straight.returncode == 0, straight.stderr
    killed_and_resumed(tmp_path / "killed", *given, step=9, processes=processes)
    assert told(tmp_path / "killed") == told(tmp_path / "straight") and len(told(tmp_path / "killed")) == 12
    results = [load_file(tmp_path / name / "result/toy.safetensors") for name in ("straight", "killed")]
    assert all(results[0][name].equal(results[1][name]) for name in results[0])


@pytest.mark.soak
@pytest.mark.parametrize("step", [0, 1, 3, 4, 5, 7, 8, 11])
def test_at_any_step(tmp_path: Path, step: int) -> None:
    assert run_toy(tmp_path / "straight").returncode == 0
    killed_and_resumed(tmp_path / "killed", step=step, processes=1)
    assert told(tmp_path / "killed") == told(tmp_path / "straight")


@pytest.mark.soak
def test_two_processes_come_to_what_one_does(tmp_path: Path) -> None:
    for name, batch, processes in (("one", "4", 1), ("two", "2", 2)):
        run = run_toy(tmp_path / name, "--batch", batch, "--drop", "0", processes=processes)
        assert run.returncode == 0, run.stderr
    one, two = told(tmp_path / "one"), told(tmp_path / "two")
    assert one.keys() == two.keys()
    for step in one:
        assert two[step] == pytest.approx(one[step], rel=1e-5)
