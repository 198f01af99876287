"""SSIM: scikit-image and the torch twin are the witnesses."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from rorem.metrics import in_torch, ssim
from tests.metrics.making import look, noises, photo

SHAPES = st.tuples(st.integers(11, 60), st.integers(11, 90))


def witness(one: np.ndarray, other: np.ndarray) -> float:
    found = structural_similarity(
        one, other, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=2
    )
    return float(np.asarray(found))


@settings(max_examples=50)
@given(noises(SHAPES))
def test_as_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert ssim.ssim(*pair) == pytest.approx(witness(*pair), abs=1e-9)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 90), (63, 159), (127, 159), (64, 80)])
def test_one_pixel_anywhere_counts_as_for_scikit_image(row: int, column: int) -> None:
    """Only windows that see a difference are computed: at the border, few of them do."""
    truth = photo()
    result = truth.copy()
    result[row, column] ^= 255
    found = ssim.ssim(truth, result)
    assert found < 1 and found == pytest.approx(witness(truth, result), abs=1e-12)


def test_strips_are_joined_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, result = photo(seed=1), photo(seed=2)
    monkeypatch.setattr(ssim, "STRIP", 17 * 150)
    assert ssim.ssim(truth, result) == pytest.approx(witness(truth, result), abs=1e-12)


def test_flat_and_bright_pictures_keep_their_digits() -> None:
    """Single precision would lose them: variances are small differences of large numbers."""
    one = np.full((40, 40, 3), 254, np.uint8)
    other = one + (np.indices((40, 40)).sum(0) % 2).astype(np.uint8)[..., None]
    assert ssim.ssim(one, other) == pytest.approx(witness(one, other), abs=1e-9)


@settings(max_examples=25)
@given(noises(SHAPES))
def test_the_torch_twin_agrees(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = (torch.from_numpy(picture).permute(2, 0, 1)[None] for picture in pair)
    assert in_torch.ssim_full_gt(a, b).item() == pytest.approx(ssim.ssim(*pair), abs=1e-9)
    floats = [picture.float() / 127.5 - 1 for picture in (a, b)]
    assert in_torch.ssim_full_gt(*floats).item() == pytest.approx(ssim.ssim(*pair), abs=1e-5)


def test_a_batch_is_measured_picture_by_picture() -> None:
    truths, results = (np.stack([photo(seed=seed) for seed in seeds]) for seeds in ((1, 2, 3), (1, 3, 2)))
    found = in_torch.ssim_full_gt(*(torch.from_numpy(many).permute(0, 3, 1, 2) for many in (truths, results)))
    assert found[0] == 1
    assert found.numpy() == pytest.approx([ssim.ssim(*pair) for pair in zip(truths, results, strict=True)], abs=1e-9)


def test_what_cannot_be_measured_is_nan() -> None:
    small = photo(10, 200)
    assert math.isnan(ssim.ssim(small, small))
    tensor = torch.from_numpy(small).permute(2, 0, 1)[None]
    assert in_torch.ssim_full_gt(tensor, tensor).isnan().item()
    whole = photo()
    assert math.isnan(ssim.ssim_full_gt(look(whole, whole, np.ones((128, 160), bool))))
