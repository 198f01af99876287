"""A removal made ready for the metrics."""

from __future__ import annotations

import cv2
import numpy as np

from rorem.metrics.contract import Seen


def seen(
    source: np.ndarray,
    mask: np.ndarray,
    result: np.ndarray,
    hole: np.ndarray,
    truth: np.ndarray | None = None,
    category: str = "",
) -> Seen:
    """See `Seen`. result: uint8 RGB of any size.

    One of another size, as a paper's own program may give it, is resized to the source's for the metrics that compare
    pixels: by area where it is larger, else with cubic interpolation.
    """
    if result.shape == source.shape:
        return Seen(source, mask, result, hole, truth, None, category)
    (height, width), (high, wide) = source.shape[:2], result.shape[:2]
    how = cv2.INTER_AREA if wide >= width and high >= height else cv2.INTER_CUBIC
    fitted = cv2.resize(result, (width, height), interpolation=how)
    return Seen(source, mask, fitted, hole, truth, result, category)
