"""Detail transfer: bring a fill that was made small back to full size, sharp.

An enlarged fill is soft. But it was put together from pieces of the same photo, and at full size the photo still has
their detail. So every small patch of the fill looks up the most alike patch of the shrunk photo, and the full-size detail
there (the photo minus its own shrunk and enlarged self) is added to the enlarged fill.
"""

from __future__ import annotations

import cv2
import numpy as np

from rorem.methods.match import nearest_patches

VOTES = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]


def enlarge_with_detail(
    crop: np.ndarray, hole: np.ndarray, small: np.ndarray, small_fill: np.ndarray, sources: np.ndarray, small_hole: np.ndarray
) -> np.ndarray:
    """The fill at full size, with detail copied from the photo.

    crop uint8 RGB (H, W, 3) and hole bool (H, W) at full size. At working size: small (h, w, 3) is the shrunk crop,
    small_fill the same with small_hole filled, sources bool (h, w) the cells around which patches may be copied.
    Returns uint8 RGB (H, W, 3), equal to `crop` outside the hole.
    """
    size = crop.shape[1], crop.shape[0]
    rows, columns = nearest_patches(small_fill, small_hole, sources)
    soft = cv2.resize(small_fill.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    detail = crop.astype(np.float32) - cv2.resize(small.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    y, x = np.nonzero(hole)
    sharp = soft[y, x] + voted_detail(detail, rows, columns, y, x)
    result = crop.copy()
    result[y, x] = sharp.round().clip(0, 255).astype(np.uint8)
    return result


def voted_detail(detail: np.ndarray, rows: np.ndarray, columns: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What the matched patches around each full-size pixel (y, x) say about its detail, float32 (n, 3)."""
    height, width = detail.shape[:2]
    h, w = rows.shape
    v, u = (y + 0.5) * h / height - 0.5, (x + 0.5) * w / width - 0.5  # the same places on the small grid
    total, weights = np.zeros((len(y), 3), np.float32), np.zeros((len(y), 1), np.float32)
    for dy, dx in VOTES:
        i = np.clip(np.rint(v).astype(int) + dy, 0, h - 1)
        j = np.clip(np.rint(u).astype(int) + dx, 0, w - 1)
        known = rows[i, j] >= 0
        source_y = np.clip(y + np.rint((rows[i, j] - i) * height / h).astype(int), 0, height - 1)
        source_x = np.clip(x + np.rint((columns[i, j] - j) * width / w).astype(int), 0, width - 1)
        weight = (np.exp(-((v - i) ** 2 + (u - j) ** 2)) * known)[:, None].astype(np.float32)
        total += weight * detail[source_y, source_x]
        weights += weight
    return total / np.maximum(weights, 1e-6)
