"""ReMOVE, with and without the published faults."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn.functional import cosine_similarity
from transformers import SamModel
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

from rorem.metrics import networks, remove
from rorem.metrics.cells import cosine_of_means
from rorem.metrics.contract import Seen
from tests.checkpoints.sam import SIDE, write_sam


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights")
    write_sam(made / "sam-vit-huge")
    return made


@pytest.fixture
def asked(folder: Path) -> networks.Asked:
    networks.clear()
    return networks.sam({"ROREM_WEIGHTS": str(folder)})


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def removal(result: np.ndarray, *box: int) -> Seen:
    left, top, right, bottom = box
    mask = np.zeros(result.shape[:2], bool)
    mask[top:bottom, left:right] = True
    return Seen(result, mask, result, mask)


def embedding(folder: Path, picture: np.ndarray) -> torch.Tensor:
    """By transformers alone: (1, C, 8, 8)."""
    processor = SamImageProcessorPil(size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE})
    model: Any = SamModel.from_pretrained(folder / "sam-vit-huge", local_files_only=True)
    with torch.no_grad():
        return model.get_image_embeddings(processor(picture, return_tensors="pt").pixel_values)


def test_the_published_number_step_by_step(asked: networks.Asked, folder: Path) -> None:
    result = noise(1, 130, 200)
    seen = removal(result, 60, 40, 180, 110)
    cut = np.s_[24:130, 44:196]  # 120 px and 16 on each side, from the corner; not square, as the picture ends first
    levels = seen.mask[cut].astype(np.uint8) * 255
    cells = np.array(Image.fromarray(levels).resize((8, 8))).reshape(1, 1, 8, 8) // 255
    assert 0 < cells.sum() < 33, "the mask covers about 33 of 64 cells, not all through and through"
    features = embedding(folder, np.ascontiguousarray(result[cut]))
    inside = torch.from_numpy(cells)
    one, other = ((features * cells).sum((2, 3)) / cells.sum() for cells in (inside, 1 - inside))
    assert remove.as_published(asked, seen) == pytest.approx(float(cosine_similarity(one, other)), abs=1e-5)


def plain_square(mask: np.ndarray) -> tuple[int, int, int]:
    """Left, top and side, as crop.py works them out."""
    rows, columns = np.nonzero(mask)
    ends = mask.shape[0] - rows.max(), mask.shape[1] - columns.max()
    roomy = min(rows.min(), columns.min()) >= 16 and min(ends) >= 16
    more = 16 if roomy else max(min(rows.min(), columns.min(), *ends), 0)
    side = max(np.ptp(rows), np.ptp(columns)) + 1 + 2 * more
    return int(columns.min() - more), int(rows.min() - more), int(side)


@given(st.integers(1, 90), st.integers(1, 90), st.data())
@settings(max_examples=100)
def test_the_published_square(height: int, width: int, data: st.DataObject) -> None:
    mask = np.zeros((height, width), bool)
    for _ in range(data.draw(st.integers(1, 3))):
        mask[data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))] = True
    left, top, side = plain_square(mask)
    own = np.arange(height * width).reshape(height, width)
    found = remove.published_cut(mask)
    assert found is not None
    assert np.array_equal(own[found.slices], own[top : top + side, left : left + side])


def test_published_cells_are_only_those_masked_through_and_through() -> None:
    mask = np.zeros((80, 80), bool)
    mask[20:50, 20:50] = True  # ends inside cells 4
    found = remove.squashed(mask, 8, 8)
    assert found[3, 3] and not found[4].any() and not found[:, 4].any() and not found[1].any()
    assert remove.sides(mask, 8, 8)[0][2:5, 2:5].all(), "the fixed one counts cells by half"


def test_the_fixed_number_step_by_step(asked: networks.Asked, folder: Path) -> None:
    result = noise(2, 150, 200)
    seen = removal(result, 60, 40, 140, 100)
    cut = np.s_[14:126, 44:156]  # 80 px and 16 on each side, around (100, 70)
    features = embedding(folder, np.ascontiguousarray(result[cut]))[0].permute(1, 2, 0).numpy()
    share = seen.mask[cut].reshape(8, 14, 8, 14).mean((1, 3))
    inside = share >= 0.5
    one, other = features[inside].mean(0), features[~inside].mean(0)
    wanted = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert remove.as_meant(asked, seen) == pytest.approx(float(wanted), abs=1e-5)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 10**6))
@settings(max_examples=60)
def test_the_sides_never_meet_and_leave_padding_out(height: int, width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.3
    inside, outside = remove.sides(mask, 8, 8)
    assert not (inside & outside).any() and inside.any() == mask.any()
    longest = max(height, width)
    rows, columns = (-(-8 * side // longest) for side in (height, width))  # cells that hold some picture
    counted = inside | outside
    assert not counted[rows:].any() and not counted[:, columns:].any()
    if min(height, width) == longest:
        assert counted.all()


def test_padding_moves_the_published_number_only(asked: networks.Asked) -> None:
    """A picture that is too low for the square is filled up: the published grid takes that for picture."""
    low = noise(3, 60, 112)
    seen = removal(low, 16, 16, 96, 44)
    cells = asked.net.features(low).cells
    inside, outside = remove.sides(seen.mask, 8, 8)
    wrong = remove.squashed(seen.mask, 8, 8)
    assert outside.sum() + inside.sum() < 64 == wrong.sum() + (~wrong).sum() and wrong.any()
    assert remove.published_cut(seen.mask) == (0, 0, 112, 60)
    assert remove.as_published(asked, seen) == pytest.approx(cosine_of_means(cells.numpy(), wrong, ~wrong), abs=1e-5)
    assert remove.as_meant(asked, seen) == pytest.approx(cosine_of_means(cells.numpy(), inside, outside), abs=1e-5)


def test_what_lies_far_away_changes_neither(asked: networks.Asked) -> None:
    small, wide = noise(3, 112, 112), noise(4, 112, 300)
    wide[:, :112] = small
    one, other = (removal(picture, 16, 16, 96, 96) for picture in (small, wide))
    for measure in (remove.as_meant, remove.as_published):
        assert measure(asked, one) == pytest.approx(measure(asked, other), abs=1e-6)


@pytest.mark.parametrize("box", [(7, 5, 8, 6), (0, 0, 30, 20), (170, 80, 200, 100), (0, 40, 200, 60)])
def test_specks_and_borders_have_a_fixed_number(asked: networks.Asked, box: tuple[int, int, int, int]) -> None:
    seen = removal(noise(1, 100, 200), *box)
    assert -1 <= remove.as_meant(asked, seen) <= 1
    published = remove.as_published(asked, seen)
    assert math.isnan(published) or -1 <= published <= 1


def test_where_one_side_is_empty_there_is_no_number(asked: networks.Asked) -> None:
    for box in ((0, 0, 0, 0), (0, 0, 50, 50)):
        seen = removal(noise(1, 50, 50), *box)
        assert math.isnan(remove.as_published(asked, seen)) and math.isnan(remove.as_meant(asked, seen))
    speck = removal(noise(1, 50, 50), 20, 20, 21, 21)
    assert math.isnan(remove.as_published(asked, speck)), "no cell is masked through and through"


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (5, 3)])
def test_tiny_pictures(asked: networks.Asked, size: tuple[int, int]) -> None:
    seen = removal(noise(1, *size), 0, 0, 1, 1)
    for measure in (remove.as_published, remove.as_meant):
        found = measure(asked, seen)
        assert math.isnan(found) or -1 <= found <= 1
