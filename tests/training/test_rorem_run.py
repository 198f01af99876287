"""train_rorem as it is run: over the loop, killed and gone on with, in several processes."""

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
import torch

from rorem.methods import sdxl
from tests.checkpoints.sdxl import write_sdxl
from tests.training.conftest import ROOT, run_script
from tests.training.data.scenes import write_scenes
from training.loop import Going, train
from training.rorem_settings import RoremSettings
from training.rorem_task import RoremTask
from training.settings import read_settings

SCRIPT = ROOT / "training/train_rorem.py"
TINY = ROOT / "training/configs/rorem_tiny.yaml"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rorem")
    write_sdxl(folder / "base")
    write_scenes(folder / "set", 6)
    write_scenes(folder / "two", 2)
    return folder


def given(place: Path, out: Path, **more: Any) -> dict[str, Any]:
    sets = {"data": [str(place / "set")], "validation": [str(place / "two")], "cache": str(place / "cache")}
    return {"base": str(place / "base"), "out": str(out), **sets, **more}


def tiny(place: Path, out: Path, **more: Any) -> RoremSettings:
    return read_settings(RoremSettings, TINY, given(place, out, **more))


def words(place: Path, out: Path, **more: Any) -> list[str]:
    """For the command line."""
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
def test_a_run_goes_on_where_it_was_and_leaves_a_model(place: Path, tmp_path: Path) -> None:
    how = {"lora_rank": 2, "ema": 0.9, "mask_change": 0.5, "crop": "random", "validate_every": 2}
    train(RoremTask(tiny(place, tmp_path / "straight", steps=4, **how)))
    forget()
    train(RoremTask(tiny(place, tmp_path / "parts", steps=2, **how)))
    forget()
    train(RoremTask(tiny(place, tmp_path / "parts", steps=4, **how)), Going("latest"))
    assert losses(tmp_path / "parts") == losses(tmp_path / "straight") and len(losses(tmp_path / "parts")) == 4
    assert (tmp_path / "parts/validation/step-000002.png").is_file()
    names = "diffusion_pytorch_model.safetensors", "lora/pytorch_lora_weights.safetensors"
    for name in names:
        one, other = ((tmp_path / run / "result" / name).read_bytes() for run in ("straight", "parts"))
        assert one == other and len(one) > 10_000
    card = (tmp_path / "parts/result/README.md").read_text()
    assert "openrail++" in card and "| loss |" in card and "lora_rank: 2" in card
    sdxl.model(place / "base", tmp_path / "parts/result")


@pytest.mark.soak
@pytest.mark.usefixtures("alone")
def test_two_triplets_are_learned_by_heart(place: Path, tmp_path: Path) -> None:
    """The validation's noise is not that of training, so this is more than remembering the noise."""
    how = {"data": [str(place / "two")], "batch": 8, "lr": 2e-3, "steps": 200, "checkpoint_every": 200}
    settings = tiny(place, tmp_path, **how, flip=False, posterior="mean", cache_latents=True)
    task = RoremTask(settings)
    net = task.build(torch.device("cpu"))
    task.source()
    with torch.no_grad():
        before = task.validate(net.eval(), 0).metrics["loss"]
    train(RoremTask(settings))
    told = losses(tmp_path)
    assert told[1] > 0.5 and sum(told[step] for step in range(191, 201)) / 10 < 0.1 * told[1]
    after = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["validation"]["loss"]
    assert after < 0.1 * before


@pytest.mark.soak
def test_two_processes_learn_what_one_does(place: Path, tmp_path: Path) -> None:
    for processes, batch in ((1, 4), (2, 2)):
        out = tmp_path / str(processes)
        told = run_script(SCRIPT, *words(place, out, batch=batch, steps=3), processes=processes)
        assert told.returncode == 0, told.stderr
    one, two = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert one.keys() == two.keys() and all(abs(one[step] - two[step]) < 1e-5 * one[step] for step in one)


@pytest.mark.soak
@pytest.mark.parametrize("processes", [1, 2])
def test_killed_at_any_step_it_goes_on_to_the_same_losses(place: Path, tmp_path: Path, processes: int) -> None:
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


@pytest.mark.soak
def test_a_dry_run_tells_speed_and_keeps_nothing(place: Path, tmp_path: Path) -> None:
    told = run_script(SCRIPT, *words(place, tmp_path / "out"), "--dry-run")
    assert told.returncode == 0, told.stderr
    assert "images a second" in told.stdout and "for 6 steps" in told.stdout
    assert not (tmp_path / "out/result").exists()


@pytest.mark.soak
def test_weights_that_are_spread_learn_what_whole_ones_do(place: Path) -> None:
    script = Path(__file__).with_name("rorem_sharded.py")
    told = run_script(script, *(str(place / name) for name in ("base", "set", "cache")), processes=2)
    assert told.returncode == 0, told.stderr
