"""Transparency inside a window: a removed sticker must not leave its silhouette in the alpha channel."""

from __future__ import annotations

import cv2
import numpy as np

from rorem.picture import Picture

RADIUS = 3  # px that Telea's method looks around; alpha is smooth, so little is enough


def opacity_of(window: Picture) -> np.ndarray | None:
    """uint8 (h, w), 0 = invisible; None where the window is opaque throughout."""
    if window.palette is not None:
        opacity = window.palette[:, 3][np.minimum(window.colour, len(window.palette) - 1)]
    elif window.alpha is not None:
        opacity = _bytes(window.alpha)
    else:
        return None
    return None if opacity.min() == 255 else opacity


def fill_opacity(opacity: np.ndarray | None, hole: np.ndarray) -> np.ndarray | None:
    """The opacity continued into the hole from its edge; uint8 (h, w), or None when there is none to continue."""
    if opacity is None:
        return None
    known = opacity[~hole]
    if known.min() == known.max():
        return np.where(hole, known[0], opacity).astype(np.uint8)
    flowed = cv2.inpaint(np.ascontiguousarray(opacity), hole.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA)
    return flowed.clip(known.min(), known.max())  # it follows slopes, and they lead beyond what is known


def _bytes(alpha: np.ndarray) -> np.ndarray:
    """Alpha of any dtype that pictures have, as uint8."""
    if alpha.dtype == np.bool_:  # a bilevel picture whose file declares black or white transparent
        return np.where(alpha, np.uint8(255), np.uint8(0))
    return (alpha >> 8).astype(np.uint8) if alpha.dtype == np.uint16 else alpha
