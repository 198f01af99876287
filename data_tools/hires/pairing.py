"""One pair in high resolution: a part of a photo, pixel for pixel, with things laid over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data_tools.hires.settings import Settings
from data_tools.parts import hash_of, seed_of
from data_tools.synthesize.building import triplet_of
from data_tools.synthesize.looks import look_of
from data_tools.synthesize.originals import Original
from data_tools.synthesize.placing import KINDS, Ground, good_enough
from data_tools.synthesize.sample import FEWEST, MOST, Plan, Sample, Scale, arranged, composed
from rorem.errors import RoremError
from rorem.opacity import opacity_of
from rorem.picture import open_picture, to_srgb
from rorem.triplet import Triplet
from rorem.triplet.record import sha256

CROPS = 4  # tried of a photo
SHARP = 1.0  # most that a cut-out is enlarged: it is never softer than it was photographed
FINE = 8  # a cut-out's longer side is at least an 8th of the picture's side, or it would be a speck

UNREADABLE, SMALL = "that cannot be read", "too small"
CLEAR = "with transparent parts"
CUTOUTS = "too large for the cut-outs that there are"
NO_PLACE = "without a place for a thing"


def name_of(photo: Original, number: int) -> str:
    """What the pair is called: as the photo, and with a number from the second pair on.

    The suffix stays, so that a.png, a.jpg and a-2.png give pairs of different names, whatever else comes to the folder.
    """
    return f"{photo.key}-{number + 1}" if number else photo.key


def pair_of(photo: Original, number: int, cutouts: Sequence[Original], settings: Settings) -> Triplet | tuple[str, str]:
    """The pair, or the kind of reason why there is none, and what it is.

    Depends on nothing but the photo, the cut-outs and the settings, so that the order of work does not matter.
    """
    try:
        data = photo.read()
        picture = open_picture(data, name=photo.key)
        side = settings.side_for(min(picture.size))
        if not side:
            return SMALL, f"{picture.width} x {picture.height} pixels"
        if opacity_of(picture) is not None:
            return CLEAR, ""
        whole = to_srgb(picture)
    except (OSError, RoremError) as error:
        return UNREADABLE, str(error)
    fine = [one for one in cutouts if max(one.width, one.height) * FINE >= side]
    if not fine:
        return CUTOUTS, f"none of them is {side // FINE} pixels long"
    credited = replace(photo, width=picture.width, height=picture.height, sha256=sha256(data))
    name = name_of(photo, number)
    try:
        sample = _sample(credited, whole, side, name, fine, settings)
    except (OSError, RoremError) as error:  # a cut-out that changed since it was looked at
        return UNREADABLE, str(error)
    if sample is None:
        return NO_PLACE, ""
    said: dict[str, object] = {"matched": settings.matched, "shadow": settings.shadow, "synthesis_seed": settings.seed}
    return replace(triplet_of(name, sample, said), accepted_by="truth")


def _sample(
    photo: Original, whole: np.ndarray, side: int, name: str, cutouts: Sequence[Original], settings: Settings
) -> Sample | None:
    rng = np.random.default_rng(seed_of(name, settings.seed))
    kind = KINDS[hash_of("kind", name) % len(KINDS)]
    count = int(rng.integers(FEWEST, MOST + 1)) if rng.random() < settings.several else 1
    hidden = bool(rng.random() < settings.occluded)
    best: tuple[Plan, tuple[int, int, int], np.ndarray] | None = None
    for _ in range(CROPS):
        left, top = (int(rng.integers(0, length - side + 1)) for length in whole.shape[1::-1])
        ground = np.ascontiguousarray(whole[top : top + side, left : left + side])
        rows = (top / whole.shape[0], (top + side) / whole.shape[0]) if settings.matched else None
        plan = arranged(Ground(ground), kind, count, hidden, cutouts, rng, Scale(rows, SHARP))
        if plan and (best is None or plan.score > best[0].score):
            best = plan, (left, top, side), ground
        if plan and good_enough(kind, plan.score):
            break
    if best is None:
        return None
    plan, crop, ground = best
    return composed(plan, ground, kind, photo, crop, rng, look_of(settings.matched, settings.shadow))
