"""A soft shadow on the ground, close around where a thing stands.

Where the sun is, is not known. What every thing has on every kind of ground is a dark line where it touches, and less
light from the sky close to it: that is drawn, and no shape that falls to one side.
"""

from __future__ import annotations

import cv2
import numpy as np

from data_tools.synthesize.composing import Layer

SOLID = 128  # coverage, of 255, from which a pixel belongs to the thing
STANDS = 0.12  # of the height: what reaches this far down touches the ground
HANGS = 0.6  # of the height: what is higher above the ground takes no light from it
LINE, LINE_DARK = 0.012, 0.55  # the dark line: half its thickness as a share of the thing's size, and its darkness
POOL, POOL_DARK = 0.05, 0.45  # the same for the soft part around it
SIDEWAYS = 1.6  # the soft part is so many times wider than it is high, as ground is seen at a slant
LEAST = 3  # of 255; what is fainter is not drawn, so that the shadow ends somewhere


def shadow_of(layer: Layer) -> Layer | None:
    """The shadow as a layer to be drawn beneath the thing; None for what is too small to have one."""
    solid = layer.rgba[..., 3] >= SOLID
    rows, columns = np.nonzero(solid)
    if len(rows) < 16:
        return None
    height = int(rows.max() - rows.min() + 1)
    size = float(np.hypot(height, columns.max() - columns.min() + 1)) / 2**0.5
    line, pool = max(0.8, LINE * size), max(1.5, POOL * size)
    aside, below = int(np.ceil(3 * pool * SIDEWAYS)), int(np.ceil(4 * pool))
    first = max(0, int(rows.max()) - height // 2 - below)  # nothing is dark above the middle
    solid = cv2.copyMakeBorder(solid.astype(np.uint8), 0, below, aside, aside, cv2.BORDER_CONSTANT, value=0) > 0

    any_there = solid.any(0)
    lowest = np.where(any_there, solid.shape[0] - 1 - solid[::-1].argmax(0), 0).astype(np.float32)
    above = rows.max() - lowest  # px between the lowest point of a column and the ground
    touches = np.where(any_there, np.clip(1 - above / max(1.0, STANDS * height), 0, 1), 0)
    covers = np.where(any_there, np.clip(1 - above / max(1.0, HANGS * height), 0, 1), 0)

    at = np.arange(first, solid.shape[0], dtype=np.float32)[:, None]
    dark_line = touches * np.exp(-((at - lowest) ** 2) / (2 * line**2))
    dark_pool = covers * np.exp(-((at - (rows.max() - 0.25 * above)) ** 2) / (2 * pool**2))
    dark_line = cv2.GaussianBlur(dark_line.astype(np.float32), (0, 0), sigmaX=line * SIDEWAYS, sigmaY=line / 2)
    dark_pool = cv2.GaussianBlur(dark_pool.astype(np.float32), (0, 0), sigmaX=pool * SIDEWAYS, sigmaY=pool / 2)
    dark = 1 - (1 - LINE_DARK * np.clip(dark_line, 0, 1)) * (1 - POOL_DARK * np.clip(dark_pool, 0, 1))
    coverage = np.clip(np.round(dark * 255) - LEAST, 0, 255).astype(np.uint8)
    rgba = np.dstack([np.zeros((*coverage.shape, 3), np.uint8), coverage])
    return Layer(rgba, layer.left - aside, layer.top + first, layer.removed, effect=True)
