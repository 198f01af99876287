"""Sharpness and grain are measured, and a cut-out is brought to both."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from data_tools.synthesize.optics import LEAST_COVERAGE, blur_for, blurred, grainy, optics_of
from tests.data_tools.originals import cutout, photo


def noisy(rgb: np.ndarray, grain: float) -> np.ndarray:
    noise = np.random.default_rng(3).normal(0, grain, rgb.shape[:2])[..., None]
    return np.clip(np.round(rgb + noise), 0, 255).astype(np.uint8)


def edges(seed: int = 0, side: int = 256) -> np.ndarray:
    """Boxes of all levels, sharp to the pixel, without grain."""
    rng = np.random.default_rng(seed)
    picture = np.full((side, side, 3), 120, np.uint8)
    for _ in range(60):
        left, top, width, height = rng.integers(0, side, 2).tolist() + rng.integers(10, 60, 2).tolist()
        picture[top : top + height, left : left + width] = rng.integers(20, 235)
    return picture


@pytest.mark.parametrize("grain", [0, 2, 5, 9])
def test_grain_is_measured(grain: float) -> None:
    found = optics_of(noisy(cv2.GaussianBlur(photo(1, grain=0), (0, 0), 4), grain))
    assert found and found.grain == pytest.approx(grain, abs=0.6)


def test_blur_is_measured_whatever_the_grain() -> None:
    def detail(sigma: float, grain: float) -> float:
        found = optics_of(noisy(cv2.GaussianBlur(edges(), (0, 0), sigma) if sigma else edges(), grain))
        assert found and found.detail is not None
        return found.detail

    plain = [detail(sigma, 0) for sigma in (0, 0.7, 1.2, 2)]
    assert plain == sorted(plain, reverse=True) and plain[0] > 1.4 * plain[2]
    for sigma, known in zip((0, 0.7, 1.2, 2), plain, strict=True):
        assert detail(sigma, 3) == pytest.approx(known, abs=0.12)


def test_a_plain_picture_has_no_sharpness() -> None:
    for picture in (np.full((90, 90, 3), 80, np.uint8), noisy(np.full((90, 90, 3), 80, np.uint8), 6)):
        found = optics_of(picture)
        assert found and found.detail is None
    assert optics_of(edges()[:10, :10]) is None


@pytest.mark.parametrize("sigma", [0.7, 1.4, 2.4])
def test_a_cutout_gets_as_soft_as_its_place(sigma: float) -> None:
    """The blur is found that the place had: both show the same kind of edges."""
    place = optics_of(cv2.GaussianBlur(edges(1), (0, 0), sigma))
    assert place and place.detail is not None
    rgba = np.dstack([edges(2), np.full((256, 256), 255, np.uint8)])
    assert blur_for(rgba, place.detail) == pytest.approx(sigma, rel=0.3)


def test_what_is_soft_already_is_left() -> None:
    rgba = np.dstack([cv2.GaussianBlur(edges(2), (0, 0), 3), np.full((256, 256), 255, np.uint8)])
    place = optics_of(edges(1))
    assert place and place.detail is not None and blur_for(rgba, place.detail) == 0
    same, pad = blurred(rgba, 0)
    assert pad == 0 and same is rgba


def test_a_blurred_cutout_has_no_dark_rim() -> None:
    rgba = np.zeros((40, 60, 4), np.uint8)
    rgba[10:30, 10:50] = (200, 150, 100, 255)
    soft, pad = blurred(rgba, 1.5)
    assert soft.shape == (40 + 2 * pad, 60 + 2 * pad, 4) and not soft[0].any() and not soft[:, -1, 3].any()
    shows = soft[..., 3] >= LEAST_COVERAGE
    assert shows.sum() > 20 * 40 and np.abs(soft[shows][:, :3].astype(int) - (200, 150, 100)).max() <= 1
    assert soft[..., 3].sum() == pytest.approx(rgba[..., 3].sum(), rel=0.01)


def test_added_grain_is_what_was_asked_for() -> None:
    rgba = cutout(0)
    rgba[..., :3] = 128
    grained = grainy(rgba, 6, np.random.default_rng(0))
    assert grained[..., 0].std() == pytest.approx(6, abs=0.3) and (grained[..., 3] == rgba[..., 3]).all()
    assert (grained[..., 0] == grained[..., 2]).all()
    assert grainy(rgba, 0, np.random.default_rng(0)) is rgba
