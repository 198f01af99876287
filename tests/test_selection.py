"""Marking a thing from a click or a box, and finding its shadow, in scenes whose truth is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.geometry import Box
from rorem.selection import select_box, select_point, shadow_of


def ground(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Textured ground, greenish grey, uint8 (h, w, 3)."""
    noise = np.random.default_rng(seed).standard_normal((height, width, 1)).astype(np.float32)
    texture = cv2.GaussianBlur(noise, (0, 0), 2)[..., None] * 25
    return np.clip(np.array([120, 140, 115]) + texture + noise * 3, 0, 255).astype(np.uint8)


def placed(scene: np.ndarray, thing: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """The scene with a slightly shaded thing of one colour in it."""
    shade = np.linspace(0.9, 1.1, scene.shape[0])[:, None, None]
    return np.where(thing[..., None], np.clip(np.array(colour) * shade, 0, 255), scene).astype(np.uint8)


def disc(width: int, height: int, x: int, y: int, radius: int) -> np.ndarray:
    return cv2.circle(np.zeros((height, width), np.uint8), (x, y), radius, 1, -1) > 0


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


SIZES = [(320, 240), (640, 900), (2400, 1600)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("colour", [(200, 40, 30), (240, 235, 60), (25, 30, 60)])
def test_a_click_marks_the_disc_under_it(size: tuple[int, int], colour: tuple[int, int, int]) -> None:
    width, height = size
    radius = min(size) // 6
    x, y = width * 2 // 5, height // 2
    thing = disc(width, height, x, y, radius)
    found = select_point(placed(ground(*size), thing, colour), x + radius // 3, y - radius // 4)
    assert found.dtype == np.bool_ and overlap(found, thing) > 0.9


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("colour", [(200, 40, 30), (25, 30, 60)])
def test_a_box_marks_the_disc_inside_it(size: tuple[int, int], colour: tuple[int, int, int]) -> None:
    width, height = size
    radius = min(size) // 6
    x, y = width * 2 // 5, height // 2
    thing = disc(width, height, x, y, radius)
    box = Box(x - radius, y - radius, x + radius, y + radius).grown(radius // 4)
    found = select_box(placed(ground(*size), thing, colour), box)
    assert found.dtype == np.bool_ and overlap(found, thing) > 0.9


def test_a_box_marks_every_large_part_and_no_speck() -> None:
    scene = ground(400, 300)
    parts = disc(400, 300, 150, 150, 25) | disc(400, 300, 240, 150, 25)
    scene = placed(scene, parts | disc(400, 300, 200, 110, 2), (200, 40, 30))
    found = select_box(scene, Box(110, 95, 280, 190))
    assert overlap(found, parts) > 0.9
    assert not found[105:116, 195:206].any()


def test_of_two_things_the_one_that_was_clicked_is_marked() -> None:
    left, right = disc(400, 300, 120, 150, 30), disc(400, 300, 280, 150, 30)
    scene = placed(ground(400, 300), left | right, (200, 40, 30))
    assert overlap(select_point(scene, 120, 150), left) > 0.9
    assert overlap(select_point(scene, 285, 145), right) > 0.9


def test_the_same_click_gives_the_same_selection() -> None:
    scene = placed(ground(300, 200), disc(300, 200, 150, 100, 40), (200, 40, 30))
    cv2.setRNGSeed(99)
    first = select_point(scene, 150, 100)
    cv2.setRNGSeed(5)
    assert np.array_equal(select_point(scene, 150, 100), first)


def with_shadow(
    width: int = 600, height: int = 400, strength: float = 0.4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A scene with a red disc that casts a soft shadow to its right: picture, disc, core of the shadow."""
    thing = disc(width, height, 220, 180, 50)
    cast = cv2.ellipse(np.zeros((height, width), np.float32), (300, 215), (75, 28), 12, 0, 360, 1, -1)
    share = 1 - strength * cv2.GaussianBlur(cast, (0, 0), 5)[..., None]
    scene = np.clip(ground(width, height) * share, 0, 255).astype(np.uint8)
    return placed(scene, thing, (200, 40, 30)), thing, (cast > 0) & ~thing


def test_the_shadow_of_a_thing_is_found() -> None:
    scene, thing, shadow = with_shadow()
    found = shadow_of(scene, thing)
    assert not (found & thing).any()
    assert (found & shadow).sum() / shadow.sum() > 0.85
    assert overlap(found, shadow) > 0.7


def test_a_shadow_is_found_in_a_large_photo_too() -> None:
    scene, thing, shadow = with_shadow()
    large = cv2.resize(scene, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    wide, cast = (np.kron(mask, np.ones((4, 4), bool)) for mask in (thing, shadow))
    found = shadow_of(large, wide)
    assert found.shape == wide.shape and not (found & wide).any()
    assert overlap(found, cast) > 0.65


def test_where_the_light_is_even_there_is_no_shadow() -> None:
    scene, thing, _ = with_shadow(strength=0)
    assert shadow_of(scene, thing).sum() < 0.01 * thing.sum()


def test_a_dark_wall_is_no_shadow() -> None:
    scene, thing, _ = with_shadow(strength=0)
    scene[:, 230:] = np.where(thing[:, 230:, None], scene[:, 230:], scene[:, 230:] // 2)
    assert not shadow_of(scene, thing).any()


def test_a_dark_thing_of_another_colour_is_no_shadow() -> None:
    scene, thing, _ = with_shadow(strength=0)
    blue = placed(scene, disc(600, 400, 290, 180, 25) & ~thing, (40, 70, 170))
    assert shadow_of(blue, thing).sum() < 0.01 * thing.sum()


def test_a_shadow_that_does_not_touch_belongs_to_something_else() -> None:
    scene, thing, _ = with_shadow(strength=0)
    share = np.where(disc(600, 400, 340, 180, 30), 0.6, 1)[..., None]
    assert shadow_of((scene * share).astype(np.uint8), thing).sum() < 0.01 * thing.sum()


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 2**31))
def test_no_picture_is_too_small_and_no_place_too_far_out(width: int, height: int, flat: bool, seed: int) -> None:
    random = np.random.default_rng(seed)
    rgb = np.full((height, width, 3), 90, np.uint8) if flat else random.integers(0, 256, (height, width, 3), np.uint8)
    kept = rgb.copy()
    x, y = (int(number) for number in random.integers(-5, 50, 2))
    point = select_point(rgb, x, y)
    assert point.shape == (height, width) and point.dtype == np.bool_
    assert point[min(height - 1, max(0, y)), min(width - 1, max(0, x))]
    left, top, right, bottom = (int(number) for number in random.integers(-9, 60, 4))
    box = select_box(rgb, Box(left, top, right, bottom))
    assert box.shape == (height, width) and box.dtype == np.bool_
    outside = np.ones_like(box)
    if right > left and bottom > top:
        outside[Box(left, top, right, bottom).clipped(width, height).slices] = False
    assert not (box & outside).any()
    mask = random.random((height, width)) < random.choice([0, 0.1, 1])
    shadow = shadow_of(rgb, mask)
    assert shadow.shape == mask.shape and shadow.dtype == np.bool_ and not (shadow & mask).any()
    assert np.array_equal(rgb, kept)


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (300, 200), (1500, 20), (4, 3000)])
def test_a_box_around_everything_is_no_problem(size: tuple[int, int]) -> None:
    for rgb in (ground(*size), np.zeros((size[1], size[0], 3), np.uint8)):
        found = select_box(rgb, Box(0, 0, *size))
        assert found.shape == rgb.shape[:2] and found.dtype == np.bool_


@pytest.mark.parametrize("size", [(1500, 2), (2, 3000), (6000, 10)])
def test_a_click_in_a_long_thin_photo_holds_its_point(size: tuple[int, int]) -> None:
    rgb = ground(*size)
    for x, y in ((0, 0), (size[0] - 1, size[1] - 1), (size[0] // 2, size[1] // 2)):
        assert select_point(rgb, x, y)[y, x]


@pytest.mark.parametrize("corner", [(0, 0), (2999, 0), (0, 1999), (2999, 1999), (1234, 777)])
def test_a_click_on_a_single_pixel_of_a_large_photo_holds_it(corner: tuple[int, int]) -> None:
    rgb = ground(3000, 2000)
    x, y = corner
    rgb[y, x] = (255, 0, 255)
    assert select_point(rgb, x, y)[y, x]


def test_a_box_of_a_few_pixels_in_a_large_photo_is_no_problem() -> None:
    rgb = ground(3000, 2000)
    for box in (Box(100, 100, 104, 104), Box(0, 0, 3, 3), Box(2997, 1997, 3000, 2000)):
        assert select_box(rgb, box).shape == (2000, 3000)
