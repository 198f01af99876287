"""CLIP as transformers runs it, prepared without torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from rorem.errors import BadWeights, OutOfMemory
from rorem.nets.clip import Clip
from tests.checkpoints.clip import SIDE, write_clip

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip"), safe=True)


@pytest.mark.parametrize("size", [(56, 56), (200, 90), (3, 300), (1, 1)])
def test_a_picture_is_seen_as_by_transformers(folder: Path, size: tuple[int, int]) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (*size, 3), np.uint8)
    processor = CLIPImageProcessorPil(size={"height": SIDE, "width": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    model: Any = CLIPModel.from_pretrained(folder, local_files_only=True)
    pixels = processor(picture, return_tensors="pt", input_data_format="channels_last").pixel_values
    with torch.no_grad():
        wanted = model.get_image_features(pixel_values=pixels).pooler_output[0]
    found = Clip(folder, CPU).picture(picture)
    assert float(found.norm()) == pytest.approx(1, abs=1e-5)
    assert torch.allclose(found, wanted / wanted.norm(), atol=1e-4)


@pytest.mark.parametrize("text", ["background", "a photo of an object", "blur " * 200, ""])
def test_a_text_is_read_as_by_transformers(folder: Path, text: str) -> None:
    tokenizer: Any = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    model: Any = CLIPModel.from_pretrained(folder, local_files_only=True)
    given = tokenizer([text], padding="max_length", max_length=77, truncation=True, return_tensors="pt")
    with torch.no_grad():
        wanted = model.get_text_features(**given).pooler_output[0]
    found = Clip(folder, CPU).text(text)
    assert torch.allclose(found, wanted / wanted.norm(), atol=1e-4)


def test_without_a_tokenizer_it_is_refused(tmp_path: Path) -> None:
    write_clip(tmp_path)
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
        (tmp_path / name).unlink()
    with pytest.raises(BadWeights):
        Clip(tmp_path, CPU)


def test_a_lack_of_memory_is_said(folder: Path) -> None:
    network = Clip(folder, CPU)

    def refuse(**given: object) -> None:
        raise MemoryError

    network._model.get_image_features = network._model.get_text_features = refuse
    for ask in (lambda: network.picture(np.zeros((9, 9, 3), np.uint8)), lambda: network.text("background")):
        with pytest.raises(OutOfMemory, match="CLIP"):
            ask()
