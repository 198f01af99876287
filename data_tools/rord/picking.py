"""Which frames of a scene are worth a pair: sharp ones, and each unlike the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from data_tools.rord.layout import Frame
from data_tools.rord.measuring import background, sharpness, small, small_mask
from data_tools.rord.reading import LeftOut, Seen

THUMB = 96  # px of the longer side of what is kept of a frame
BLURRED, ALIKE = "blurred beside others of their scene", "much like another frame of their scene"
MORE = "beyond the most that a scene gives"


@dataclass(frozen=True, eq=False)
class Glance:
    """What is kept of a frame while its scene is looked through. sharp: see `sharpness`. thumb: float32 (h, w), levels.
    goes: bool (h, w), what may go."""

    frame: Frame
    sharp: float
    thumb: np.ndarray
    goes: np.ndarray


def glance(frame: Frame, seen: Seen) -> Glance:
    """Looks at a frame. Its sharpness is that of the background, which all frames of a scene share."""
    looked = small(seen.rgb)
    marked = small_mask(seen.marked, looked.shape)
    scale = THUMB / max(looked.shape[:2])
    size = max(1, round(looked.shape[1] * scale)), max(1, round(looked.shape[0] * scale))
    grey = cv2.cvtColor(looked, cv2.COLOR_RGB2GRAY)
    thumb = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return Glance(frame, sharpness(looked, background(marked)), thumb, small_mask(marked, thumb.shape))


def usual_sharpness(glances: Sequence[Glance]) -> float:
    """The median of a scene's frames; 0 for none."""
    return float(np.median([one.sharp for one in glances])) if glances else 0.0


def share_of(one: Glance, usual: float) -> float:
    """A frame's sharpness as a share of the usual one; 1 where there is none to compare with."""
    return one.sharp / usual if usual else 1.0


def sharp_enough(
    glances: Sequence[Glance], usual: float, least: float
) -> tuple[list[Glance], list[tuple[Glance, LeftOut]]]:
    """Those that have at least the share `least` of the usual sharpness, and the others."""
    kept, blurred = [], []
    for one in glances:
        share = share_of(one, usual)
        if share >= least:
            kept.append(one)
        else:
            blurred.append((one, LeftOut(BLURRED, f"{share:.0%} of the usual sharpness")))
    return kept, blurred


def unlike(
    glances: Sequence[Glance], most: int, least: float, use: Callable[[Glance], bool]
) -> Iterator[tuple[Glance, LeftOut]]:
    """Uses up to `most` frames, each as unlike as can be from those used; yields those that are passed over.

    It begins with the sharpest. use: tries to make a pair, and says whether it became one; a frame that did not is not
    compared with. least: a frame that is nearer than this to a used one is passed over, 0 to 1, see `apart`.
    """
    left = sorted(glances, key=lambda one: (-one.sharp, one.frame.name))
    nearest = {one.frame.name: float("inf") for one in left}
    used = 0
    while left and used < most:
        best = max(left, key=lambda one: nearest[one.frame.name])
        if nearest[best.frame.name] < least:
            break
        left.remove(best)
        if use(best):
            used += 1
            for one in left:
                nearest[one.frame.name] = min(nearest[one.frame.name], apart(one, best))
    for one in left:
        close = nearest[one.frame.name]
        yield one, LeftOut(ALIKE, f"{close:.3f} apart") if close < least else LeftOut(MORE)


def apart(one: Glance, two: Glance) -> float:
    """How unlike two frames are, 0 to 1: the mean difference where a thing is in either of them."""
    if one.thumb.shape != two.thumb.shape:
        return 1.0
    there = one.goes | two.goes
    return float(np.abs(one.thumb - two.thumb)[there].mean() / 255) if there.any() else 0.0
