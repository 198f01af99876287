"""ReMOVE: whether the filled hole looks to SAM like the rest of the picture.

Chandrasekar et al., "ReMOVE: A Reference-free Metric for Object Erasure", CVPR 2024 workshops
(github.com/chandrasekaraditya/ReMOVE, main.py and crop.py). Once as the published program computes it, with its faults,
and once without.
Both reward flat and blurred fills.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from PIL import Image

from rorem.geometry import Box
from rorem.metrics import networks
from rorem.metrics.cells import bounds, cosine_of_means_torch, coverage, mostly, square_around
from rorem.metrics.contract import Measure, Metric, Seen
from rorem.metrics.sam import features

MARGIN = 16  # px around the mask's box, as published


def published() -> Measure:
    """`remove/published`. Raises as `networks.sam`."""
    return partial(as_published, networks.sam())


def fixed() -> Measure:
    """`remove/fixed`. Raises as `networks.sam`."""
    return partial(as_meant, networks.sam())


def as_published(asked: networks.Asked, seen: Seen) -> float:
    """The published program as it is set, fault by fault: cosine of SAM's mean features in and outside the mask.

    The result is cut to `published_cut` and shown to SAM, which pads it to a square where it is none. The cut of the
    mask is squashed to SAM's grid (64 x 64) with a cubic filter and divided by 255 as whole numbers: only cells that
    are masked through and through count as inside, all others as outside, those at the mask's edge too. The grid is
    laid over the padded square as if it were the cut: in one that is not square the wrong cells are compared, and
    padding counts as outside. The means are over the cells of each kind (get_aggregate_features in its
    segment_anything). nan where no cell or every cell is inside, and for an empty mask. Raises OutOfMemory.
    """
    cut = published_cut(seen.mask)
    if cut is None:
        return float("nan")
    said = features(asked, np.ascontiguousarray(seen.result[cut.slices]))
    inside = squashed(seen.mask[cut.slices], *said.cells.shape[:2])
    return cosine_of_means_torch(said.cells, inside, ~inside)


def published_cut(mask: np.ndarray) -> Box | None:
    """The square that the published program cuts out; None for an empty mask, bool (H, W).

    It starts at the upper left corner of the mask's box, and its side is the longer one of the box: the mask does not
    lie in its middle. The margin is 16 px, but where one side of the box has no room for that, all four have only what
    the nearest edge leaves. Where the square leaves the picture, on the right or below, it is cut off there.
    """
    box = bounds(mask)
    if box is None:
        return None
    height, width = mask.shape
    # On the right and below it counts from the last pixel inside, and so one px more than there is.
    room = min(box.left, box.top, height - box.bottom + 1, width - box.right + 1)
    margin = min(room, MARGIN)
    left, top, side = box.left - margin, box.top - margin, box.side + 2 * margin
    return Box(left, top, left + side, top + side).clipped(width, height)


def squashed(mask: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The published way from pixels to cells: bool (rows, columns). mask: bool (H, W)."""
    levels = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(levels.resize((columns, rows), Image.Resampling.BICUBIC)) // 255 == 1


def as_meant(asked: networks.Asked, seen: Seen) -> float:
    """ReMOVE without those faults: a cell is inside where the mask covers half of it, and padding is left out.

    The result is cut to a square with a margin of 16 px and the mask's box in its middle: in a whole picture a small
    thing owns few of SAM's cells, and the far end of the picture says little about what belongs into the hole. At an
    edge the square is moved into the picture, where the published one loses its margin; where the picture is too small
    for it, a rectangle is left, whose padding is not counted. A mask that covers no cell by half
    has those that it covers most. nan for an empty mask, and where no cell of the cut is outside. Raises OutOfMemory.
    """
    box = bounds(seen.mask)
    if box is None:
        return float("nan")
    cut = square_around(box, MARGIN, seen.mask.shape[1], seen.mask.shape[0])
    said = features(asked, np.ascontiguousarray(seen.result[cut.slices]))
    inside, outside = sides(seen.mask[cut.slices], *said.cells.shape[:2])
    return cosine_of_means_torch(said.cells, inside, outside)


def sides(mask: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """The cells inside and those outside of a mask, of a grid over the square that the picture is padded to.

    mask: bool (h, w). Returns two bool (rows, columns). A cell of which less than half is picture is neither.
    """
    high, wide = mask.shape
    padding = (0, max(high, wide) - high), (0, max(high, wide) - wide)
    picture = coverage(np.pad(np.ones_like(mask), padding), rows, columns)
    counted = mostly(picture)
    masked = coverage(np.pad(mask, padding), rows, columns)
    inside = mostly(np.divide(masked, picture, out=np.zeros_like(masked), where=counted))
    return inside, counted & ~inside


METRICS: tuple[Metric, ...] = (
    Metric(
        id="remove/published",
        title="ReMOVE (published)",
        about=(
            "Cosine of SAM ViT-H's mean features in and outside the mask, in a square from its upper left corner, as "
            "the published program computes it: cells at the mask's edge count as outside. Rewards flat fills."
        ),
        better="higher",
        load=published,
        parts=(networks.SAM_HUGE,),
        packages=networks.PACKAGES,
    ),
    Metric(
        id="remove/fixed",
        title="ReMOVE (fixed)",
        about=(
            "Cosine of SAM ViT-H's mean features in and outside the mask, in a square with 16 px around it; cells by "
            "the larger part, without padding. Rewards flat fills."
        ),
        better="higher",
        load=fixed,
        parts=(networks.SAM_HUGE,),
        packages=networks.PACKAGES,
    ),
)
