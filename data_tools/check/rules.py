"""One record held to the rules: every picture is really decoded, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from data_tools.check.decoding import decoded
from data_tools.check.problem import CHANGED, DAMAGED, EMPTY, FULL, GREY, HASH, NAME, SIZE, Problem
from rorem.errors import BadMask, BadOptions, BadPicture
from rorem.mask_file import read_mask
from rorem.picture import Picture, to_rgb
from rorem.remover import AS_PUBLISHED
from rorem.triplet import Triplet

PARTS = ("source", "mask", "result", "truth", "effect")


@dataclass(frozen=True)
class Rules:
    """When a result, or a truth, counts as equal to its photo outside the mask.

    tolerance: levels of 255 that a channel may differ by; the noise of a JPEG stays below 8. changed: share of the
    pixels outside, 0 to 1, that may differ by more. grow: how far the mask is grown first, as a share of the longer
    side; methods fill a rim around what was marked, diffusion about 2 %. Raises BadOptions.
    """

    tolerance: int = 8
    changed: float = 0.001
    grow: float = 0.02

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance <= 255:
            raise BadOptions("A tolerance goes from 0 to 255 levels.", "8 is what the noise of a JPEG stays below.")
        if not (0 <= self.changed <= 1 and 0 <= self.grow <= 1):
            raise BadOptions("Shares go from 0 to 1.", "0.02 is one fiftieth.")


def look(triplet: Triplet, rules: Rules = Rules()) -> list[Problem]:
    """What is wrong with a record, all of it. Rules that go beyond one record (duplicates) are not held here."""
    found = list(_name(triplet))
    found += (Problem(triplet.name, HASH, f"its {key} is not that of its pictures") for key in wrong_hashes(triplet))
    pictures: dict[str, Picture] = {}
    for part in PARTS:
        if (data := getattr(triplet, part)) is None:
            continue
        try:
            pictures[part] = decoded(data)
        except BadPicture as error:
            found.append(Problem(triplet.name, DAMAGED, f"its {part}: {error}", part))
    source = pictures.get("source")
    if source is None:
        return found
    for part, picture in list(pictures.items()):
        if picture.size != source.size:
            what = f"its {part} has {_told(picture)} pixels and its photo {_told(source)}"
            found.append(Problem(triplet.name, SIZE, what, part))
            del pictures[part]
    mask, wrong = marked(triplet, pictures["mask"]) if "mask" in pictures else (None, [])
    found += wrong
    if mask is not None:
        found += _outside(triplet, pictures, mask, rules)
    return found


def marked(triplet: Triplet, mask: Picture) -> tuple[np.ndarray | None, list[Problem]]:
    """What a mask marks, uint8 (H, W) of 0 and 1, None if that cannot be said; and what is wrong with it."""
    levels = _levels(mask)
    if levels is not None and _is_binary(levels):
        set_ = (levels > 0).view(np.uint8)
        count = cv2.countNonZero(set_)
        if 0 < count < set_.size:
            return set_, []
        kind = FULL if count else EMPTY
        return None, [
            Problem(triplet.name, kind, f"its mask marks {'all of the photo' if count else 'nothing'}", "mask")
        ]
    grey = Problem(triplet.name, GREY, _why(mask, levels), "mask")
    try:
        return read_mask(triplet.mask, mask.width, mask.height, polarity="white").mask.view(np.uint8), [grey]
    except BadMask as error:
        kind = FULL if "whole" in str(error) else EMPTY
        return None, [grey, Problem(triplet.name, kind, f"its mask cannot be cut at half of it: {error}", "mask")]


def allowed(mask: np.ndarray, effect: Picture | None, grow: float) -> np.ndarray:
    """Where a result may differ from its photo: uint8 (H, W), 0 where it may not.

    The mask, and the effect mask where there is one, grown by a square of `grow` times the longer side. In: uint8 of 0
    and 1.
    """
    if effect is not None:
        levels = _levels(effect)
        mask = mask if levels is None else cv2.bitwise_or(mask, (levels > 0).view(np.uint8))
    reach = round(grow * max(mask.shape))
    if not reach or not mask.any():
        return mask
    left, top, wide, high = cv2.boundingRect(mask)
    rows = slice(max(0, top - reach), top + high + reach)
    columns = slice(max(0, left - reach), left + wide + reach)
    grown = np.zeros_like(mask)  # only where there is something to grow: masks are small
    grown[rows, columns] = cv2.dilate(mask[rows, columns], np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    return grown


def rgb(picture: Picture) -> np.ndarray:
    """uint8 RGB (H, W, 3), without a copy where the file holds just that. Not to be written to."""
    plain = picture.space == "rgb" and picture.colour.dtype == np.uint8
    return picture.colour if plain else to_rgb(picture)


def wrong_hashes(triplet: Triplet) -> list[str]:
    """Under which keys hashes are told that are not those of the pictures.

    They were put into `extra` when the record was read. An `id` alone says nothing: many sets have one of another kind.
    """
    wrong = [key for key in triplet.hashes if key in triplet.extra]
    return ["id", *wrong] if wrong and "id" in triplet.extra else wrong


def _name(triplet: Triplet) -> Iterator[Problem]:
    if not triplet.name.isprintable():
        yield Problem(triplet.name, NAME, "its name holds signs that cannot be printed")


def _outside(triplet: Triplet, pictures: dict[str, Picture], mask: np.ndarray, rules: Rules) -> Iterator[Problem]:
    """Results that were made as published go through a network as a whole, and are not held to this."""
    compared = [part for part in ("result", "truth") if part in pictures]
    if triplet.protocol == AS_PUBLISHED and "result" in compared:
        compared.remove("result")
    if not compared:
        return
    may = allowed(mask, pictures.get("effect"), rules.grow)
    outside = mask.size - cv2.countNonZero(may)
    source, held = rgb(pictures["source"]), 1 - may
    for part in compared:
        other = rgb(pictures[part])
        # The quick look first: nearly all records pass it.
        if not outside or cv2.norm(source, other, cv2.NORM_INF, held) <= rules.tolerance:
            continue
        red, green, blue = cv2.split(cv2.absdiff(source, other))
        apart = cv2.compare(cv2.max(cv2.max(red, green), blue), rules.tolerance + 0.5, cv2.CMP_GT)  # pyright: ignore
        count = cv2.countNonZero(cv2.bitwise_and(apart, apart, mask=held))
        if count > rules.changed * outside:
            what = f"its {part} differs from the photo in {count / outside:.2%} of what lies outside"
            yield Problem(triplet.name, CHANGED, what, part)


def _levels(picture: Picture) -> np.ndarray | None:
    """A mask as one plane, bool or uint8 or uint16 (H, W); None if it has colours or is partly transparent."""
    if _clear(picture):
        return None
    if picture.space in ("grey", "bilevel"):
        return picture.colour
    colour = rgb(picture)
    first = colour[..., 0]
    return first if (first == colour[..., 1]).all() and (first == colour[..., 2]).all() else None


def _is_binary(levels: np.ndarray) -> bool:
    """Whether there is nothing beside black and white."""
    if levels.dtype == np.bool_:
        return True
    full = np.iinfo(levels.dtype).max
    if levels.dtype == np.uint8:
        return not cv2.countNonZero(cv2.inRange(levels, 1.0, full - 1.0))  # pyright: ignore
    return bool(((levels == 0) | (levels == full)).all())


def _why(mask: Picture, levels: np.ndarray | None) -> str:
    """Why a mask is not binary."""
    if levels is None:
        return "its mask is partly transparent" if _clear(mask) else "its mask has colours"
    full = np.iinfo(levels.dtype).max
    return f"{((levels > 0) & (levels < full)).mean():.2%} of its mask is neither black nor white"


def _clear(picture: Picture) -> bool:
    """Whether parts of it are transparent."""
    if picture.palette is not None:
        return bool((picture.palette[np.unique(picture.colour), 3] < 255).any())
    alpha = picture.alpha
    return alpha is not None and bool((alpha < (1 if alpha.dtype == np.bool_ else np.iinfo(alpha.dtype).max)).any())


def _told(picture: Picture) -> str:
    return f"{picture.width} x {picture.height}"
