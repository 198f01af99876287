"""What is looked at before a record may go into a round."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from data_tools.check.rules import Rules, look
from data_tools.near import photo_hash
from data_tools.round.item import kind_of, look_at
from rorem.errors import RoremError
from rorem.triplet import Triplet
from rorem.triplet.record import sha256
from tests.data_tools.round.sets import candidate, file, photo, removal

SMALL = file(photo(1)[:5, :5])
SIZES, DAMAGED = "with a picture of another size than its photo", "with a picture that cannot be opened"


def whole() -> Triplet:
    return candidate(1, truth=file(photo(1)))


def torn(data: bytes) -> bytes:
    """A PNG with a wrong checksum, which decoders do not mind."""
    bad = bytearray(data)
    bad[bad.index(b"IEND") - 5] ^= 1
    return bytes(bad)


def turned(pixels: np.ndarray) -> bytes:
    """A JPEG that lies on its side and says so."""
    image, data = Image.fromarray(np.rot90(pixels)), io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    image.save(data, "JPEG", exif=exif)
    return data.getvalue()


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (lambda one: replace(one, mask=file(np.eye(5, dtype=bool))), SIZES),
        (lambda one: replace(one, result=SMALL), SIZES),
        (lambda one: replace(one, truth=SMALL), SIZES),
        (lambda one: replace(one, effect=file(np.eye(5, dtype=bool))), SIZES),
        (lambda one: replace(one, source=turned(photo(1)[:40])), SIZES),
        (lambda one: replace(one, source=b"not a picture"), DAMAGED),
        (lambda one: replace(one, result=b"not a picture"), DAMAGED),
        (lambda one: replace(one, result=torn(removal(1))), DAMAGED),
        (lambda one: replace(one, result=file(photo(1), "JPEG")[:-200]), DAMAGED),
        (lambda one: replace(one, truth=b"not a picture"), DAMAGED),
        (lambda one: replace(one, effect=b"not a picture"), DAMAGED),
        (lambda one: replace(one, mask=b"not a picture"), "with a mask that cannot be used"),
        (lambda one: replace(one, mask=file(np.zeros((48, 48), bool))), "with a mask that cannot be used"),
    ],
)
def test_what_check_would_complain_of_is_found(damage: Callable[[Triplet], Triplet], kind: str) -> None:
    bad = damage(whole())
    assert look(bad, Rules(changed=1.0)), "check says so"
    with pytest.raises(RoremError) as caught:
        look_at(0, bad)
    assert kind_of(caught.value) == kind


def test_a_photo_that_lies_on_its_side_is_as_large_as_it_is_seen() -> None:
    pixels = photo(1)[:40]
    marked = np.zeros((40, 48), bool)
    marked[8:20, 8:20] = True
    item = look_at(0, Triplet("one", turned(pixels), file(marked), file(pixels)))
    assert (item.left, item.bottom) == (8 / 48, 20 / 40)


def test_every_picture_has_its_hashes() -> None:
    one = candidate(1, truth=file(photo(5)))
    item = look_at(3, one)
    assert one.result is not None and one.truth is not None
    told = [(sha256(data), photo_hash(data)) for data in (one.source, one.result, one.truth)]
    assert list(item.pictures) == told and item.at == 3
    known = {digits: number for number, (digits, _) in enumerate(told)}
    assert [look for _, look in look_at(3, one, known).pictures] == [0, 1, 2], "nothing is looked at twice"
    bare = look_at(0, replace(one, result=None, truth=None))
    assert list(bare.pictures) == told[:1] and (bare.result, bare.truth_look) == ("", None)
