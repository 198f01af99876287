"""Which masks make good candidates."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import binary_fill_holes

from data_tools.openimages.judging import EMPTY, HOLES, LARGE, decode, fault, fitted, holes, is_cut
from data_tools.openimages.settings import Settings
from data_tools.openimages.table import CUT, SMALL
from rorem.errors import BadMask
from tests.data_tools.openimages.made import GOOD, boxed, png

WIDE = 400, 300


def ring(share: float) -> np.ndarray:
    """A square with a square hole of this share of it."""
    mask = np.zeros((200, 200), bool)
    mask[50:150, 50:150] = True
    half = round(50 * share**0.5)
    mask[100 - half : 100 + half, 100 - half : 100 + half] = False
    return mask


def test_a_good_mask() -> None:
    assert fault(boxed(WIDE, GOOD), Settings()) == ""


@pytest.mark.parametrize(
    ("mask", "kind"),
    [
        (np.zeros((30, 40), bool), EMPTY),
        (boxed(WIDE, (0.4, 0.48, 0.4, 0.5)), SMALL),
        (boxed(WIDE, (0.1, 0.9, 0.1, 0.9)), LARGE),
        (boxed(WIDE, (0, 0.3, 0.3, 0.6)), CUT),
        (boxed(WIDE, (0.3, 0.6, 0.6, 1)), CUT),
        (ring(0.04), HOLES),
    ],
)
def test_what_is_wrong_with_others(mask: np.ndarray, kind: str) -> None:
    assert fault(mask, Settings()) == kind


def test_limits_are_options() -> None:
    assert fault(boxed(WIDE, (0.4, 0.48, 0.4, 0.5)), Settings(smallest=0.001)) == ""
    assert fault(boxed(WIDE, (0.1, 0.9, 0.1, 0.9)), Settings(largest=0.7)) == ""
    assert fault(boxed(WIDE, (0, 0.3, 0.3, 0.6)), Settings(cut=True)) == ""
    assert fault(ring(0.04), Settings(holes=0.05)) == ""


def test_the_border_is_a_share_of_the_side() -> None:
    """3 px of 1024 are at the border, 6 are not."""
    mask = np.zeros((1024, 1024), bool)
    mask[100:200, 6:200] = True
    assert not is_cut(mask)
    mask[100:200, 3:200] = True
    assert is_cut(mask)


@given(st.integers(0, 2**32 - 1), st.integers(2, 14), st.integers(2, 14), st.floats(0.2, 0.9))
def test_holes_are_what_filling_fills(seed: int, height: int, width: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    filled = np.asarray(binary_fill_holes(mask), bool)
    expected = (filled & ~mask).sum() / filled.sum() if filled.any() else 0
    assert holes(mask) == pytest.approx(expected)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_a_mask_in_another_size_takes_the_nearest_pixel(rows: int, columns: int, height: int, width: int) -> None:
    mask = np.random.default_rng(rows * columns).random((rows, columns)) < 0.5
    down = np.minimum(((np.arange(height) + 0.5) * rows / height).astype(int), rows - 1)
    across = np.minimum(((np.arange(width) + 0.5) * columns / width).astype(int), columns - 1)
    found = fitted(mask, height, width)
    assert found.dtype == bool and found.shape == (height, width)
    # Where a pixel lies exactly between two, either one is the nearest.
    between = ((np.arange(height) + 0.5) * rows % height == 0)[:, None] | (
        (np.arange(width) + 0.5) * columns % width == 0
    )
    assert ((found == mask[down][:, across]) | between).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "I;16"])
def test_masks_of_every_kind_of_png(mode: str) -> None:
    mask = boxed(WIDE, GOOD)
    image = Image.fromarray(mask.astype(np.uint16) * 65535 if mode == "I;16" else mask.astype(np.uint8) * 255)
    data = io.BytesIO()
    image.convert(mode).save(data, "PNG") if mode != "I;16" else image.save(data, "PNG")
    assert (decode(data.getvalue()) == mask).all()


def test_what_is_no_mask_is_refused() -> None:
    whole = png(boxed(WIDE, GOOD))
    huge = whole[:16] + (1 << 20).to_bytes(4, "big") * 2 + whole[24:]
    for data in (b"", b"nothing", whole[: len(whole) // 3], huge, b"\xff\xd8\xff\xe0" + b"\x00" * 40):
        with pytest.raises(BadMask):
            decode(data)
