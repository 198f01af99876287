"""Pictures, holes and strategies for the tests of metrics."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import strategies as st

from rorem.metrics import Seen


@st.composite
def noises(draw: st.DrawFn, shapes: st.SearchStrategy[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures of one size, uint8 (h, w, 3): rough or soft; the second equal, near, partly equal, or unrelated."""
    height, width = draw(shapes)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    first = random.integers(0, 256, (height, width, 3), np.uint8)
    if draw(st.booleans()):
        first = cv2.GaussianBlur(first, (0, 0), 3)
    kind = draw(st.sampled_from(("equal", "near", "parts", "unrelated")))
    if kind == "equal":
        return first, first.copy()
    other = random.integers(0, 256, first.shape, np.uint8)
    if kind == "near":
        return first, np.clip(first.astype(int) + other // 32 - 4, 0, 255).astype(np.uint8)
    return first, np.where(box(random, height, width)[..., None], other, first) if kind == "parts" else other


@st.composite
def holes(draw: st.DrawFn, height: int, width: int) -> np.ndarray:
    """Bool (height, width): boxes and specks that may touch or leave the border, nothing, everything."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    hole = np.zeros((height, width), bool)
    for _ in range(draw(st.integers(0, 3))):
        hole |= box(random, height, width)
    if draw(st.booleans()):
        hole ^= random.random(hole.shape) < 0.02
    return hole | draw(st.sampled_from((False, False, False, True)))


def box(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    rows, columns = (np.sort(random.integers(-5, size + 6, 2)).clip(0, size) for size in (height, width))
    marked = np.zeros((height, width), bool)
    marked[slice(*rows), slice(*columns)] = True
    return marked


def photo(height: int = 128, width: int = 160, seed: int = 1) -> np.ndarray:
    """Something with the spectrum of a photo, uint8 (height, width, 3): clouds of every size, with a little grain."""
    random = np.random.default_rng(seed)
    made = np.full((height, width, 3), 128.0)
    for step in (64, 32, 16, 8, 4, 2):
        coarse = random.normal(0, 0.9 * step, (height // step + 2, width // step + 2, 3))
        large = cv2.resize(coarse, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        made += large[:height, :width]
    return np.clip(np.rint(made + random.normal(0, 2, made.shape)), 0, 255).astype(np.uint8)


def disc(height: int = 128, width: int = 160, radius: int = 24) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return (rows - height // 2) ** 2 + (columns - width // 2) ** 2 < radius**2


def scene(height: int = 128, width: int = 160) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo with a thing on it, the photo without it, and the mask of the thing."""
    truth, mask = photo(height, width), disc(height, width)
    source = truth.copy()
    source[mask] = (200, 40, 40)
    return source, truth, mask


def look(
    source: np.ndarray,
    result: np.ndarray,
    hole: np.ndarray,
    truth: np.ndarray | None = None,
    mask: np.ndarray | None = None,
) -> Seen:
    return Seen(source, hole if mask is None else mask, result, hole, truth)
