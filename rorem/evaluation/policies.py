"""Six ways in which a mask comes: a method should not hang on one of them.

Each takes the given mask, bool (H, W), and the sample, and gives the mask that the method is shown. The same sample
gets the same mask in every run. Distances are shares of the photo's longer side: at 512 px, 2 % are the 10 px of
RORem's own dilation.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from rorem.evaluation.samples import Sample
from rorem.picture import to_rgb

REACH = 0.02  # of the longer side: how far masks are dilated, eroded and shifted
DIFFERENT = 8  # levels: where source and truth differ by more, there is the thing itself
STROKES = 9  # corners of a scribble
STROKE = 0.3  # width of a scribble, as a share of the square root of the mask's area

Policy = Callable[[Sample], np.ndarray]
AS_GIVEN = "as given"


def as_given(sample: Sample) -> np.ndarray:
    return sample.mask


def tight(sample: Sample) -> np.ndarray:
    """The thing and not a pixel more: where source and truth differ. Without truth, the mask without its outer rim of
    a quarter of REACH."""
    if sample.truth is None:
        return _shrunk(sample.mask, max(1.0, _reach(sample) / 4))
    changed = cv2.absdiff(to_rgb(sample.picture), sample.truth).max(axis=2) > DIFFERENT
    return _or_given(changed & sample.mask, sample)


def dilated(sample: Sample) -> np.ndarray:
    reach = round(_reach(sample))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return _or_given(cv2.dilate(sample.mask.astype(np.uint8), kernel) > 0, sample)


def eroded(sample: Sample) -> np.ndarray:
    """Too small: a rim of the thing stays outside. At least the innermost half of a thin thing stays marked."""
    return _shrunk(sample.mask, _reach(sample))


def shifted(sample: Sample) -> np.ndarray:
    """Moved by REACH in a direction of the sample's own."""
    angle = _random(sample).uniform(0, 2 * np.pi)
    dx, dy = (round(_reach(sample) * part) for part in (np.cos(angle), np.sin(angle)))
    moved = np.zeros_like(sample.mask)
    height, width = moved.shape
    moved[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)] = sample.mask[
        max(0, -dy) : height + min(0, -dy), max(0, -dx) : width + min(0, -dx)
    ]
    return _or_given(moved, sample)


def scribble(sample: Sample) -> np.ndarray:
    """A quick stroke over each part of the thing, as a hurried hand makes it: not all of it, and a little too much."""
    random = _random(sample)
    count, labels = cv2.connectedComponents(sample.mask.astype(np.uint8), connectivity=8)
    drawn = np.zeros(sample.mask.shape, np.uint8)
    for part in range(1, count):
        rows, columns = np.nonzero(labels == part)
        width = max(3, round(STROKE * np.sqrt(len(rows))))
        chosen = random.choice(len(rows), min(STROKES, len(rows)), replace=False)
        corners = np.stack([columns[chosen], rows[chosen]], 1)
        corners = corners[np.argsort(corners[:, 0 if np.ptp(columns) >= np.ptp(rows) else 1])]  # to and fro, along it
        cv2.polylines(drawn, [corners.astype(np.int32)], False, 1, width)
    return _or_given(drawn > 0, sample)


POLICIES: dict[str, Policy] = {
    AS_GIVEN: as_given,
    "tight": tight,
    "dilated": dilated,
    "eroded": eroded,
    "shifted": shifted,
    "scribble": scribble,
}


def _reach(sample: Sample) -> float:
    return max(1.0, REACH * max(sample.mask.shape))


def _shrunk(mask: np.ndarray, reach: float) -> np.ndarray:
    inside = np.pad(mask, 1, mode="edge").astype(np.uint8)  # the picture's edge is no edge of the thing
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    return depth > min(reach, float(depth.max()) / 2)


def _random(sample: Sample) -> np.random.Generator:
    return np.random.default_rng(int(sample.id[:16], 16))


def _or_given(mask: np.ndarray, sample: Sample) -> np.ndarray:
    """The mask, unless it marks nothing or everything."""
    return mask if mask.any() and not mask.all() else sample.mask
