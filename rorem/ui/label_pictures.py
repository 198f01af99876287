"""What an annotator sees of a removal: the place at full sharpness, the whole photo small, the outline's mask.

Nothing here tells how a result came about: pictures are drawn anew from pixels, so no name, date or program is in them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar
from weakref import WeakSet

import cv2
import numpy as np
from sqlalchemy.engine import RowMapping

from rorem.errors import BadData, BadMask, BadPicture
from rorem.geometry import Box
from rorem.labels.items import PARTS, Pictures, where
from rorem.mask_file import read_mask
from rorem.opacity import opacity_of
from rorem.picture import Limits, Picture, crop, open_picture, to_srgb
from rorem.ui.preview import bits, fitted

LONGEST = 1600  # px of a picture that is sent; a photo that is longer is cut around the place
CONTEXT = 0.6  # of the mask's own side, shown around it on each side
LEAST = 96  # px of context, so that a small thing is seen in its surroundings
PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]  # without loss and quick: a blur of a codec must not be judged
CACHED = 200_000_000  # bytes of drawn pictures that are kept


class Odd(BadData):
    """An item that cannot be shown: a file is gone or broken, or its pictures do not fit each other."""


@dataclass(frozen=True)
class Views:
    """Of one item. size: (width, height) of the photo. window: the part that is sent. focus: the place to look at, with
    context. files: result, source and mask as PNG, each showing the window."""

    size: tuple[int, int]
    window: Box
    focus: Box
    files: dict[str, bytes]


def draw(row: RowMapping, pictures: Pictures, limits: Limits, whole: bool = False) -> Views:
    """The views of an item. whole: of all of the photo, however small it gets.

    Raises Odd; what `Pictures.read` raises where a set cannot be opened at the moment.
    """
    source, mask, result = _read(row, pictures, limits)
    box = _around(mask)
    focus = focus_of(box, source.size)
    window = Box(0, 0, *source.size) if whole else window_of(focus, source.size)
    files = {"source": _png(source, window), "result": _png(result, window), "mask": bits(_seen(mask, window))}
    return Views(source.size, window, focus, files)


def focus_of(box: Box, size: tuple[int, int]) -> Box:
    """The mask's box with context around it, inside the photo."""
    return box.grown(max(LEAST, round(CONTEXT * box.side))).clipped(*size)


def window_of(focus: Box, size: tuple[int, int]) -> Box:
    """The part of a photo that is sent: all of it where it is small, else as much as is sharp around the place."""
    width, height = size
    if max(size) <= LONGEST:
        return Box(0, 0, width, height)
    left, right = _stretched(focus.left, focus.right, width)
    top, bottom = _stretched(focus.top, focus.bottom, height)
    return Box(left, top, right, bottom)


class Drawn:
    """Views that were drawn lately, so that what is prefetched is drawn once. May be used from any thread."""

    _all: ClassVar[WeakSet[Drawn]] = WeakSet()

    def __init__(self, most: int = CACHED) -> None:
        """most: bytes."""
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Views] = OrderedDict()
        self._forgotten = 0  # times
        Drawn._all.add(self)

    def get(self, key: str, make: Callable[[], Views]) -> Views:
        with self._lock:
            if (known := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return known
            before = self._forgotten
        made = make()
        with self._lock:
            if before != self._forgotten:  # perhaps this one
                return made
            self._kept[key] = made
            while len(self._kept) > 1 and sum(map(_bytes, self._kept.values())) > self._most:
                self._kept.popitem(last=False)
        return made

    def forget(self, key: str) -> None:
        """Also what is being drawn at this moment is not kept."""
        with self._lock:
            self._forgotten += 1
            self._kept.pop(key, None)

    @classmethod
    def forget_everywhere(cls, keys: Iterable[str]) -> None:
        """In all of this process: what was withdrawn is in nobody's memory."""
        for key in keys:
            for one in list(cls._all):
                one.forget(key)


def _read(row: RowMapping, pictures: Pictures, limits: Limits) -> tuple[Picture, np.ndarray, Picture]:
    place = where(row)
    found = {part: pictures.read(place, part) for part in PARTS}
    opened: dict[str, Picture] = {}
    for part in ("source", "result"):
        data = found[part]
        if data is None:
            raise Odd(f"The {part} of this removal is gone.")
        try:
            opened[part] = open_picture(data, limits=limits)
        except BadPicture as error:
            raise Odd(f"The {part} of this removal cannot be opened: {error}") from error
    source, result = opened["source"], opened["result"]
    if source.size != result.size:
        raise Odd("The result has another size than the photo.")
    if (drawing := found["mask"]) is None:
        raise Odd("The mask of this removal is gone.")
    try:
        return source, read_mask(drawing, *source.size, limits=limits).mask, result
    except BadMask as error:
        raise Odd(f"The mask of this removal cannot be used: {error}") from error


def _around(mask: np.ndarray) -> Box:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _stretched(start: int, end: int, size: int) -> tuple[int, int]:
    """The stretch made as long as is sent, around its middle, inside 0 to size."""
    length = min(size, max(LONGEST, end - start))
    first = min(max(0, (start + end - length) // 2), size - length)
    return first, first + length


def _png(picture: Picture, window: Box) -> bytes:
    part = crop(picture, window)
    opacity = opacity_of(part)
    pixels = to_srgb(part)[..., ::-1]
    if opacity is not None:
        pixels = np.dstack([pixels, opacity])
    small = fitted(window.width, window.height, LONGEST)
    if small != (window.width, window.height):
        pixels = cv2.resize(np.ascontiguousarray(pixels), small, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".png", np.ascontiguousarray(pixels), PNG)
    if not done:
        raise ValueError(f"a view of shape {pixels.shape} could not be encoded")
    return data.tobytes()


def _seen(mask: np.ndarray, window: Box) -> np.ndarray:
    """The mask in a window at the size that is sent. What is marked at all stays marked: a thin line must be seen."""
    part = mask[window.slices]
    small = fitted(window.width, window.height, LONGEST)
    if small == (window.width, window.height):
        return part
    return cv2.resize(part.astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0


def _bytes(views: Views) -> int:
    return sum(map(len, views.files.values()))
