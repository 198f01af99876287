"""A perceptual hash: 64 bits of a photo that hardly change when it is saved again, made smaller or a little brighter.

The photo is shrunk to 32 x 32 grey values and transformed by a discrete cosine transform. Each of the 64 lowest
frequencies, but for the mean, gives one bit: whether it is above the median of them all. The idea is the DCT hash of
Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010); which frequencies are taken, and in
which order, is our own, so these hashes do not compare with those of other programs. Flipped, rotated and cropped
photos have other hashes.
"""

from __future__ import annotations

import io
import math
from functools import lru_cache

import numpy as np
from PIL import Image

from rorem.picture import Limits, open_picture, to_rgb

EDITION = 1  # raised by whoever changes what the same photo gives
SIDE = 32  # px
BITS = 64
DECODED = 4 * SIDE  # px: a JPEG is unpacked at no less than this, which takes a fraction of the time
UPRIGHT = 274  # the EXIF tag that says how a photo is turned
FAINT = 1e-3  # grey levels; below, a frequency is not there, and rounding must not decide its bit


def photo_hash(data: bytes) -> int:
    """The hash of a photo file, 0 to 2^64 - 1. A photo of one colour has the hash 0. Raises BadPicture."""
    grey = _quick(data)
    return hash_of_grey(_careful(data) if grey is None else grey)


def hash_of_grey(grey: np.ndarray) -> int:
    """The hash of grey values, float (32, 32), 0 to 255."""
    cosines, (rows, columns) = _cosines(), _lowest()
    waves = (cosines @ grey @ cosines.T)[rows, columns]
    waves = np.where(np.abs(waves) < FAINT, 0.0, waves)
    bits = waves > np.median(waves)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _quick(data: bytes) -> np.ndarray | None:
    """Grey values of an ordinary photo, float64 (32, 32); None for one that needs a closer look."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode not in ("L", "RGB") or image.width * image.height > Limits().max_pixels:
                return None
            turned = image.getexif().get(UPRIGHT, 1) != 1
            image.draft("L", (DECODED, DECODED))
            if turned or "transparency" in image.info:
                return None
            return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _careful(data: bytes) -> np.ndarray:
    """The same of whatever opens as a photo, upright. Raises BadPicture."""
    image = Image.fromarray(to_rgb(open_picture(data))).convert("L")
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)


@lru_cache(1)
def _cosines() -> np.ndarray:
    """The orthonormal DCT-II as a matrix, float64 (32, 32)."""
    frequency, at = np.arange(SIDE)[:, None], np.arange(SIDE)[None, :]
    matrix = math.sqrt(2 / SIDE) * np.cos(math.pi * (2 * at + 1) * frequency / (2 * SIDE))
    matrix[0] /= math.sqrt(2)
    return matrix


@lru_cache(1)
def _lowest() -> tuple[list[int], list[int]]:
    """Rows and columns of the lowest frequencies, without the mean, from low to high."""
    order = sorted(((u, v) for u in range(SIDE) for v in range(SIDE)), key=lambda one: (sum(one), one))
    chosen = order[1 : BITS + 1]
    return [u for u, _ in chosen], [v for _, v in chosen]
