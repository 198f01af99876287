"""Turning a photo upright."""

from __future__ import annotations

import numpy as np


def upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """The array (H, W, ...) as it is meant to be seen, for an EXIF orientation from 1 to 8; contiguous."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)


def swaps_sides(orientation: int) -> bool:
    return orientation >= 5
