"""DINOv2 of the hole and of its ring."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rorem.geometry import Box
from rorem.metrics import dino, networks
from rorem.metrics.cells import around, cosine_of_means, coverage, mostly
from rorem.metrics.contract import Seen
from rorem.nets.dinov2 import Dinov2
from tests.checkpoints.dinov2 import write_dinov2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights")
    write_dinov2(made / "dinov2-base")
    return made


@pytest.fixture
def asked(folder: Path) -> networks.Asked:
    networks.clear()
    return networks.dinov2(networks.DINOV2_BASE, {"ROREM_WEIGHTS": str(folder)})


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def removal(result: np.ndarray, *box: int) -> Seen:
    left, top, right, bottom = box
    mask = np.zeros(result.shape[:2], bool)
    mask[top:bottom, left:right] = True
    return Seen(np.zeros_like(result), mask, result, mask)


def test_it_is_the_cosine_of_hole_and_ring_in_the_cut(asked: networks.Asked, folder: Path) -> None:
    result = noise(1, 200, 300)
    seen = removal(result, 100, 60, 180, 120)
    cut = Box(60, 10, 220, 170)  # 80 px wide, 40 more on each side, around the middle (140, 90)
    shown = np.array(Image.fromarray(result[cut.slices]).resize((518, 518), Image.Resampling.BICUBIC))
    said = Dinov2(folder / "dinov2-base", torch.device("cpu")).tokens(shown)
    covered = coverage(seen.mask[cut.slices], 37, 37)
    wanted = cosine_of_means(said.cells.numpy(), mostly(covered), around(covered, 4))
    assert dino.of_ring(asked, seen) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("box", [(0, 0, 30, 20), (170, 80, 200, 100), (0, 40, 200, 60), (7, 5, 8, 6), (0, 0, 199, 99)])
def test_masks_at_borders_specks_and_nearly_everything(asked: networks.Asked, box: tuple[int, int, int, int]) -> None:
    found = dino.of_ring(asked, removal(noise(1, 100, 200), *box))
    assert -1 <= found <= 1 or (box[2] == 199 and math.isnan(found))


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (13, 2), (5, 400)])
def test_pictures_smaller_than_a_patch(asked: networks.Asked, size: tuple[int, int]) -> None:
    found = dino.of_ring(asked, removal(noise(1, *size), 0, 0, 1, 1))
    assert -1 <= found <= 1 or size == (1, 1)


def test_without_hole_or_surroundings_there_is_no_number(asked: networks.Asked) -> None:
    result = noise(1, 50, 50)
    assert math.isnan(dino.of_ring(asked, removal(result, 0, 0, 0, 0)))
    assert math.isnan(dino.of_ring(asked, removal(result, 0, 0, 50, 50)))


def test_a_flat_picture_fits_and_an_odd_hole_does_not(asked: networks.Asked) -> None:
    flat = np.full((120, 120, 3), 90, np.uint8)
    odd = flat.copy()
    odd[40:80, 40:80] = noise(2, 40, 40)
    assert dino.of_ring(asked, removal(flat, 40, 40, 80, 80)) > dino.of_ring(asked, removal(odd, 40, 40, 80, 80))


def test_the_cut_keeps_its_shape(asked: networks.Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []
    tokens = asked.net.tokens
    monkeypatch.setattr(asked.net, "tokens", lambda rgb: shapes.append(rgb.shape) or tokens(rgb))
    dino.of_ring(asked, removal(noise(1, 100, 400), 50, 40, 250, 60))  # the square of 400 px does not fit
    assert shapes == [(126, 518, 3)]  # 100 of 400 px: 9 of 37 patches
