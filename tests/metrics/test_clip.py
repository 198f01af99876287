"""CLIP of the place where the thing was."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from rorem.geometry import Box
from rorem.metrics import clip, networks
from rorem.metrics.contract import Seen
from rorem.nets.clip import Clip
from tests.checkpoints.clip import write_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights")
    write_clip(made / "clip-vit-large-patch14-336")
    return made


@pytest.fixture
def asked(folder: Path) -> networks.Asked:
    networks.clear()
    return networks.clip({"ROREM_WEIGHTS": str(folder)})


def noise(seed: int, height: int = 100, width: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def removal(result: np.ndarray, mask: np.ndarray, source: np.ndarray | None = None) -> Seen:
    return Seen(noise(0, *mask.shape) if source is None else source, mask, result, mask)


def boxed(left: int, top: int, right: int, bottom: int, height: int = 100, width: int = 200) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_the_box_grows_by_a_quarter_inside_the_picture() -> None:
    assert clip.box_of(boxed(60, 40, 140, 50)) == Box(40, 20, 160, 70)
    assert clip.box_of(boxed(0, 90, 80, 100)) == Box(0, 70, 100, 100)
    assert clip.box_of(boxed(50, 50, 51, 51)) == Box(34, 34, 67, 67)
    assert clip.box_of(boxed(0, 0, 0, 0)) is None


def test_both_are_cosines_of_the_box(asked: networks.Asked, folder: Path) -> None:
    network = Clip(folder / "clip-vit-large-patch14-336", torch.device("cpu"))
    source, result = noise(0), noise(1)
    before, after = (network.picture(rgb[20:70, 40:160]) for rgb in (source, result))
    seen = removal(result, boxed(60, 40, 140, 50), source)
    assert clip.of_change(asked, seen) == pytest.approx(1 - float(before @ after), abs=1e-5)
    assert clip.of_text(asked, seen) == pytest.approx(float(after @ network.text("background")), abs=1e-5)


def test_what_lies_outside_the_box_does_not_count(asked: networks.Asked) -> None:
    source, result = noise(0), noise(1)
    result[20:70, 40:160] = source[20:70, 40:160]
    assert clip.of_change(asked, removal(result, boxed(60, 40, 140, 50), source)) == pytest.approx(0, abs=1e-6)


def test_no_mask_no_number_and_a_speck_has_one(asked: networks.Asked) -> None:
    none, speck = (removal(noise(1), mask) for mask in (boxed(0, 0, 0, 0), boxed(199, 99, 200, 100)))
    for measure in (clip.of_change, clip.of_text):
        assert math.isnan(measure(asked, none)) and math.isfinite(measure(asked, speck))


def test_the_source_is_looked_at_once(asked: networks.Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    picture, text = asked.net.picture, asked.net.text
    monkeypatch.setattr(asked.net, "picture", lambda rgb: looks.append(1) or picture(rgb))
    monkeypatch.setattr(asked.net, "text", lambda words: looks.append(10) or text(words))
    for seed in range(1, 6):
        seen = removal(noise(seed), boxed(60, 40, 140, 50))
        clip.of_change(asked, seen)
        clip.of_text(asked, seen)
    assert looks.count(1) == 6 and looks.count(10) == 1
