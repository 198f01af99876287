"""RC-S: whether the filled hole continues what lies around it, window by window.

PROVE (Xiaomi 2026; github.com/xiaomi-research/prove, utils/metrics.py, utils/predictors.py, utils/bbox.py, Apache-2.0).
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rorem.geometry import Box
from rorem.metrics import networks
from rorem.metrics.cells import bounds
from rorem.metrics.contract import Measure, Metric, Seen

if TYPE_CHECKING:
    from torch import Tensor

    from rorem.nets.dinov2 import Tokens

SIDE = 448  # px of the longer side
GROWN = 1 / 3  # of the square's side, on each side
LEAST_PART = 200  # px: smaller parts of a mask count only if there is no larger one
NOMINAL, KERNEL, STRIDE = 64, 16, 8  # a window of 16 cells every 8, of a grid of 64
ENOUGH = 5  # cells: a window needs more of a kind to count them
SIGMA = 10.0  # of the kernel, on vectors of length 1
SCALE = 1000.0
TAU = 3.0  # how fast the score falls
PADDING = (123, 116, 103)  # the mean colour of ImageNet


def coherence() -> Measure:
    """`rc_s`. Raises as `networks.dinov2`."""
    return partial(of_removal, networks.dinov2(networks.DINOV2_GIANT))


def of_removal(asked: networks.Asked, seen: Seen) -> float:
    """The mean over connected parts of the mask of exp(-d / 3), in (0, 1]; 1 = nothing sets the hole apart.

    Parts: edges connect, corners do not; those below 200 px are left out unless all are. Each part is cut out of the
    result with the square around it, grown by a third where the picture has room on all four sides, and shown to
    DINOv2-giant at 448 px (linear, 32 x 32 cells). A cell is masked if any pixel of it is. Windows of 8 x 8 cells
    every 4: with more than 5 cells of each kind, the masked ones are compared with the others; with none but masked
    ones, they are compared with all free cells of the cut. d is the mean of these comparisons: the squared maximum
    mean discrepancy (biased, Gaussian kernel of sigma 10 on vectors of length 1) times 1000, never below 0.

    A part without any such window has no value; the original then gives none for the picture, here the other parts
    count. nan where no part has one, and for an empty mask. Raises OutOfMemory.
    """
    scores = [_of_part(asked, seen, part) for part in parts_of(seen.mask)]
    known = [score for score in scores if not math.isnan(score)]
    return float(np.mean(known)) if known else float("nan")


def _of_part(asked: networks.Asked, seen: Seen, part: np.ndarray) -> float:
    cut = square(part)
    shown, masked = view(np.ascontiguousarray(seen.result[cut.slices]), seen.mask[cut.slices], asked.net.patch)
    said: Tokens = asked.of(shown, "tokens", lambda: asked.net.tokens(shown))
    apart = windows_torch(said.cells, masked)
    return math.exp(-max(0.0, float(np.mean(apart))) / TAU) if apart else float("nan")


def parts_of(mask: np.ndarray) -> list[np.ndarray]:
    """The connected parts that count, bool (H, W) each."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    areas = stats[1:, cv2.CC_STAT_AREA]
    least = min(LEAST_PART, int(areas.max(initial=0)))
    return [labels == number for number in range(1, count) if areas[number - 1] >= least]


def square(part: np.ndarray) -> Box:
    """The square around a part, as published: bool (H, W) in, a box inside the picture out.

    It grows by a third of its side, or by as much as the nearest edge leaves; it is moved and, where the picture is too
    small, shrunk into the picture, so that it need not hold all of a part that is longer than the picture is high.
    """
    box = bounds(part)
    assert box is not None
    height, width = part.shape
    side = box.side
    left = round((box.left + box.right) / 2 - side / 2)
    top = round((box.top + box.bottom) / 2 - side / 2)
    room = min(left, top, width - (left + side), height - (top + side))
    margin = max(0, min(round(side * GROWN), room, side // 2))
    size = min(side + 2 * margin, width, height)
    left, top = max(0, min(max(0, left - margin), width - size)), max(0, min(max(0, top - margin), height - size))
    return Box(left, top, left + size, top + size)


def view(rgb: np.ndarray, mask: np.ndarray, patch: int) -> tuple[np.ndarray, np.ndarray]:
    """What the network is shown, uint8 (h, w, 3) of whole patches, and which cells are masked, bool (rows, columns).

    rgb: uint8 (h, w, 3). mask: bool (h, w).
    """
    height, width = mask.shape
    scale = SIDE / max(height, width)
    high, wide = max(1, int(height * scale)), max(1, int(width * scale))
    below, right = -high % patch, -wide % patch
    picture = cv2.resize(rgb, (wide, high), interpolation=cv2.INTER_LINEAR)
    shown = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT, value=PADDING)
    levels = cv2.resize(mask.astype(np.uint8), (wide, high), interpolation=cv2.INTER_NEAREST)
    padded = np.pad(levels, ((0, below), (0, right)))
    rows, columns = (side // patch for side in padded.shape)
    return shown, padded.reshape(rows, patch, columns, patch).max(axis=(1, 3)) > 0


def window_size(rows: int, columns: int) -> tuple[int, int]:
    """Sides and steps of the windows, in cells, for a grid of this size: 8 and 4 at 32 cells."""
    scale = max(rows, columns) / NOMINAL
    return max(1, int(KERNEL * scale)), max(1, int(STRIDE * scale))


def windows(cells: np.ndarray, masked: np.ndarray) -> list[float]:
    """The discrepancy in each window that has one, row by row: the plain version.

    cells: float (rows, columns, D). masked: bool (rows, columns).
    """
    size, step = window_size(*masked.shape)
    free = cells[~masked]
    found = []
    for top in range(0, masked.shape[0] - size + 1, step):
        for left in range(0, masked.shape[1] - size + 1, step):
            here, own = (array[top : top + size, left : left + size] for array in (masked, cells))
            if here.sum() > ENOUGH and (~here).sum() > ENOUGH:
                found.append(discrepancy(own[here], own[~here]))
            elif here.sum() > ENOUGH and here.all() and len(free):
                found.append(discrepancy(own[here], free))
    return found


def discrepancy(one: np.ndarray, other: np.ndarray) -> float:
    """Squared maximum mean discrepancy times 1000, of vectors that are first made 1 long. float (n, D), (m, D)."""
    first, second = (given / np.maximum(np.linalg.norm(given, axis=1, keepdims=True), 1e-12) for given in (one, other))

    def alike(a: np.ndarray, b: np.ndarray) -> float:
        squared = np.square(a[:, None].astype(np.float64) - b[None]).sum(-1)
        return float(np.exp(-squared / (2 * SIGMA**2)).mean())

    return SCALE * (alike(first, first) + alike(second, second) - 2 * alike(first, second))


def windows_torch(cells: Tensor, masked: np.ndarray) -> list[float]:
    """As `windows`, with one kernel matrix for all windows. cells: float (rows, columns, D), anywhere."""
    import torch
    from torch.nn.functional import normalize

    size, step = window_size(*masked.shape)
    if min(masked.shape) < size:
        return []
    vectors = normalize(
        cells.flatten(0, 1).cpu().double(), dim=1
    )  # kernels near 1 are subtracted: float32 is too coarse
    kernel = torch.exp((vectors @ vectors.T - 1) / SIGMA**2)  # |a - b|² = 2 - 2 a·b
    inside = torch.from_numpy(masked).flatten()
    numbers = torch.arange(masked.size).reshape(masked.shape)
    every = numbers.unfold(0, size, step).unfold(1, size, step).reshape(-1, size * size)
    own, other = inside[every], ~inside[every]  # (windows, cells of a window)
    mixed = (own.sum(1) > ENOUGH) & (other.sum(1) > ENOUGH)
    inner = (own.sum(1) > ENOUGH) & own.all(1) & bool((~inside).any())
    found = []
    for index in torch.nonzero(mixed | inner).flatten().tolist():
        first = every[index][own[index]]
        second = every[index][other[index]] if mixed[index] else torch.nonzero(~inside).flatten()
        weights = torch.zeros(masked.size, dtype=torch.float64)
        weights[first], weights[second] = 1 / len(first), -1 / len(second)
        found.append(SCALE * float(weights @ kernel @ weights))
    return found


METRICS: tuple[Metric, ...] = (
    Metric(
        id="rc_s",
        title="RC-S",
        about=(
            "PROVE's spatial coherence: exp(-d / 3), with d the mean discrepancy of DINOv2-giant's tokens in and "
            "outside the mask over windows of a cut at 448 px, averaged over the mask's parts."
        ),
        better="higher",
        load=coherence,
        parts=(networks.DINOV2_GIANT,),
        packages=networks.PACKAGES,
    ),
)
