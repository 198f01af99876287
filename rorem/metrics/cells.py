"""From a mask in pixels to the cells of a network's grid, and what two groups of cells have in common.

Networks that see a picture as a grid of patches are asked about parts of it: the hole, and what lies around. Several
metrics differ in nothing but which cells they compare. Plain numpy; the names that end in `_torch` do the same on any
device, in another way, and tests hold the two against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from rorem.geometry import Box

if TYPE_CHECKING:
    from torch import Tensor

HALF = 0.5  # a cell belongs to the mask where at least this share of it does


def bounds(mask: np.ndarray) -> Box | None:
    """The smallest box around a mask, bool (H, W); None if it is empty."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1) if len(rows) else None


def square_around(box: Box, margin: int, width: int, height: int) -> Box:
    """A square with the box in its middle and a margin (px) on its longer side's ends, moved into the picture.

    Where the picture is too small for it, as much of it as there is: a rectangle that holds the whole box.
    """
    side = box.side + 2 * margin
    wide, high = min(side, width), min(side, height)
    left = min(max((box.left + box.right - wide) // 2, 0), width - wide)
    top = min(max((box.top + box.bottom - high) // 2, 0), height - high)
    return Box(left, top, left + wide, top + high)


def coverage(mask: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """How much of each cell a mask covers: float64 (rows, columns) in [0, 1], exact also where cells cut pixels.

    mask: bool (H, W); the grid spans it from edge to edge.
    """
    high, wide = mask.shape
    return _overlaps(high, rows) @ mask.astype(np.float64) @ _overlaps(wide, columns).T


def coverage_torch(mask: Tensor, rows: int, columns: int) -> Tensor:
    """As `coverage`: from running sums, read off at the edges of the cells. mask: bool (H, W)."""
    sums = mask.double()
    for axis, count in ((0, rows), (1, columns)):
        length = sums.shape[axis]
        running = sums.new_zeros([length + 1 if dim == axis else size for dim, size in enumerate(sums.shape)])
        running.narrow(axis, 1, length).copy_(sums.cumsum(axis))
        edges = sums.new_tensor([index * length / count for index in range(count + 1)])
        below = edges.floor().clamp(max=length - 1)
        shape = [-1 if dim == axis else 1 for dim in range(2)]
        share, start = (edges - below).reshape(shape), below.long()
        at = running.index_select(axis, start) * (1 - share) + running.index_select(axis, start + 1) * share
        sums = at.diff(dim=axis) * (count / length)
    return sums


def mostly(covered: np.ndarray) -> np.ndarray:
    """The cells that belong to a mask: those covered by half or more. bool (rows, columns).

    A mask too small or thin to own any has the cells that it covers most, so that a mask of one pixel still has a cell;
    an empty one has none. covered: of `coverage`.
    """
    own = covered >= HALF - 1e-9
    return own if own.any() else (covered > 0) & (covered >= covered.max(initial=0.0) - 1e-9)


def around(covered: np.ndarray, reach: int) -> np.ndarray:
    """The ring of cells around a mask: free of it, and no more than `reach` cells from one that it touches.

    bool (rows, columns). covered: of `coverage`.
    """
    touched = covered > 1e-9
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return (cv2.dilate(touched.astype(np.uint8), kernel) > 0) & ~touched


def cosine_of_means(cells: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """How alike two groups of cells are on the mean: a cosine in [-1, 1]; nan if a group is empty or its mean is zero.

    cells: (rows, columns, D). first, second: bool (rows, columns).
    """
    if not (first.any() and second.any()):
        return float("nan")
    one, other = (cells[group].astype(np.float64).mean(0) for group in (first, second))
    return cosine(one, other)


def cosine_of_means_torch(cells: Tensor, first: np.ndarray, second: np.ndarray) -> float:
    """As `cosine_of_means`, by one product with the groups as weights. cells: float (rows, columns, D), anywhere."""
    if not (first.any() and second.any()):
        return float("nan")
    groups = cells.new_tensor(np.stack([first, second]).reshape(2, -1).astype(np.float32))
    one, other = (groups @ cells.reshape(-1, cells.shape[-1])) / groups.sum(1, keepdim=True)
    return cosine_torch(one, other)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Of two vectors, in [-1, 1]; nan where one is zero."""
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.clip(float(one @ other) / length, -1, 1)) if length > 0 else float("nan")


def cosine_torch(one: Tensor, other: Tensor) -> float:
    """As `cosine`."""
    length = float(one.norm() * other.norm())
    return max(-1.0, min(1.0, float(one @ other) / length)) if length > 0 else float("nan")


def _overlaps(length: int, count: int) -> np.ndarray:
    """How much of each of `count` equal cells each of `length` pixels fills, as a share: (count, length)."""
    starts = np.arange(count)[:, None] * (length / count)
    ends = (np.arange(count)[:, None] + 1) * (length / count)
    pixels = np.arange(length)[None]
    shared = np.minimum(ends, pixels + 1) - np.maximum(starts, pixels)
    return np.clip(shared, 0, None) * (count / length)
