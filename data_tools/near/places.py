"""Where in a photo a mask lies, so that two things in one photo are not taken for one thing twice."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from rorem.errors import BadMask, BadPicture
from rorem.mask_file import read_mask
from rorem.picture import Limits, open_picture

ALIKE_BOX = 0.5  # at least so much of two boxes' union is common to both
ALIKE_AREA = 2.0  # and neither mask covers more than so many times what the other does


@dataclass(frozen=True, slots=True)
class Place:
    """A mask's box as shares of the photo's width and height, 0 to 1, and the share of all pixels that it covers."""

    left: float
    top: float
    right: float
    bottom: float
    share: float


def place_of(data: bytes) -> Place:
    """Where a mask file marks something; white = remove. Raises BadMask if nothing or everything is marked."""
    marked = _quick(data)
    if marked is None:
        try:
            picture = open_picture(data)
        except BadPicture as error:
            raise BadMask(f"The mask could not be read: {error}") from error
        marked = read_mask(data, picture.width, picture.height, polarity="white").mask
    columns, rows = np.flatnonzero(marked.any(axis=0)), np.flatnonzero(marked.any(axis=1))
    if not len(rows) or marked.all():
        raise BadMask(f"The mask marks {'everything' if len(rows) else 'nothing'}.")
    high, wide = marked.shape
    return Place(
        left=float(columns[0] / wide),
        top=float(rows[0] / high),
        right=float((columns[-1] + 1) / wide),
        bottom=float((rows[-1] + 1) / high),
        share=float(marked.mean()),
    )


def alike(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether masks lie at the same place, bool (N,): boxes that overlap by half or more, and areas within a factor 2.

    one: float (5,), the fields of a Place in order. others: float (N, 5).
    """
    left, top = np.maximum(one[0], others[:, 0]), np.maximum(one[1], others[:, 1])
    right, bottom = np.minimum(one[2], others[:, 2]), np.minimum(one[3], others[:, 3])
    common = np.clip(right - left, 0, None) * np.clip(bottom - top, 0, None)
    whole = _area(one[None]) + _area(others) - common
    smaller, larger = np.minimum(one[4], others[:, 4]), np.maximum(one[4], others[:, 4])
    return (common >= ALIKE_BOX * whole) & (larger <= ALIKE_AREA * smaller)


def _quick(data: bytes) -> np.ndarray | None:
    """An ordinary mask of one channel, bool (H, W); None for one that needs a closer look."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            plain = image.mode in ("1", "L") and "transparency" not in image.info
            if not plain or image.width * image.height > Limits().max_pixels:
                return None
            levels = np.asarray(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    if levels.dtype == np.bool_:
        return levels
    return levels > 127 if levels.max() == 255 else None


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
