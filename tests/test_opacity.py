"""Transparency inside a window."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.opacity import fill_opacity, opacity_of
from rorem.picture import Picture, blend, to_rgb
from tests.stubs import MODES, pictures


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_tells_its_opacity(mode: str) -> None:
    picture = pictures()[mode]
    opacity = opacity_of(picture)
    assert (opacity is not None) == ("alpha" in mode)
    if opacity is not None:
        assert opacity.dtype == np.uint8 and opacity.shape == picture.colour.shape[:2]
        assert opacity.min() < 30 and opacity.max() == 255


@pytest.mark.parametrize("mode", [mode for mode in MODES if "alpha" in mode])
def test_the_opacity_of_every_mode_can_be_filled_and_written_back(mode: str) -> None:
    picture = pictures()[mode]
    hole = np.zeros((picture.height, picture.width), bool)
    hole[5:20, 9:30] = True
    filled = fill_opacity(opacity_of(picture), hole)
    assert filled is not None and filled.dtype == np.uint8
    after = blend(picture, to_rgb(picture), hole.astype(np.float32), filled)
    assert np.array_equal(after.colour[~hole], picture.colour[~hole])


def test_an_opaque_alpha_is_no_opacity() -> None:
    rgb = np.zeros((4, 5, 3), np.uint8)
    assert opacity_of(Picture(rgb, np.full((4, 5), 255, np.uint8))) is None
    assert opacity_of(Picture(rgb.astype(np.uint16), np.full((4, 5), 65535, np.uint16))) is None
    assert fill_opacity(None, np.ones((4, 5), bool)) is None


def test_a_sticker_on_nothing_leaves_nothing() -> None:
    sticker = cv2.circle(np.zeros((60, 60), np.uint8), (30, 30), 15, 255, -1)
    hole = cv2.circle(np.zeros((60, 60), np.uint8), (30, 30), 18, 1, -1) > 0
    assert not fill_opacity(sticker, hole).any()  # type: ignore[union-attr]


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**31))
def test_the_opacity_outside_the_hole_stays(width: int, height: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    opacity = random.integers(0, 256, (height, width), np.uint8)
    hole = random.random((height, width)) < 0.4
    hole[random.integers(height), random.integers(width)] = False
    before = opacity.copy()
    filled = fill_opacity(opacity, hole)
    assert filled is not None and filled.dtype == np.uint8
    assert np.array_equal(opacity, before) and np.array_equal(filled[~hole], opacity[~hole])
    assert filled.min() >= opacity[~hole].min() and filled.max() <= opacity[~hole].max()


def test_opacity_does_not_run_on_beyond_what_is_known() -> None:
    random = np.random.default_rng(31867)
    opacity = random.integers(0, 256, (33, 1), np.uint8)
    hole = random.random((33, 1)) < 0.4
    filled = fill_opacity(opacity, hole)
    assert filled is not None and filled.max() <= opacity[~hole].max()


def test_a_fading_edge_is_continued() -> None:
    ramp = np.tile(np.linspace(0, 255, 80).astype(np.uint8), (60, 1))
    hole = np.zeros((60, 80), bool)
    hole[20:40, 30:50] = True
    filled = fill_opacity(ramp, hole)
    assert filled is not None and np.abs(filled.astype(int) - ramp).max() < 40
