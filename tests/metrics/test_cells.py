"""From pixels to cells: numpy and torch against each other, and against counting by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rorem.geometry import Box
from rorem.metrics.cells import (
    around,
    bounds,
    cosine,
    cosine_of_means,
    cosine_of_means_torch,
    cosine_torch,
    coverage,
    coverage_torch,
    mostly,
    square_around,
)

sides = st.integers(1, 24)
masks = st.tuples(sides, sides).flatmap(lambda shape: arrays(bool, shape))
vectors = st.floats(-5, 5, width=32)


@given(masks, st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=60)
def test_coverage_is_the_share_of_each_cell(mask: np.ndarray, rows: int, columns: int) -> None:
    found = coverage(mask, rows, columns)
    fine = np.kron(mask, np.ones((rows, columns)))  # each pixel rows x columns times: cells now are whole
    counted = fine.reshape(rows, mask.shape[0], columns, mask.shape[1]).mean((1, 3))
    assert np.allclose(found, counted, atol=1e-12)
    assert np.allclose(found, coverage_torch(torch.from_numpy(mask), rows, columns).numpy(), atol=1e-9)
    assert math.isclose(found.mean(), mask.mean(), abs_tol=1e-12)


@given(masks, st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=60)
def test_every_mask_has_a_cell_and_the_ring_is_free_of_it(mask: np.ndarray, rows: int, columns: int) -> None:
    covered = coverage(mask, rows, columns)
    inside, ring = mostly(covered), around(covered, 2)
    assert inside.any() == mask.any()
    assert (covered[inside] > 0).all() and (covered[ring] < 1e-9).all()
    if mask.any() and not ring.any():
        assert (covered > 0).all(), "there is a ring wherever a cell is free"


def test_a_cell_belongs_to_a_mask_that_covers_half_of_it() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:20, 10:25] = True  # one cell and half of the next
    assert np.argwhere(mostly(coverage(mask, 4, 4))).tolist() == [[1, 1], [1, 2]]
    mask[:, 24] = False
    assert np.argwhere(mostly(coverage(mask, 4, 4))).tolist() == [[1, 1]]


def test_a_speck_has_the_cell_that_it_covers_most() -> None:
    mask = np.zeros((40, 40), bool)
    mask[9:12, 35] = True  # one pixel in the first row of cells, two in the second
    assert np.argwhere(mostly(coverage(mask, 4, 4))).tolist() == [[1, 3]]


def test_the_ring_is_as_wide_as_asked_for_and_ends_at_the_border() -> None:
    mask = np.zeros((7, 7), bool)
    mask[0, 2] = True
    wanted = np.zeros((7, 7), bool)
    wanted[:3, :5] = True
    wanted[0, 2] = False
    assert (around(coverage(mask, 7, 7), 2) == wanted).all()


@given(st.data())
@settings(max_examples=60)
def test_means_and_cosines_agree(data: st.DataObject) -> None:
    rows, columns, width = (data.draw(st.integers(1, 5)) for _ in range(3))
    cells = data.draw(arrays(np.float32, (rows, columns, width), elements=vectors))
    first, second = (data.draw(arrays(bool, (rows, columns))) for _ in range(2))
    plain, fast = cosine_of_means(cells, first, second), cosine_of_means_torch(torch.from_numpy(cells), first, second)
    if not (first.any() and second.any()):
        assert math.isnan(plain) and math.isnan(fast)
        return
    lengths = [np.linalg.norm(cells[group].astype(float).mean(0)) for group in (first, second)]
    if min(lengths) > 1e-2:
        assert -1 <= fast <= 1 and math.isclose(plain, fast, abs_tol=1e-3)
    elif min(lengths) == 0:
        assert math.isnan(plain)


def test_a_cosine_of_nothing_is_no_number() -> None:
    one, none = np.array([1.0, 2.0]), np.zeros(2)
    assert math.isnan(cosine(one, none)) and math.isnan(cosine_torch(torch.from_numpy(one), torch.from_numpy(none)))
    assert cosine(one, 3 * one) == pytest.approx(1) and cosine(one, -one) == pytest.approx(-1)


def test_the_box_of_a_mask() -> None:
    mask = np.zeros((9, 12), bool)
    assert bounds(mask) is None
    mask[3:5, 7] = mask[8, 0] = True
    assert bounds(mask) == Box(0, 3, 8, 9)


@given(st.data())
@settings(max_examples=60)
def test_a_square_around_a_box_holds_it_and_lies_in_the_picture(data: st.DataObject) -> None:
    width, height, margin = data.draw(st.integers(1, 50)), data.draw(st.integers(1, 50)), data.draw(st.integers(0, 20))
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    box = Box(left, top, right, bottom)
    found = square_around(box, margin, width, height)
    assert found.clipped(width, height) == found and found.common(box) == box
    side = box.side + 2 * margin
    assert (found.width, found.height) == (min(side, width), min(side, height))


def test_a_square_far_from_the_border_has_its_margin_on_both_ends() -> None:
    assert square_around(Box(40, 50, 60, 60), 5, 100, 100) == Box(35, 40, 65, 70)
    assert square_around(Box(0, 50, 20, 60), 5, 100, 100) == Box(0, 40, 30, 70)
