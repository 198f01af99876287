"""Colour with 16 bits a channel, which Pillow does not hold: read through OpenCV, written to TIFF by hand."""

from __future__ import annotations

import zlib
from itertools import accumulate

import numpy as np

from .limits import Damaged
from .pixels import Pixels, bands
from .record import Picture

# 1 of 9: photos at 16 bit are mostly noise in the low byte, where more effort wins a few per cent and costs minutes.
_EFFORT = 1


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


def write_tiff(picture: Picture, tags: dict[int, object]) -> bytes:
    """A deflated TIFF of uint16 grey or rgb, with or without alpha. tags: what to write besides, as Pillow does."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    channels = (3 if picture.space == "rgb" else 1) + (picture.alpha is not None)
    strips = []
    for rows in bands(picture.height, picture.width):
        samples = picture.colour[rows] if picture.colour.ndim == 3 else picture.colour[rows, :, None]
        parts = [samples] if picture.alpha is None else [samples, picture.alpha[rows]]
        samples = np.dstack(parts)
        samples[:, 1:] -= samples[:, :-1].copy()  # predictor 2: each pixel as its difference from its left neighbour
        strips.append(zlib.compress(samples.astype("<u2").tobytes(), _EFFORT))
    sizes = [len(strip) for strip in strips]
    tags = tags | {
        256: picture.width,
        257: picture.height,
        258: (16,) * channels,
        259: 8,
        262: 2 if picture.space == "rgb" else 1,
        273: tuple(accumulate(sizes[:-1], initial=0)),  # Pillow adds where the directory ends
        277: channels,
        278: bands(picture.height, picture.width)[0].stop,
        279: tuple(sizes),
        284: 1,
        317: 2,
        **({} if picture.alpha is None else {338: 2}),
    }
    directory = ImageFileDirectory_v2(b"II*\0\x08\0\0\0")
    for tag, content in tags.items():
        directory[tag] = content
    if 700 in tags:
        directory.tagtype[700] = 1
    directory.tagtype[273] = directory.tagtype[279] = 4
    return b"".join([b"II*\0\x08\0\0\0", directory.tobytes(8), *strips])
