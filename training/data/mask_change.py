"""Masks that are a little off, as people's are: wider, tighter, beside the thing, or with stray strokes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from rorem.mask import grow_or_shrink
from training.data.settings import MaskChange

STROKES = 3  # of a scribble, at most
BENDS = 4  # of a stroke


def changed(mask: np.ndarray, kinds: Sequence[MaskChange], reach: int, chance: np.random.Generator) -> np.ndarray:
    """A mask changed in one of these ways, by chance.

    mask: bool (H, W), not empty. reach: px >= 1 that a change goes at most; a scribble's strokes may be `reach` wide
    and lead four times as far. What would mark nothing or everything comes back as it was.
    """
    kind = kinds[int(chance.integers(len(kinds)))]
    pixels = int(chance.integers(1, max(1, reach) + 1))
    match kind:
        case "grow":
            made = grow_or_shrink(mask, pixels)
        case "shrink":
            made = grow_or_shrink(mask, -pixels)
        case "shift":
            angle = chance.uniform(0, 2 * np.pi)
            made = _shifted(mask, round(pixels * np.cos(angle)), round(pixels * np.sin(angle)))
        case _:
            made = _scribbled(mask, pixels, max(1, reach), chance)
    return made if made.any() and not made.all() else mask


def _shifted(mask: np.ndarray, right: int, down: int) -> np.ndarray:
    """What leaves the picture is gone, what comes in is free."""
    high, wide = mask.shape
    padded = np.pad(mask, ((abs(down), abs(down)), (abs(right), abs(right))))
    top, left = abs(down) - down, abs(right) - right
    return padded[top : top + high, left : left + wide]


def _scribbled(mask: np.ndarray, thick: int, reach: int, chance: np.random.Generator) -> np.ndarray:
    """Bent strokes that begin on the mask are added to it."""
    made = mask.astype(np.uint8)
    rows, columns = np.nonzero(mask)
    for _ in range(int(chance.integers(1, STROKES + 1))):
        start = chance.integers(len(rows))
        steps = chance.uniform(-reach, reach, (BENDS, 2)).cumsum(axis=0)
        points = np.vstack([[0, 0], steps]) + np.array([columns[start], rows[start]])
        cv2.polylines(made, [points.round().astype(np.int32)], False, 1, max(1, thick))
    return made.astype(bool)
