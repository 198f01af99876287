"""Windows out of a picture and back into it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem.geometry import Box
from rorem.picture import Patch, Picture, apply, blend, crop, from_rgb_array, patch, to_rgb
from tests.picture.samples import photo, photo16, shape_alpha

PALETTE = np.random.default_rng(0).integers(0, 256, (256, 4), dtype=np.uint8)
PICTURES = {
    "rgb": from_rgb_array(photo(), shape_alpha()),
    "rgb 16": from_rgb_array(photo16()),
    "grey": Picture(photo()[..., 0], None, "grey"),
    "bilevel": Picture(photo()[..., 0] > 90, None, "bilevel"),
    "palette": Picture(photo()[..., 0], None, "palette", PALETTE),
    "cmyk": Picture(np.dstack([photo(), photo()[..., 0]]), None, "cmyk"),
}

boxes = st.tuples(st.integers(0, 60), st.integers(0, 42), st.integers(1, 61), st.integers(1, 43)).map(
    lambda numbers: Box(numbers[0], numbers[1], min(61, numbers[0] + numbers[2]), min(43, numbers[1] + numbers[3]))
)


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES.keys())
def test_a_crop_is_a_copy_with_everything_that_belongs_to_it(picture: Picture) -> None:
    box = Box(3, 5, 40, 20)
    window = crop(picture, box)
    assert window.size == (37, 15) and window.file == picture.file and window.palette is picture.palette
    assert np.array_equal(window.colour, picture.colour[5:20, 3:40])
    before = picture.colour.copy()
    window.colour[...] = 0
    assert np.array_equal(picture.colour, before)


@given(st.lists(boxes, max_size=5), boxes, st.integers(0, 2**32 - 1))
def test_patches_seen_through_a_crop_and_patches_applied_are_one(places: list[Box], view: Box, seed: int) -> None:
    rng = np.random.default_rng(seed)
    picture = PICTURES["rgb"]
    patches = [
        Patch(
            box,
            rng.integers(0, 256, (box.height, box.width, 3), dtype=np.uint8),
            rng.integers(0, 256, (box.height, box.width), dtype=np.uint8),
        )
        for box in places
    ]
    whole = apply(picture, patches)
    window = crop(picture, view, patches)
    assert np.array_equal(window.colour, whole.colour[view.slices])
    assert window.alpha is not None and whole.alpha is not None
    assert np.array_equal(window.alpha, whole.alpha[view.slices])
    touched = np.zeros((43, 61), bool)
    for box in places:
        touched[box.slices] = True
    assert np.array_equal(whole.colour[~touched], picture.colour[~touched])


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES.keys())
def test_the_road_of_an_edit(picture: Picture) -> None:
    box = Box(10, 8, 50, 40)
    window = crop(picture, box)
    weight = np.zeros((box.height, box.width), np.float32)
    weight[5:-5, 5:-5] = 1
    edited = blend(window, 255 - to_rgb(window), weight)
    result = apply(picture, [patch(edited, box)])
    outside = np.ones((43, 61), bool)
    outside[box.slices] = weight == 0
    assert np.array_equal(result.colour[outside], picture.colour[outside])
    assert not np.array_equal(result.colour, picture.colour)
    assert np.array_equal(result.colour[box.slices], edited.colour)


def test_pictures_on_disk_are_not_touched(tmp_path: Path) -> None:
    stored = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=photo().shape)
    stored[:] = photo()
    picture = replace(from_rgb_array(photo()), colour=stored)
    result = apply(picture, [Patch(Box(0, 0, 5, 5), np.zeros((5, 5, 3), np.uint8))])
    assert np.array_equal(stored, photo()) and not result.colour[:5, :5].any()
    assert not isinstance(result.colour, np.memmap) and not isinstance(crop(picture, Box(0, 0, 5, 5)).colour, np.memmap)
    assert apply(picture, []) is picture


def test_boxes_must_lie_inside() -> None:
    picture = PICTURES["rgb"]
    for box in (Box(-1, 0, 5, 5), Box(0, 0, 62, 5), Box(5, 5, 5, 9), Box(9, 9, 5, 5)):
        with pytest.raises(ValueError, match="does not lie inside"):
            crop(picture, box)
    with pytest.raises(ValueError, match="does not fit"):
        patch(picture, Box(0, 0, 5, 5))
