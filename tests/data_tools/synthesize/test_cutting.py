"""Cutting things out along a rough outline."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from data_tools.synthesize.cutting import LONGEST, Shape, cut_out, matte

SIDE = 160


def disc(radius: float) -> np.ndarray:
    ys, xs = np.mgrid[:SIDE, :SIDE]
    return (ys - SIDE / 2) ** 2 + (xs - SIDE / 2) ** 2 <= radius**2


def scene() -> np.ndarray:
    """A red disc of 50 px on grainy green."""
    rng = np.random.default_rng(0)
    rgb = np.where(disc(50)[..., None], (200, 40, 30), (40, 150, 60)) + rng.integers(-15, 16, (SIDE, SIDE, 3))
    return rgb.astype(np.uint8)


def polygon(radius: float) -> list[tuple[float, float]]:
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    return [(SIDE / 2 + radius * np.cos(angle), SIDE / 2 + radius * np.sin(angle)) for angle in angles]


@pytest.mark.parametrize("radius", [46, 50, 56])
def test_the_true_edge_is_found_near_the_outline(radius: float) -> None:
    coverage = matte(scene(), Shape(polygon(radius), band=10))
    assert (coverage[disc(45)] == 255).all()
    assert (coverage[~disc(53)] == 0).all(), "no green comes along"


def test_without_a_band_the_outline_counts() -> None:
    coverage = matte(scene(), Shape(polygon(30), band=0))
    assert (coverage[disc(24)] == 255).all() and not coverage[~disc(34)].any()


def test_holes_are_seen_through() -> None:
    coverage = matte(scene(), Shape(polygon(30), holes=[polygon(12)], band=0))
    assert not coverage[disc(8)].any() and (coverage[disc(22) & ~disc(18)] > 0).all()


def test_a_cutout_is_trimmed() -> None:
    rgba = cut_out(scene(), Shape(polygon(50), band=6))
    assert rgba.dtype == np.uint8 and min(rgba.shape[:2]) >= 96 and max(rgba.shape[:2]) <= 104
    assert rgba[0, :, 3].any() and rgba[-1, :, 3].any() and rgba[:, 0, 3].any() and rgba[:, -1, 3].any()


def test_large_things_are_made_smaller() -> None:
    large = np.asarray(Image.fromarray(scene()).resize((SIDE * 9, SIDE * 9)))
    outline = [(x * 9, y * 9) for x, y in polygon(50)]
    assert 0.7 * LONGEST < max(cut_out(large, Shape(outline, band=40)).shape[:2]) <= LONGEST


def test_the_same_cut_every_time() -> None:
    shape = Shape(polygon(54), band=9)
    assert (matte(scene(), shape) == matte(scene(), shape)).all()
