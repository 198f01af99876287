"""What CLIP says of the place where the thing was."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rorem.geometry import Box
from rorem.metrics import networks
from rorem.metrics.cells import bounds, cosine_torch
from rorem.metrics.contract import Measure, Metric, Seen

if TYPE_CHECKING:
    from torch import Tensor

GROWN = 0.25  # of the box's longer side, on each side
LEAST_GROWN = 16  # px; CLIP has nothing to say of a few pixels
NOTHING = "background"


def changed() -> Measure:
    """`clip_box`. Raises as `networks.clip`."""
    return partial(of_change, networks.clip())


def emptied() -> Measure:
    """`clip_box/text`. Raises as `networks.clip`."""
    return partial(of_text, networks.clip())


def of_change(asked: networks.Asked, seen: Seen) -> float:
    """How far CLIP's view of the place moved: 1 - cosine of its image vectors of the box in source and result, in
    [0, 2]. 0 = as it was; nan for an empty mask.

    The box is the mask's, grown by a quarter of its longer side, 16 px at least, on each side and cut at the picture's
    edges; CLIP sees it squashed to its square. A removed thing moves it, and so does anything else that was put there:
    the number has no good side of its own. Own definition, after the CLIP distance that OBER-Test prints.
    Raises OutOfMemory.
    """
    box = box_of(seen.mask)
    if box is None:
        return float("nan")
    return 1 - cosine_torch(vector(asked, seen.source, box), vector(asked, seen.result, box))


def of_text(asked: networks.Asked, seen: Seen) -> float:
    """The cosine of CLIP's vectors of the result's box (as in `of_change`) and of the text "background", in [-1, 1];
    nan for an empty mask. Raises OutOfMemory."""
    box = box_of(seen.mask)
    if box is None:
        return float("nan")
    return cosine_torch(vector(asked, seen.result, box), words(asked, NOTHING))


def box_of(mask: np.ndarray) -> Box | None:
    """The mask's box with its surroundings. mask: bool (H, W)."""
    box = bounds(mask)
    return box and box.grown(max(LEAST_GROWN, round(GROWN * box.side))).clipped(mask.shape[1], mask.shape[0])


def vector(asked: networks.Asked, rgb: np.ndarray, box: Box) -> Tensor:
    """CLIP's vector of a part of a picture, of length 1. rgb: uint8 (H, W, 3)."""
    part = np.ascontiguousarray(rgb[box.slices])
    return asked.of(part, "picture", lambda: asked.net.picture(part))


def words(asked: networks.Asked, text: str) -> Tensor:
    """CLIP's vector of a text, of length 1."""
    return asked.of(np.zeros(0, np.uint8), ("text", text), lambda: asked.net.text(text))


METRICS: tuple[Metric, ...] = (
    Metric(
        id="clip_box",
        title="CLIP change",
        about=(
            "1 - cosine of CLIP L/14-336's vectors of the mask's box, grown by a quarter, in the photo and in the "
            "result. 0 = nothing happened; a new thing moves it as much as an empty place."
        ),
        better="",
        load=changed,
        parts=(networks.CLIP_L,),
        packages=networks.PACKAGES,
    ),
    Metric(
        id="clip_box/text",
        title='CLIP "background"',
        about=(
            "Cosine of CLIP L/14-336's vectors of the result in the mask's box, grown by a quarter, and of the word "
            "background."
        ),
        better="higher",
        load=emptied,
        parts=(networks.CLIP_L,),
        packages=networks.PACKAGES,
    ),
)
