"""CMMD: how far the results as a whole are from the truths, in the eyes of CLIP.

Jayasumana et al., "Rethinking FID", CVPR 2024 (arXiv 2401.09603; google-research/cmmd).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from rorem.geometry import Box
from rorem.metrics import networks
from rorem.metrics.clip import vector
from rorem.metrics.contract import Seen, SetMetric

if TYPE_CHECKING:
    from torch import Tensor

SIGMA = 10.0
SCALE = 1000.0  # of the authors, "to make the metric more human readable"; tables on object removal often leave it out
BLOCK = 1024  # rows of the kernel at once


def vectors() -> Callable[[Seen], tuple[np.ndarray, np.ndarray]]:
    """For one removal: CLIP L/14-336's vectors of the whole result and of the whole truth, float32 (D,) of length 1.

    Each picture is squashed to 336 px (cubic, antialiased; the authors' program is not antialiased there, but is fed
    with pictures that were shrunk before). Raises as `networks.clip`; the function raises OutOfMemory.
    """
    asked = networks.clip()

    def pair(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
        if seen.truth is None:
            raise ValueError("cmmd needs the truth")
        box = Box(0, 0, seen.mask.shape[1], seen.mask.shape[0])
        result, truth = (vector(asked, rgb, box).cpu().numpy() for rgb in (seen.result, seen.truth))
        return result, truth

    return pair


def distance(results: np.ndarray, truths: np.ndarray) -> float:
    """Squared maximum mean discrepancy with a Gaussian kernel of sigma 10, times 1000; 0 or more.

    The authors' estimator, which is biased: pairs of a vector with itself count, so that equal sets have exactly 0 and
    small ones too large a distance. Compare only what was measured on as many pictures.
    results: float (n, D), truths: float (m, D), of length 1. nan if one is empty.
    """
    if not (len(results) and len(truths)):
        return float("nan")
    one, other = results.astype(np.float64), truths.astype(np.float64)
    return SCALE * max(0.0, _alike(one, one) + _alike(other, other) - 2 * _alike(one, other))


def distance_torch(results: Tensor, truths: Tensor) -> float:
    """As `distance`, all vectors in one kernel matrix. float (n, D), (m, D)."""
    import torch

    if not (len(results) and len(truths)):
        return float("nan")
    every = torch.cat([results, truths]).double()
    apart = torch.cdist(every, every, compute_mode="donot_use_mm_for_euclid_dist")
    kernel = torch.exp(-apart.square() / (2 * SIGMA**2))
    weights = torch.where(torch.arange(len(every)) < len(results), 1 / len(results), -1 / len(truths)).to(kernel)
    return SCALE * max(0.0, float(weights @ kernel @ weights))


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    """The mean of the kernel over all pairs, block by block."""
    squares = np.square(other).sum(1)
    total = 0.0
    for start in range(0, len(one), BLOCK):
        rows = one[start : start + BLOCK]
        apart = np.square(rows).sum(1)[:, None] + squares[None] - 2 * rows @ other.T
        total += float(np.exp(-np.clip(apart, 0, None) / (2 * SIGMA**2)).sum())
    return total / (len(one) * len(other))


SET_METRICS: tuple[SetMetric, ...] = (
    SetMetric(
        id="cmmd",
        title="CMMD",
        about=(
            "Maximum mean discrepancy (squared, Gaussian, sigma 10, biased, x1000) between CLIP L/14-336's vectors of "
            "the results and of the truths. Depends on the number of pictures."
        ),
        better="lower",
        load=vectors,
        distance=distance,
        parts=(networks.CLIP_L,),
        packages=networks.PACKAGES,
        needs_truth=True,
    ),
)
