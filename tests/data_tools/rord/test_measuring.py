"""Drift, exposure and sharpness are measured as they were made, and the thing does not disturb."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.rord.measuring import background, changed, drift, gains, sharpness, small, small_mask
from data_tools.rord.pairing import shifted
from tests.data_tools.rord.made import Shot, marked, place, seen

CLEAN = Shot()


def compared(shot: Shot, noise: float = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame, clean frame and where they can be compared."""
    ground = place(1)
    rng = np.random.default_rng(0)
    frame, clean = (
        np.clip(rgb + rng.normal(0, noise, rgb.shape), 0, 255).astype(np.uint8) if noise else rgb
        for rgb in (seen(ground, shot, True), seen(ground, CLEAN, False))
    )
    return frame, clean, background(marked(shot))


@settings(max_examples=15, deadline=None)
@given(st.floats(-8, 8), st.floats(-8, 8), st.sampled_from([0.0, 4.0]), st.sampled_from([1.0, 0.8]))
def test_drift_is_found_to_a_tenth_of_a_pixel(right: float, down: float, noise: float, light: float) -> None:
    frame, clean, where = compared(Shot(moved=(right, down), light=(light, light, light)), noise)
    found = drift(frame, clean, where)
    assert found and found.right == pytest.approx(right, abs=0.1) and found.down == pytest.approx(down, abs=0.1)
    assert found.turn < 0.5 and found.alike > 0.9


def test_a_turn_is_no_drift() -> None:
    frame, clean, where = compared(Shot())
    warp = cv2.getRotationMatrix2D((160, 90), 1.0, 1.0)
    found = drift(cv2.warpAffine(frame, warp, (320, 180)), clean, where)
    assert found and found.length < 0.6 and found.turn > 2


@pytest.mark.parametrize("kind", ["plain", "another place", "nothing left"])
def test_what_cannot_be_compared_has_no_drift(kind: str) -> None:
    frame, clean, where = compared(Shot())
    if kind == "plain":
        frame = clean = np.full_like(frame, 90)
    elif kind == "another place":
        clean = seen(place(7), CLEAN, False)
    else:
        where = np.zeros_like(where)
    assert drift(frame, clean, where) is None


@pytest.mark.parametrize("light", [(1, 1, 1), (0.8, 0.8, 0.8), (1.1, 0.95, 0.9)])
def test_gains_are_found(light: tuple[float, float, float]) -> None:
    frame, clean, where = compared(Shot(light=light), noise=3)
    assert gains(frame, clean, where) == pytest.approx(light, abs=0.02)
    assert gains(frame, np.zeros_like(clean), where) is None


def test_sharpness_goes_by_the_background() -> None:
    ground = place(1)
    shots = [Shot(20), Shot(200), Shot(20, blur=1), Shot(20, blur=2)]
    near, far, soft, softer = (sharpness(seen(ground, shot, True), background(marked(shot))) for shot in shots)
    assert near == pytest.approx(far, rel=0.25) and soft < 0.5 * near and softer < 0.5 * soft
    assert sharpness(ground, np.zeros(ground.shape[:2], bool)) == 0


def test_only_what_is_new_has_changed() -> None:
    frame, clean, _ = compared(CLEAN, noise=5)
    different = changed(frame, clean)
    inside = marked(CLEAN, 0)
    assert different[inside].mean() > 0.9 and not different[~marked(CLEAN, 6)].any()


def test_pictures_are_compared_in_one_size() -> None:
    assert small(np.zeros((1080, 1920, 3), np.uint8)).shape == (540, 960, 3)
    assert small(np.zeros((18, 32, 3), np.uint8)).shape == (18, 32, 3)
    mask = np.zeros((1080, 1920), bool)
    mask[7, 9] = True
    assert small_mask(mask, (540, 960)).sum() == 1


@pytest.mark.parametrize(("right", "down"), [(2.5, -1.25), (-3, 4), (0.4, 0)])
def test_a_shifted_picture_says_what_it_lacks(right: float, down: float) -> None:
    ground = place(2)
    moved, bare = shifted(seen(ground, CLEAN, False), right, down)
    known = seen(ground, Shot(moved=(right, down)), False)
    assert np.abs(moved.astype(int) - known)[~bare].mean() < 1
    rows, columns = np.nonzero(~bare)
    assert rows.min() == max(0, np.ceil(down)) and columns.min() == max(0, np.ceil(right)) and bare.sum() < 2000
