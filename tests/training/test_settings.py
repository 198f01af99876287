"""Settings from files and the command line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from rorem.errors import BadOptions
from tests.training.toy import ToySettings, ToyTask
from training import command
from training.ema import Ema
from training.schedule import ema_decay, learning_rate
from training.settings import LoopSettings, differences, read_settings, written


def test_the_command_line_goes_over_the_file_and_that_over_what_it_extends(tmp_path: Path) -> None:
    (tmp_path / "paper.yaml").write_text("lr: 5e-5\nsteps: 50_000\nbatch: 12\n")
    (tmp_path / "mine.yaml").write_text("extends: paper.yaml\nbatch: 3\nseed: 7\n")
    settings = read_settings(LoopSettings, tmp_path / "mine.yaml", {"seed": "8"})
    assert (settings.lr, settings.steps, settings.batch, settings.seed) == (5e-5, 50_000, 3, 8)


def test_what_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    settings = ToySettings(out=tmp_path / "ü", nan_at=(1, 2), lr=1e-7)
    (tmp_path / "all.yaml").write_text(written(settings), "utf-8")
    assert read_settings(ToySettings, tmp_path / "all.yaml", {}) == settings


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"learning_rat": 1}, "There is no setting learning_rat"),
        ({"stepps": 1}, "Did you mean steps?"),
        ({"steps": "many"}, "steps cannot be 'many'"),
        ({"lr": -1}, "lr cannot be -1"),
        ({"optimizer": "sgd"}, "optimizer cannot be 'sgd'"),
    ],
)
def test_wrong_settings_are_named_with_the_nearest_right_one(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadOptions) as raised:
        read_settings(LoopSettings, None, given)
    assert sentence in raised.value.advice and "\n" not in raised.value.advice


@pytest.mark.parametrize("content", [b"- a\n", b"a: [", b"\xff\xfe", b"1: 2\n", None])
def test_a_file_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "bad.yaml").write_bytes(content)
    with pytest.raises(BadOptions, match=r"bad\.yaml"):
        read_settings(LoopSettings, tmp_path / "bad.yaml", {})


def test_files_that_extend_one_another(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(BadOptions, match="extend one another"):
        read_settings(LoopSettings, tmp_path / "a.yaml", {})


def test_only_what_matters_is_a_difference() -> None:
    before = LoopSettings().model_dump(mode="json")
    changed = LoopSettings(out=Path("elsewhere"), steps=7, workers=0, lr=1e-3)
    assert differences(before, changed) == ["lr: 5e-05 then, 0.001 now"]


def test_the_learning_rate() -> None:
    settings = LoopSettings(lr=1.0, steps=100, warmup=9, schedule="linear")
    rates = [learning_rate(step, settings) for step in range(101)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)]) and rates[100] == 0
    assert rates[9:] == sorted(rates[9:], reverse=True)
    cosine = settings.model_copy(update={"schedule": "cosine", "warmup": 0})
    assert learning_rate(50, cosine) == pytest.approx(0.5) and learning_rate(100, cosine) == pytest.approx(0)
    assert {learning_rate(step, LoopSettings(lr=0.5)) for step in (0, 10, 49_999)} == {0.5}


def test_the_average_is_the_sum_that_its_decays_say() -> None:
    model = nn.Linear(1, 1, bias=False)
    weights = [0.5, 2.0, -1.0, 4.0]
    with torch.no_grad():
        model.weight.fill_(weights[0])
    ema = Ema(model, most=0.6, power=2 / 3)
    wanted = weights[0]
    for number, weight in enumerate(weights[1:]):
        with torch.no_grad():
            model.weight.fill_(weight)
        ema.update()
        decay = min(0.6, 1 - (1 + number) ** (-2 / 3))
        wanted = decay * wanted + (1 - decay) * weight
    assert ema.average["weight"].item() == pytest.approx(wanted)
    with ema.in_place():
        assert model.weight.item() == pytest.approx(wanted)
    assert model.weight.item() == weights[-1]


def test_the_decay_rises_to_the_most() -> None:
    decays = [ema_decay(updates, 0.9999, 2 / 3) for updates in range(2_000_000)[::1000]]
    assert decays[0] == 0 and decays == sorted(decays) and decays[-1] == 0.9999 and not math.isnan(decays[1])


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--step", "3"], 2, "Did you mean steps?"),
        (["stray"], 2, "stray is no setting"),
        (["--config", "nowhere.yaml"], 2, "nowhere.yaml cannot be read"),
        (["--push-to-hub", "no name"], 2, "no name of a model"),
        (["--push-to-hub", "me/model"], 2, "no token"),
    ],
)
def test_the_command_says_what_is_wrong_in_a_sentence(
    words: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert command.run(ToySettings, ToyTask, "A toy.", words) == code
    told = capsys.readouterr().err
    assert sentence in told and told.count("\n") == 1


@pytest.mark.usefixtures("alone")
def test_a_dry_run_tells_speed_memory_and_time_and_keeps_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(ToySettings, ToyTask, "A toy.", ["--dry-run", "--out", str(tmp_path / "run")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "images a second" in lines[0] and "of memory at most" in lines[1] and "for 12 steps" in lines[2]
    assert not (tmp_path / "run").exists()


def test_values_are_yaml_and_a_name_alone_is_true() -> None:
    pairs = command._pairs(["--frozen", "--lr=1e-3", "--nan_at", "[1, 2]", "--out", "x"])
    assert pairs == {"frozen": True, "lr": "1e-3", "nan_at": [1, 2], "out": "x"}
    assert read_settings(ToySettings, None, pairs).lr == 1e-3
