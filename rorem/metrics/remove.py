"""ReMOVE: whether the filled hole looks to SAM like the rest of the picture.

Chandrasekar et al., "ReMOVE: A Reference-free Metric for Object Erasure", CVPR 2024 workshops
(github.com/chandrasekaraditya/ReMOVE). Once as the published program computes it, with its faults, and once without.
Both reward flat and blurred fills.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from PIL import Image

from rorem.metrics import networks
from rorem.metrics.cells import bounds, cosine_of_means_torch, coverage, mostly, square_around
from rorem.metrics.contract import Measure, Metric, Seen
from rorem.metrics.sam import features

MARGIN = 16  # px around the mask's box, as the published --crop has it


def published() -> Measure:
    """`remove/published`. Raises as `networks.sam`."""
    return partial(as_published, networks.sam())


def fixed() -> Measure:
    """`remove/fixed`. Raises as `networks.sam`."""
    return partial(as_meant, networks.sam())


def as_published(asked: networks.Asked, seen: Seen) -> float:
    """The published program without its --crop, fault by fault: cosine of SAM's mean features in and outside the mask.

    The whole result is shown to SAM, which pads it to a square. The mask is squashed to SAM's grid (64 x 64) with a
    cubic filter and divided by 255 as whole numbers: only cells that are masked through and through count as inside,
    all others as outside, those at the mask's edge too. The grid is laid over the padded square as if it were the
    picture: in one that is not square the wrong cells are compared, and padding counts as outside.
    nan where no cell or every cell is inside. Not seen by us: the program's own change to segment-anything that takes
    the means; the paper says means. Raises OutOfMemory.
    """
    said = features(asked, seen.result)
    inside = squashed(seen.mask, *said.cells.shape[:2])
    return cosine_of_means_torch(said.cells, inside, ~inside)


def squashed(mask: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The published way from pixels to cells: bool (rows, columns). mask: bool (H, W)."""
    levels = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(levels.resize((columns, rows), Image.Resampling.BICUBIC)) // 255 == 1


def as_meant(asked: networks.Asked, seen: Seen) -> float:
    """ReMOVE without those faults: a cell is inside where the mask covers half of it, and padding is left out.

    The result is cut to the square around the mask's box with a margin of 16 px, as the published --crop does: in a
    whole picture a small thing owns few of SAM's cells, and the far end of the picture says little about what belongs
    into the hole. The square is moved into the picture, where the published one loses its margin at an edge; where the
    picture is too small for it, a rectangle is left, whose padding is not counted. A mask that covers no cell by half
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
            "Cosine of SAM ViT-H's mean features in and outside the mask of the whole result, as the published program "
            "computes it: cells at the mask's edge count as outside, padding too. Rewards flat fills."
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
