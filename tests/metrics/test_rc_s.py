"""RC-S: the windows in two ways, and the cut."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.geometry import Box
from rorem.metrics import networks, rc_s
from rorem.metrics.contract import Seen
from rorem.nets.dinov2 import Dinov2
from tests.checkpoints.dinov2 import write_dinov2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights")
    write_dinov2(made / "dinov2-giant", giant=True)
    return made


@pytest.fixture
def asked(folder: Path) -> networks.Asked:
    networks.clear()
    return networks.dinov2(networks.DINOV2_GIANT, {"ROREM_WEIGHTS": str(folder)})


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def marked(height: int, width: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 20), st.sampled_from([0.1, 0.5, 0.95, 1.0]))
@settings(max_examples=60)
def test_numpy_and_torch_agree_on_every_window(seed: int, rows: int, columns: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    cells, masked = rng.normal(size=(rows, columns, 4)), rng.random((rows, columns)) < share
    plain, fast = rc_s.windows(cells, masked), rc_s.windows_torch(torch.from_numpy(cells), masked)
    assert len(plain) == len(fast)
    assert plain == pytest.approx(fast, abs=1e-6)


def test_inner_windows_are_compared_with_all_that_is_free() -> None:
    rng = np.random.default_rng(0)
    cells, masked = rng.normal(size=(32, 32, 4)), marked(32, 32, (4, 4, 28, 28))
    found = rc_s.windows_torch(torch.from_numpy(cells), masked)
    assert rc_s.window_size(32, 32) == (8, 4) and len(found) == 49
    inner = rc_s.discrepancy(cells[8:16, 8:16].reshape(-1, 4), cells[~masked])
    assert found[2 * 7 + 2] == pytest.approx(inner, abs=1e-6)
    mixed = rc_s.discrepancy(cells[:8, :8][masked[:8, :8]], cells[:8, :8][~masked[:8, :8]])
    assert found[0] == pytest.approx(mixed, abs=1e-6)


def test_windows_with_too_few_cells_of_a_kind_do_not_count() -> None:
    cells = np.random.default_rng(0).normal(size=(32, 32, 4))
    for boxes in ([(15, 13, 16, 18)], [(0, 0, 0, 0)], [(0, 0, 32, 32)]):  # five cells, none, all
        assert rc_s.windows(cells, marked(32, 32, *boxes)) == []
        assert rc_s.windows_torch(torch.from_numpy(cells), marked(32, 32, *boxes)) == []
    assert rc_s.windows(cells, marked(32, 32, (15, 13, 16, 19))) != []


def test_the_discrepancy_of_two_vectors_by_hand() -> None:
    one, other = np.array([[3.0, 0.0]]), np.array([[0.0, 0.5]])
    assert rc_s.discrepancy(one, other) == pytest.approx(1000 * (2 - 2 * math.exp(-2 / 200)))
    assert rc_s.discrepancy(one, one * 7) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("box", "wanted"),
    [
        ((90, 60, 120, 90), Box(80, 50, 130, 100)),  # a third of 30 on all sides
        ((90, 60, 120, 80), Box(80, 45, 130, 95)),  # a square first
        ((4, 60, 34, 90), Box(0, 56, 38, 94)),  # as much as the nearest edge leaves
        ((20, 10, 180, 60), Box(20, 0, 120, 100)),  # longer than the picture is high: not all of it fits
        ((50, 50, 51, 51), Box(50, 50, 51, 51)),
        ((0, 0, 200, 100), Box(0, 0, 100, 100)),
    ],
)
def test_the_square_of_a_part(box: tuple[int, int, int, int], wanted: Box) -> None:
    assert rc_s.square(marked(100, 200, box)) == wanted


@given(st.data())
@settings(max_examples=60)
def test_the_square_lies_in_the_picture(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    found = rc_s.square(marked(height, width, (left, top, right, bottom)))
    assert found.width == found.height > 0 and found.clipped(width, height) == found


def test_parts_connect_by_edges_and_small_ones_count_only_alone() -> None:
    corners = marked(60, 60, (0, 0, 20, 20), (20, 20, 40, 40))
    assert len(rc_s.parts_of(corners)) == 2
    assert len(rc_s.parts_of(corners | marked(60, 60, (50, 50, 60, 60)))) == 2
    assert len(rc_s.parts_of(marked(60, 60, (1, 1, 3, 3), (9, 9, 11, 11), (30, 30, 31, 31)))) == 2
    assert rc_s.parts_of(marked(60, 60)) == []


def test_a_cell_is_masked_if_any_pixel_is() -> None:
    shown, masked = rc_s.view(noise(0, 448, 448), marked(448, 448, (13, 30, 15, 31)), 14)
    assert shown.shape == (448, 448, 3) and np.argwhere(masked).tolist() == [[2, 0], [2, 1]]
    shown, masked = rc_s.view(noise(0, 100, 200), marked(100, 200, (0, 0, 200, 100)), 14)
    assert masked.shape == (16, 32) and masked.all() and shown.shape == (224, 448, 3)


def test_the_whole_step_by_step(asked: networks.Asked, folder: Path) -> None:
    result, mask = noise(1, 150, 200), marked(150, 200, (60, 50, 120, 110), (150, 20, 170, 40))
    network = Dinov2(folder / "dinov2-giant", torch.device("cpu"))
    scores = []
    for left, top, side in ((40, 30, 100), (143, 13, 34)):
        cut = np.s_[top : top + side, left : left + side]
        cells = network.tokens(cv2.resize(result[cut], (448, 448), interpolation=cv2.INTER_LINEAR)).cells.numpy()
        small = cv2.resize(mask[cut].astype(np.uint8), (448, 448), interpolation=cv2.INTER_NEAREST)
        masked = small.reshape(32, 14, 32, 14).max((1, 3)) > 0
        scores.append(math.exp(-np.mean(rc_s.windows(cells, masked)) / 3))
    found = rc_s.of_removal(asked, Seen(result, mask, result, mask))
    assert found == pytest.approx(np.mean(scores), abs=1e-4)
    assert 0 < found < 1


def test_a_flat_picture_is_coherent_and_an_odd_hole_is_not(asked: networks.Asked) -> None:
    mask = marked(90, 90, (30, 30, 60, 60))
    flat = np.full((90, 90, 3), 80, np.uint8)
    odd = flat.copy()
    odd[mask] = noise(3, 30, 30).reshape(-1, 3)
    even, uneven = (rc_s.of_removal(asked, Seen(flat, mask, one, mask)) for one in (flat, odd))
    assert even > uneven


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (5, 5, 6, 6), (0, 0, 40, 30)])
def test_where_no_window_counts_there_is_no_number(asked: networks.Asked, box: tuple[int, int, int, int]) -> None:
    result, mask = noise(1, 30, 40), marked(30, 40, box)
    assert math.isnan(rc_s.of_removal(asked, Seen(result, mask, result, mask)))


def test_a_part_without_windows_does_not_take_the_others_number(asked: networks.Asked) -> None:
    result = noise(1, 100, 300)
    one = marked(100, 300, (30, 40, 60, 60))
    both = one | marked(100, 300, (190, 0, 300, 100))  # the square of the second holds nothing but mask
    alone, found = (rc_s.of_removal(asked, Seen(result, mask, result, mask)) for mask in (one, both))
    assert found == alone
