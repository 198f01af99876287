"""Which patch of a photo is most alike? A field of nearest neighbours that keeps neighbours together.

Patches become short vectors (principal components), k-d trees give a first guess, and then every patch tries where its
neighbours went. That last step finds what the trees missed and leaves a little less of a grid at full size; by the
measures of docs/embedded.md it makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

PATCH_RADIUS = 3  # cells; with 2 or 4 the result is as good
DIMENSIONS = 20  # of the 7 x 7 x channels numbers of a patch; keeps about 98 % of their energy
CHECKS = 32  # leaves the first guess looks into; what it misses, the neighbours find
STRIDES = (1, 2, 4)  # how far away the neighbours are that a patch asks, in cells
COHERENCE = 1.25  # a neighbour's place is taken even if it is this much worse, so that copies hang together
CHUNK = 1 << 14  # patches described at once: bounds the memory


@dataclass(frozen=True)
class Matches:
    """Where each patch's likeness lies: rows and columns, int32 (h, w), -1 where no match was asked for."""

    rows: np.ndarray
    columns: np.ndarray


def patch_sources(usable: np.ndarray, radius: int = PATCH_RADIUS) -> np.ndarray:
    """Centres of the patches that lie wholly on usable cells and inside the picture, bool (h, w)."""
    return cv2.erode(usable.astype(np.uint8), _square(radius), borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0


def patches_touching(cells: np.ndarray, radius: int = PATCH_RADIUS) -> np.ndarray:
    """Centres of the patches that touch any of the cells, bool (h, w)."""
    return cv2.dilate(cells.astype(np.uint8), _square(radius)) > 0


def nearest_patches(channels: np.ndarray, wanted: np.ndarray, sources: np.ndarray) -> Matches:
    """For each wanted patch, the source patch most alike to it.

    channels float32 (h, w, c), of comparable ranges (Lab, say); wanted, sources bool (h, w), patch centres, neither
    empty. Deterministic. k-d trees: Muja and Lowe 2009; propagation: Barnes et al. 2009, "PatchMatch"; the preference
    for neighbours: Ashikhmin 2001, "Synthesizing natural textures".
    """
    axes = principal_axes(channels, sources)
    asked, library = describe(channels, wanted, axes), np.zeros((*wanted.shape, axes.shape[1]), np.float32)
    library[sources] = describe(channels, sources, axes)
    rows, columns = (np.full(wanted.shape, -1, np.int32) for _ in range(2))
    rows[wanted], columns[wanted] = first_guess(asked, library[sources], sources)
    propagate(rows, columns, asked, library, np.argwhere(wanted), sources)
    return Matches(rows, columns)


def principal_axes(channels: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """The directions in which source patches differ most, float32 (patch numbers, DIMENSIONS)."""
    places = np.argwhere(sources)
    sample = _patches(channels, places[:: max(1, len(places) // 4000)])
    sample = sample - sample.mean(axis=0)
    _, axes = np.linalg.eigh(sample.T @ sample)
    return axes[:, -DIMENSIONS:].astype(np.float32)


def describe(channels: np.ndarray, centres: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """The patches around the centres as short vectors, float32 (n, DIMENSIONS)."""
    places = np.argwhere(centres)
    return np.concatenate([_patches(channels, places[i : i + CHUNK]) @ axes for i in range(0, len(places), CHUNK)])


def first_guess(asked: np.ndarray, offered: np.ndarray, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of a near, not always the nearest, source for each vector asked for, int (n,) each."""
    cv2.setRNGSeed(1)  # the tree is split at random; OpenCV keeps one generator a thread, so this disturbs nobody
    tree = cv2.flann_Index(  # pyright: ignore[reportAttributeAccessIssue]  no stub names it
        offered, {"algorithm": 1, "trees": 1}
    )
    found, _ = tree.knnSearch(asked, 1, params={"checks": CHECKS})
    rows, columns = np.nonzero(sources)
    return rows[found[:, 0]], columns[found[:, 0]]


def propagate(
    rows: np.ndarray,
    columns: np.ndarray,
    asked: np.ndarray,
    library: np.ndarray,
    places: np.ndarray,
    sources: np.ndarray,
) -> None:
    """Let every place try the offsets of its neighbours; changes rows and columns in place.

    asked (n, d) belongs to places (n, 2); library (h, w, d) holds the sources' vectors.
    """
    height, width = sources.shape
    y, x = places.T
    distance = _squared(asked, library[rows[y, x], columns[y, x]])
    for stride in STRIDES:
        for dy, dx in ((0, stride), (stride, 0), (0, -stride), (-stride, 0)):
            near_y, near_x = np.clip(y - dy, 0, height - 1), np.clip(x - dx, 0, width - 1)
            row = rows[near_y, near_x] + y - near_y
            column = columns[near_y, near_x] + x - near_x
            possible = (rows[near_y, near_x] >= 0) & (row >= 0) & (row < height) & (column >= 0) & (column < width)
            possible &= (row != rows[y, x]) | (column != columns[y, x])
            tried = np.flatnonzero(possible)
            tried = tried[sources[row[tried], column[tried]]]
            offered = _squared(asked[tried], library[row[tried], column[tried]])
            better = offered < COHERENCE * distance[tried]
            taken = tried[better]
            # Never remember a worse distance than the best so far, or many small steps away would add up.
            distance[taken] = np.minimum(distance[taken], offered[better])
            rows[y[taken], x[taken]], columns[y[taken], x[taken]] = row[taken], column[taken]


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    difference = a - b
    return np.einsum("nd,nd->n", difference, difference)


def _patches(channels: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The numbers of the patches around places (n, 2), float32 (n, c * side * side)."""
    padded = cv2.copyMakeBorder(channels, *[PATCH_RADIUS] * 4, borderType=cv2.BORDER_REPLICATE)
    side = 2 * PATCH_RADIUS + 1
    patches = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
    return patches[places[:, 0], places[:, 1]].reshape(len(places), -1)


def _square(radius: int) -> np.ndarray:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
