"""Masks that are a little off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.data.scenes import mark
from training.data.mask_change import changed
from training.data.settings import MaskChange

MASK = mark(64, 48, (20, 15, 40, 30)) > 0


def tried(kind: MaskChange, reach: int = 4, mask: np.ndarray = MASK) -> list[np.ndarray]:
    return [changed(mask, [kind], reach, np.random.default_rng(seed)) for seed in range(40)]


def box_of(mask: np.ndarray) -> tuple[int, ...]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def test_growing_and_shrinking_go_so_far() -> None:
    assert {box_of(one) for one in tried("grow")} == {(20 - n, 15 - n, 40 + n, 30 + n) for n in (1, 2, 3, 4)}
    assert {box_of(one) for one in tried("shrink")} == {(20 + n, 15 + n, 40 - n, 30 - n) for n in (1, 2, 3, 4)}
    assert all((MASK & one).sum() == one.sum() for one in tried("shrink"))


def test_shifting_keeps_the_form() -> None:
    boxes = {box_of(one) for one in tried("shift")}
    assert len(boxes) > 8
    for left, top, right, bottom in boxes:
        assert (right - left, bottom - top) == (20, 15) and (left - 20) ** 2 + (top - 15) ** 2 <= 4.8**2


def test_a_scribble_adds_strokes() -> None:
    found = tried("scribble")
    assert all((one & MASK).sum() == MASK.sum() for one in found)
    assert sum(one.sum() > MASK.sum() for one in found) > 20
    assert len({one.tobytes() for one in found}) > 20
    assert all(box_of(one)[0] >= 20 - 4 * 4 - 4 for one in found)


@given(st.integers(0, 10_000), st.integers(1, 30), st.sampled_from(["one", "all but one", "block"]))
def test_something_is_marked_and_something_is_not(seed: int, reach: int, which: str) -> None:
    mask = np.zeros((16, 16), bool)
    mask[3, 5] = True
    mask = {"one": mask, "all but one": ~mask, "block": mark(16, 16, (2, 2, 8, 8)) > 0}[which]
    before = mask.copy()
    made = changed(mask, ["grow", "shrink", "shift", "scribble"], reach, np.random.default_rng(seed))
    assert made.dtype == np.bool_ and made.shape == mask.shape and made.any() and not made.all()
    assert (mask == before).all()


@pytest.mark.parametrize("kind", ["grow", "shrink", "shift", "scribble"])
def test_the_same_chance_gives_the_same_mask(kind: MaskChange) -> None:
    assert all((one == other).all() for one, other in zip(tried(kind), tried(kind), strict=True))
