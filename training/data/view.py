"""Which part of a photo a sample shows, and at what size: one view for all pictures of a record."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rorem.geometry import Box
from training.data.settings import DataSettings

TRIES = 10  # random crops until one shows enough
ALL_MARKED = 0.9  # a crop of which more is to be removed has too little around it to learn from


@dataclass(frozen=True)
class View:
    """box: the part of the photo, in its own px. width, height: px of the sample. flip: mirrored, left for right.

    whole: width and height of the photo.
    """

    box: Box
    width: int
    height: int
    flip: bool
    whole: tuple[int, int]

    @property
    def told(self) -> tuple[int, int, int, int, int, int]:
        """SDXL's micro-conditioning: the photo's height and width, top and left of the crop in px of the sample, and
        the sample's height and width (section 2.2 of arXiv 2307.01952)."""
        wide, high = self.whole
        left = wide - self.box.right if self.flip else self.box.left
        scale = self.height / self.box.height
        return high, wide, round(self.box.top * scale), round(left * scale), self.height, self.width


def choose(mask: np.ndarray, shape: tuple[int, int], settings: DataSettings, chance: np.random.Generator) -> View:
    """A view of a photo, not mirrored.

    mask: bool (H, W), of the photo's size. shape: height and width of the sample.
    A random crop holds all of the mask where it can, and some of it in any case.
    """
    height, width = shape
    high, wide = mask.shape
    if settings.crop == "squash":
        return View(Box(0, 0, wide, high), width, height, False, (wide, high))
    zoom = chance.uniform(1, settings.zoom) if settings.crop == "random" else 1.0
    scale = min(wide / width, high / height) / zoom
    across, down = (max(1, round(side * scale)) for side in (width, height))
    if settings.crop == "centre":
        box = _at((wide - across) // 2, (high - down) // 2, across, down)
        if not mask[box.slices].any():  # what a sample is about has to be seen
            box = _around(mask, across, down, 0.5)
        return View(box, width, height, False, (wide, high))
    return View(_random(mask, across, down, chance), width, height, False, (wide, high))


def cut(picture: np.ndarray, view: View) -> np.ndarray:
    """What a view shows of a photo, or of another picture of the same scene at any size.

    picture: uint8 (h, w, 3). Returns uint8 (height, width, 3). Smaller by the mean over areas, larger by cubic splines.
    """
    wide, high = view.whole
    part = picture[_scaled(view.box, picture.shape[1] / wide, picture.shape[0] / high).slices]
    if part.shape[:2] != (view.height, view.width):
        how = cv2.INTER_AREA if part.shape[0] >= view.height and part.shape[1] >= view.width else cv2.INTER_CUBIC
        part = cv2.resize(part, (view.width, view.height), interpolation=how)
    return np.ascontiguousarray(part[:, ::-1] if view.flip else part)


def cut_mask(mask: np.ndarray, view: View) -> np.ndarray:
    """What a view shows of a mask: bool (H, W) to bool (height, width), marked where at least half of the area is.

    Thin marks that would vanish are kept wherever they touch.
    """
    part = mask[view.box.slices]
    if part.shape != (view.height, view.width):
        levels = part.astype(np.float32)
        small = part.shape[0] >= view.height and part.shape[1] >= view.width
        levels = cv2.resize(
            levels, (view.width, view.height), interpolation=cv2.INTER_AREA if small else cv2.INTER_LINEAR
        )
        part = levels >= 0.5
        if not part.any():
            part = levels > 0
    return np.ascontiguousarray(part[:, ::-1] if view.flip else part)


def _random(mask: np.ndarray, across: int, down: int, chance: np.random.Generator) -> Box:
    high, wide = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    for _ in range(TRIES):
        left = _start(int(columns[0]), int(columns[-1]) + 1, across, wide, chance)
        top = _start(int(rows[0]), int(rows[-1]) + 1, down, high, chance)
        box = _at(left, top, across, down)
        if 0 < mask[box.slices].mean() < ALL_MARKED:
            return box
    return _around(mask, across, down, chance.random())


def _start(first: int, end: int, side: int, whole: int, chance: np.random.Generator) -> int:
    """Where a crop of `side` begins that holds [first, end) or, if that is longer, has a half at least in it."""
    least, most = end - side, first
    if least > most:
        least, most = first - side // 2, end - side // 2
    least, most = max(0, min(least, whole - side)), max(0, min(most, whole - side))
    return int(chance.integers(least, most + 1))


def _around(mask: np.ndarray, across: int, down: int, which: float) -> Box:
    """A crop with a place of the mark's edge in its middle, or as near to that as the photo's sides allow, so that
    something of both is seen. which: of these places, 0 to below 1."""
    high, wide = mask.shape
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    edge = np.flatnonzero(mask & ~inner)
    if not len(edge):  # all of the photo is marked: there is nothing else to show
        return _at((wide - across) // 2, (high - down) // 2, across, down)
    row, column = divmod(int(edge[int(which * len(edge))]), wide)
    left = min(max(0, column - across // 2), wide - across)
    return _at(left, min(max(0, row - down // 2), high - down), across, down)


def _at(left: int, top: int, across: int, down: int) -> Box:
    return Box(left, top, left + across, top + down)


def _scaled(box: Box, across: float, down: float) -> Box:
    if across == 1 and down == 1:
        return box
    left, top = int(box.left * across), int(box.top * down)  # never past the last pixel
    return _at(left, top, max(1, round(box.width * across)), max(1, round(box.height * down)))
