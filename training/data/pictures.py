"""A record's pictures, unpacked and checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rorem.errors import BadData
from rorem.mask_file import read_mask
from rorem.picture import open_picture, to_rgb
from rorem.triplet import Triplet

SAME_SHAPE = 0.02  # two pictures show the same scene when their aspect ratios differ by less than this share


@dataclass(frozen=True, eq=False)
class Pictures:
    """source, result: uint8 RGB (H, W, 3); the result may have another size. mask: bool (H, W), True = removed."""

    source: np.ndarray
    mask: np.ndarray
    result: np.ndarray | None


def target(triplet: Triplet, judged: bool) -> bytes | None:
    """What a record's pictures should become: its truth if there is one, else its result. judged: the result alone."""
    return triplet.result if judged or triplet.truth is None else triplet.truth


def unpacked(triplet: Triplet, wanted: bytes | None, any_shape: bool) -> Pictures:
    """wanted: the file that becomes `result`. any_shape: it need not have the shape of the photo.

    White in a mask means remove. Raises BadPicture, BadMask, BadData.
    """
    source = to_rgb(open_picture(triplet.source))
    high, wide = source.shape[:2]
    mask = read_mask(triplet.mask, wide, high, polarity="white").mask
    if wanted is None:
        return Pictures(source, mask, None)
    result = to_rgb(open_picture(wanted))
    down, across = result.shape[:2]
    if not any_shape and abs(across * high / (down * wide) - 1) > SAME_SHAPE:
        raise BadData(f"its result is {across} x {down} pixels and its photo {wide} x {high}")
    return Pictures(source, mask, result)
