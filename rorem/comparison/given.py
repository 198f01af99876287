"""The files of a comparison that is to be made, read as a person has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rorem.comparison.bundle import Comparison
from rorem.comparison.record import Cell, Request
from rorem.comparison.replay import Recorded, read
from rorem.errors import BadMask, BadPicture
from rorem.mask_file import Polarity, read_mask
from rorem.picture import Picture, open_picture


@dataclass(frozen=True, eq=False)
class Given:
    """What is to be compared; see `Comparison`. notes: plain sentences on what was guessed. recorded: where it was read
    from, None for a new comparison."""

    picture: Picture
    source: bytes
    name: str
    mask: np.ndarray
    avoid: np.ndarray | None
    truth: bytes | None
    request: Request
    blind: bool
    notes: tuple[str, ...] = ()
    recorded: Recorded | None = None

    def finished(self, cells: Sequence[Cell]) -> Comparison:
        """With these cells, to be kept."""
        return Comparison(
            self.picture,
            self.mask,
            self.request,
            cells,
            source=self.source,
            name=self.name,
            avoid=self.avoid,
            truth=self.truth,
            blind=self.blind,
        )


def from_files(
    photo: Path, mask: Path, request: Request, *, truth: Path | None, avoid: Path | None, polarity: Polarity
) -> Given:
    """Names are hidden where the request has an `order_seed`. Raises BadPicture, BadMask."""
    source = _bytes(photo)
    picture = open_picture(source, name=photo.name)
    reading = read_mask(_bytes(mask), picture.width, picture.height, polarity=polarity)
    left_alone = None
    if avoid is not None:
        try:  # the sure polarity: what to leave alone may well be nearly everything
            left_alone = read_mask(_bytes(avoid), picture.width, picture.height, polarity="white").mask
        except BadMask as error:
            raise BadMask(f"{avoid.name}, the mask of what to leave alone: {error}", error.fix) from error
    return Given(
        picture,
        source,
        photo.name,
        reading.mask,
        left_alone,
        None if truth is None else _bytes(truth),
        request,
        blind=request.order_seed is not None,
        notes=(*picture.notes, *reading.notes),
    )


def from_kept(path: Path) -> Given:
    """Raises BadData, BadPicture."""
    one = read(path)
    return Given(
        one.picture, one.source, one.name, one.mask, one.avoid, one.truth, one.request, one.blind, recorded=one
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise BadPicture(f"{path} could not be read: {why}.", "Check the name.") from error
