"""All things in a picture, as SAM finds them when nobody points: masks from a grid of points.

Own code after the description in the paper (Kirillov et al. 2023, section 5 and appendix B) with the settings of
segment-anything's SamAutomaticMaskGenerator: one pass over the whole picture, no smaller crops, no cleaning of masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rorem.metrics import networks
from rorem.metrics.cells import bounds

if TYPE_CHECKING:
    from torch import Tensor

    from rorem.nets.sam import Features, Sam

GRID = 32  # points on each side
OVERLAP = 0.88  # that the network itself has to predict, or more
STABLE = 0.95  # how alike a mask has to be under a stricter and a looser threshold
OFFSET = 1.0  # by which the two thresholds differ from 0
SAME = 0.7  # overlap of two boxes above which one mask stands for both
POINTS = 32  # asked about at once


@dataclass(frozen=True, eq=False)
class Segments:
    """Masks of things. packed: uint8 (n, bytes), a bit a pixel; best first by the network's own opinion."""

    packed: np.ndarray
    height: int
    width: int

    @property
    def nbytes(self) -> int:
        return self.packed.nbytes

    @property
    def masks(self) -> np.ndarray:
        """bool (n, height, width)."""
        if not len(self.packed):
            return np.zeros((0, self.height, self.width), bool)
        flat = np.unpackbits(self.packed, axis=1, count=self.height * self.width)
        return flat.reshape(-1, self.height, self.width).astype(bool)


def features(asked: networks.Asked, rgb: np.ndarray) -> Features:
    """What SAM sees in a picture, uint8 (h, w, 3). Raises OutOfMemory."""
    return asked.of(rgb, "features", lambda: asked.net.features(rgb))


def segments(asked: networks.Asked, rgb: np.ndarray, grid: int = GRID) -> Segments:
    """Everything that SAM finds in a picture, uint8 (h, w, 3). Raises OutOfMemory."""
    return asked.of(rgb, ("segments", grid), lambda: find(asked.net, features(asked, rgb), grid))


def find(net: Sam, seen: Features, grid: int = GRID, overlap: float = OVERLAP, stable: float = STABLE) -> Segments:
    """The masks around a grid of points: those that the network is sure of, that are stable, and only one of those
    whose boxes overlap by more than SAME. Raises OutOfMemory."""
    packed: list[np.ndarray] = []
    boxes: list[tuple[int, int, int, int]] = []
    scores: list[float] = []
    points = point_grid(grid) * (seen.width, seen.height)
    for start in range(0, len(points), POINTS):
        logits, told = net.at(seen, points[start : start + POINTS])
        for point, kind in zip(*np.nonzero(told > overlap), strict=True):
            large = net.enlarged(logits[point, kind], seen)
            if stability(large) < stable:
                continue
            mask = (large > 0).cpu().numpy()
            packed.append(np.packbits(mask))
            boxes.append(box_of(mask))
            scores.append(float(told[point, kind]))
    kept = without_doubles(np.array(boxes, float).reshape(-1, 4), np.array(scores))
    bits = np.stack(packed)[kept] if kept else np.zeros((0, (seen.height * seen.width + 7) // 8), np.uint8)
    return Segments(bits, seen.height, seen.width)


def point_grid(count: int) -> np.ndarray:
    """The middles of count x count equal cells, (x, y) as shares of the picture: float64 (count², 2)."""
    middles = (np.arange(count) + 0.5) / count
    return np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2)


def stability(logits: Tensor) -> float:
    """The overlap of the masks that a stricter and a looser threshold give, in [0, 1]; 0 where there is no mask.

    logits: float (h, w). The stricter mask lies in the looser one, so that their overlap is a ratio of areas.
    """
    loose = int((logits > -OFFSET).sum())
    return int((logits > OFFSET).sum()) / loose if loose else 0.0


def stability_reference(logits: np.ndarray) -> float:
    """As `stability`, as intersection over union in numpy."""
    strict, loose = logits > OFFSET, logits > -OFFSET
    union = (strict | loose).sum()
    return float((strict & loose).sum() / union) if union else 0.0


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, and the last column and row (inside, as segment-anything counts); zeros for an empty mask."""
    box = bounds(mask)
    return (box.left, box.top, box.right - 1, box.bottom - 1) if box else (0, 0, 0, 0)


def without_doubles(boxes: np.ndarray, scores: np.ndarray, same: float = SAME) -> list[int]:
    """Which boxes stay, best first: all but those that overlap by more than `same` with a better one that stayed.

    boxes: float (n, 4), left, top, right, bottom. scores: float (n,); of equal ones the first is the better.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[overlaps(boxes[best], boxes[order]) <= same]
    return kept


def overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of a box (4,) with others (n, 4); 0 where neither has an area."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.clip(high - low, 0, None).prod(1)
    union = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)
