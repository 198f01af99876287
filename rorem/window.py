"""Which crops of a photo to work on, and bringing a filled crop back so that it fits its place.

A window is planned around each cluster of marks, as near as possible to the size a method was made for. The fill is
brought back to the window's own size, its tone shift is taken out, its grain matched.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rorem.geometry import Box
from rorem.mask import context

TINY = 1 / 16  # a mark smaller than this share of a method's native side is enlarged, else the method cannot see it
TONE_REACH = 1 / 24  # sigma of the low frequencies that carry a tone shift, as a share of the crop's longer side
TONE_SIDE = 256  # px: a tone shift is smooth, so it is measured on a small version of the crop
GRAIN_SIGMA = 1.0  # px: finer than this is grain, coarser is the picture
GRAIN_SHARE = 0.87  # how much of white noise is finer than that, so how much of added noise is measured as grain


@dataclass(frozen=True)
class Window:
    """One crop to work on.

    box: where it lies, always inside the picture.
    scale: working pixels per picture pixel; below 1 the crop is shrunk, above 1 enlarged.
    padding: working pixels added right and below (width, height) so that both sides are multiples a network accepts.
    """

    box: Box
    scale: float = 1.0
    padding: tuple[int, int] = (0, 0)

    @property
    def working(self) -> tuple[int, int]:
        """Width and height in working pixels, without padding."""
        return max(1, round(self.box.width * self.scale)), max(1, round(self.box.height * self.scale))


def plan(marked: Box, width: int, height: int, native: tuple[int, ...] = (), multiple: int = 1) -> Window:
    """The window for a mark.

    marked: the mark's box inside a picture of `width` x `height` px.
    native: sides a method was made for, in px; () when it takes any crop as it is.
    multiple: both working sides are padded to multiples of this.
    """
    margin = context(marked)
    if not native:
        wanted = marked.width + 2 * margin, marked.height + 2 * margin
        return Window(_inside(marked, *wanted, width, height))
    side = marked.side + 2 * margin
    fitting = min((n for n in native if n >= side), default=max(native))
    tiny = marked.side < TINY * min(native)
    if not tiny:
        side = max(side, fitting)
    box = _inside(marked, side, side, width, height)
    scale = fitting / box.side if tiny or box.side > fitting else 1.0
    bare = Window(box, scale)
    wide, high = bare.working
    return Window(box, scale, (-wide % multiple, -high % multiple))


def to_working(window: Window, crop: np.ndarray) -> np.ndarray:
    """A crop (h, w, 3) uint8 or mask (h, w) bool at the window's working size, padded by repeating its last row and
    column. A mask keeps every mark, however small."""
    mask = crop.dtype == np.bool_
    array = crop.astype(np.float32) if mask else crop
    if window.working != (crop.shape[1], crop.shape[0]):
        how = cv2.INTER_AREA if window.scale < 1 else cv2.INTER_LINEAR if mask else cv2.INTER_CUBIC
        array = cv2.resize(array, window.working, interpolation=how)
    right, below = window.padding
    if right or below:
        array = cv2.copyMakeBorder(array, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return array > 0 if mask else array


def from_working(window: Window, filled: np.ndarray) -> np.ndarray:
    """A filled crop at working size back at the window's own size; uint8 (box.height, box.width, 3)."""
    wide, high = window.working
    bare = filled[:high, :wide]
    if (wide, high) == (window.box.width, window.box.height):
        return bare
    how = cv2.INTER_AREA if window.scale > 1 else cv2.INTER_CUBIC
    return cv2.resize(bare, (window.box.width, window.box.height), interpolation=how)


def match_tone(filled: np.ndarray, crop: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Takes out the low-frequency colour shift of a fill, such as the one a diffusion VAE adds.

    filled, crop: uint8 (h, w, 3); hole: bool (h, w). The shift is measured outside the hole, where both should be
    equal, and carried into the hole by normalised convolution. Nothing happens where the method left the outside alone.
    """
    known = ~hole
    if not (filled[known] != crop[known]).any():
        return filled
    height, width = hole.shape
    scale = min(1.0, TONE_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    sigma = max(2.0, TONE_REACH * max(size))
    weight = known.astype(np.float32)
    share = cv2.GaussianBlur(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), (0, 0), sigma)
    trust = np.clip(share * 20, 0, 1)  # deep inside a large hole little is known: the mean shift takes over
    toned = np.empty_like(filled)
    for channel in range(3):  # one at a time: in float32 a large photo takes four times its bytes
        shift = (crop[..., channel].astype(np.float32) - filled[..., channel]) * weight
        mean = shift.sum(dtype=np.float64) / np.count_nonzero(known)
        blurred = cv2.GaussianBlur(cv2.resize(shift, size, interpolation=cv2.INTER_AREA), (0, 0), sigma)
        low = (trust * blurred / np.maximum(share, 1e-6) + (1 - trust) * mean).astype(np.float32)
        low = cv2.resize(low, (width, height), interpolation=cv2.INTER_LINEAR)
        toned[..., channel] = np.clip(np.rint(filled[..., channel] + low), 0, 255)
    return toned


def match_grain(filled: np.ndarray, crop: np.ndarray, hole: np.ndarray, seed: int) -> np.ndarray:
    """Gives an enlarged fill the grain of its surroundings; otherwise it looks like a soft patch.

    filled, crop: uint8 (h, w, 3); hole: bool (h, w). The noise is one luminance plane plus a little per channel, as
    strong as the finest detail that the fill lacks against the ring around the hole.
    """
    ring = _ring(hole, max(8, max(hole.shape) // 16))
    if not ring.any():
        return filled
    wanted, present = _grain(crop, ring), _grain(filled, hole)
    missing = np.sqrt(np.maximum(wanted**2 - present**2, 0)) / GRAIN_SHARE
    if missing.max() < 0.25:  # less than a quarter of a level cannot be seen
        return filled
    random = np.random.default_rng(seed)
    count = np.count_nonzero(hole)
    luminance, colour = (random.standard_normal((count, channels), np.float32) for channels in (1, 3))
    noise = (0.9 * luminance + 0.43 * colour) * missing  # 0.9² + 0.43² = 1
    grained = filled.copy()
    grained[hole] = np.clip(np.rint(filled[hole] + noise), 0, 255)
    return grained


def _inside(marked: Box, wide: int, high: int, width: int, height: int) -> Box:
    """A box of that size around the mark, shifted (and only if need be cut) to lie inside the picture."""
    wide, high = min(wide, width), min(high, height)
    left = min(max((marked.left + marked.right - wide) // 2, 0), width - wide)
    top = min(max((marked.top + marked.bottom - high) // 2, 0), height - high)
    return Box(left, top, left + wide, top + high)


def _ring(hole: np.ndarray, reach: int) -> np.ndarray:
    distance = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return (distance > 0) & (distance <= reach)


def _grain(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Robust strength of the finest detail per channel, in levels: the median keeps edges from counting as grain."""
    strengths = []
    for channel in range(3):
        levels = picture[..., channel].astype(np.float32)
        fine = levels - cv2.GaussianBlur(levels, (0, 0), GRAIN_SIGMA)
        strengths.append(1.4826 * np.median(np.abs(fine[where])))
    return np.array(strengths, np.float32)
