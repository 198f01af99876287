"""Laying cut-outs over a photo, so that the photo without one of them is known exactly.

A thing may be fitted to the light of its new place and cast a shadow: that is a `Look`, see
data_tools.synthesize.looks, and nothing else here has to know of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from rorem.geometry import Box
from rorem.mask import grow_or_shrink as grown


@dataclass(frozen=True, eq=False)
class Layer:
    """A cut-out at its place. rgba: uint8 (h, w, 4). left, top: px in the photo; it may reach beyond the photo.

    removed: whether it is the thing that has to go; what stays is in the truth, too. effect: whether it is not a thing
    but what a thing does to its surroundings, such as a shadow.
    """

    rgba: np.ndarray
    left: int
    top: int
    removed: bool = True
    effect: bool = False


@dataclass(frozen=True, eq=False)
class Pair:
    """source, truth: uint8 RGB (H, W, 3), equal wherever mask and effect are False. mask: bool (H, W), True = remove.

    effect: bool (H, W), where a shadow of what has to go is seen; None where no look draws any.
    """

    source: np.ndarray
    truth: np.ndarray
    mask: np.ndarray
    effect: np.ndarray | None = None

    @property
    def share(self) -> float:
        """How much of the picture the mask covers, 0 to 1."""
        return float(self.mask.mean())


SEEN = 12  # coverage, of 255, from which a pixel shows anything

# What is drawn for one cut-out on this ground: the layers from the back to the front, such as a shadow and then the
# thing itself in the light of the place. ground: uint8 RGB (H, W, 3), with all that lies behind. All that a removed
# thing draws goes with it: it is in the mask, or among the effects, and not in the truth.
Look = Callable[[np.ndarray, Layer], Sequence[Layer]]


def as_it_is(ground: np.ndarray, layer: Layer) -> Sequence[Layer]:
    """The cut-out as it was photographed."""
    return (layer,)


def compose(photo: np.ndarray, layers: Sequence[Layer], margin: int, look: Look = as_it_is) -> Pair:
    """Lays the layers over a photo, from the back to the front.

    photo: uint8 RGB (H, W, 3), the ground that nothing was added to. margin: px that the mask reaches beyond what is
    seen of the removed things, so that no rim of them is left. What a thing that stays hides of them is not marked,
    beyond this margin.
    """
    source, truth = photo.copy(), photo.copy()
    seen, shaded, shades = np.zeros(photo.shape[:2], bool), np.zeros(photo.shape[:2], bool), False
    for layer in layers:
        for part in look(source, layer):
            part = replace(part, removed=layer.removed)
            coverage = _coverage(part, seen.shape)
            _draw(source, part)
            shades |= part.effect
            shaded &= coverage < 255
            if not part.removed:
                _draw(truth, part)
                seen &= coverage < 255
            elif part.effect:
                shaded |= coverage > 0
            else:
                seen |= coverage > 0
    return Pair(source, truth, grown(seen, margin), shaded if shades else None)


def fitted(cutout: np.ndarray, height: int, flip: bool = False, turn: float = 0) -> np.ndarray:
    """A cut-out drawn `height` px high, then turned counter-clockwise by `turn` degrees. uint8 RGBA (h, w, 4)."""
    picture = Image.fromarray(cutout)
    if flip:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    width = max(1, round(picture.width * height / picture.height))
    picture = picture.resize((width, max(1, height)), Image.Resampling.LANCZOS)
    if turn:
        # Pillow turns each channel by itself, so colours are weighted by the coverage first. Bicubic would overshoot
        # at the edge and leave a bright rim.
        picture = picture.convert("RGBa").rotate(turn, Image.Resampling.BILINEAR, expand=True).convert("RGBA")
    return np.array(picture)


def _draw(picture: np.ndarray, layer: Layer) -> None:
    there, part = _overlap(layer, picture.shape)
    ground = picture[there.slices].astype(np.int32)
    colour, coverage = part[..., :3].astype(np.int32), part[..., 3:].astype(np.int32)
    picture[there.slices] = (ground * (255 - coverage) + colour * coverage + 127) // 255


def _coverage(layer: Layer, size: tuple[int, ...]) -> np.ndarray:
    coverage = np.zeros(size, np.uint8)
    there, part = _overlap(layer, size)
    coverage[there.slices] = part[..., 3]
    return coverage


def _overlap(layer: Layer, size: tuple[int, ...]) -> tuple[Box, np.ndarray]:
    """Where a layer lies inside a picture of this size, and that part of the layer."""
    rows, columns = layer.rgba.shape[:2]
    left, top = min(max(layer.left, 0), size[1]), min(max(layer.top, 0), size[0])
    right, bottom = min(max(layer.left + columns, left), size[1]), min(max(layer.top + rows, top), size[0])
    part = layer.rgba[top - layer.top : bottom - layer.top, left - layer.left : right - layer.left]
    return Box(left, top, right, bottom), part
