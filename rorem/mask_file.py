"""Mask files as people really have them: any size, polarity, mode; read into one bool array or refused in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from rorem.errors import BadMask, BadPicture
from rorem.picture import Limits, Picture, open_picture, to_rgb

Polarity = Literal["auto", "white", "black"]
SAME_SHAPE = 0.02  # two pictures have the same shape when their aspect ratios differ by less than this share
PHOTO_COLOURS = 64  # more distinct colours than this are a photo with a part cut out, not a drawn mask
PAINTS = 4  # a drawing has few colours: where more than `GREY_SHARE` is of others than these, it is a photo, too
GREY_SHARE = 0.2  # more pixels than this that are neither clearly marked nor clearly free deserve a word
DRAWN_SHARE = 0.02  # dark and bright paint that cover at least this much each are both meant

RESIZED = "The mask had another size than the photo and was fitted to it."
INVERTED = "The mask looked inverted (nearly everything was white), so black was taken as what should go."
CUT_OUT = "The mask is a photo with a part cut out, so the transparent part was taken as what should go."
CLEAR = "The transparent part of the mask was taken as what should stay."
GREY = "The mask has many shades of grey. What is brighter than half of its brightest was taken as what should go."


@dataclass(frozen=True)
class MaskReading:
    """A mask and what was understood on the way.

    mask: bool (H, W), True = remove.
    notes: plain sentences about every guess that was made.
    """

    mask: np.ndarray
    notes: tuple[str, ...] = ()


def read_mask(
    source: Path | str | bytes | np.ndarray,
    width: int,
    height: int,
    *,
    polarity: Polarity = "auto",
    limits: Limits | None = None,
    photo: tuple[int, int] | None = None,
) -> MaskReading:
    """Reads a mask for a photo of `width` x `height` px.

    source: a picture file (any format that opens as a photo) or an array: bool, or numbers where more means remove.
    polarity: which colour means remove. "auto" takes white, unless more than half of the mask and nearly all of its
    border are white: then it takes the mask for inverted and says so. In a bool array True always means remove.
    A mask of another size and the same shape is resized by area and cut at 50 %.
    photo: width and height of the photo itself, where the mask is wanted for a smaller version of it.
    Raises BadMask for files that are no picture, another shape, and masks with nothing or everything marked.
    """
    strength, notes = _strength(source, limits or Limits())
    marked = _fit(strength, width, height, photo or (width, height))
    if strength.shape[::-1] not in ((width, height), photo):
        notes += (RESIZED,)
    certain = isinstance(source, np.ndarray) and source.dtype == np.bool_
    if polarity == "black":
        marked = ~marked
    elif polarity == "auto" and not certain and _looks_inverted(marked):
        marked = ~marked
        notes += (INVERTED,)
    return MaskReading(_checked(marked), notes)


def enlarge_marks(
    data: bytes, size: tuple[int, int], width: int, height: int, *, limits: Limits | None = None
) -> np.ndarray:
    """Marks that were painted on a small version of a photo, at the photo's size; bool (height, width).

    data: a picture file, white = remove, of exactly `size` (width and height of the small version). How the two sizes
    relate is not asked: a small version of a very long photo has another shape because its sides are whole pixels.
    Raises BadMask for files that are no picture, another size, and marks on nothing or everything.
    """
    strength, _ = _strength(data, limits or Limits())
    high, wide = strength.shape
    if (wide, high) != size:
        raise BadMask(
            f"The marks are {wide} x {high} pixels, and {size[0]} x {size[1]} were expected.",
            "Open the photo again.",
        )
    return _checked(_resized(strength, width, height))


def _checked(marked: np.ndarray) -> np.ndarray:
    if not marked.any():
        raise BadMask("The mask marks nothing.", "White should lie where something is to go.")
    if marked.all():
        raise BadMask("The mask marks the whole photo, so there is nothing left to go by.")
    return marked


def _strength(source: Path | str | bytes | np.ndarray, limits: Limits) -> tuple[np.ndarray, tuple[str, ...]]:
    """How much each pixel is marked: float32 (h, w) in [0, 1], and notes."""
    if isinstance(source, np.ndarray):
        return _doubted(_of_array(source))
    try:
        picture = open_picture(source, limits=limits)
    except BadPicture as error:
        advice = "Use a PNG mask, white where something is to go."
        raise BadMask(f"The mask could not be read: {error}", advice) from error
    alpha = _alpha(picture)
    if alpha is None or alpha.min() == alpha.max():
        return _doubted(_of_levels(picture))
    if _is_photo(picture, alpha):
        return (1 - alpha).astype(np.float32), (CUT_OUT,)
    levels = _of_levels(picture)
    seen = levels[alpha > 0.5]
    if seen.size and min((seen < 0.25).mean(), (seen > 0.75).mean()) > DRAWN_SHARE:  # black and white are both drawn
        return levels * alpha, (CLEAR,)
    return _doubted(_scaled(alpha))


def _doubted(strength: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The strength, and a word where much of it is neither clearly marked nor clearly free."""
    unclear = ((strength > 0.1) & (strength < 0.9)).mean() > GREY_SHARE
    return strength, (GREY,) if unclear else ()


def _of_array(array: np.ndarray) -> np.ndarray:
    kind = array.dtype
    if kind.kind not in "biuf" or (kind.kind == "f" and not np.isfinite(array).all()):
        raise BadMask("The mask holds values that are not numbers.", "Give bool, or numbers where more means remove.")
    if array.size and array.ndim == 3 and array.shape[2] in (1, 3):
        array = array.mean(axis=2)
    if array.ndim != 2 or array.size == 0:
        raise BadMask("The mask is not a flat picture.", "Give an array of height x width.")
    if array.dtype == np.bool_:
        return array.astype(np.float32)
    levels = array.astype(np.promote_types(kind, np.float32))  # float64 where a number might not fit into float32
    return _scaled(levels, _full(kind) if kind in (np.uint8, np.uint16) else None)


def _of_levels(picture: Picture) -> np.ndarray:
    if picture.space in ("grey", "bilevel"):
        return _scaled(picture.colour.astype(np.float32), _full(picture.colour.dtype))
    return _scaled(to_rgb(picture).astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32), 255)


def _scaled(levels: np.ndarray, full: float | None = None) -> np.ndarray:
    """Levels to [0, 1], so that masks of 0/1, of 8 or 16 bits and of grey paint all work.

    The brightest level counts as white, except where a few dark levels look like the noise of an empty JPEG.
    """
    top = float(levels.max())
    if top <= 0:
        return np.zeros_like(levels, np.float32)
    full = full or next((size for size in (1.0, 255.0, 65535.0) if top <= size), top)
    drawn = top >= full / 4 or len(np.unique(levels)) == 2
    return np.clip(levels / (top if drawn else full), 0, 1).astype(np.float32)


def _full(dtype: np.dtype) -> float:
    return 1.0 if dtype == np.bool_ else float(np.iinfo(dtype).max)


def _alpha(picture: Picture) -> np.ndarray | None:
    if picture.space == "palette" and picture.palette is not None:
        opacity = picture.palette[:, 3].astype(np.float32) / 255
        return opacity[np.minimum(picture.colour, len(opacity) - 1)]
    if picture.alpha is None:
        return None
    return picture.alpha.astype(np.float32) / _full(picture.alpha.dtype)


def _is_photo(picture: Picture, alpha: np.ndarray) -> bool:
    visible = to_rgb(picture)[alpha > 0.5]
    visible = visible[:: 1 + len(visible) // 1_000_000]  # from all over: the top of a photo may be one white sky
    coarse = (visible >> 3).astype(np.uint32) @ np.array([1024, 32, 1], np.uint32)
    _, often = np.unique(coarse, return_counts=True)
    others = np.sort(often)[:-PAINTS].sum() / max(1, len(visible))
    return len(often) > PHOTO_COLOURS or bool(others > GREY_SHARE)


def _fit(strength: np.ndarray, width: int, height: int, photo: tuple[int, int]) -> np.ndarray:
    high, wide = strength.shape
    if (wide, high) != (width, height) and abs(wide * photo[1] / (high * photo[0]) - 1) > SAME_SHAPE:
        raise BadMask(
            f"The mask is {wide} x {high} pixels, another shape than the photo's {photo[0]} x {photo[1]}.",
            "Use a mask made on this photo.",
        )
    return _resized(strength, width, height)


def _resized(strength: np.ndarray, width: int, height: int) -> np.ndarray:
    high, wide = strength.shape
    if (wide, high) == (width, height):
        return strength > 0.5
    how = cv2.INTER_AREA if wide > width or high > height else cv2.INTER_LINEAR
    return cv2.resize(strength, (width, height), interpolation=how) > 0.5


def _looks_inverted(marked: np.ndarray) -> bool:
    border = np.concatenate([marked[0], marked[-1], marked[:, 0], marked[:, -1]])
    return bool(marked.mean() > 0.5 and border.mean() > 0.9 and not marked.all())
