"""Which patch of a photo is most alike? Nearest neighbours of small square patches."""

from __future__ import annotations

import cv2
import numpy as np

PATCH_RADIUS = 3
DIMENSIONS = 16  # a patch of 7 x 7 Lab samples keeps 98 % of its energy in 16 principal components
CHECKS = 48  # leaves visited per query: more is slower, and hardly nearer


def patch_sources(usable: np.ndarray, radius: int = PATCH_RADIUS) -> np.ndarray:
    """Centres of the patches that lie wholly on usable cells and inside the picture, bool (h, w)."""
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return cv2.erode(usable.astype(np.uint8), window, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0


def nearest_patches(picture: np.ndarray, wanted: np.ndarray, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the source patch most alike to each wanted one, int32 (h, w) each, -1 where not wanted.

    picture uint8 RGB (h, w, 3); wanted, sources bool (h, w), patch centres. Deterministic.
    """
    features = patch_features(picture, sources)
    source_y, source_x = np.nonzero(sources)
    cv2.setRNGSeed(1)  # the trees are split at random; the generator is one a thread
    index = cv2.flann_Index(features[sources], {"algorithm": 1, "trees": 1})
    found, _ = index.knnSearch(features[wanted], 1, params={"checks": CHECKS})
    rows, columns = (np.full(wanted.shape, -1, np.int32) for _ in range(2))
    rows[wanted], columns[wanted] = source_y[found[:, 0]], source_x[found[:, 0]]
    return rows, columns


def patch_features(picture: np.ndarray, sources: np.ndarray, radius: int = PATCH_RADIUS) -> np.ndarray:
    """A short vector for the patch around each cell, float32 (h, w, DIMENSIONS): its principal components in Lab."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    padded = cv2.copyMakeBorder(lab, *[radius] * 4, borderType=cv2.BORDER_REFLECT_101)
    side = 2 * radius + 1
    patches = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
    chosen = patches[sources]
    sample = chosen[:: max(1, len(chosen) // 5000)].reshape(-1, 3 * side * side)
    sample = sample - sample.mean(axis=0)
    _, axes = np.linalg.eigh(sample.T @ sample)
    kernels = axes[:, -DIMENSIONS:].reshape(3, side, side, -1)
    features = np.empty((*picture.shape[:2], kernels.shape[-1]), np.float32)
    for k in range(kernels.shape[-1]):
        features[..., k] = sum(
            cv2.filter2D(lab[..., c], cv2.CV_32F, kernels[c, ..., k].astype(np.float32), borderType=cv2.BORDER_REFLECT_101)
            for c in range(3)
        )
    return features
