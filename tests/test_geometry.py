"""Boxes against the pixels that they stand for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rorem.geometry import Box

SIDE = 24


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    left, right = sorted(draw(st.tuples(st.integers(0, SIDE), st.integers(0, SIDE))))
    top, bottom = sorted(draw(st.tuples(st.integers(0, SIDE), st.integers(0, SIDE))))
    return Box(left, top, right, bottom)


def pixels(box: Box) -> np.ndarray:
    canvas = np.zeros((SIDE, SIDE), bool)
    canvas[box.slices] = True
    return canvas


@given(boxes())
def test_sides_and_slices_agree(box: Box) -> None:
    rows, columns = np.nonzero(pixels(box))
    assert len(rows) == box.width * box.height
    assert box.side == max(box.width, box.height)
    if len(rows):
        assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == box


@given(boxes(), boxes())
def test_the_common_part_is_the_intersection(one: Box, other: Box) -> None:
    common = one.common(other)
    assert common.width >= 0 and common.height >= 0
    assert np.array_equal(pixels(common), pixels(one) & pixels(other))
    assert one.meets(other) == other.meets(one) == bool((pixels(one) & pixels(other)).any())


@given(boxes(), boxes())
def test_the_joined_box_is_the_smallest_around_both(one: Box, other: Box) -> None:
    joined = one.joined(other)
    assert joined == other.joined(one)
    assert joined.common(one) == one and joined.common(other) == other
    assert joined.left in (one.left, other.left) and joined.bottom in (one.bottom, other.bottom)


@given(boxes(), st.integers(0, 40), st.integers(-40, 40), st.integers(-40, 40))
def test_growing_moving_and_clipping(box: Box, margin: int, dx: int, dy: int) -> None:
    assert box.moved(dx, dy).moved(-dx, -dy) == box
    assert box.grown(margin).grown(-margin) == box
    assert box.grown(margin).clipped(SIDE, SIDE).common(box) == box
    inside = box.moved(dx, dy).clipped(SIDE, SIDE)
    assert pixels(inside).sum() == inside.width * inside.height


def test_a_box_beside_the_picture_is_clipped_to_nothing() -> None:
    for box in (Box(-9, -9, -2, -2), Box(30, 30, 40, 40), Box(-5, 30, 50, 40)):
        clipped = box.clipped(SIDE, SIDE)
        assert clipped.width * clipped.height == 0
        assert not pixels(clipped).any()
