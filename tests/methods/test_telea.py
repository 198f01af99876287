"""Telea and its `diffuse`: exact outside the hole, and never at a loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.errors import Cancelled
from rorem.methods.telea import ONE_COLOUR, Telea, TeleaOptions, covered, diffuse, mean_colour
from rorem.remover import Job


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 24), st.integers(1, 24), st.floats(0, 1), st.floats(0, 1), st.integers(0, 9))
def test_any_hole_is_filled_and_nothing_else(height: int, width: int, holes: float, avoided: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    crop, hole, avoid = (
        noise(height, width, seed),
        rng.random((height, width)) < holes,
        rng.random((height, width)) < avoided,
    )
    filled, _ = diffuse(crop, hole, avoid)
    assert filled.shape == crop.shape and filled.dtype == np.uint8
    assert np.array_equal(filled[~hole], crop[~hole])


def test_a_plain_colour_flows_in() -> None:
    crop = np.full((40, 50, 3), (90, 160, 200), np.uint8)
    hole = np.zeros((40, 50), bool)
    hole[10:30, 15:35] = True
    crop[hole] = 0
    filled = Telea().fill(Job(crop, hole, np.zeros_like(hole), 0, TeleaOptions())).crop
    assert np.abs(filled.astype(int) - (90, 160, 200)).max() <= 3  # Telea's own rounding


def test_what_is_avoided_does_not_flow_in() -> None:
    crop = np.full((40, 50, 3), 120, np.uint8)
    hole, avoid = np.zeros((2, 40, 50), bool)
    hole[10:30, 15:35], avoid[10:30, 35:45] = True, True
    crop[avoid] = (255, 0, 0)
    filled, _ = diffuse(crop, hole, avoid)
    assert np.abs(filled[hole].astype(int) - 120).max() <= 3  # Telea's own rounding; nothing of the red


def test_with_nothing_to_copy_it_is_one_colour_and_says_so() -> None:
    crop, hole = noise(9, 9), np.ones((9, 9), bool)
    filled, notes = diffuse(crop, hole, ~hole)
    assert notes == (ONE_COLOUR,) and len(np.unique(filled.reshape(-1, 3), axis=0)) == 1


def test_the_mean_prefers_what_may_be_copied() -> None:
    crop = np.array([[[10] * 3, [200] * 3, [0] * 3]], np.uint8)
    hole, avoid = np.array([[False, False, True]]), np.array([[False, True, False]])
    assert mean_colour(crop, hole, avoid).tolist() == [10] * 3
    assert mean_colour(crop, hole, ~hole).tolist() == [105] * 3


def test_a_large_hole_is_filled_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rorem.methods.telea.MOST_PIXELS", 100)
    crop, hole = np.full((90, 120, 3), 77, np.uint8), np.zeros((90, 120), bool)
    hole[30:60, 30:80] = True
    crop[hole] = 255
    filled, _ = diffuse(crop, hole, np.zeros_like(hole))
    assert np.abs(filled.astype(int) - 77).max() <= 3  # Telea's own rounding; nothing of the 255


def test_covered_keeps_every_cell_that_is_touched() -> None:
    mask = np.zeros((100, 100), bool)
    mask[37, 62] = True
    assert np.argwhere(covered(mask, (10, 10))).tolist() == [[3, 6]]


def test_cancel_gets_through() -> None:
    def cancel(done: int, total: int) -> None:
        raise Cancelled

    hole = np.eye(8, dtype=bool)
    with pytest.raises(Cancelled):
        Telea().fill(Job(noise(8, 8), hole, np.zeros_like(hole), 0, TeleaOptions()), cancel)
