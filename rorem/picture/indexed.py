"""Few colours: the nearest one of a palette, and black or white."""

from __future__ import annotations

import numpy as np

# Distances of this many pixels to every palette entry are held at once: 16 MB for 256 entries.
_CHUNK = 16_384


def nearest(wanted: np.ndarray, table: np.ndarray, current: np.ndarray) -> np.ndarray:
    """The palette index for each wanted colour.

    wanted: uint8 (n, 4) RGBA. table: uint8 (m, 4). current: uint8 (n,), what the pixels have now. Returns uint8 (n,).
    What shall be seen never gets an entry that is fully transparent, and what shall be opaque gets an opaque one, as
    far as the palette has any. What shall be invisible keeps its index if that is invisible already.
    """
    result = np.array(current)
    clear = wanted[:, 3] == 0
    opaque = wanted[:, 3] == 255
    invisible, full = table[:, 3] == 0, table[:, 3] == 255
    for chosen, allowed in ((opaque, full), (~opaque & ~clear, ~invisible), (clear & ~invisible[current], invisible)):
        if chosen.any():
            if not allowed.any():
                allowed = ~invisible if (~invisible).any() else np.ones_like(invisible)
            result[chosen] = np.flatnonzero(allowed)[_closest(wanted[chosen], table[allowed])]
    return result.astype(np.uint8)


def dithered(grey: np.ndarray) -> np.ndarray:
    """bool (H, W), True = white, for uint8 (H, W): ordered dither, with near-black and near-white kept clean."""
    height, width = grey.shape
    stretched = np.clip((grey.astype(np.float32) - 24) / (231 - 24), 0, 1)
    tiles = np.tile(_BAYER, (-(-height // 8), -(-width // 8)))[:height, :width]
    return stretched > tiles


def _bayer(order: int) -> np.ndarray:
    """Thresholds between 0 and 1, float32 (2 ** order, 2 ** order) (Bayer 1973)."""
    matrix = np.zeros((1, 1))
    for _ in range(order):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return ((matrix + 0.5) / matrix.size).astype(np.float32)


_BAYER = _bayer(3)


def _closest(wanted: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Index of the nearest row by squared distance; the lower index wins a tie."""
    entries = table.astype(np.float32)
    lengths = (entries**2).sum(axis=1)
    result = np.empty(len(wanted), np.intp)
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK].astype(np.float32)
        result[start : start + _CHUNK] = (lengths - 2 * (part @ entries.T)).argmin(axis=1)
    return result
