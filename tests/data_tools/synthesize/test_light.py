"""The light of a place: followed, but never far."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.synthesize.light import CASTS, GAINS, MOST_HAZE, Light, cast_of, light_of, lit, to_codes, to_linear
from rorem.geometry import Box
from tests.data_tools.originals import cutout, photo

BOX = Box(200, 150, 350, 280)


def test_light_there_and_back_is_the_same() -> None:
    codes = np.arange(256, dtype=np.uint8)
    assert (to_codes(to_linear(codes)) == codes).all()
    assert to_linear(codes)[[0, 255]].tolist() == [0, 1] and to_linear(codes)[128] == pytest.approx(0.2159, abs=1e-4)


def dimmed(rgb: np.ndarray, share: float) -> np.ndarray:
    return to_codes(to_linear(rgb) * np.float32(share))


def test_a_thing_gets_darker_in_the_dark_and_brighter_in_the_bright() -> None:
    ground, thing = photo(1), cutout(2)
    found = [light_of(dimmed(ground, share), thing, BOX) for share in (0.2, 0.8, 1.0)]
    gains = [sum(light.gain) for light in found if light]
    assert len(gains) == 3 and gains[0] < gains[1] < gains[2]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 50), st.integers(0, 255), st.floats(0.01, 1))
def test_light_is_never_followed_far(seed: int, level: int, share: float) -> None:
    ground = dimmed(photo(seed), share)
    thing = cutout(seed)
    thing[..., :3] = level
    light = light_of(ground, thing, BOX)
    assert light and 0 <= light.haze <= MOST_HAZE
    assert all(GAINS[0] * CASTS[0] - 1e-6 <= gain <= GAINS[1] * CASTS[1] + 1e-6 for gain in light.gain)


def test_the_colour_of_the_light_is_found() -> None:
    grey = np.random.default_rng(0).integers(30, 220, (80, 80, 1), dtype=np.uint8).repeat(3, axis=2)
    assert cast_of(grey) == pytest.approx((1, 1, 1), abs=1e-3)
    warm = to_codes(to_linear(grey) * np.array([1, 0.8, 0.6], np.float32))
    red, green, blue = cast_of(warm)
    assert red > 1.05 and blue < 0.93 and blue < green < red


def test_haze_lifts_what_is_dark_and_leaves_what_is_bright() -> None:
    rgba = np.zeros((1, 2, 4), np.uint8)
    rgba[0, 1] = 255
    hazy = lit(rgba, Light((1, 1, 1), 0.1))
    assert (hazy[0, 0, :3] == to_codes(np.full(3, 0.1))).all() and (hazy[0, 1] == 255).all() and hazy[0, 0, 3] == 0


def test_of_too_little_nothing_is_said() -> None:
    assert light_of(photo(1), cutout(1)[60:64, 70:74], Box(10, 10, 14, 14)) is None
    assert light_of(photo(1), cutout(1), Box(5000, 10, 5150, 140)) is None
