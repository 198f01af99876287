"""The loop on a task as small as can be: what is learned, what is kept, what is told when something is wrong."""

from __future__ import annotations

import json
import logging
import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from rorem.errors import BadOptions
from tests.training.toy import ToySettings, ToySource, ToyTask
from training import checkpoints
from training.loop import Going, Stopped, train
from training.task import Batch

pytestmark = pytest.mark.usefixtures("alone")


def log_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def losses(out: Path) -> dict[int, float]:
    return {told["step"]: told["loss"] for told in log_of(out) if "loss" in told}


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "result/toy.safetensors")


def test_it_learns_and_leaves_what_it_should(tmp_path: Path) -> None:
    state = train(ToyTask(ToySettings(out=tmp_path, steps=300, batch=16, drop=0, log_every=50, checkpoint_every=100)))
    told = losses(tmp_path)
    errors = [told["validation"]["error"] for told in log_of(tmp_path) if "validation" in told]
    assert list(told) == [50, 100, 150, 200, 250, 300] and errors[-1] < 0.1 * errors[0]
    assert state.step == 300 and state.skipped == state.bad == 0
    assert [path.name for path in checkpoints.all_in(tmp_path)] == ["step-000100", "step-000200", "step-000300"]
    card = (tmp_path / "result/README.md").read_text()
    assert "# Toy" in card and "| data | made up |" in card and "lr: 0.05" in card and "| error |" in card
    assert (tmp_path / "validation/step-000300.png").is_file()
    assert not list((tmp_path / "checkpoints").glob(".*"))


def test_the_first_loss_and_update_are_what_a_hand_gets(tmp_path: Path) -> None:
    settings = ToySettings(out=tmp_path, steps=1, batch=3, accumulate=2, drop=0, clip=0.5)
    train(ToyTask(settings))
    task = ToyTask(settings)
    model, source = task.build(torch.device("cpu")), task.source()
    halves = [task.loss(model, source.batch(range(start, start + 3))) for start in (0, 3)]
    loss = (halves[0] + halves[1]) / 2
    loss.backward()
    assert losses(tmp_path)[1] == pytest.approx(loss.item(), rel=1e-6)
    norm = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    assert log_of(tmp_path)[0]["norm"] == pytest.approx(float(norm), rel=1e-6) and float(norm) > 0.5
    optimizer = torch.optim.AdamW(model.parameters(), settings.lr, (0.9, 0.999), 1e-8, 0.01)
    optimizer.step()
    for name, mine in model.state_dict().items():
        torch.testing.assert_close(weights(tmp_path)[name], mine)


def test_only_what_trains_changes_and_is_kept(tmp_path: Path) -> None:
    settings = ToySettings(out=tmp_path, frozen=True, steps=4)
    before = {
        name: weight.clone() for name, weight in ToyTask(settings).build(torch.device("cpu")).state_dict().items()
    }
    train(ToyTask(settings))
    changed = {name for name, weight in weights(tmp_path).items() if not torch.equal(weight, before[name])}
    assert changed == {"last.weight", "last.bias"}
    assert set(load_file(checkpoints.folder_of(tmp_path, 4) / "model.safetensors")) == changed


def test_the_average_is_what_is_published(tmp_path: Path) -> None:
    train(ToyTask(ToySettings(out=tmp_path / "plain")))
    _forget()
    train(ToyTask(ToySettings(out=tmp_path / "averaged", ema=0.9)))
    assert losses(tmp_path / "plain") == losses(tmp_path / "averaged")
    assert not torch.equal(weights(tmp_path / "plain")["last.weight"], weights(tmp_path / "averaged")["last.weight"])


def test_a_loss_that_is_no_number_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        state = train(ToyTask(ToySettings(out=tmp_path, nan_at=(2, 5))))
    told = losses(tmp_path)
    assert state.skipped == 2 and state.step == 12 and sum("no number" in line for line in caplog.messages) == 2
    assert math.isnan(told[3]) and math.isnan(told[6]) and all(map(math.isfinite, weights(tmp_path)["last.bias"]))


def test_too_many_of_them_end_the_run_at_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="3 times in a row"):
        train(ToyTask(ToySettings(out=tmp_path, nan_at=tuple(range(5, 12)), nan_limit=3)))
    assert [path.name for path in checkpoints.all_in(tmp_path)][-1] == "step-000008"
    assert not (tmp_path / "result").exists()


def test_bad_records_are_named_counted_and_limited(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert train(ToyTask(ToySettings(out=tmp_path / "a", bad_at=(3, 7)))).bad == 2
    assert "Record 3 cannot be read." in caplog.messages and "Record 7 cannot be read." in caplog.messages
    _forget()
    with pytest.raises(Stopped, match="3 records could not be read"):
        train(ToyTask(ToySettings(out=tmp_path / "b", bad_at=(1, 2, 3), bad_limit=2)))


def test_a_wish_to_end_is_granted_at_a_checkpoint(tmp_path: Path) -> None:
    class Ending(ToyTask):
        def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
            if int(batch["draw"][0]) == 5:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().loss(model, batch)

    with pytest.raises(Stopped, match="step 6"):
        train(Ending(ToySettings(out=tmp_path)))
    _forget()
    train(ToyTask(ToySettings(out=tmp_path)), Going("latest"))
    _forget()
    train(ToyTask(ToySettings(out=tmp_path / "straight")))
    assert losses(tmp_path) == losses(tmp_path / "straight")


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate import Accelerator

    plain = Accelerator.save_state

    def full(self: Accelerator, folder: str) -> None:
        plain(self, folder)
        if "step-000008" in folder:
            (Path(folder) / "optimizer.bin").write_bytes(b"half")
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Accelerator, "save_state", full)
    train(ToyTask(ToySettings(out=tmp_path)))
    assert [path.name for path in checkpoints.all_in(tmp_path)] == ["step-000004", "step-000012"]
    assert not list((tmp_path / "checkpoints").glob(".*"))


def test_as_many_are_kept_as_wanted_and_the_best(tmp_path: Path) -> None:
    class Rising(ToyTask):
        def validate(self, model: nn.Module, step: int) -> Any:
            told = super().validate(model, step)
            return type(told)({"error": float(step)}, None)  # the first one is the best

    train(Rising(ToySettings(out=tmp_path, steps=24, keep=2)))
    assert [path.name for path in checkpoints.all_in(tmp_path)] == ["step-000004", "step-000020", "step-000024"]
    best = checkpoints.best_of(tmp_path)
    assert best is not None and best.name == "step-000004"


def test_another_config_is_refused_with_the_differences(tmp_path: Path) -> None:
    train(ToyTask(ToySettings(out=tmp_path, steps=4)))
    _forget()
    with pytest.raises(BadOptions, match=r"lr: 0.05 then, 0.1 now; seed: 0 then, 3 now|seed: 0 then, 3 now; lr"):
        train(ToyTask(ToySettings(out=tmp_path, steps=8, lr=0.1, seed=3)), Going("latest"))
    _forget()
    assert train(ToyTask(ToySettings(out=tmp_path, steps=8, lr=0.1)), Going("latest", allow_changes=True)).step == 8


def test_a_checkpoint_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(BadOptions, match="holds no checkpoint"):
        train(ToyTask(ToySettings(out=tmp_path)), Going(str(tmp_path / "nowhere")))
    _forget()
    assert train(ToyTask(ToySettings(out=tmp_path, steps=4)), Going("latest")).step == 4  # there is none yet
    _forget()
    (checkpoints.folder_of(tmp_path, 4) / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(BadOptions, match="cannot be gone on from"):
        train(ToyTask(ToySettings(out=tmp_path, steps=8)), Going("latest"))


def test_curves_are_drawn(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(ToyTask(ToySettings(out=tmp_path, steps=4, tracker="tensorboard")))
    curves = EventAccumulator(str(tmp_path / "curves" / "rorem")).Reload()
    assert {"loss", "lr", "samples_per_second", "waiting", "validation/error"} <= set(curves.Tags()["scalars"])
    assert [point.value for point in curves.Scalars("loss")] == pytest.approx(list(losses(tmp_path).values()))


def test_two_runs_into_one_folder(tmp_path: Path) -> None:
    with checkpoints.only_one_run(tmp_path), pytest.raises(BadOptions, match="Another run writes"):
        train(ToyTask(ToySettings(out=tmp_path)))


def test_a_set_that_is_smaller_than_a_batch(tmp_path: Path) -> None:
    settings = ToySettings(out=tmp_path, steps=2, batch=40)
    assert len(ToySource(settings)) < 40
    assert train(ToyTask(settings)).step == 2


def _forget() -> None:
    from accelerate.state import AcceleratorState, GradientState, PartialState

    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()
