"""Crops: the same for all pictures of a record, with what is to be removed inside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem.geometry import Box
from tests.training.data.scenes import mark, photo
from training.data.settings import DataSettings
from training.data.view import View, choose, cut, cut_mask


def chosen(mask: np.ndarray, shape: tuple[int, int] = (32, 32), seed: int = 0, **given: object) -> View:
    settings = DataSettings.model_validate({"size": 32, **given})
    return choose(mask > 0, shape, settings, np.random.default_rng(seed))


def test_a_photo_that_is_all_marked_has_a_crop() -> None:
    for size in ((32, 32), (90, 40)):
        box = chosen(mark(*size, (0, 0, *size))).box
        assert 0 <= box.left < box.right <= size[0] and 0 <= box.top < box.bottom <= size[1]


@given(st.integers(32, 90), st.integers(32, 90), st.integers(0, 10_000), st.sampled_from([1.0, 1.5]), st.data())
def test_a_random_crop_shows_what_goes(wide: int, high: int, seed: int, zoom: float, data: st.DataObject) -> None:
    left, top = data.draw(st.integers(0, wide - 1)), data.draw(st.integers(0, high - 1))
    right, bottom = data.draw(st.integers(left + 1, wide)), data.draw(st.integers(top + 1, high))
    view = chosen(mark(wide, high, (left, top, right, bottom)), seed=seed, zoom=zoom)
    box = view.box
    assert 0 <= box.left < box.right <= wide and 0 <= box.top < box.bottom <= high
    common = box.common(Box(left, top, right, bottom))
    assert common.width > 0 and common.height > 0
    fits = right - left <= box.width and bottom - top <= box.height
    if fits and (right - left) * (bottom - top) < 0.9 * box.width * box.height:
        assert common == Box(left, top, right, bottom)
    everything = (left, top, right, bottom) == (0, 0, wide, high)
    assert common != box or everything  # something beside it is seen, too


def test_a_mark_that_fits_is_seen_whole() -> None:
    mask = mark(96, 64, (70, 5, 80, 15))
    for seed in range(30):
        view = chosen(mask, (64, 64), seed)
        assert cut_mask(mask > 0, view).sum() == 100
    assert len({chosen(mask, (64, 64), seed).box.left for seed in range(30)}) > 5


def test_all_pictures_get_the_same_crop_and_flip() -> None:
    source, mask = photo(96, 64), mark(96, 64, (40, 20, 60, 40))
    for flip in (False, True):
        view = replace(chosen(mask, (64, 64), seed=4), flip=flip)
        part, marked = cut(source, view), cut_mask(mask > 0, view)
        columns = part[0, :, 0] // 2  # where each column comes from
        assert list(columns) == list(range(view.box.left, view.box.right))[:: -1 if flip else 1]
        assert (
            marked
            == (
                (part[..., 0] // 2 >= 40)
                & (part[..., 0] // 2 < 60)
                & (part[..., 1] // 2 >= 20)
                & (part[..., 1] // 2 < 40)
            )
        ).all()


def test_a_result_of_another_size_shows_the_same_place() -> None:
    view = replace(chosen(mark(96, 64), (32, 32), seed=2), flip=True)
    large = np.repeat(np.repeat(photo(96, 64), 2, axis=0), 2, axis=1)
    small = cut(photo(96, 64), view).astype(int)
    assert np.abs(cut(large, view).astype(int) - small).max() <= 2


def test_centre_and_squash() -> None:
    mask = mark(96, 64, (40, 20, 60, 40))
    assert chosen(mask, (64, 64), crop="centre").box == Box(16, 0, 80, 64)
    assert chosen(mark(96, 64, (2, 20, 6, 40)), (64, 64), crop="centre").box.left == 0  # else nothing would be marked
    squashed = chosen(mask, (64, 64), crop="squash")
    assert squashed.box == Box(0, 0, 96, 64) and cut(photo(96, 64), squashed).shape == (64, 64, 3)
    assert chosen(mask, (64, 64), crop="squash", zoom=2).box == squashed.box


def test_masks_stay_binary_and_thin_ones_stay() -> None:
    line = mark(256, 256, (100, 30, 101, 200))
    view = chosen(line, (32, 32), crop="squash")
    small = cut_mask(line > 0, view)
    assert small.dtype == np.bool_ and small.any() and small[:, 12].sum() > 15
    block = cut_mask(mark(256, 256, (64, 64, 128, 128)) > 0, view)
    assert (block == (mark(32, 32, (8, 8, 16, 16)) > 0)).all()


def test_a_photo_that_is_all_but_marked_keeps_something_to_go_by() -> None:
    mask = mark(128, 64, (0, 0, 100, 64))
    for seed in range(20):
        assert cut_mask(mask > 0, chosen(mask, (64, 64), seed)).mean() < 1


@pytest.mark.parametrize(("flip", "left"), [(False, 10), (True, 13)])
def test_what_sdxl_is_told(flip: bool, left: int) -> None:
    view = View(Box(20, 8, 84, 72), 32, 32, flip, (110, 80))
    assert view.told == (80, 110, 4, left, 32, 32)
