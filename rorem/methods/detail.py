"""Detail transfer: bring a fill that was made small back to full size, sharp.

An enlarged fill is soft. But it was put together from pieces of the same photo, and at full size the photo still has
their detail. So every patch of the small fill looks up the most alike patch of the shrunk photo, and the full-size
detail there (the photo minus its own shrunk and enlarged self) is added to the enlarged fill.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from rorem.methods.match import Matches, nearest_patches, patches_touching

VOTE_SPREAD = 0.35  # cells; narrow: between two patches that disagree, a short step beats a blur
SHARPNESS_WEIGHT = 28.0  # how much "as sharp as its surroundings" counts, beside lightness of 0-100
SHARP = 32.0  # levels of mean detail; beyond, sharp is sharp
BAND = 1 << 17  # hole pixels brought back at once: bounds the memory, and the wait after a cancel
ROW = 1 << 10  # OpenCV's remap takes no picture longer than 32,767 pixels, so points are laid out in rows


@dataclass(frozen=True)
class SmallFill:
    """A crop filled at working size.

    picture: uint8 RGB (h, w, 3), the shrunk crop.
    filled: the same with the hole filled.
    hole: bool (h, w), every cell that the full-size hole touches.
    sources: bool (h, w), the centres of patches that may be copied.
    """

    picture: np.ndarray
    filled: np.ndarray
    hole: np.ndarray
    sources: np.ndarray


def enlarge(crop: np.ndarray, hole: np.ndarray, small: SmallFill, after_band: Callable[[int], None]) -> np.ndarray:
    """The fill at full size, uint8 RGB (H, W, 3), equal to `crop` outside the hole.

    crop uint8 RGB (H, W, 3), hole bool (H, W). Calls `after_band(number)` after each of `bands(hole)`, counted from 1.
    """
    matches = nearest_patches(appearance(crop, small), patches_touching(small.hole), small.sources)
    result = crop.copy()
    for number, (y, x) in enumerate(bands(hole), start=1):
        soft = sample(small.filled, crop.shape, y, x)
        result[y, x] = (soft + copied_detail(crop, small.picture, matches, y, x)).round().clip(0, 255).astype(np.uint8)
        after_band(number)
    return result


def appearance(crop: np.ndarray, small: SmallFill) -> np.ndarray:
    """What patches are compared by: Lab of the fill, and how sharp the photo is there; float32 (h, w, 4).

    Shrunk, a leaf out of focus looks like a wing in focus. The fourth channel keeps their details apart; in the hole it
    is carried on from the edge.
    """
    lab = cv2.cvtColor(small.filled.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    soft = cv2.resize(small.picture, crop.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    # Stretched to 8 bits, because the mean of faint detail would be rounded away.
    detail = cv2.convertScaleAbs(cv2.absdiff(crop, soft), alpha=255 / SHARP)
    detail = cv2.resize(detail, small.hole.shape[::-1], interpolation=cv2.INTER_AREA).mean(axis=2, dtype=np.float32)
    known = (~patches_touching(small.hole, 1)).astype(np.float32)
    smooth = cv2.GaussianBlur(detail * known, (0, 0), 2) / np.maximum(cv2.GaussianBlur(known, (0, 0), 2), 1e-3)
    sharpness = np.log1p(smooth / 16) * (255 / math.log1p(255 / 16))  # 0 to 255, half of it below 10 % of SHARP
    unknown = (known == 0).astype(np.uint8)
    carried = cv2.inpaint(sharpness.clip(0, 255).astype(np.uint8), unknown, 3, cv2.INPAINT_TELEA)
    return np.dstack([lab, np.where(unknown, carried, sharpness).astype(np.float32) * (SHARPNESS_WEIGHT / 255)])


def bands(hole: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The places (y, x) of the hole's pixels, some rows at a time."""
    counts = np.cumsum(hole.sum(axis=1))
    edges = np.searchsorted(counts, np.arange(BAND, counts[-1], BAND)) + 1
    for top, bottom in zip([0, *edges], [*edges, len(hole)], strict=True):
        y, x = np.nonzero(hole[top:bottom])
        if len(y):
            yield y + top, x


def copied_detail(crop: np.ndarray, picture: np.ndarray, matches: Matches, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The detail that the matches of the four nearest cells copy to the full-size places (y, x), float32 (n, 3)."""
    height, width = crop.shape[:2]
    h, w = matches.rows.shape
    v, u = to_cells(y, height, h), to_cells(x, width, w)
    total, weights = np.zeros((len(y), 3), np.float32), np.zeros((len(y), 1), np.float32)
    for dy in (0, 1):
        for dx in (0, 1):
            i = np.clip(np.floor(v).astype(np.int32) + dy, 0, h - 1)
            j = np.clip(np.floor(u).astype(np.int32) + dx, 0, w - 1)
            row, column = matches.rows[i, j], matches.columns[i, j]
            source_y = np.clip(y + np.rint((row - i) * (height / h)).astype(np.int32), 0, height - 1)
            source_x = np.clip(x + np.rint((column - j) * (width / w)).astype(np.int32), 0, width - 1)
            weight = np.exp(-((v - i) ** 2 + (u - j) ** 2) / (2 * VOTE_SPREAD**2))[:, None].astype(np.float32)
            detail = crop[source_y, source_x] - sample(picture, crop.shape, source_y, source_x)
            total += weight * np.where(row[:, None] >= 0, detail, 0)
            weights += weight
    return total / weights


def sample(picture: np.ndarray, shape: tuple[int, ...], y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What the small picture would show at (y, x) if it were enlarged to `shape`, float32 (n, 3)."""
    n = len(y)
    lines = -(-n // ROW)
    v, u = np.zeros((2, lines * ROW), np.float32)
    v[:n], u[:n] = to_cells(y, shape[0], picture.shape[0]), to_cells(x, shape[1], picture.shape[1])
    points = u.reshape(lines, ROW), v.reshape(lines, ROW)
    enlarged = cv2.remap(picture.astype(np.float32), *points, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return enlarged.reshape(-1, 3)[:n]


def to_cells(places: np.ndarray, full: int, small: int) -> np.ndarray:
    """Pixel places along a side of `full` pixels, counted in the cells of a side of `small`, float32."""
    return ((places + np.float32(0.5)) * np.float32(small / full) - np.float32(0.5)).astype(np.float32)
