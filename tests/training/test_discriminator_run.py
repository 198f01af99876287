"""train_discriminator as it is run: over the loop, gone on with, killed, in several processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rorem.judge import Judge
from rorem.triplet import write_folder
from tests.checkpoints.sdxl import write_sdxl
from tests.training.conftest import ROOT, run_script
from tests.training.data.scenes import triplet
from training.discriminator_settings import DiscriminatorSettings
from training.discriminator_task import DiscriminatorTask
from training.loop import Going, train
from training.settings import read_settings

SCRIPT = ROOT / "training/train_discriminator.py"
TINY = ROOT / "training/configs/discriminator_tiny.yaml"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("discriminator")
    write_sdxl(folder / "base")
    write_folder([triplet(number, p_yes=number % 3 / 2, method="lama") for number in range(8)], folder / "set")
    return folder


def given(place: Path, out: Path, **more: Any) -> dict[str, Any]:
    return {
        "base": str(place / "base"),
        "data": [str(place / "set")],
        "cache": str(place / "cache"),
        "out": str(out),
        **more,
    }


def task(place: Path, out: Path, **more: Any) -> DiscriminatorTask:
    return DiscriminatorTask(read_settings(DiscriminatorSettings, TINY, given(place, out, **more)))


def words(place: Path, out: Path, **more: Any) -> list[str]:
    found = [f"--{name}={json.dumps(value)}" for name, value in given(place, out, **more).items()]
    return ["--config", str(TINY), *found]


def losses(out: Path) -> dict[int, float]:
    told = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return {one["step"]: one["loss"] for one in told if "loss" in one}


def forget() -> None:
    from accelerate.state import AcceleratorState, GradientState, PartialState

    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()


@pytest.mark.usefixtures("alone")
@pytest.mark.soak
def test_a_run_goes_on_where_it_was_and_leaves_a_judge(place: Path, tmp_path: Path) -> None:
    how = {"posterior": "sample", "cache_spread": True, "noise": True, "ema": 0.9, "checkpoint_every": 1}
    train(task(place, tmp_path / "straight", steps=2, **how))
    forget()
    train(task(place, tmp_path / "parts", steps=1, **how))
    forget()
    train(task(place, tmp_path / "parts", steps=2, **how), Going("latest"))
    assert losses(tmp_path / "parts") == losses(tmp_path / "straight") and len(losses(tmp_path / "parts")) == 2
    for name in ("pytorch_lora_weights.safetensors", "cls_pred_branch.safetensors"):
        one, other = ((tmp_path / run / "result" / name).read_bytes() for run in ("straight", "parts"))
        assert one == other and len(one) > 10_000
    card = (tmp_path / "parts/result/README.md").read_text()
    assert "openrail++" in card and "| lama |" in card and "| learned from |" in card and "loss: bce" in card
    assert (tmp_path / "parts/result/report.json").is_file() and (tmp_path / "parts/validation").is_dir()
    Judge(place / "base", tmp_path / "parts/result", {"ROREM_DEVICE": "cpu"})


@pytest.mark.soak
def test_two_processes_learn_what_one_does(place: Path, tmp_path: Path) -> None:
    for processes, batch in ((1, 4), (2, 2)):
        out = tmp_path / str(processes)
        told = run_script(SCRIPT, *words(place, out, batch=batch, steps=2), processes=processes)
        assert told.returncode == 0, told.stderr
    one, two = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert one.keys() == two.keys() and all(two[step] == pytest.approx(one[step], rel=1e-3) for step in one)


@pytest.mark.soak
@pytest.mark.parametrize("processes", [1, 2])
def test_killed_it_goes_on_to_the_same_losses(place: Path, tmp_path: Path, processes: int) -> None:
    straight = run_script(SCRIPT, *words(place, tmp_path / "straight", validate_every=0), processes=processes)
    assert straight.returncode == 0, straight.stderr
    out = tmp_path / "killed"
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes), "--rdzv-backend", "c10d"]
    launcher += ["--rdzv-endpoint", "localhost:0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *(launcher if processes > 1 else []), str(SCRIPT)]
    with subprocess.Popen(
        [*command, *words(place, out, validate_every=0)],
        cwd=ROOT,
        env=environment,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    ) as running:
        until = time.monotonic() + 200
        while time.monotonic() < until and not (out / "checkpoints/step-000002").is_dir():
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGKILL)
    assert not (out / "result").exists()
    again = run_script(SCRIPT, *words(place, out, validate_every=0), "--resume", "latest", processes=processes)
    assert again.returncode == 0, again.stderr
    assert losses(out) == losses(tmp_path / "straight") and len(losses(out)) == 6
