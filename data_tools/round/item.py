"""What a round knows of a record without its pictures."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, fields

from data_tools.near import Place, photo_hash, place_of
from rorem.errors import BadData, BadMask, RoremError
from rorem.mask_file import read_mask
from rorem.metrics.psnr import psnr
from rorem.picture import open_picture, to_rgb
from rorem.triplet import Triplet
from rorem.triplet.columns import COLUMNS
from rorem.triplet.fields import COUNTS, TEXTS, check_extra

EDITION = 1  # raised by whoever changes what is known of the same record


@dataclass(frozen=True, slots=True)
class Item:
    """at: the record's number in its set. name to votes_no: as in `Triplet`. source: hash of the photo's file.
    result, truth: whether it has them. look: the photo's perceptual hash. left to share: as in `Place`.
    psnr: of the result against the truth inside the mask, dB; nan where there are not both.
    """

    at: int
    name: str
    id: str
    sample: str
    source: str
    method: str
    round: int
    accepted_by: str
    p_yes: float | None
    votes_yes: int
    votes_no: int
    result: bool
    truth: bool
    look: int
    left: float
    top: float
    right: float
    bottom: float
    share: float
    psnr: float


FIELDS = tuple(field.name for field in fields(Item))


def look_at(at: int, triplet: Triplet, look: int | None = None) -> Item:
    """Looks at a record. look: the hash of its photo, if that is known.

    Raises BadPicture, BadMask, and BadData for what no shard can hold.
    """
    _check(triplet)
    place = place_of(triplet.mask)
    return Item(
        at=at,
        name=triplet.name,
        id=triplet.id,
        sample=triplet.sample,
        source=triplet.hashes["sha256_source"] or "",
        method=triplet.method,
        round=triplet.round,
        accepted_by=triplet.accepted_by,
        p_yes=triplet.p_yes if triplet.p_yes is not None and math.isfinite(triplet.p_yes) else None,
        votes_yes=triplet.votes_yes,
        votes_no=triplet.votes_no,
        result=triplet.result is not None,
        truth=triplet.truth is not None,
        look=photo_hash(triplet.source) if look is None else look,
        psnr=_psnr(triplet),
        **_fields(place),
    )


def _check(triplet: Triplet) -> None:
    """Raises BadData for what cannot be written, so that it is known before half a set is."""
    check_extra(triplet)
    try:
        for text in (triplet.name, *(getattr(triplet, name) for name in TEXTS)):
            text.encode()
    except UnicodeEncodeError as error:
        raise BadData("Its name, or what is said of it, is no text.") from error
    for name in COUNTS:
        most = 2 ** (int(COLUMNS[name].removeprefix("int")) - 1)
        if not -most <= getattr(triplet, name) < most:
            raise BadData(f"Its {name} is too large a number.")


def _fields(place: Place) -> dict[str, float]:
    return dict(zip(("left", "top", "right", "bottom", "share"), astuple(place), strict=True))


def _psnr(triplet: Triplet) -> float:
    """nan also where the sizes differ: `check` tells of those. Raises BadPicture, BadMask."""
    if triplet.result is None or triplet.truth is None:
        return math.nan
    result, truth = (to_rgb(open_picture(data)) for data in (triplet.result, triplet.truth))
    if result.shape != truth.shape:
        return math.nan
    mask = read_mask(triplet.mask, truth.shape[1], truth.shape[0], polarity="white").mask
    return psnr(truth, result, mask)


def kind_of(error: RoremError) -> str:
    """What to count a record under that could not be looked at."""
    if isinstance(error, BadMask):
        return "with a mask that cannot be used"
    return "that cannot be read" if isinstance(error, BadData) else "with a photo that cannot be opened"
