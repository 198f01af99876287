"""Cutting a thing out of a photo: an outline drawn by hand, and GrabCut for what lies near it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from rorem.geometry import Box

LONGEST = 640  # px; a cut-out of the frozen set is never drawn larger, and GrabCut is slow on large photos
ROUNDS = 5  # of GrabCut; more change nothing that can be seen
SEED = 0  # of the clustering inside GrabCut
INWARDS = 1  # px that the edge moves in, so that no rim of the old background comes along
SOFT = 0.8  # px; the blur of the edge, about what a lens does
OPAQUE, CLEAR = 250, 4  # coverage above is full and below is none, so that soft edges end somewhere

Outline = Sequence[tuple[float, float]]  # x, y in px


@dataclass(frozen=True)
class Shape:
    """Where a thing lies in its photo, in px of the photo.

    outline: around it. holes: what is seen through it. band: how far from the outline the true edge may be; 0 = the
    outline is the edge. soft: px that the edge is blurred, for fur and fluff more.
    """

    outline: Outline
    holes: Sequence[Outline] = ()
    band: float = 8
    soft: float = SOFT


def cut_out(photo: np.ndarray, shape: Shape) -> np.ndarray:
    """The thing with its coverage, uint8 RGBA (h, w, 4), trimmed, and at most LONGEST px long. photo: RGB (H, W, 3)."""
    box = _around(photo, shape)
    part = np.ascontiguousarray(photo[box.top : box.bottom, box.left : box.right])
    scale = min(1.0, LONGEST / max(part.shape[:2]))
    if scale < 1:
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    coverage = matte(part, _moved(shape, box, scale))
    ys, xs = np.nonzero(coverage)
    frame = slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1)
    return np.dstack([part, coverage])[frame]


def matte(photo: np.ndarray, shape: Shape) -> np.ndarray:
    """How far each pixel belongs to the thing, uint8 (H, W), 0 to 255. photo: uint8 RGB (H, W, 3).

    GrabCut (Rother et al., SIGGRAPH 2004) decides between the outline moved in and the outline moved out by the band.
    """
    inside = _filled(photo.shape[:2], shape)
    if shape.band > 0:
        inside = _refined(photo, inside, shape.band)
    inside = cv2.erode(inside, _disc(INWARDS))
    soft = cv2.GaussianBlur(inside * np.float32(255), (0, 0), shape.soft).round()
    soft[soft > OPAQUE] = 255
    soft[soft < CLEAR] = 0
    return soft.astype(np.uint8)


def _refined(photo: np.ndarray, inside: np.ndarray, band: float) -> np.ndarray:
    reach = _disc(max(1, round(band)))
    labels = np.full(inside.shape, cv2.GC_BGD, np.uint8)
    labels[cv2.dilate(inside, reach) > 0] = cv2.GC_PR_BGD
    labels[inside > 0] = cv2.GC_PR_FGD
    labels[cv2.erode(inside, reach) > 0] = cv2.GC_FGD
    cv2.setRNGSeed(SEED)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    bgr = np.ascontiguousarray(photo[..., ::-1])
    cv2.grabCut(bgr, labels, (0, 0, 0, 0), *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, _disc(1))
    return _largest(found)


def _largest(inside: np.ndarray) -> np.ndarray:
    _, parts, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    if len(stats) < 2:
        return inside
    return (parts == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)


def _filled(size: tuple[int, ...], shape: Shape) -> np.ndarray:
    inside = np.zeros(size, np.uint8)
    cv2.fillPoly(inside, [np.round(shape.outline).astype(np.int32)], 1)
    for hole in shape.holes:
        cv2.fillPoly(inside, [np.round(hole).astype(np.int32)], 0)
    return inside


def _around(photo: np.ndarray, shape: Shape) -> Box:
    """The outline's box with room for the band and for GrabCut to learn what the background looks like."""
    points = np.asarray(shape.outline)
    room = 2 * shape.band + 0.08 * np.ptp(points, axis=0).max() + 4
    left, top = np.floor(np.maximum(points.min(0) - room, 0)).astype(int)
    right, bottom = np.ceil(np.minimum(points.max(0) + room, photo.shape[1::-1])).astype(int)
    return Box(int(left), int(top), int(right), int(bottom))


def _moved(shape: Shape, box: Box, scale: float) -> Shape:
    def moved(outline: Outline) -> Outline:
        return [((x - box.left) * scale, (y - box.top) * scale) for x, y in outline]

    return Shape(moved(shape.outline), [moved(hole) for hole in shape.holes], shape.band * scale, shape.soft)


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
