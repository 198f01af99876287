"""Planning windows, going to the working size and back, and making a fill fit its place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.geometry import Box
from rorem.mask import context
from rorem.window import GRAIN_SIGMA, TINY, Window, from_working, match_grain, match_tone, plan, to_working

NATIVES = ((), (64,), (512,), (1024,), (512, 1024), (1024, 512, 768))


@st.composite
def places(draw: st.DrawFn) -> tuple[Box, int, int]:
    """A mark in a picture, and the picture's size."""
    width, height = (draw(st.one_of(st.integers(1, 40), st.integers(1, 5000))) for _ in range(2))
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    wide = draw(st.one_of(st.integers(1, 3), st.integers(1, width)))
    high = draw(st.one_of(st.integers(1, 3), st.integers(1, height)))
    return Box(left, top, left + wide, top + high).clipped(width, height), width, height


@settings(max_examples=200)
@given(places(), st.sampled_from(NATIVES), st.sampled_from([1, 8, 64]))
def test_a_window_lies_inside_the_picture_around_its_mark(
    place: tuple[Box, int, int], native: tuple[int, ...], multiple: int
) -> None:
    mark, width, height = place
    window = plan(mark, width, height, native, multiple)
    assert window.box == window.box.clipped(width, height)
    assert window.box.common(mark) == mark
    whole = Box(0, 0, width, height)
    assert window.box.common(mark.grown(context(mark)).common(whole)) == mark.grown(context(mark)).common(whole)


@settings(max_examples=200)
@given(places(), st.sampled_from(NATIVES[1:]), st.sampled_from([1, 8, 64]))
def test_the_working_size_respects_the_native_sizes(
    place: tuple[Box, int, int], native: tuple[int, ...], multiple: int
) -> None:
    mark, width, height = place
    window = plan(mark, width, height, native, multiple)
    working = [side + more for side, more in zip(window.working, window.padding, strict=True)]
    assert all(0 <= more < multiple for more in window.padding)
    assert all(side % multiple == 0 for side in working)
    assert max(working) <= max(native)
    if window.scale != 1:  # shrunk only if larger, enlarged only if tiny, and then to a native side exactly
        tiny = mark.side < TINY * min(native)
        assert tiny if window.scale > 1 else window.box.side > max(native) or tiny
        assert max(window.working) in native
    elif width > max(native) < height:  # nothing keeps the window from being just what the method was made for
        assert window.box.side in native


@given(places())
def test_a_method_without_a_native_size_gets_the_pixels_as_they_are(place: tuple[Box, int, int]) -> None:
    mark, width, height = place
    window = plan(mark, width, height)
    assert window.scale == 1 and window.padding == (0, 0)
    assert window.working == (window.box.width, window.box.height)


def test_a_thing_that_fits_a_small_photo_is_not_shrunk() -> None:
    window = plan(Box(100, 50, 500, 450), 600, 500, native=(1024,))
    assert window == Window(Box(0, 0, 600, 500))


def test_a_large_thing_is_shrunk_no_more_than_its_window_asks_for() -> None:
    window = plan(Box(300, 100, 700, 500), 1000, 600, native=(512,))
    assert window.working == (512, 307)


def test_a_tiny_thing_is_enlarged() -> None:
    window = plan(Box(1000, 1000, 1010, 1010), 3000, 2000, native=(512,))
    assert window.scale == pytest.approx(512 / 266)
    assert window.working == (512, 512)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Windows of any shape, as `plan` makes them, but for pictures small enough to be quick."""
    width, height = draw(st.integers(1, 90)), draw(st.integers(1, 90))
    native = draw(st.sampled_from([(), (16,), (64,), (200,)]))
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    mark = Box(left, top, left + draw(st.integers(1, 40)), top + draw(st.integers(1, 40))).clipped(width, height)
    return plan(mark, width, height, native, draw(st.sampled_from([1, 8])) if native else 1)


@settings(max_examples=60)
@given(windows(), st.integers(0, 2**31))
def test_to_the_working_size_and_back(window: Window, seed: int) -> None:
    random = np.random.default_rng(seed)
    crop = random.integers(0, 256, (window.box.height, window.box.width, 3), np.uint8)
    working = to_working(window, crop)
    (wide, high), (right, below) = window.working, window.padding
    assert working.shape == (high + below, wide + right, 3) and working.dtype == np.uint8
    assert (working[high:] == working[high - 1]).all() and (working[:, wide:] == working[:, wide - 1 : wide]).all()
    back = from_working(window, working)
    assert back.shape == crop.shape and back.dtype == np.uint8
    if window.scale == 1:
        assert np.array_equal(back, crop)
    flat = np.full_like(crop, 77)
    assert (from_working(window, to_working(window, flat)) == 77).all()


@settings(max_examples=60)
@given(windows(), st.integers(0, 2**31))
def test_a_mask_keeps_every_mark_at_the_working_size(window: Window, seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random((window.box.height, window.box.width)) < 0.03
    working = to_working(window, mask)
    assert (
        working.dtype == np.bool_
        and working.shape == to_working(window, np.zeros((*mask.shape, 3), np.uint8)).shape[:2]
    )
    wide, high = window.working
    for row, column in np.argwhere(mask):
        x, y = int((column + 0.5) * wide / mask.shape[1]), int((row + 0.5) * high / mask.shape[0])
        assert working[y, x]
    assert mask.any() or not working.any()


def textured(height: int, width: int) -> np.ndarray:
    """Soft texture around the middle of the range, uint8 (h, w, 3)."""
    random = np.random.default_rng(3)
    noise = cv2.GaussianBlur(random.standard_normal((height, width, 3)).astype(np.float32), (0, 0), 4) * 120
    return np.clip(128 + noise, 40, 215).astype(np.uint8)


def hole_in(height: int, width: int, share: float = 0.25) -> np.ndarray:
    hole = np.zeros((height, width), np.uint8)
    axes = max(1, int(width * share)), max(1, int(height * share))
    return cv2.ellipse(hole, (width // 2, height // 2), axes, 0, 0, 360, 1, -1) > 0


@pytest.mark.parametrize("size", [(60, 80), (300, 200), (700, 900)])
@pytest.mark.parametrize("share", [0.05, 0.25, 0.48])
def test_a_constant_tone_shift_is_taken_out(size: tuple[int, int], share: float) -> None:
    truth, hole = textured(*size), hole_in(*size, share)
    shifted = (truth + np.array([12, -7, 3])).astype(np.uint8)
    assert np.abs(match_tone(shifted, truth, hole).astype(int) - truth).max() <= 1


@pytest.mark.parametrize("size", [(200, 300), (900, 600)])
def test_a_smooth_tone_shift_is_taken_out_of_the_hole(size: tuple[int, int]) -> None:
    truth, hole = textured(*size), hole_in(*size, 0.15)
    ramp = np.linspace(-14, 14, size[1])[None, :, None] + np.linspace(0, 8, size[0])[:, None, None]
    shifted = np.rint(truth + ramp).astype(np.uint8)
    left = np.abs(match_tone(shifted, truth, hole).astype(float) - truth)[hole]
    assert left.mean() < 1.5 and left.max() < 5
    assert np.abs(shifted.astype(float) - truth)[hole].mean() > 4


def test_the_thing_under_the_hole_does_not_count_as_a_tone_shift() -> None:
    crop, hole = textured(240, 240), hole_in(240, 240)
    filled = crop.copy()
    crop[hole] = 0
    assert np.array_equal(match_tone(filled, crop, hole), filled)


def test_a_fill_that_left_the_outside_alone_is_left_alone() -> None:
    crop, hole = textured(90, 120), hole_in(90, 120)
    filled = np.where(hole[..., None], np.uint8(3), crop)
    assert np.array_equal(match_tone(filled, crop, hole), filled)
    assert np.array_equal(match_tone(filled, crop, np.ones_like(hole)), filled)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (2, 3), (1, 700)])
def test_thin_windows_are_no_problem(size: tuple[int, int]) -> None:
    crop = np.full((*size, 3), 100, np.uint8)
    hole = np.zeros(size, bool)
    hole[0, 0] = size != (1, 1)
    filled = np.full_like(crop, 90)
    toned = match_tone(filled, crop, hole)
    assert toned.shape == crop.shape and (np.abs(toned.astype(int) - 100) <= 1).all()
    assert match_grain(filled, crop, hole, 0).shape == crop.shape


def grain(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Standard deviation of what is finer than a soft blur, per channel."""
    fine = picture.astype(np.float32) - cv2.GaussianBlur(picture.astype(np.float32), (0, 0), GRAIN_SIGMA)
    return fine[where].std(axis=0)


@pytest.mark.parametrize("strength", [3.0, 8.0, 20.0])
@pytest.mark.parametrize("size", [(256, 256), (180, 640)])
def test_a_soft_fill_gets_the_grain_around_it(strength: float, size: tuple[int, int]) -> None:
    noise = strength * np.random.default_rng(5).standard_normal((*size, 3))
    crop = np.clip(128 + noise, 0, 255).astype(np.uint8)
    hole = hole_in(*size)
    filled = np.where(hole[..., None], np.uint8(128), crop)
    grained = match_grain(filled, crop, hole, 1)
    inner = cv2.erode(hole.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert grain(grained, inner) == pytest.approx(grain(crop, ~hole), rel=0.1)
    assert np.array_equal(grained[~hole], filled[~hole])
    assert abs(grained[hole].mean() - 128) < 0.5


def test_grain_is_the_same_for_a_seed_and_another_for_another() -> None:
    crop = np.random.default_rng(5).integers(100, 156, (80, 80, 3), np.uint8)
    hole = hole_in(80, 80)
    filled = np.where(hole[..., None], np.uint8(128), crop)
    once, again, other = (match_grain(filled, crop, hole, seed) for seed in (1, 1, 2))
    assert np.array_equal(once, again) and not np.array_equal(once, other)


def test_a_fill_that_has_grain_already_gets_none() -> None:
    crop = np.random.default_rng(5).integers(100, 156, (80, 80, 3), np.uint8)
    flat = np.full_like(crop, 128)
    hole = hole_in(80, 80)
    assert np.array_equal(match_grain(crop, flat, hole, 1), crop)
    assert np.array_equal(match_grain(flat, flat, hole, 1), flat)
