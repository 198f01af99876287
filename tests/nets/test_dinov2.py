"""DINOv2 as transformers runs it, and its published preparation without torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Dinov2Model
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

from rorem.errors import OutOfMemory
from rorem.nets.dinov2 import MEAN, STD, Dinov2, published_view
from tests.checkpoints.dinov2 import write_dinov2


@pytest.fixture(scope="module", params=[False, True], ids=["base", "giant"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dinov2(tmp_path_factory.mktemp("dinov2"), giant=request.param)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


def prepared(picture: np.ndarray, **how: Any) -> torch.Tensor:
    """By transformers' own processor, with what facebook/dinov2-base's preprocessor_config.json says."""
    settings = {"size": {"shortest_edge": 256}, "image_mean": MEAN, "image_std": STD, **how}
    return BitImageProcessorPil(**settings)(picture, return_tensors="pt").pixel_values


@pytest.mark.parametrize("size", [(224, 224), (28, 70), (14, 14)])
def test_tokens_are_those_of_the_stock_forward(folder: Path, size: tuple[int, int]) -> None:
    picture = noise(*size)
    said = Dinov2(folder, torch.device("cpu")).tokens(picture)
    model: Any = Dinov2Model.from_pretrained(folder, local_files_only=True)
    with torch.no_grad():
        wanted = model(prepared(picture, do_resize=False, do_center_crop=False)).last_hidden_state[0]
    rows, columns = size[0] // 14, size[1] // 14
    assert said.cells.shape == (rows, columns, 16) and said.whole.shape == (16,)
    assert torch.allclose(said.whole, wanted[0], atol=1e-4)
    for row, column in ((0, 0), (rows - 1, 0), (0, columns - 1), (rows - 1, columns - 1)):
        assert torch.allclose(said.cells[row, column], wanted[1 + row * columns + column], atol=1e-4)


@pytest.mark.parametrize("size", [(512, 512), (224, 224), (300, 401), (640, 333)])
def test_the_published_view_is_that_of_the_published_processor(size: tuple[int, int]) -> None:
    picture = noise(*size)
    shown = published_view(picture)
    assert shown.shape == (224, 224, 3) and shown.dtype == np.uint8
    wanted = prepared(picture)[0].permute(1, 2, 0).numpy() * STD + MEAN
    assert np.abs(shown / 255 - wanted).max() < 1e-4


def test_half_a_patch_is_a_mistake_of_the_caller(folder: Path) -> None:
    with pytest.raises(ValueError, match="patches"):
        Dinov2(folder, torch.device("cpu")).tokens(noise(28, 30))


def test_a_lack_of_memory_is_said(folder: Path) -> None:
    network = Dinov2(folder, torch.device("cpu"))

    def refuse(pixels: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")

    network._model = refuse
    with pytest.raises(OutOfMemory, match="DINOv2"):
        network.tokens(noise(14, 14))
