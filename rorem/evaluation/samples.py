"""Samples: the records of a set as pictures, ready for a method."""

from __future__ import annotations

import json
from dataclasses import dataclass

import cv2
import numpy as np

from rorem.errors import BadData, BadMask
from rorem.mask_file import read_mask
from rorem.picture import Picture, open_picture, to_rgb
from rorem.triplet.record import Triplet, sha256

SPECK = 0.02  # parts of a mask smaller than this share of its largest part are no object of their own
JOINED = 0.01  # of the longer side: marks nearer than this are one object


@dataclass(frozen=True, eq=False)
class Sample:
    """A photo and what is to be removed from it.

    id: hash of source and mask. content: of all that the set says of it; see `content_of`. mask: bool (H, W).
    truth: uint8 RGB (H, W, 3), or None. given: a result that came with the set, uint8 RGB of any size, or None.
    objects: how many things at once. occluded: whether something stands before them; None = the set does not say.
    """

    id: str
    content: str
    name: str
    picture: Picture
    mask: np.ndarray
    truth: np.ndarray | None
    given: np.ndarray | None
    category: str
    objects: int
    occluded: bool | None

    @property
    def mask_share(self) -> float:
        return float(self.mask.mean())


def decode(triplet: Triplet) -> Sample:
    """A record as pictures. White in its mask means remove: a set is no place for guessing.

    Raises BadPicture, BadMask, and BadData for a truth of another size.
    """
    picture = open_picture(triplet.source, name=triplet.name)
    mask = read_mask(triplet.mask, picture.width, picture.height, polarity="white").mask
    if mask.all():
        raise BadMask("The whole photo is marked, so there is nothing left to go by.")
    truth = None if triplet.truth is None else to_rgb(open_picture(triplet.truth, name=f"{triplet.name}, its truth"))
    if truth is not None and truth.shape[:2] != mask.shape:
        high, wide = truth.shape[:2]
        raise BadData(
            f"The truth of {triplet.name} is {wide} x {high} pixels and its photo {picture.width} x {picture.height}.",
            "Give a truth of the photo's size.",
        )
    told = triplet.extra.get("objects")
    occluded = triplet.extra.get("occluded")
    return Sample(
        id=triplet.sample,
        content=content_of(triplet),
        name=triplet.name,
        picture=picture,
        mask=mask,
        truth=truth,
        given=None
        if triplet.result is None
        else to_rgb(open_picture(triplet.result, name=f"{triplet.name}, its result")),
        category=triplet.category,
        objects=told if isinstance(told, int) and not isinstance(told, bool) and told > 0 else objects_in(mask),
        occluded=occluded if isinstance(occluded, bool) else None,
    )


def content_of(triplet: Triplet) -> str:
    """Hash of everything that numbers may depend on, truth and given result included. Hex, 64 digits."""
    told = [triplet.category, *(triplet.extra.get(name) for name in ("objects", "occluded"))]
    parts = [sha256(part or b"") for part in (triplet.truth, triplet.result)]
    return sha256(json.dumps([triplet.sample, *parts, *told], default=str).encode())


def objects_in(mask: np.ndarray) -> int:
    """How many things a mask marks: its parts, those that nearly touch taken together, specks not counted."""
    reach = max(1, round(JOINED * max(mask.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    joined = cv2.dilate(mask.astype(np.uint8), kernel)
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return int((areas >= SPECK * areas.max()).sum()) if len(areas) else 0
