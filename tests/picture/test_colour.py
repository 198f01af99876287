"""What methods see, what screens show, and that a blend touches what was painted and nothing else."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rorem.picture import FileFacts, Picture, blend, from_rgb_array, open_picture, to_rgb, to_srgb
from rorem.picture.indexed import dithered, nearest
from tests.picture.samples import cmyk_profile, grey_profile, photo, photo16, rgb_profile, saved, shape_alpha

ONE = np.ones((43, 61), np.float32)


def palette_picture(entries: int = 64, clear: int | None = None) -> Picture:
    image = Image.fromarray(photo()).quantize(entries)
    manner = {} if clear is None else {"transparency": clear}
    return open_picture(saved(image, "PNG", **manner))


def inks(profile: bytes | None) -> Picture:
    """A CMYK picture with a hundred kinds of dark."""
    colour = np.dstack([255 - photo(), photo(seed=1)[..., 0] // 3])
    return Picture(colour, None, "cmyk", None, FileFacts("TIFF", icc=profile))


PICTURES = {
    "bilevel": Picture(photo()[..., 0] > 127, None, "bilevel"),
    "bilevel with alpha": Picture(photo()[..., 0] > 127, shape_alpha() > 127, "bilevel"),
    "grey": Picture(photo()[..., 0], None, "grey"),
    "grey with alpha": Picture(photo()[..., 0], shape_alpha(), "grey"),
    "grey 16": Picture(photo16()[..., 0], None, "grey"),
    "rgb": from_rgb_array(photo()),
    "rgb with alpha": from_rgb_array(photo(), shape_alpha()),
    "rgb 16": from_rgb_array(photo16(), shape_alpha().astype(np.uint16) * 257),
    "palette": palette_picture(),
    "palette with a clear entry": palette_picture(64, 5),
    "cmyk": inks(None),
    "cmyk with a profile": inks(cmyk_profile()),
}
every_picture = pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES.keys())


def frozen(picture: Picture) -> Picture:
    """The same picture in arrays that nobody can write to."""
    for array in (picture.colour, picture.alpha, picture.palette):
        if array is not None:
            array.setflags(write=False)
    return picture


def test_rgb_comes_as_it_is_and_16_bit_is_rounded() -> None:
    assert np.array_equal(to_rgb(from_rgb_array(photo())), photo())
    deep = photo16()
    assert np.array_equal(to_rgb(from_rgb_array(deep)), np.rint(deep / 257).astype(np.uint8))
    assert np.array_equal(to_rgb(from_rgb_array(photo().astype(np.uint16) * 257)), photo())


def test_grey_bilevel_and_palette_are_expanded() -> None:
    grey = photo()[..., 0]
    assert np.array_equal(to_rgb(Picture(grey, None, "grey")), np.dstack([grey] * 3))
    assert np.array_equal(to_rgb(Picture(grey > 99, None, "bilevel")), np.dstack([(grey > 99) * np.uint8(255)] * 3))
    image = Image.fromarray(photo()).quantize(64)
    assert np.array_equal(to_rgb(open_picture(saved(image, "PNG"))), np.asarray(image.convert("RGB")))


@every_picture
def test_both_views_are_8_bit_rgb_of_the_same_size(picture: Picture) -> None:
    for view in (to_rgb(picture), to_srgb(picture)):
        assert view.dtype == np.uint8 and view.shape == (43, 61, 3)


def test_profiles_are_applied_as_littlecms_does() -> None:
    from PIL import ImageCms

    srgb = ImageCms.createProfile("sRGB")
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    for profile, mode, picture in (
        (rgb_profile(), "RGB", PICTURES["rgb"]),
        (grey_profile(), "L", PICTURES["grey"]),
        (cmyk_profile(), "CMYK", PICTURES["cmyk"]),
    ):
        image = Image.frombytes(mode, (61, 43), picture.colour.tobytes())
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        expected = ImageCms.profileToProfile(image, own, srgb, intent, "RGB", flags=flags)
        assert expected is not None
        profiled = replace(picture, file=FileFacts(icc=profile))
        assert np.array_equal(to_srgb(profiled), np.asarray(expected))
        assert np.array_equal(to_rgb(profiled), to_srgb(profiled)) == (mode == "CMYK")


def test_pictures_without_a_profile_or_with_a_strange_one_show_as_they_are() -> None:
    for icc in (None, cmyk_profile(), b"acsp" * 60, rgb_profile()[:150] + bytes(400)):
        assert np.array_equal(to_srgb(replace(from_rgb_array(photo()), file=FileFacts(icc=icc))), photo())


def test_srgb_in_a_profile_changes_next_to_nothing() -> None:
    from PIL import ImageCms

    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = replace(from_rgb_array(photo()), file=FileFacts(icc=icc))
    assert np.abs(to_srgb(picture).astype(int) - photo()).max() <= 1


@pytest.mark.parametrize(("profile", "most"), [(None, 0), (cmyk_profile(), 25)], ids=["plain", "profile"])
def test_cmyk_comes_back_through_its_inks(profile: bytes | None, most: int) -> None:
    picture = inks(profile)
    seen = to_rgb(picture)
    again = to_rgb(blend(picture, seen, ONE))
    assert np.abs(again.astype(int) - seen).max() <= most
    assert np.abs(again.astype(int) - seen).mean() < 1.5


@every_picture
def test_what_is_not_painted_stays_bit_for_bit(picture: Picture) -> None:
    weight = np.zeros((43, 61), np.float32)
    weight[10:20, 15:40] = np.linspace(0, 1, 25)
    paint = photo(seed=7)
    result = blend(frozen(picture), paint, weight, alpha=np.full((43, 61), 200, np.uint8))
    outside = weight == 0
    assert np.array_equal(result.colour[outside], picture.colour[outside])
    assert result.colour.dtype == picture.colour.dtype and result.colour.shape == picture.colour.shape
    assert (result.space, result.file) == (picture.space, picture.file)
    if picture.alpha is not None:
        assert result.alpha is not None and result.alpha.dtype == picture.alpha.dtype
        assert np.array_equal(result.alpha[outside], picture.alpha[outside])
    assert not np.array_equal(result.colour, picture.colour)


@every_picture
def test_no_weight_is_no_change(picture: Picture) -> None:
    result = blend(picture, photo(seed=7), np.zeros((43, 61), np.float32), np.zeros((43, 61), np.uint8))
    assert np.array_equal(result.colour, picture.colour)
    assert picture.alpha is None or (result.alpha is not None and np.array_equal(result.alpha, picture.alpha))
    broken = blend(picture, photo(seed=7), np.full((43, 61), np.nan, np.float32))
    assert np.array_equal(broken.colour, picture.colour)


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([np.uint8, np.uint16]), st.integers(0, 2**32 - 1))
def test_rgb_is_mixed_to_the_nearest_number(width: int, height: int, dtype: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    top = int(np.iinfo(dtype).max)
    colour = rng.integers(0, top + 1, (height, width, 3)).astype(dtype)
    paint = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    weight = np.where(rng.random((height, width)) < 0.3, 0, rng.random((height, width))).astype(np.float32)
    result = blend(from_rgb_array(colour), paint, weight).colour
    share = weight.astype(float)[..., None]
    exact = colour * (1 - share) + paint.astype(float) * (top / 255) * share
    assert np.abs(result - exact).max() <= 0.51
    assert np.array_equal(result[weight == 0], colour[weight == 0])


def test_full_weight_is_the_paint_itself() -> None:
    paint = photo(seed=7)
    assert np.array_equal(blend(from_rgb_array(photo()), paint, ONE).colour, paint)
    assert np.array_equal(blend(from_rgb_array(photo16()), paint, ONE).colour, paint.astype(np.uint16) * 257)
    grey = np.dstack([photo()[..., 0]] * 3)
    assert np.array_equal(blend(PICTURES["grey"], grey, ONE).colour, photo()[..., 0])


def test_alpha_moves_only_if_asked_to() -> None:
    picture = from_rgb_array(photo(), shape_alpha())
    kept = blend(picture, photo(seed=7), ONE)
    moved = blend(picture, photo(seed=7), ONE * 0.5, np.zeros((43, 61), np.uint8))
    assert kept.alpha is not None and np.array_equal(kept.alpha, shape_alpha())
    assert moved.alpha is not None and np.abs(moved.alpha - shape_alpha() / 2).max() <= 0.5
    assert blend(from_rgb_array(photo()), photo(seed=7), ONE, np.zeros((43, 61), np.uint8)).alpha is None


def test_a_fill_never_takes_a_transparent_entry() -> None:
    picture = palette_picture(64, 5)
    assert picture.palette is not None
    tempting = np.broadcast_to(picture.palette[5, :3], (43, 61, 3))
    result = blend(picture, np.ascontiguousarray(tempting), ONE)
    seen_before, seen_after = picture.palette[picture.colour][..., 3], picture.palette[result.colour][..., 3]
    assert np.array_equal(seen_before, seen_after)  # nothing became clear, and what was clear stays so
    assert (seen_before == 0).any() and (seen_before == 255).any()
    cleared = blend(picture, photo(seed=7), ONE, np.zeros((43, 61), np.uint8))
    assert (cleared.colour == 5).all()
    filled = blend(picture, photo(seed=7), ONE, np.full((43, 61), 255, np.uint8))
    assert (picture.palette[filled.colour][..., 3] == 255).all()


@given(st.integers(1, 256), st.integers(0, 2**32 - 1))
def test_nearest_is_the_nearest(entries: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 256, (entries, 4), dtype=np.uint8)
    table[:, 3] = 255
    wanted = rng.integers(0, 256, (50, 4), dtype=np.uint8)
    wanted[:, 3] = 255
    chosen = table[nearest(wanted, table, np.zeros(50, np.uint8))].astype(int)
    distance = ((wanted.astype(int)[:, None] - table.astype(int)[None]) ** 2).sum(axis=2)
    assert np.array_equal(((chosen - wanted.astype(int)) ** 2).sum(axis=1), distance.min(axis=1))


def test_a_palette_of_nothing_but_transparency_still_works() -> None:
    table = np.array([[1, 2, 3, 0], [9, 9, 9, 0]], np.uint8)
    picture = Picture(np.zeros((43, 61), np.uint8), None, "palette", table)
    assert blend(picture, photo(), ONE, np.full((43, 61), 255, np.uint8)).colour.max() <= 1


def test_palette_fills_look_like_their_paint() -> None:
    picture = palette_picture(256)
    result = blend(picture, photo(seed=0), ONE)
    assert np.abs(to_rgb(result).astype(int) - photo(seed=0)).mean() < 8


def test_black_and_white_fills_are_clean_at_the_ends_and_dithered_between() -> None:
    white = blend(PICTURES["bilevel"], np.full((43, 61, 3), 245, np.uint8), ONE)
    black = blend(PICTURES["bilevel"], np.full((43, 61, 3), 10, np.uint8), ONE)
    assert white.colour.all() and not black.colour.any()
    assert 0.45 < dithered(np.full((64, 64), 128, np.uint8)).mean() < 0.55
    shares = [dithered(np.full((64, 64), level, np.uint8)).mean() for level in range(256)]
    assert all(low <= high for low, high in pairwise(shares))


def test_sizes_must_fit() -> None:
    picture = from_rgb_array(photo())
    with pytest.raises(ValueError, match="expected"):
        blend(picture, photo(10, 10), ONE)
    with pytest.raises(ValueError, match="expected"):
        blend(picture, photo(), ONE[1:])
    with pytest.raises(ValueError, match="expected"):
        blend(picture, photo(), ONE, shape_alpha()[1:])
    with pytest.raises(ValueError, match="uint8 or uint16"):
        from_rgb_array(photo().astype(np.float32))
    with pytest.raises(ValueError, match="alpha"):
        from_rgb_array(photo(), shape_alpha()[1:])


def test_a_large_blend_in_bands_equals_a_blend_at_once() -> None:
    wide = photo(2500, 400)
    weight = np.random.default_rng(0).random((400, 2500)).astype(np.float32)
    result = blend(from_rgb_array(wide), wide[::-1].copy(), weight).colour
    exact = wide + weight[..., None] * (wide[::-1].astype(np.float32) - wide)
    assert np.array_equal(result, np.rint(exact).astype(np.uint8))
    levels = blend(Picture(wide[..., 0] > 127, None, "bilevel"), np.full_like(wide, 100), np.ones_like(weight))
    assert np.array_equal(levels.colour, dithered(np.full((400, 2500), 100, np.uint8)))
