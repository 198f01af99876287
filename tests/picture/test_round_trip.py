"""What is opened and written again without an edit comes back number for number, or as one re-encode of its kind."""

from __future__ import annotations

import subprocess
import sys
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rorem.errors import BadPicture
from rorem.picture import Picture, encode, from_rgb_array, media_type, open_picture, suffix, to_rgb
from tests.picture.samples import (
    photo,
    photo16,
    png16,
    png_header,
    png_of,
    png_parts,
    reopened,
    saved,
    shape_alpha,
    tiff16,
)


def image(mode: str) -> Image.Image:
    """A photo in one of Pillow's modes, its alpha with every kind of value."""
    base = Image.fromarray(photo())
    if mode == "I;16":
        return Image.fromarray(photo16()[..., 0])
    if mode == "CMYK":
        inks = np.dstack([255 - photo(), photo(seed=1)[..., 0] // 2])
        return Image.frombytes("CMYK", base.size, inks.tobytes())
    if mode.endswith("A"):
        base.putalpha(Image.fromarray(shape_alpha()))
    return base.quantize(200, dither=Image.Dither.NONE) if mode == "P" else base.convert(mode)


def same(one: Picture, other: Picture) -> bool:
    """All native values equal, mode and dtype included."""
    planes = [(one.colour, other.colour), (one.alpha, other.alpha), (one.palette, other.palette)]
    return one.space == other.space and all(
        (a is None and b is None) or (a is not None and b is not None and a.dtype == b.dtype and np.array_equal(a, b))
        for a, b in planes
    )


LOSSLESS: list[tuple[str, str, dict[str, Any]]] = [
    *[("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")],
    *[("TIFF", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16")],
    *[
        ("TIFF", "RGB", {"compression": kind})
        for kind in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma", "zstd")
    ],
    *[("TIFF", "1", {"compression": kind}) for kind in ("group3", "group4")],
    *[("BMP", mode, {}) for mode in ("1", "L", "P", "RGB")],
    *[("GIF", mode, {}) for mode in ("L", "P")],
    *[("WEBP", mode, {"lossless": True, "exact": True}) for mode in ("RGB", "RGBA")],
]


@pytest.mark.parametrize(("format", "mode", "manner"), LOSSLESS, ids=str)
def test_lossless_formats_keep_every_number(format: str, mode: str, manner: dict[str, Any]) -> None:
    original = image(mode)
    data = saved(original, format, **manner)
    picture = open_picture(data)
    assert picture.file.format == format and picture.notes == ()
    written = encode(picture)
    assert same(picture, open_picture(written))
    seen = reopened(written)
    assert seen.mode == reopened(data).mode
    assert np.array_equal(np.asarray(seen), np.asarray(reopened(data)))
    if manner.get("compression"):
        assert seen.info["compression"] == manner["compression"]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "HEIC", "TIFF", "GIF", "BMP"])
def test_every_mode_goes_into_every_format(mode: str, format: str) -> None:
    picture = open_picture(saved(image(mode), "TIFF"))
    result = open_picture(encode(picture, format))
    assert result.size == picture.size and result.file.format == format
    if picture.alpha is None:
        difference = np.abs(to_rgb(result).astype(int) - to_rgb(picture)).mean()
        assert difference <= {"JPEG": 5, "WEBP": 12, "AVIF": 5, "HEIC": 5, "GIF": 12}.get(format, 0)
    elif format in ("PNG", "WEBP", "AVIF", "HEIC", "TIFF", "BMP"):
        assert result.alpha is not None and np.abs(result.alpha.astype(int) - picture.alpha).max() <= 8


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_png_of_any_source_is_exact(mode: str) -> None:
    picture = open_picture(saved(image(mode), "TIFF"))
    result = open_picture(encode(picture, "PNG"))
    assert same(picture, replace(result, palette=picture.palette) if mode == "P" else result)


@pytest.mark.parametrize("transparent", [3, bytes([0, 128, 255, 7])], ids=["one entry", "many entries"])
@pytest.mark.parametrize("colours", [2, 4, 16, 200, 256])
def test_palettes_keep_their_entries_and_their_transparency(transparent: int | bytes, colours: int) -> None:
    original = image("RGB").quantize(colours)
    picture = open_picture(saved(original, "PNG", transparency=transparent))
    again = open_picture(encode(picture))
    assert picture.space == "palette" and picture.palette is not None
    if colours > 3:
        assert picture.palette[:4, 3].tolist() == ([255, 255, 255, 0] if transparent == 3 else [0, 128, 255, 7])
    assert same(picture, again)
    assert reopened(encode(picture)).mode == "P"


def test_gif_keeps_its_transparent_entry() -> None:
    for original in (image("RGB").quantize(64), image("L")):
        data = saved(original, "GIF", transparency=int(np.asarray(original)[0, 0]), optimize=False)
        picture = open_picture(data)
        assert picture.space == "palette" and picture.palette is not None
        assert np.flatnonzero(picture.palette[:, 3] == 0).tolist() == [reopened(data).info["transparency"]]
        assert np.array_equal(np.asarray(reopened(encode(picture)).convert("RGBA")), picture.palette[picture.colour])


@pytest.mark.parametrize(
    ("mode", "key"), [("1", 255), ("L", 100), ("RGB", (12, 34, 56)), ("I;16", 4321)], ids=["1", "L", "RGB", "I;16"]
)
def test_png_keeps_its_transparent_colour(mode: str, key: Any) -> None:
    original = image(mode)
    original.putpixel((5, 5), key)
    picture = open_picture(saved(original, "PNG", transparency=key))
    assert picture.alpha is not None and not picture.alpha[5, 5] and picture.alpha.dtype == picture.colour.dtype
    written = encode(picture)
    assert same(picture, open_picture(written))
    assert reopened(written).mode == reopened(saved(original, "PNG")).mode
    assert reopened(written).info["transparency"] == key


def test_a_transparent_colour_that_a_fill_happens_to_use_becomes_a_plane_of_alpha() -> None:
    original = image("RGB")
    original.putpixel((5, 5), (12, 34, 56))
    picture = open_picture(saved(original, "PNG", transparency=(12, 34, 56)))
    colour = picture.colour.copy()
    colour[20, 20] = (12, 34, 56)
    result = open_picture(encode(replace(picture, colour=colour)))
    assert result.alpha is not None and result.alpha[20, 20] == 255 and result.alpha[5, 5] == 0
    assert np.array_equal(result.colour, colour)


@pytest.mark.parametrize(("depth", "last"), [(1, 1), (2, 3), (4, 15)])
def test_greys_of_few_bits_open_with_their_transparent_one(depth: int, last: int) -> None:
    lines = b"\0" + bytes([0b11100100])
    width = 8 // depth
    parts = [
        (b"IHDR", png_header(width, 1, depth, 0)),
        (b"tRNS", bytes([0, last])),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    picture = open_picture(png_of(parts))
    full = np.iinfo(np.uint8).max if depth > 1 else 1
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, picture.colour.astype(int) == full)
    assert same(picture, open_picture(encode(picture)))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_keeps_every_number(channels: int) -> None:
    stack = np.dstack([photo16(), photo16(seed=1)])[..., [[0], [0, 3], [0, 1, 2], [0, 1, 2, 3]][channels - 1]]
    picture = open_picture(png16(stack))
    assert picture.space == ("grey" if channels < 3 else "rgb") and picture.colour.dtype == np.uint16
    colour = stack[..., 0] if channels < 3 else stack[..., :3]
    assert np.array_equal(picture.colour, colour)
    if channels in (2, 4):
        assert picture.alpha is not None and np.array_equal(picture.alpha, stack[..., -1])
    written = encode(picture)
    assert same(picture, open_picture(written))
    assert written[24:26] == bytes([16, {1: 0, 2: 4, 3: 2, 4: 6}[channels]])
    in_tiff = open_picture(encode(picture, "TIFF"))
    if channels == 2:  # TIFF readers know no 16-bit grey with alpha; it is written as colour
        in_tiff = replace(in_tiff, colour=in_tiff.colour[..., 0], space="grey")
    assert same(picture, in_tiff)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("channels", "extra"), [(1, None), (3, None), (4, 2)])
def test_16_bit_tiff_keeps_every_number(channels: int, extra: int | None, order: str) -> None:
    stack = np.dstack([photo16(), photo16(seed=1)])[..., :channels]
    picture = open_picture(tiff16(stack, extra, order))
    assert picture.colour.dtype == np.uint16
    assert np.array_equal(picture.colour, stack[..., 0] if channels == 1 else stack[..., :3])
    if channels == 4:
        assert picture.alpha is not None and np.array_equal(picture.alpha, stack[..., 3])
    assert same(picture, open_picture(encode(picture)))
    assert same(picture, open_picture(encode(picture, "PNG")))


def test_16_bit_tiff_whose_white_is_zero_is_no_negative() -> None:
    stack = photo16()[..., :1]
    picture = open_picture(tiff16(stack, white_is_zero=True))
    assert np.array_equal(picture.colour, 65535 - stack[..., 0])
    assert same(picture, open_picture(encode(picture)))


def one_re_encode(data: bytes) -> np.ndarray:
    """What Pillow makes of the file with its own "keep"."""
    return np.asarray(reopened(saved(Image.open(BytesIO(data)), "JPEG", quality="keep")))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [30, 75, 98])
def test_jpeg_is_one_re_encode_in_its_own_tables(quality: int, subsampling: int, progressive: bool) -> None:
    data = saved(image("RGB"), "JPEG", quality=quality, subsampling=subsampling, progressive=progressive)
    written = encode(open_picture(data))
    again, source = reopened(written), reopened(data)
    assert np.array_equal(np.asarray(again), one_re_encode(data))
    assert again.quantization == source.quantization  # pyright: ignore[reportAttributeAccessIssue]
    assert bool(again.info.get("progressive")) == progressive
    assert open_picture(written).file.jpeg == open_picture(data).file.jpeg


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_jpegs_keep_their_kind(mode: str) -> None:
    data = saved(image(mode), "JPEG", quality=85)
    picture = open_picture(data)
    written = encode(picture)
    assert reopened(written).mode == mode
    assert np.array_equal(picture.colour, np.asarray(reopened(data)))
    assert np.array_equal(np.asarray(reopened(written)), one_re_encode(data))


def test_jpeg_with_a_table_for_each_component() -> None:
    tables = [[3 + index // 8] * 64 for index in (0, 20, 40)]
    data = saved(image("RGB"), "JPEG", qtables=tables, subsampling=0)
    picture = open_picture(data)
    assert picture.file.jpeg is not None and len(picture.file.jpeg.tables) == 3
    assert np.array_equal(np.asarray(reopened(encode(picture))), one_re_encode(data))


def test_jpeg_of_another_source_is_fine_and_in_full_colour() -> None:
    written = encode(from_rgb_array(photo()), "jpg")
    facts = open_picture(written).file.jpeg
    assert facts is not None and facts.subsampling == 0 and max(facts.tables[0]) <= 12  # quality 95


def test_noise_in_a_fine_progressive_jpeg_can_be_written() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8))
    data = saved(noise, "JPEG", qtables=[[1] * 64], subsampling=0)
    picture = open_picture(data)
    assert picture.file.jpeg is not None
    progressive = replace(picture.file, jpeg=replace(picture.file.jpeg, progressive=True))
    written = encode(replace(picture, file=progressive))
    assert np.array_equal(np.asarray(reopened(written)), one_re_encode(data))


@pytest.mark.parametrize(
    ("format", "manner"), [("WEBP", {"quality": 80}), ("AVIF", {"quality": 80}), ("HEIF", {"quality": 80})]
)
def test_lossy_formats_stay_close(format: str, manner: dict[str, Any]) -> None:
    picture = open_picture(saved(Image.fromarray(photo(320, 240)), format, **manner))
    again = open_picture(encode(picture))
    assert again.file.format == picture.file.format == ("HEIC" if format == "HEIF" else format)
    assert np.abs(to_rgb(again).astype(int) - to_rgb(picture)).mean() < 2.5


def test_lossy_webp_stays_lossy_and_lossless_stays_exact() -> None:
    original = image("RGBA")
    assert not open_picture(saved(original, "WEBP", quality=80)).file.lossless
    exact = open_picture(saved(original, "WEBP", lossless=True, exact=True))
    assert exact.file.lossless and open_picture(encode(exact)).file.lossless


def test_bmp_keeps_alpha() -> None:
    picture = open_picture(encode(from_rgb_array(photo(), shape_alpha()), "BMP"))
    assert np.array_equal(picture.colour, photo())
    assert picture.alpha is not None and np.array_equal(picture.alpha, shape_alpha())
    assert same(picture, open_picture(encode(picture)))


def test_palette_with_a_plane_of_alpha() -> None:
    original = Image.fromarray(photo()).quantize(64).convert("PA")
    picture = open_picture(saved(original, "TIFF"))
    assert picture.space == "palette" and picture.alpha is not None
    assert same(picture, open_picture(encode(picture)))
    assert open_picture(encode(picture, "PNG")).size == picture.size


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_of_several_pictures_the_first_is_opened_and_said(format: str) -> None:
    frames = [Image.fromarray(photo(seed=seed)) for seed in range(3)]
    manner = {"lossless": True} if format == "WEBP" else {}
    data = saved(frames[0], format, save_all=True, append_images=frames[1:], **manner)
    picture = open_picture(data)
    assert picture.notes == ("This file holds several pictures. The first one was opened.",)
    limit = {"GIF": 15, "AVIF": 15}.get(format, 0)
    assert np.abs(to_rgb(picture).astype(int) - photo()).mean() <= limit
    assert open_picture(encode(picture)).notes == ()


def test_animated_16_bit_png_opens_its_first_picture() -> None:
    parts = png_parts(png16(photo16()))
    control = b"\0\0\0\0" + (61).to_bytes(4, "big") + (43).to_bytes(4, "big") + bytes(8) + b"\0\x01\0\x0a\0\0"
    parts[1:1] = [(b"acTL", b"\0\0\0\2\0\0\0\0"), (b"fcTL", control)]
    picture = open_picture(png_of(parts))
    assert np.array_equal(picture.colour, photo16()) and "several" in picture.notes[0]


def test_mpo_opens_as_jpeg() -> None:
    left, right = (Image.fromarray(photo(seed=seed)) for seed in (0, 1))
    data = saved(left, "MPO", save_all=True, append_images=[right])
    picture = open_picture(data)
    assert picture.file.format == "JPEG" and "extra pictures" in picture.notes[0]
    assert open_picture(encode(picture)).notes == ()
    assert len(encode(picture)) < len(data) * 0.7


def test_names_of_formats() -> None:
    assert suffix("JPEG") == ".jpg" and suffix("heif") == ".heic" and suffix(".tiff") == ".tif"
    assert media_type("jpg") == "image/jpeg" and media_type("HEIC") == "image/heic"
    with pytest.raises(ValueError, match="PNG"):
        encode(from_rgb_array(photo()), "PDF")


def test_a_picture_too_wide_for_a_format_is_refused_in_words() -> None:
    wide = from_rgb_array(np.zeros((1, 17_000, 3), np.uint8))
    with pytest.raises(BadPicture, match=r"WebP holds up to 16,383"):
        encode(wide, "WEBP")
    assert open_picture(encode(wide, "PNG")).size == (17_000, 1)


def test_pictures_on_disk_are_read_and_not_written(tmp_path: Path) -> None:
    stored = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=photo().shape)
    stored[:] = photo()
    stored.flush()
    read_only = np.memmap(tmp_path / "pixels", np.uint8, "r", shape=photo().shape)
    for format in ("PNG", "JPEG", "TIFF", "WEBP", "BMP"):
        assert open_picture(encode(from_rgb_array(read_only), format)).size == (61, 43)


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(["bool", "grey", "greya", "grey16", "grey16a", "rgb", "rgba", "rgb16", "rgb16a", "palette"]),
    st.integers(0, 2**32 - 1),
)
def test_png_of_anything_is_exact(width: int, height: int, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    dtype = np.uint16 if "16" in kind else np.uint8
    top = int(np.iinfo(dtype).max) + 1
    colour = rng.integers(0, top, (height, width, 3) if "rgb" in kind else (height, width)).astype(dtype)
    alpha = rng.integers(0, top, (height, width)).astype(dtype) if kind.endswith("a") else None
    if kind == "bool":
        picture = Picture(colour > 127, None, "bilevel")
    elif kind == "palette":
        palette = rng.integers(0, 256, (int(rng.integers(1, 257)), 4), dtype=np.uint8)
        picture = Picture(colour % len(palette), None, "palette", palette)
    else:
        picture = Picture(colour, alpha, "rgb" if "rgb" in kind else "grey")
    assert same(picture, open_picture(encode(picture)))


def test_importing_the_package_is_quick_and_light() -> None:
    code = "import sys, rorem.picture as p; p.Limits; assert not {'PIL', 'cv2', 'pillow_heif'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
