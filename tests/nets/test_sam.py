"""SAM for metrics: against transformers' own processor and forward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import SamModel
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

from rorem.errors import OutOfMemory
from rorem.nets.sam import Sam
from tests.checkpoints.sam import SIDE, write_sam

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sam(tmp_path_factory.mktemp("sam"))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [(150, 200), (64, 128), (301, 300), (20, 700), (1, 1)])
def test_it_is_shown_what_transformers_shows_it(folder: Path, size: tuple[int, int]) -> None:
    picture = noise(*size)
    processor = SamImageProcessorPil(size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE})
    wanted = processor(picture, return_tensors="pt", input_data_format="channels_last").pixel_values
    shown = Sam(folder, CPU).pixels(picture)
    assert shown.shape == wanted.shape and (shown - wanted).abs().max() < 1e-4


def test_features_and_masks_are_those_of_the_stock_forward(folder: Path) -> None:
    picture, points = noise(150, 200), np.array([[50.0, 60.0], [199.0, 0.0]])
    network = Sam(folder, CPU)
    seen = network.features(picture)
    logits, scores = network.at(seen, points)
    model: Any = SamModel.from_pretrained(folder, local_files_only=True)
    with torch.no_grad():
        embedding = model.get_image_embeddings(network.pixels(picture))
        told = model(
            image_embeddings=embedding,
            input_points=torch.tensor(points * (128 / 200, 96 / 150), dtype=torch.float32)[None, :, None],
            multimask_output=True,
        )
    assert seen.cells.shape == (8, 8, 16) and (seen.width, seen.height) == (200, 150)
    assert torch.allclose(seen.cells.permute(2, 0, 1), embedding[0], atol=1e-5)
    assert logits.shape == (2, 3, 32, 32) and scores.shape == (2, 3)
    assert torch.allclose(logits, told.pred_masks[0], atol=1e-4)
    assert np.allclose(scores, told.iou_scores[0].numpy(), atol=1e-5)
    large = network.enlarged(logits[1, 2], seen)
    square = functional.interpolate(told.pred_masks[:, 1, 2:3], (SIDE, SIDE), mode="bilinear")[..., :96, :128]
    assert torch.allclose(large, functional.interpolate(square, (150, 200), mode="bilinear")[0, 0], atol=1e-3)


def test_a_lack_of_memory_is_said(folder: Path) -> None:
    network = Sam(folder, CPU)

    def refuse(pixels: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")

    network._model.get_image_embeddings = refuse
    with pytest.raises(OutOfMemory, match="SAM"):
        network.features(noise(9, 9))
