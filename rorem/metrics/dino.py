"""How well the filled hole fits to what lies around it, in the eyes of DINOv2."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from rorem.geometry import Box
from rorem.metrics import networks
from rorem.metrics.cells import around, bounds, cosine_of_means_torch, coverage, mostly, square_around
from rorem.metrics.contract import Measure, Metric, Seen

if TYPE_CHECKING:
    from rorem.nets.dinov2 import Tokens

SIDE = 518  # px of the longer side: 37 patches of 14, the size at which DINOv2 was finished
REACH = 4  # cells that the ring is wide: 56 of 518 px, within the margin of the cut
MARGIN = 0.5  # of the box's longer side, on each side: half of the cut's width is hole at most
LEAST_MARGIN = 32  # px; of a speck's own size there would be nothing to see around it


def ring() -> Measure:
    """`dino_ring`. Raises as `networks.dinov2`."""
    return partial(of_ring, networks.dinov2(networks.DINOV2_BASE))


def of_ring(asked: networks.Asked, seen: Seen) -> float:
    """The cosine of DINOv2-base's mean patch token over the hole and over the ring of cells around it, in [-1, 1].

    The result is cut to the square around the mask with half of its longer side, 32 px at least, on each side (moved
    into the picture, a rectangle where that ends), and enlarged or shrunk (cubic) to 518 px on the longer side and
    whole patches on the other. Hole: cells that the mask covers by half; of a smaller mask those that it covers most.
    Ring: cells without any mask, up to four cells from one with some. nan where the mask is empty or no cell is free.
    The mask counts, not the method's own hole, so that all methods are asked about the same cells.

    Flat and blurred fills score well: likeness to the surroundings is all that is asked for.
    Own definition; the comparison of the inside with the outside is that of ReMOVE (Chandrasekar et al. 2024).
    Raises OutOfMemory.
    """
    box = bounds(seen.mask)
    if box is None:
        return float("nan")
    height, width = seen.mask.shape
    cut = square_around(box, max(LEAST_MARGIN, round(MARGIN * box.side)), width, height)
    said = tokens(asked, seen.result, cut)
    covered = coverage(seen.mask[cut.slices], *said.cells.shape[:2])
    return cosine_of_means_torch(said.cells, mostly(covered), around(covered, REACH))


def tokens(asked: networks.Asked, rgb: np.ndarray, cut: Box) -> Tokens:
    """What DINOv2 says of a part of a picture, its longer side made SIDE px. rgb: uint8 (H, W, 3)."""
    patch: int = asked.net.patch
    longest = SIDE // patch
    wide, high = (max(1, round(longest * side / cut.side)) * patch for side in (cut.width, cut.height))

    def look() -> Tokens:
        part = Image.fromarray(np.ascontiguousarray(rgb[cut.slices]))
        return asked.net.tokens(np.array(part.resize((wide, high), Image.Resampling.BICUBIC)))

    return asked.of(rgb, (SIDE, cut), look)


METRICS: tuple[Metric, ...] = (
    Metric(
        id="dino_ring",
        title="DINO hole to ring",
        about=(
            "Cosine of DINOv2-base's mean patch token over the masked cells and over the four cells around them, in a "
            "square cut around the mask at 518 px. Rewards flat fills."
        ),
        better="higher",
        load=ring,
        parts=(networks.DINOV2_BASE,),
        packages=networks.PACKAGES,
    ),
)
