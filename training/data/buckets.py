"""Shapes for photos that keep about their own: buckets, as NovelAI and SDXL have them (arXiv 2307.01952, 2.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Shape = tuple[int, int]  # height, width


def shapes(size: int, step: int, ratio: float) -> list[Shape]:
    """Heights and widths, multiples of step, with an area of at most size x size and sides of at most 1 : ratio.

    For each width the largest height that fits. Wide ones last; the square, if size is a multiple of step, among them.
    """
    found = set()
    for side in range(step, int(size * math.sqrt(ratio)) + step, step):
        other = size * size // side // step * step
        if other and max(side, other) <= ratio * min(side, other):
            found |= {(other, side), (side, other)}
    return sorted(found, key=lambda shape: (shape[1] / shape[0], shape)) or [(size, size)]


def nearest(widths: np.ndarray, heights: np.ndarray, among: Sequence[Shape]) -> np.ndarray:
    """For each photo the number of the shape whose ratio of sides is nearest to its own, by their logarithms; of two
    with one ratio the larger one."""
    order = sorted(range(len(among)), key=lambda number: -among[number][0] * among[number][1])
    ratios = np.array([math.log(among[number][1] / among[number][0]) for number in order])
    own = np.log(np.maximum(widths, 1) / np.maximum(heights, 1))
    return np.array(order)[np.abs(own[:, None] - ratios[None]).argmin(axis=1)]
