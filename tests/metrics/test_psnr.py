"""PSNR of parts: against arithmetic by hand, scikit-image, and the torch twin."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio

from rorem.metrics import in_torch, psnr
from tests.metrics.making import disc, holes, look, noises, photo

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 60))


@settings(max_examples=60)
@given(noises(SHAPES))
def test_whole_pictures_as_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    one, other = pair
    if (one == other).all():
        assert psnr.psnr(one, other) == math.inf
    else:
        assert psnr.psnr(one, other) == pytest.approx(peak_signal_noise_ratio(one, other), abs=1e-9)


@settings(max_examples=60)
@given(st.data())
def test_parts_as_written_out(data: st.DataObject) -> None:
    one, other = data.draw(noises(SHAPES))
    where = data.draw(holes(*one.shape[:2]))
    if not where.any():
        assert math.isnan(psnr.psnr(one, other, where))
        return
    error = np.mean((one.astype(float) - other)[where] ** 2)
    assert psnr.psnr(one, other, where) == (pytest.approx(10 * math.log10(255**2 / error)) if error else math.inf)


def test_the_error_is_the_mean_over_the_channels_too() -> None:
    """The known mistake of dividing by the pixels alone would give 4.77 dB less."""
    grey = np.full((8, 8, 3), 100, np.uint8)
    assert psnr.psnr(grey, grey + np.uint8(5), np.eye(8, dtype=bool)) == pytest.approx(20 * math.log10(255 / 5))


@settings(max_examples=30)
@given(st.data())
def test_the_torch_twin_agrees(data: st.DataObject) -> None:
    one, other = data.draw(noises(SHAPES))
    where = data.draw(holes(*one.shape[:2]))
    a, b = (torch.from_numpy(picture).permute(2, 0, 1)[None] for picture in (one, other))
    mask = torch.from_numpy(where)[None, None]
    seen = look(one, other, where, truth=one)
    pairs = (
        (psnr.psnr_bg_raw(seen), in_torch.psnr_bg_raw(a, b, mask)),
        (psnr.psnr_bg_composite(seen), in_torch.psnr_bg_composite(a, b, mask)),
        (psnr.psnr_hole_gt(seen), in_torch.psnr_hole_gt(a, b, mask)),
        (psnr.psnr_full_gt(seen), in_torch.psnr_full_gt(a, b)),
    )
    for ours, twin in pairs:
        assert twin.item() == pytest.approx(ours, nan_ok=True)
    from_floats = in_torch.psnr_full_gt(a.float() / 127.5 - 1, b.float() / 127.5 - 1)
    assert from_floats.item() == pytest.approx(psnr.psnr_full_gt(seen), abs=1e-4)


def test_a_batch_is_measured_picture_by_picture() -> None:
    source, hole = photo(), disc()
    results = [source, source ^ np.uint8(1), source ^ np.uint8(8)]
    masks = [hole, np.ones_like(hole), hole]
    sources, made = (torch.from_numpy(np.stack(many)).permute(0, 3, 1, 2) for many in ([source] * 3, results))
    found = in_torch.psnr_bg_raw(sources, made, torch.from_numpy(np.stack(masks))[:, None])
    ours = [psnr.psnr_bg_raw(look(source, result, mask)) for result, mask in zip(results, masks, strict=True)]
    assert found.numpy() == pytest.approx(ours, nan_ok=True)
    assert ours[0] == math.inf and math.isnan(ours[1]) and 20 < ours[2] < 60


def test_the_ring_around_the_hole_is_no_background() -> None:
    source, hole = np.zeros((512, 512, 3), np.uint8), np.zeros((512, 512), bool)
    hole[200:300, 200:300] = True
    result = source.copy()
    result[192:308, 192:308] = 99
    assert psnr.psnr_bg_raw(look(source, result, hole)) == math.inf
    result[191, 191] = 1
    pixels = 512 * 512 - 116 * 116
    assert psnr.psnr_bg_raw(look(source, result, hole)) == pytest.approx(10 * math.log10(255**2 * pixels))


def test_the_smallest_change_there_is_is_found() -> None:
    source, hole = photo(), disc()
    result = source.copy()
    result[0, 0, 2] ^= 1
    error = 1 / (3 * np.count_nonzero(psnr.background(hole)))
    assert psnr.psnr_bg_raw(look(source, result, hole)) == pytest.approx(10 * math.log10(255**2 / error))


@pytest.mark.parametrize(
    ("height", "width", "reach"), [(512, 512, 8), (300, 1024, 16), (3000, 4000, 63), (32, 32, 1), (8, 8, 1)]
)
def test_the_ring_grows_with_the_picture(height: int, width: int, reach: int) -> None:
    assert psnr.ring_of(height, width) == reach


def test_a_pasted_result_is_infinite_whatever_was_done() -> None:
    source, hole = photo(), disc()
    for result in (255 - source, np.zeros_like(source)):
        assert psnr.psnr_bg_composite(look(source, result, hole)) == math.inf
        assert psnr.psnr_bg_raw(look(source, result, hole)) < 20


def test_the_hole_is_the_given_mask_not_what_the_method_grew_it_to() -> None:
    truth, hole, mask = photo(), disc(), disc(radius=12)
    result = np.where(mask[..., None], truth, 255 - truth)
    seen = look(truth, result, hole, truth, mask)
    assert psnr.psnr_hole_gt(seen) == math.inf and psnr.psnr_full_gt(seen) < 30


def test_what_cannot_be_measured_is_nan() -> None:
    source, everything = photo(), np.ones((128, 160), bool)
    seen = look(source, source, everything)
    assert math.isnan(psnr.psnr_bg_raw(seen)) and math.isnan(psnr.psnr_bg_composite(seen))
    assert math.isnan(psnr.psnr_hole_gt(seen)) and math.isnan(psnr.psnr_full_gt(seen))
    assert math.isnan(psnr.psnr_hole_gt(look(source, source, ~everything, source)))
