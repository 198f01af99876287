"""Which photos look alike: hashes that last, places of masks, and a search that misses nothing."""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data_tools.near import alike, near_pairs, nearest, photo_hash, place_of
from data_tools.near.places import Place
from rorem.errors import BadMask, BadPicture
from rorem.triplet import Triplet, open_set
from tests.server import ROOT

SAMPLES = [one for one in open_set(str(ROOT / "rorem" / "samples")) if isinstance(one, Triplet)]
PHOTOS = [Image.open(io.BytesIO(one.source)).convert("RGB") for one in SAMPLES]
HASHES = [photo_hash(one.source) for one in SAMPLES]


def file(image: Image.Image, format: str = "PNG", **how: object) -> bytes:
    data = io.BytesIO()
    image.save(data, format, **how)  # pyright: ignore[reportArgumentType]
    return data.getvalue()


def far(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def mask(box: tuple[int, int, int, int], size: tuple[int, int] = (100, 80), mode: str = "L") -> bytes:
    image = Image.new("L", size)
    image.paste(255, box)
    return file(image.convert(mode))


@pytest.mark.parametrize(
    "again",
    [
        lambda image: file(image, "JPEG", quality=30),
        lambda image: file(image.resize((256, 256), Image.Resampling.LANCZOS), "WEBP", quality=80),
        lambda image: file(image.resize((1000, 700), Image.Resampling.LANCZOS), "JPEG", quality=80),
        lambda image: file(image.point(lambda value: value * 1.08)),
        lambda image: file(image.convert("RGBA")),
    ],
    ids=["jpeg", "smaller", "stretched", "brighter", "with alpha"],
)
def test_a_photo_that_was_saved_again_keeps_its_hash(again) -> None:
    assert max(far(known, photo_hash(again(photo))) for known, photo in zip(HASHES, PHOTOS, strict=True)) <= 4


def test_other_photos_have_other_hashes() -> None:
    assert min(far(one, other) for one, other in combinations(HASHES, 2)) >= 16


def test_a_turned_photo_is_seen_upright() -> None:
    photo = PHOTOS[0].resize((300, 200))
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90 degrees
    turned = file(photo.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    assert far(photo_hash(turned), photo_hash(file(photo))) <= 4


def test_sixteen_bits_are_the_same_photo() -> None:
    grey = PHOTOS[1].convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    assert far(photo_hash(file(deep)), photo_hash(file(grey))) <= 2


def test_a_photo_of_one_colour_has_the_hash_0() -> None:
    for colour in ((0, 0, 0), (200, 30, 90)):
        assert photo_hash(file(Image.new("RGB", (90, 61), colour))) == 0


@pytest.mark.parametrize("data", [b"", b"no photo", SAMPLES[0].source[:2000]])
def test_what_is_no_photo_is_said_so(data: bytes) -> None:
    with pytest.raises(BadPicture):
        photo_hash(data)


def test_a_place_is_told_in_shares() -> None:
    assert place_of(mask((10, 20, 60, 40))) == Place(0.1, 0.25, 0.6, 0.5, 50 * 20 / 8000)
    assert place_of(mask((10, 20, 60, 40), mode="1")) == place_of(mask((10, 20, 60, 40), mode="RGB"))


def test_a_mask_of_ones_is_a_mask() -> None:
    levels = np.zeros((80, 100), np.uint8)
    levels[20:40, 10:60] = 1
    assert place_of(file(Image.fromarray(levels))) == place_of(mask((10, 20, 60, 40)))


@pytest.mark.parametrize("data", [mask((0, 0, 0, 0)), mask((0, 0, 100, 80)), b"no mask"])
def test_a_mask_that_marks_nothing_or_all_has_no_place(data: bytes) -> None:
    with pytest.raises(BadMask):
        place_of(data)


def places(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    found = [place_of(mask(box)) for box in boxes]
    return np.array([[one.left, one.top, one.right, one.bottom, one.share] for one in found])


def test_places_are_alike_where_half_is_common() -> None:
    thing = (10, 10, 50, 50)
    moved, beside, larger, thin = (13, 12, 53, 52), (52, 10, 92, 50), (0, 0, 80, 80), (10, 10, 50, 14)
    assert alike(places(thing)[0], places(thing, moved, beside, larger, thin)).tolist() == [True, True, *[False] * 3]


def slowly(hashes: list[int], distance: int) -> list[list[int]]:
    return [
        [one, other]
        for one, other in combinations(range(len(hashes)), 2)
        if far(hashes[one], hashes[other]) <= distance
    ]


# Hashes that are near each other, which drawn ones never are: some bits of a few are turned.
@st.composite
def crowds(draw: st.DrawFn) -> list[int]:
    centres = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4))
    turned = st.lists(st.integers(0, 63), max_size=9)
    some = draw(st.lists(st.tuples(st.sampled_from(centres), turned), max_size=40))
    return [centre ^ sum(1 << bit for bit in set(bits)) for centre, bits in some]


@given(crowds(), st.integers(0, 16))
def test_the_search_finds_what_comparing_all_finds(hashes: list[int], distance: int) -> None:
    assert near_pairs(np.array(hashes, np.uint64), distance).tolist() == slowly(hashes, distance)


@pytest.mark.parametrize("distance", [0, 5, 6, 8, 12])
def test_the_search_is_exact_among_many(distance: int) -> None:
    """So many that another way to cut the hashes is chosen than among few, and all in a few crowds."""
    rng = np.random.default_rng(distance)
    bits = rng.random((2000, 64)) < np.linspace(0.02, 0.3, 64)
    hashes = np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64)
    found = near_pairs(hashes, distance)
    matrix = np.bitwise_count(hashes[:, None] ^ hashes[None, :]) <= distance
    assert found.tolist() == np.argwhere(np.triu(matrix, 1)).tolist()
    assert len(found) or distance == 0


@given(crowds(), crowds(), st.integers(0, 16))
def test_the_nearest_is_the_nearest(hashes: list[int], others: list[int], distance: int) -> None:
    found = nearest(np.array(hashes, np.uint64), np.array(others, np.uint64), distance)
    for one, at in zip(hashes, found.tolist(), strict=True):
        gaps = [far(one, other) for other in others]
        assert at == (gaps.index(min(gaps)) if gaps and min(gaps) <= distance else -1)


@pytest.mark.parametrize("distance", [-1, 17])
def test_a_distance_has_bounds(distance: int) -> None:
    with pytest.raises(ValueError, match="distance"):
        near_pairs(np.zeros(2, np.uint64), distance)
