"""Windows of a picture: cut one out, keep what changed, lay it over the whole again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rorem.geometry import Box

from .record import Picture


@dataclass(frozen=True, eq=False)
class Patch:
    """Native pixels that lie at `box`: colour as in `Picture`, alpha if the picture has a plane of it."""

    box: Box
    colour: np.ndarray
    alpha: np.ndarray | None = None


def crop(picture: Picture, box: Box, patches: Sequence[Patch] = ()) -> Picture:
    """A copy of the window `box`, with the parts of `patches` that lie in it laid over in order.

    Raises ValueError if the box is empty or reaches outside of the picture.
    """
    if box != box.clipped(picture.width, picture.height) or box.width < 1 or box.height < 1:
        raise ValueError(f"{box} does not lie inside a picture of {picture.width} x {picture.height}")
    colour = np.array(picture.colour[box.slices])
    alpha = None if picture.alpha is None else np.array(picture.alpha[box.slices])
    for piece in patches:
        _lay(piece, colour, alpha, box)
    return replace(picture, colour=colour, alpha=alpha)


def patch(window: Picture, box: Box) -> Patch:
    """The pixels of `window`, which was cropped at `box` (and painted). Raises ValueError if the sizes differ."""
    if window.size != (box.width, box.height):
        raise ValueError(f"a window of {window.width} x {window.height} does not fit {box}")
    return Patch(box, window.colour, window.alpha)


def apply(picture: Picture, patches: Sequence[Patch]) -> Picture:
    """The picture with all patches laid over it in order. Copies it once, whatever their number."""
    if not patches:
        return picture
    colour = np.array(picture.colour)
    alpha = None if picture.alpha is None else np.array(picture.alpha)
    whole = Box(0, 0, picture.width, picture.height)
    for piece in patches:
        _lay(piece, colour, alpha, whole)
    return replace(picture, colour=colour, alpha=alpha)


def _lay(piece: Patch, colour: np.ndarray, alpha: np.ndarray | None, place: Box) -> None:
    """Writes the common part of a patch into the arrays that show `place`."""
    common = piece.box.common(place)
    if common.width < 1 or common.height < 1:
        return
    target = common.moved(-place.left, -place.top).slices
    source = common.moved(-piece.box.left, -piece.box.top).slices
    colour[target] = piece.colour[source]
    if alpha is not None and piece.alpha is not None:
        alpha[target] = piece.alpha[source]
