"""Marking a thing from a click or a box, and finding its shadow; offline, on a small version of the photo.

GrabCut (Rother et al., SIGGRAPH 2004; OpenCV) separates the thing from its surroundings by colour and edges. What comes
back is an ordinary mask, to be painted on further.
"""

from __future__ import annotations

import cv2
import numpy as np

from rorem.geometry import Box

WORKING_SIDE = 448  # px: GrabCut takes about half a second at this size and its edges are good enough to be grown
ROUNDS = 4
SURE_SHARE = 0.012  # radius of the disc around a click that certainly belongs to the thing, as a share of the side
SHADE = (0.35, 0.92)  # a shadow's brightness as a share of its lit surroundings
SHADE_COLOUR = 14.0  # how far its colour (Lab a, b) may differ from theirs
SHADOW_REACH = 1.0  # how far a shadow is looked for, in sizes of the thing
MOST_SHADOW = 1.2  # in areas of the thing; more is a dark wall or floor


def select_box(rgb: np.ndarray, box: Box) -> np.ndarray:
    """The thing inside a box drawn around it.

    rgb: uint8 (h, w, 3). box: px, clipped to the picture. Returns bool (h, w); empty where the box holds nothing that
    stands out.
    """
    height, width = rgb.shape[:2]
    box = box.clipped(width, height)
    if box.width < 3 or box.height < 3:
        return np.zeros((height, width), bool)
    small, scale = _shrunk(rgb)
    labels = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    inner = _scaled(box, scale).clipped(small.shape[1], small.shape[0])
    labels[inner.slices] = cv2.GC_PR_FGD
    if (labels == cv2.GC_PR_FGD).all():  # a box around everything leaves nothing to compare with: take its rim
        labels[[0, -1]] = cv2.GC_BGD
        labels[:, [0, -1]] = cv2.GC_BGD
    return _enlarged(_cleaned(_cut(small, labels), None), width, height)


def select_point(rgb: np.ndarray, x: int, y: int) -> np.ndarray:
    """The thing under a click at (x, y) px. rgb: uint8 (h, w, 3). Returns bool (h, w) that holds the point."""
    height, width = rgb.shape[:2]
    small, scale = _shrunk(rgb)
    high, wide = small.shape[:2]
    px, py = min(wide - 1, max(0, int(x * scale))), min(high - 1, max(0, int(y * scale)))
    region = _alike(small, px, py)
    around = _reach(region, wide, high)
    labels = np.full((high, wide), cv2.GC_BGD, np.uint8)
    labels[around.slices] = cv2.GC_PR_BGD
    labels[region] = cv2.GC_PR_FGD
    radius = max(1, round(SURE_SHARE * max(wide, high)))
    disc = cv2.circle(np.zeros((high, wide), np.uint8), (px, py), radius, 1, -1) > 0
    labels[disc] = cv2.GC_FGD
    found = _cleaned(_cut(small, labels) | disc, (px, py))
    return _enlarged(found, width, height)


def shadow_of(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The shadow that a marked thing seems to cast: darker than its lit surroundings, of much the same colour, touching
    the mark.

    rgb: uint8 (h, w, 3); mask: bool (h, w). Returns bool (h, w) without the mark itself; empty where none is seen.
    """
    height, width = mask.shape
    small, _ = _shrunk(rgb)
    high, wide = small.shape[:2]
    marked = cv2.resize(mask.astype(np.float32), (wide, high), interpolation=cv2.INTER_AREA) > 0.3
    if not marked.any():
        return np.zeros_like(mask)
    rows, columns = np.nonzero(marked)
    thing = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    near = thing.grown(round(SHADOW_REACH * thing.side) + 8).clipped(wide, high)
    lab = cv2.cvtColor(cv2.bilateralFilter(small, 5, 30, 5), cv2.COLOR_RGB2LAB).astype(np.float32)[near.slices]
    free = ~marked[near.slices]
    if not free.any():
        return np.zeros_like(mask)
    lit = lab[free & (lab[..., 0] >= np.percentile(lab[..., 0][free], 40))]
    light, colour = np.median(lit[:, 0]), np.median(lit[:, 1:], axis=0)
    share = lab[..., 0] / max(light, 1.0)
    tinted = np.linalg.norm(lab[..., 1:] - colour, axis=2) < SHADE_COLOUR
    dark = (share > SHADE[0]) & (share < SHADE[1]) & tinted & free
    dark = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    touching = _touching(dark, marked[near.slices])
    if touching.sum() > MOST_SHADOW * marked.sum():  # a whole dark wall or floor is not this thing's shadow
        return np.zeros_like(mask)
    found = np.zeros((high, wide), bool)
    found[near.slices] = cv2.morphologyEx(touching.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0
    return _enlarged(found, width, height) & ~mask


def _touching(dark: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """The connected dark parts that meet the mark's rim."""
    count, labels = cv2.connectedComponents(dark, connectivity=8)
    rim = cv2.dilate(marked.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    met = np.unique(labels[rim & (dark > 0)])
    return np.isin(labels, met[met > 0]) if count > 1 else np.zeros(dark.shape, bool)


def _cut(small: np.ndarray, labels: np.ndarray) -> np.ndarray:
    cv2.setRNGSeed(0)  # GrabCut starts from k-means: the same click gives the same selection
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(small, labels, None, background, foreground, ROUNDS, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    except cv2.error:  # too few pixels of one kind to learn its colours from
        return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _alike(small: np.ndarray, px: int, py: int) -> np.ndarray:
    """A first guess at the thing: pixels joined to the click by colours like its own, at the tolerance that gives a
    part of the picture rather than all of it."""
    lab = cv2.cvtColor(cv2.medianBlur(small, 5), cv2.COLOR_RGB2LAB)
    high, wide = small.shape[:2]
    best = np.zeros((high, wide), bool)
    best[py, px] = True
    for tolerance in (6, 10, 16, 24, 34):
        flood = np.zeros((high + 2, wide + 2), np.uint8)
        flags = 8 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (1 << 8)
        cv2.floodFill(lab.copy(), flood, (px, py), (0, 0, 0), (tolerance,) * 3, (tolerance,) * 3, flags)
        region = flood[1:-1, 1:-1] > 0
        if region.mean() > 0.2:
            break
        best = region
    return best


def _reach(region: np.ndarray, wide: int, high: int) -> Box:
    """Where the thing may extend to: the first guess's box, widened by its own size."""
    rows, columns = np.nonzero(region)
    box = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    return box.grown(max(round(0.75 * box.side), max(wide, high) // 12)).clipped(wide, high)


def _cleaned(found: np.ndarray, point: tuple[int, int] | None) -> np.ndarray:
    """Without specks: the part that holds the point, or else every part not much smaller than the largest."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=8)
    if count <= 1:
        return found
    if point is not None:
        return labels == labels[point[1], point[0]]
    areas = stats[1:, cv2.CC_STAT_AREA]
    return np.isin(labels, 1 + np.flatnonzero(areas >= areas.max() / 6))


def _shrunk(rgb: np.ndarray) -> tuple[np.ndarray, float]:
    scale = min(1.0, WORKING_SIDE / max(rgb.shape[:2]))
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), scale


def _scaled(box: Box, scale: float) -> Box:
    return Box(*(round(edge * scale) for edge in box))


def _enlarged(found: np.ndarray, width: int, height: int) -> np.ndarray:
    if found.shape == (height, width):
        return found
    return cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC) > 0.5
