"""Layers over a photo: what is drawn, what is marked, and what is left exactly as it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.synthesize.composing import Layer, compose, fitted

SIDE = 24


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Any layer, soft and hard, inside, across the border or wholly outside."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, columns = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    rgba = rng.integers(0, 256, (rows, columns, 4), dtype=np.uint8)
    rgba[..., 3] = np.where(rng.random((rows, columns)) < 0.4, rng.choice([0, 255], (rows, columns)), rgba[..., 3])
    return Layer(rgba, draw(st.integers(-35, 30)), draw(st.integers(-35, 30)), draw(st.booleans()))


def ground() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


@settings(max_examples=150)
@given(st.lists(layers(), max_size=4), st.integers(0, 5))
def test_outside_the_mask_source_is_truth(drawn: list[Layer], margin: int) -> None:
    photo = ground()
    pair = compose(photo, drawn, margin)
    assert (pair.source == pair.truth)[~pair.mask].all()
    assert (photo == ground()).all(), "the photo itself is left alone"


@settings(max_examples=80)
@given(st.lists(layers(), max_size=3))
def test_the_truth_knows_only_what_stays(drawn: list[Layer]) -> None:
    kept = [layer for layer in drawn if not layer.removed]
    assert (compose(ground(), drawn, 2).truth == compose(ground(), kept, 2).source).all()


def square(side: int, left: int, top: int, removed: bool = True, alpha: int = 255) -> Layer:
    rgba = np.full((side, side, 4), (250, 10, 20, alpha), np.uint8)
    return Layer(rgba, left, top, removed)


def test_a_layer_is_mixed_by_its_coverage() -> None:
    photo = np.full((4, 4, 3), 100, np.uint8)
    pair = compose(photo, [square(2, 1, 1, alpha=51)], 0)
    assert pair.source[1, 1].tolist() == [130, 82, 84] and pair.source[0, 0].tolist() == [100] * 3
    assert pair.mask.sum() == 4 and pair.share == 0.25


def test_what_is_wholly_hidden_is_not_marked() -> None:
    hidden = compose(ground(), [square(4, 8, 8), square(8, 6, 6, removed=False)], 0)
    assert not hidden.mask.any() and (hidden.source == hidden.truth).all()


def test_the_margin_reaches_into_what_is_in_front() -> None:
    in_front = square(6, 10, 0, removed=False)
    pair = compose(ground(), [square(6, 6, 0), in_front], 2)
    assert pair.mask[0, :10].sum() == 6 and pair.mask[0, 10:12].all() and not pair.mask[0, 12:].any()


def test_several_things_are_all_marked() -> None:
    pair = compose(ground(), [square(4, 1, 1), square(4, 15, 15)], 0)
    assert pair.mask[1:5, 1:5].all() and pair.mask[15:19, 15:19].all() and pair.mask.sum() == 32


def test_a_look_draws_for_the_layer() -> None:
    def with_shadow(seen: np.ndarray, layer: Layer) -> list[Layer]:
        assert seen.shape == (SIDE, SIDE, 3)
        return [square(3, 0, 0, removed=False), layer]  # what it draws belongs to the thing, whatever it says

    removed = compose(ground(), [square(4, 12, 12)], 0, with_shadow)
    assert removed.mask[:3, :3].all() and (removed.truth == ground()).all()
    kept = compose(ground(), [square(4, 12, 12, removed=False)], 0, with_shadow)
    assert not kept.mask.any() and (kept.truth != ground()).any(2)[:3, :3].all()


@pytest.mark.parametrize("turn", [0, 30, 90])
def test_a_fitted_cutout_has_no_dark_rim(turn: float) -> None:
    """Colours of what does not show must not come into the edge."""
    rgba = np.zeros((40, 60, 4), np.uint8)
    rgba[10:30, 10:50] = (200, 150, 100, 255)
    small = fitted(rgba, 20, turn=turn)
    shows = small[..., 3] > 30
    assert shows.any() and np.abs(small[shows][:, :3].astype(int) - (200, 150, 100)).max() <= 12
    assert turn or small.shape[:2] == (20, 30)


def test_a_flipped_cutout_is_its_mirror() -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    rgba[..., 3] = 255
    assert (fitted(rgba, 20, flip=True) == rgba[:, ::-1]).all()
