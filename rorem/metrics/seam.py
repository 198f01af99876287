"""Can one see where the hole was? How much more changes from pixel to pixel along its outline than close by. No truth
is needed, and of the pictures only the result.

The measure is our own, after what people name as a reason to say no: a seam. It looks at the picture's own pixels, so a
seam that a later resize has spread over many of them is seen less.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from rorem.metrics.cells import bounds
from rorem.metrics.contract import Metric, Seen

# Outlines of the hole grown (> 0) or shrunk (< 0) by so many px, in rows and columns, that is by a square.
EDGE = (-1, 0, 1)  # a JPEG, or a blend of a pixel, moves a seam no further
INNER = (-8, -7, -6, -5, -4)  # near enough to be of the same thing, too far to see the seam
OUTER = (4, 5, 6, 7, 8)
REACH = 8
# Added to both energies, in squared levels: a step of one level is nothing that an eye could see.
UNSEEN = 1.0
NEIGHBOURS = ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:]))  # one above the other, side by side


def seam(seen: Seen) -> float:
    """`seam`: the natural logarithm of (E_edge + 1) / (E_near + 1); 0 = no edge to be seen, 2 = a plain one.

    The outline of a set of pixels is all pairs of neighbours, side by side or one above the other, of which just one
    belongs to it; the border of the picture is no outline. The energy of outlines is the mean over their pairs of the
    squared difference between the two pixels of the result, in levels, mean of the channels. E_edge: of the outlines of
    the hole as it is, grown by 1 px and shrunk by 1 px, taken together. E_near: the mean of two, that of the hole
    shrunk by 4 to 8 px and that of the hole grown by 4 to 8 px; of a hole too small to be shrunk so far, the latter
    alone, and the other way round. So a fill that is smoother or rougher than what lies around is no seam by itself,
    and only steps across the outline count, not those along it.

    Below 0 the outline is smoother than both sides, as after a blur along it. A blend over many pixels is rightly no
    seam. A photo given back as it was has a seam where the mask follows the thing closely.
    nan where the hole has no outline or nothing to compare with.
    """
    energy, pairs = outlines(seen.result, seen.hole)
    edge = _mean(energy, pairs, EDGE)
    near = [mean for mean in (_mean(energy, pairs, INNER), _mean(energy, pairs, OUTER)) if not math.isnan(mean)]
    if not near:
        return math.nan
    return math.log((edge + UNSEEN) / (sum(near) / len(near) + UNSEEN))


def outlines(picture: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the outlines of the hole shrunk by 8 px ... grown by 8 px: the sum of the squared differences over all pairs
    and channels, and the number of pairs; float64 (17,) each.

    picture: uint8 (H, W, 3); hole: bool (H, W).
    """
    energy, pairs = np.zeros(2 * REACH + 1), np.zeros(2 * REACH + 1)
    box = bounds(hole)
    if box is None:
        return energy, pairs
    near = box.grown(REACH + 1).clipped(hole.shape[1], hole.shape[0]).slices  # the outlines lie in there
    picture, growth = picture[near], _growth(hole[near])
    for first, second in NEIGHBOURS:
        # Growth differs by one at most between neighbours, so a pair lies on one outline or on none.
        on = np.flatnonzero(growth[first] != growth[second])
        which = np.minimum(growth[first], growth[second]).reshape(-1)[on].astype(np.int64) + REACH
        one, other = (picture[part].reshape(-1, 3)[on].astype(np.float64) for part in (first, second))
        energy += np.bincount(which, np.square(one - other).sum(axis=1), 2 * REACH + 1)
        pairs += np.bincount(which, minlength=2 * REACH + 1)
    return energy, pairs


def _growth(hole: np.ndarray) -> np.ndarray:
    """By how many px the hole must grow (be shrunk at most, if <= 0) for a pixel to belong to it: int8 (h, w).

    The border of the picture does not shrink it. Cut to -REACH ... REACH + 1.
    """
    bits = hole.astype(np.uint8)
    outside, inside = (cv2.distanceTransform(one, cv2.DIST_C, 3) for one in (1 - bits, bits))
    return np.clip(np.where(hole, 1 - inside, outside), -REACH, REACH + 1).astype(np.int8)


def _mean(energy: np.ndarray, pairs: np.ndarray, which: tuple[int, ...]) -> float:
    """Mean energy of some outlines in squared levels; nan where they have no pairs."""
    chosen = np.array(which) + REACH
    count = pairs[chosen].sum()
    return float(energy[chosen].sum() / (3 * count)) if count else math.nan


METRICS: tuple[Metric, ...] = (
    Metric(
        id="seam",
        title="Seam",
        about="Logarithm of how much more the result changes across the hole's outline than across outlines 4 to 8 px "
        "further in and out (mean squared step between neighbours). 0 = no edge to be seen.",
        better="zero",
        load=lambda: seam,
    ),
)
