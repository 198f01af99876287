"""Structural similarity (Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
structural similarity", IEEE TIP 2004, eq. 13)."""

from __future__ import annotations

import math

import cv2
import numpy as np

from rorem.geometry import Box
from rorem.metrics.contract import Metric, Seen

# All as in section III-C of the paper and its authors' program.
SIGMA = 1.5  # px: the standard deviation of the gaussian window
RADIUS = 5  # px: the window is 11 x 11
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
STRIP = 1 << 15  # px computed at once: small enough for a processor's cache, nearly twice as fast as all at once


def ssim_full_gt(seen: Seen) -> float:
    """`ssim_full/gt`: SSIM of result and truth over the whole picture, 1 = equal.

    nan where the truth is not known, and for pictures smaller than one window.
    """
    return math.nan if seen.truth is None else ssim(seen.truth, seen.result)


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """The mean over all windows that lie wholly inside the picture, and over the three channels.

    one, other: uint8 (H, W, 3). nan where a side is shorter than a window. The paper knows grey pictures only; here
    each channel counts alike. Its authors' program shrinks large pictures first, this does not.

    A window that sees no difference has exactly 1, so only those that see one are computed.
    """
    height, width = one.shape[:2]
    if min(height, width) <= 2 * RADIUS:
        return math.nan
    box = difference(one, other)
    if box is None:
        return 1.0
    inner = Box(RADIUS, RADIUS, width - RADIUS, height - RADIUS)  # where windows may have their middle
    middles = box.grown(RADIUS).common(inner)
    rows = max(2 * RADIUS, STRIP // middles.width)
    lost = 0.0
    for top in range(middles.top, middles.bottom, rows):
        strip = middles._replace(top=top, bottom=min(top + rows, middles.bottom)).grown(RADIUS).slices
        lost += float((1 - _similarity(one[strip].astype(np.float64), other[strip].astype(np.float64))).sum())
    return 1 - lost / (3 * inner.width * inner.height)


def difference(one: np.ndarray, other: np.ndarray) -> Box | None:
    """The smallest box around all pixels that differ; None if none does. uint8 (H, W, 3) each."""
    height, width = one.shape[:2]
    levels = cv2.absdiff(one, other).reshape(height, 3 * width)
    rows, columns = np.flatnonzero(levels.max(axis=1)), np.flatnonzero(levels.max(axis=0)) // 3
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1) if len(rows) else None


def _similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """SSIM of every window inside: float64 (h, w, 3) in, (h - 10, w - 10, 3) out.

    In double precision: a variance is the small difference of two large numbers.
    """
    mean_a, mean_b = _windowed(a), _windowed(b)
    products, squares = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
    covariances = _windowed(a * b) - products
    variances = _windowed(a * a + b * b) - squares
    return (2 * products + C1) * (2 * covariances + C2) / ((squares + C1) * (variances + C2))


def _windowed(values: np.ndarray) -> np.ndarray:
    """The weighted mean in every window inside: (h, w, 3) to (h - 10, w - 10, 3)."""
    kernel = cv2.getGaussianKernel(2 * RADIUS + 1, SIGMA)
    inside = slice(RADIUS, -RADIUS)
    return cv2.sepFilter2D(values, -1, kernel, kernel)[inside, inside]


METRICS: tuple[Metric, ...] = (
    Metric(
        id="ssim_full/gt",
        title="SSIM",
        about="SSIM (Wang et al. 2004, gaussian window of 11 px, sigma 1.5) of result against truth over the whole "
        "picture, mean of the three channels.",
        better="higher",
        load=lambda: ssim_full_gt,
        needs_truth=True,
    ),
)
