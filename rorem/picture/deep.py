"""Colour with 16 bits a channel, which Pillow does not hold: read through OpenCV."""

from __future__ import annotations

import numpy as np

from .limits import Damaged
from .pixels import Pixels, bands


def read(data: bytes) -> Pixels:
    """The numbers of a 16-bit PNG or TIFF with colour or alpha, neither turned nor converted; greys come as rgb."""
    import cv2

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16 or array.ndim != 3 or array.shape[2] not in (3, 4):
        raise Damaged("no 16-bit colour after all")
    alpha = np.ascontiguousarray(array[..., 3]) if array.shape[2] == 4 else None
    colour = np.empty((*array.shape[:2], 3), np.uint16)
    for rows in bands(*array.shape[:2]):
        colour[rows] = array[rows, :, 2::-1]
    return Pixels(colour, alpha, "rgb")
