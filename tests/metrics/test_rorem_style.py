"""Our reading of RORem's own PSNR."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from rorem.metrics import in_torch, rorem_style
from tests.metrics.making import disc, look, photo


def test_it_is_the_psnr_of_two_squares_against_the_photo_with_the_thing() -> None:
    source, hole = photo(300, 400), disc(300, 400)
    result = np.where(hole[..., None], photo(300, 400, seed=2), source)
    squares = [np.asarray(Image.fromarray(picture).resize((512, 512))) for picture in (source, result)]
    expected = peak_signal_noise_ratio(*squares)
    assert rorem_style.rorem_style_psnr(look(source, result, hole, truth=result)) == pytest.approx(expected, abs=1e-9)


def test_nothing_is_pasted_and_the_hole_counts() -> None:
    source, hole = photo(512, 512), disc(512, 512)
    outside = np.where(hole[..., None], source, source ^ np.uint8(4))
    inside = np.where(hole[..., None], source ^ np.uint8(4), source)
    for result in (outside, inside):
        assert rorem_style.rorem_style_psnr(look(source, result, hole)) < 60
    assert rorem_style.rorem_style_psnr(look(source, source, hole)) == math.inf


def test_a_result_of_another_size_is_taken_as_it_came() -> None:
    source, hole = photo(300, 400), disc(300, 400)
    raw = np.asarray(Image.fromarray(source).resize((512, 512)))
    seen = look(source, cv2.resize(raw, (400, 300)), hole)
    assert rorem_style.rorem_style_psnr(seen) < 60
    assert rorem_style.rorem_style_psnr(replace(seen, raw=raw)) == math.inf


@pytest.mark.parametrize(("height", "width"), [(512, 512), (300, 400), (700, 520), (64, 1200)])
def test_the_torch_twin_agrees(height: int, width: int) -> None:
    source = photo(height, width)
    result = np.clip(source.astype(int) + np.random.default_rng(0).integers(-9, 10, source.shape), 0, 255).astype(
        np.uint8
    )
    ours = rorem_style.rorem_style_psnr(look(source, result, disc(height, width)))
    tensors = [torch.from_numpy(picture).permute(2, 0, 1)[None] for picture in (source, result)]
    near = 1e-9 if height == width == 512 else 1e-3  # dB: Pillow's weights are whole numbers
    assert in_torch.rorem_style_psnr(*tensors).item() == pytest.approx(ours, abs=near)
    floats = [picture.float() / 127.5 - 1 for picture in tensors]
    assert in_torch.rorem_style_psnr(*floats).item() == pytest.approx(ours, abs=1e-3)
