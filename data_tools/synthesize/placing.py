"""Where in a photo a cut-out goes: on even ground, or across the edges that a method has to carry on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from rorem.geometry import Box

Kind = Literal["texture", "structured"]
KINDS: tuple[Kind, Kind] = ("texture", "structured")

PLACES = 14  # tried for each cut-out
BORDER = 16  # a 16th of the side stays free around a cut-out, so that there is something to fill from
STRONG = 4.0  # least slope, in levels a px, at the strongest tenth of a structured place
LIVELY = 6.0  # least standard deviation, in levels, of a textured place; less is plain sky
DULL = -9.0  # the score of a place that is plain

# Slopes are measured on a picture blurred by a share of its side, so that all sizes are judged alike.
BLUR = 1 / 400


class Ground:
    """How lively a crop is, everywhere. photo: uint8 RGB (S, S, 3)."""

    def __init__(self, photo: np.ndarray) -> None:
        self.side = photo.shape[0]
        self._grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
        blurred = cv2.GaussianBlur(self._grey, (0, 0), self.side * BLUR)
        down, right = np.gradient(blurred)
        self._slope = np.hypot(down, right)

    def score(self, kind: Kind, covered: np.ndarray, left: int, top: int) -> float:
        """How well a place suits the kind; more is better. covered: bool (h, w), the cut-out, wholly inside."""
        window = slice(top, top + covered.shape[0]), slice(left, left + covered.shape[1])
        slopes = self._slope[window][covered]
        if kind == "structured":
            return float(np.quantile(slopes, 0.9))
        if self._grey[window][covered].std() <= LIVELY:
            return DULL
        # As lively as the picture is on the whole: neither its calmest nor its busiest part.
        return -abs(float(np.log((slopes.mean() + 0.3) / (self._slope.mean() + 0.3))))


def good_enough(kind: Kind, score: float) -> bool:
    return score >= STRONG if kind == "structured" else score > DULL


def place(
    ground: Ground, kind: Kind, covered: np.ndarray, taken: Sequence[Box], rng: np.random.Generator
) -> tuple[Box, float] | None:
    """The best of some places for a cut-out and its score; None if it fits nowhere beside what is `taken`.

    covered: bool (h, w), where the cut-out shows.
    """
    rows, columns = covered.shape
    free = ground.side // BORDER
    most_left, most_top = ground.side - columns - free, ground.side - rows - free
    if most_left < free or most_top < free:
        return None
    best = None
    for _ in range(PLACES):
        left, top = int(rng.integers(free, most_left + 1)), int(rng.integers(free, most_top + 1))
        box = Box(left, top, left + columns, top + rows)
        if any(box.grown(free).meets(other) for other in taken):
            continue
        score = ground.score(kind, covered, left, top)
        if best is None or score > best[1]:
            best = box, score
    return best
