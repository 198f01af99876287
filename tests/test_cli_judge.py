"""`rorem judge` as a person and as a script use it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file
from torch import ones
from typer.testing import CliRunner, Result

from rorem import cli, cli_weights, judge
from rorem.judge import PARTS, Score
from tests.checkpoints.discriminator import write_discriminator
from tests.checkpoints.sdxl import write_lcm_lora, write_sdxl


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    write_sdxl(folder)
    return folder


@pytest.fixture
def weights(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder with a photo, a mask and a result, and the judge's own weights, which may be changed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROREM_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("ROREM_DEVICE", "cpu")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    random = np.random.default_rng(0)
    for name in ("photo.png", "result.png"):
        Image.fromarray(random.integers(0, 256, (60, 80, 3), np.uint8)).save(name)
    Image.fromarray(random.integers(0, 256, (60, 90, 3), np.uint8)).save("other.png")
    marked = np.zeros((60, 80), np.uint8)
    marked[20:40, 20:50] = 255
    Image.fromarray(marked).save("mask.png")
    folder = tmp_path / "weights" / "rorem-discriminator"
    write_discriminator(folder, base / "unet")
    (tmp_path / "weights" / "sdxl-inpainting").symlink_to(base)
    return folder


def run(line: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli.app, shlex.split(line))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result


def refused(line: str, code: int) -> str:
    """The sentence with which a command is refused."""
    result = run(line, code)
    assert result.stdout == "" and result.stderr.count("\n") == 1
    return result.stderr.strip()


@pytest.mark.usefixtures("weights")
def test_a_score_in_words_and_as_json() -> None:
    told = json.loads(run("judge score photo.png mask.png result.png --json").stdout)
    assert told["raw"] > 0 and told["probability"] is None and told["calibration"] is None
    assert told["accepted"] is (told["raw"] >= 0.9) and told["rule"] == "raw >= 0.9 (published, not calibrated)"
    assert (told["source"], told["mask"], told["result"]) == ("photo.png", "mask.png", "result.png")
    assert told["noise_seed"] is None and told["notes"] == []
    words = run("judge score photo.png mask.png result.png").stdout
    assert f"Score: {told['raw']:.4f}" in words and "not calibrated" in words and "can exceed 1" in words
    assert ("Not good enough" in words) is not told["accepted"]


@pytest.mark.usefixtures("weights")
def test_noise_has_a_seed() -> None:
    lines = [run(f"judge score photo.png mask.png result.png --json {more}").stdout for more in ("--noise-seed 3",) * 2]
    assert lines[0] == lines[1] and json.loads(lines[0])["noise_seed"] == 3
    assert (
        json.loads(lines[0])["raw"] != json.loads(run("judge score photo.png mask.png result.png --json").stdout)["raw"]
    )


def test_what_the_weights_are_is_told(weights: Path, base: Path) -> None:
    write_discriminator(weights, base / "unet", trained=False)
    assert judge.UNTOUCHED in run("judge score photo.png mask.png result.png").stdout


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("photo.png mask.png other.png", "other.png is 90 x 60 pixels and photo.png is 80 x 60."),
        ("photo.png mask.png missing.png", "missing.png"),
        ("photo.png photo.png.txt result.png", "mask"),
    ],
)
def test_wrong_input_is_refused(line: str, words: str) -> None:
    assert words in refused(f"judge score {line}", 2)


def test_missing_weights_say_how_to_get_them(weights: Path) -> None:
    weights.rename(weights.with_name("elsewhere"))
    assert refused("judge score photo.png mask.png result.png", 1).endswith("rorem weights pull judge")


def test_wrong_weights_are_refused_in_a_sentence(weights: Path, base: Path) -> None:
    (weights / "cls_pred_branch.pt").unlink()
    save_file({"fc.weight": ones(2)}, weights / "cls_pred_branch.safetensors")
    assert "lacks 14 of 14" in refused("judge score photo.png mask.png result.png", 1)
    write_lcm_lora(weights, base / "unet")
    assert "LoRA for another network" in refused("judge score photo.png mask.png result.png", 1)


def test_a_calibrated_score_is_told_so(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge.Judge, "score", lambda *_: Score(1.2, 0.875, "round-1"))
    words = run("judge score photo.png mask.png result.png").stdout
    assert (
        "87.5% (round-1)" in words and "Not good enough by the rule probability >= 0.9 (calibration round-1)." in words
    )


def test_all_parts_come_under_one_name() -> None:
    assert set(cli_weights._wanted("judge")) == set(PARTS)
