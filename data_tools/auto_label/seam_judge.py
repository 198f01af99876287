"""A judge without networks: sees seams and a foreign texture, and nothing else. For demonstrations and as a baseline.

It does not know what is in a picture. A thing that is half left over, or a new one in its place, looks fine to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from data_tools.auto_label.scorers import LARGEST, RECORD_ERRORS, View, view_of
from rorem.errors import RoremError
from rorem.metrics.cells import bounds
from rorem.metrics.contract import Seen
from rorem.metrics.seam import seam
from rorem.metrics.texture import FLOOR, MARGIN, energies, shrunk
from rorem.triplet import Triplet
from rorem.triplet.sets import bad_record

EDITION = 1  # raised by whoever changes what the same pictures score
BLIND = "This judge has no network. It sees seams and a foreign texture, and does not know what is in a picture."
BLEND = 0.04  # of the longer side: how far beyond the mask a removal may reach to be seen as one place
GAP, RING = 8, 24  # px at 512: what lies so far around the hole is what its texture is compared with


class SeamJudge:
    """A `Scorer`."""

    revision = f"edition {EDITION}"
    notes = (BLIND,)

    def scores(self, triplets: Sequence[Triplet]) -> Sequence[float | RoremError]:
        return [_score(triplet) for triplet in triplets]


def _score(triplet: Triplet) -> float | RoremError:
    try:
        raw = raw_of(view_of(triplet))
    except RECORD_ERRORS as error:
        return error
    return raw if abs(raw) <= LARGEST else bad_record(triplet.name, "there is nothing around its mask to compare with")


def raw_of(view: View) -> float:
    """exp(-max(0, seam)) (1 - d), 0 to 1; nan where there is nothing to compare with.

    seam: as `rorem.metrics.seam`, at the outline of what was changed. d: the mean over eight Gabor filters of
    |a - b| / (a + b + 2), with a the mean energy in the hole and b that 8 to 24 px around it, at 512 px. A photo whose
    masked pixels are as they were scores 0: nothing was removed.
    """
    changed = (view.source != view.result).any(axis=2)
    if not (changed & view.mask).any():
        return 0.0
    hole = _hole(view.mask, changed)
    edge = seam(Seen(view.source, view.mask, view.result, hole))
    return math.exp(-max(0.0, edge)) * (1 - _foreign(view.result, hole))  # nan stays nan


def _hole(mask: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """What was filled: the mask and what was changed around it, or the mask alone where changes are everywhere."""
    reach = max(1, round(BLEND * max(mask.shape)))
    near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    return mask if (changed & ~near).any() else mask | changed


def _foreign(result: np.ndarray, hole: np.ndarray) -> float:
    """How far the hole's texture is from that around it: 0 = alike, 1 = nothing in common; nan without surroundings."""
    small, inside = shrunk(result), shrunk(hole)
    box = bounds(inside)
    if box is None:
        return math.nan
    near = box.grown(RING + MARGIN).clipped(inside.shape[1], inside.shape[0]).slices
    small, inside = np.ascontiguousarray(small[near]), inside[near]
    within, beyond = (cv2.dilate(inside.astype(np.uint8), np.ones((2 * px + 1,) * 2, np.uint8)) for px in (GAP, RING))
    ring = (beyond > 0) & (within == 0)
    if not ring.any():
        return math.nan
    found = energies(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)).astype(np.float32))
    pairs = ((float(one[inside].mean()), float(one[ring].mean())) for one in found)
    return float(np.mean([abs(a - b) / (a + b + FLOOR) for a, b in pairs]))
