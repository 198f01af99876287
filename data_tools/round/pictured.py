"""The photos in a record, by what they are known again: where their files are equal, and where they look alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data_tools.near import photo_hash
from rorem.errors import BadPicture
from rorem.triplet import Triplet
from rorem.triplet.record import sha256

EDITION = 1  # raised by whoever changes what is known of the same record
NONE: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Pictured:
    """at: the record's number in its set. source, result, truth: hash of the file; "" for what is not there.
    look, result_look, truth_look: their perceptual hashes; None for what is not there."""

    at: int
    name: str
    source: str
    look: int
    result: str
    result_look: int | None
    truth: str
    truth_look: int | None

    @property
    def pictures(self) -> tuple[tuple[str, int], ...]:
        """Hash and perceptual hash of every photo that is there."""
        all_ = ((self.source, self.look), (self.result, self.result_look), (self.truth, self.truth_look))
        return tuple((digits, look) for digits, look in all_ if look is not None)


def pictured(at: int, triplet: Triplet, looks: Mapping[str, int] = NONE) -> Pictured:
    """Looks at the photos of a record, and at nothing else of it: so what else is damaged hides no photo.

    looks: perceptual hashes that are known, by the hash of the file. Raises BadPicture.
    """
    source = triplet.hashes["sha256_source"] or ""
    result = triplet.hashes["sha256_result"] or ""
    truth = "" if triplet.truth is None else sha256(triplet.truth)
    return Pictured(
        at=at,
        name=triplet.name,
        source=source,
        look=_look("photo", triplet.source, looks.get(source)),
        result=result,
        result_look=None if triplet.result is None else _look("result", triplet.result, looks.get(result)),
        truth=truth,
        truth_look=None if triplet.truth is None else _look("truth", triplet.truth, looks.get(truth)),
    )


def _look(part: str, data: bytes, known: int | None) -> int:
    """Raises BadPicture."""
    if known is not None:
        return known
    try:
        return photo_hash(data)
    except BadPicture as error:
        raise BadPicture(f"Its {part} cannot be used: {error}", error.fix) from error
