"""What a round knows of a record without its pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from data_tools.fitting import check_fits
from data_tools.near import place_of
from data_tools.round.pictured import NONE, Pictured, pictured
from data_tools.round.sizes import OtherSize, check_sizes
from rorem.errors import BadData, BadMask, RoremError
from rorem.mask_file import read_mask
from rorem.metrics.psnr import psnr
from rorem.picture import open_picture, to_rgb
from rorem.triplet import Triplet

EDITION = 3  # raised by whoever changes what is known of the same record


@dataclass(frozen=True, slots=True)
class Item(Pictured):
    """id to votes_no: as in `Triplet`. left to share: as in `Place`.
    psnr: of the result against the truth inside the mask, dB; nan where there are not both.
    """

    id: str
    sample: str
    method: str
    seed: int
    round: int
    accepted_by: str
    p_yes: float | None
    votes_yes: int
    votes_no: int
    left: float
    top: float
    right: float
    bottom: float
    share: float
    psnr: float


def look_at(at: int, triplet: Triplet, looks: Mapping[str, int] = NONE) -> Item:
    """Looks at a record. looks: perceptual hashes that are known, by the hash of the file.

    Raises BadPicture and BadMask for what is damaged, OtherSize, and BadData for what no shard can hold.
    """
    check_fits(triplet)
    check_sizes(triplet)
    photos = pictured(at, triplet, looks)
    return Item(
        **{field.name: getattr(photos, field.name) for field in fields(photos)},
        id=triplet.id,
        sample=triplet.sample,
        method=triplet.method,
        seed=triplet.seed,
        round=triplet.round,
        accepted_by=triplet.accepted_by,
        p_yes=triplet.p_yes if triplet.p_yes is not None and math.isfinite(triplet.p_yes) else None,
        votes_yes=triplet.votes_yes,
        votes_no=triplet.votes_no,
        psnr=_psnr(triplet),
        **asdict(place_of(triplet.mask)),
    )


def _psnr(triplet: Triplet) -> float:
    """Raises BadPicture, BadMask."""
    if triplet.result is None or triplet.truth is None:
        return math.nan
    result, truth = (to_rgb(open_picture(data)) for data in (triplet.result, triplet.truth))
    mask = read_mask(triplet.mask, truth.shape[1], truth.shape[0], polarity="white").mask
    return psnr(truth, result, mask)


def kind_of(error: RoremError) -> str:
    """What to count a record under that could not be looked at."""
    if isinstance(error, BadMask):
        return "with a mask that cannot be used"
    if isinstance(error, OtherSize):
        return "with a picture of another size than its photo"
    return "that cannot be read" if isinstance(error, BadData) else "with a picture that cannot be opened"
