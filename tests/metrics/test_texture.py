"""The texture measure: against its torch twin, the definition on whole pictures, and on fills that are known."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.metrics import in_torch
from rorem.metrics.texture import BANK, energies, texture_hole_gt
from tests.metrics.making import disc, holes, look, noises, photo

SHAPES = st.tuples(st.integers(30, 60), st.integers(30, 70))


def of(result: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    return texture_hole_gt(look(truth, result, mask, truth))


def grass(seed: int) -> np.ndarray:
    """Fine upright blades, uint8 (128, 160, 3); each seed sets them anew."""
    noise = np.random.default_rng(seed).normal(0, 60, (128, 160)).astype(np.float32)
    blades = cv2.GaussianBlur(noise, (0, 0), sigmaX=1.2, sigmaY=6) * 5 + 128
    return np.repeat(np.clip(blades, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@settings(max_examples=25)
@given(data=st.data())
def test_numpy_and_torch_agree(data: st.DataObject) -> None:
    truth, result = data.draw(noises(SHAPES))
    mask = data.draw(holes(*truth.shape[:2]))
    there, made = (torch.from_numpy(np.ascontiguousarray(one)).permute(2, 0, 1)[None] for one in (truth, result))
    twin = in_torch.texture_hole_gt(there, made, torch.from_numpy(mask)[None, None]).item()
    value = of(result, truth, mask)
    assert math.isnan(value) and math.isnan(twin) if not mask.any() else value == pytest.approx(twin, abs=2e-3)


def test_looking_at_the_neighbourhood_alone_changes_nothing() -> None:
    truth, result, mask = photo(300, 340), photo(300, 340, seed=2), disc(300, 340, 30)
    grey = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32) for one in (result, truth)]
    whole = np.mean([(np.abs(a - b) / (a + b + 2))[mask].mean() for a, b in zip(*map(energies, grey), strict=True)])
    assert of(result, truth, mask) == pytest.approx(float(whole), abs=1e-5)


def test_other_grass_is_nearer_than_a_smear() -> None:
    truth, mask = grass(1), disc()
    other = np.where(mask[..., None], grass(2), truth)
    smear = np.where(mask[..., None], cv2.GaussianBlur(truth, (0, 0), 8), truth)
    turned = np.where(mask[..., None], np.rot90(grass(2)[:, :128]).repeat(2, 1)[:, :160], truth)
    assert of(truth, truth, mask) == 0
    assert of(other, truth, mask) < 0.25
    assert 0.3 < min(of(turned, truth, mask), of(smear, truth, mask)) < 1
    assert np.square(other.astype(float) - truth).mean() > np.square(smear.astype(float) - truth).mean(), "PSNR errs"


def test_only_the_mask_counts() -> None:
    truth, mask = photo(), disc(radius=12)
    far = np.array(truth)
    far[:20] = 0
    assert of(far, truth, mask) == pytest.approx(0, abs=1e-3)


def test_large_pictures_are_looked_at_in_one_scale() -> None:
    truth, result, mask = photo(96, 128), photo(96, 128, seed=2), disc(96, 128)
    small = 512, 384
    two = [cv2.resize(one, (1024, 768), interpolation=cv2.INTER_CUBIC) for one in (result, truth)]
    one = [cv2.resize(picture, small, interpolation=cv2.INTER_AREA) for picture in two]
    marks = [
        cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0 for size in ((1024, 768), small)
    ]
    assert of(two[0], two[1], marks[0]) == pytest.approx(of(one[0], one[1], marks[1]), abs=0.01)


def test_filters_do_not_see_brightness() -> None:
    assert len(BANK) == 8 and all(abs(kernel.sum()) < 1e-4 for kernel in BANK)


def test_nothing_to_measure_is_no_number() -> None:
    picture = photo()
    assert math.isnan(of(picture, picture, np.zeros(picture.shape[:2], bool)))
    assert math.isnan(texture_hole_gt(look(picture, picture, disc())))
    tiny = np.zeros((3, 5, 3), np.uint8)
    assert of(tiny, tiny, np.ones((3, 5), bool)) == 0
