"""The short way of decoding against the long one: the same pixels, or the long way is taken."""

from __future__ import annotations

import io
import struct
import time
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data_tools.check import decoding
from data_tools.check.decoding import decoded
from rorem.errors import BadPicture
from rorem.picture import open_picture
from tests.data_tools.check.made import photo

MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]


def encoded(mode: str, format: str, seed: int, **settings) -> bytes:
    rgb = Image.fromarray(photo(seed))
    image = Image.fromarray(photo(seed)[..., 0].astype(np.uint16) * 257) if mode == "I;16" else rgb.convert(mode)
    file = io.BytesIO()
    image.save(file, format, **settings)
    return file.getvalue()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def same(data: bytes) -> None:
    short, long = decoded(data), open_picture(data)
    assert short.space == long.space and short.colour.dtype == long.colour.dtype
    assert np.array_equal(short.colour, long.colour)
    assert (short.alpha is None) == (long.alpha is None)


@pytest.mark.parametrize("mode", MODES)
def test_png(mode: str) -> None:
    if mode != "CMYK":
        same(encoded(mode, "PNG", 0))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize(
    "settings", [{}, {"progressive": True}, {"quality": 30}, {"subsampling": 0}, {"comment": b"x"}]
)
def test_jpeg(mode: str, settings: dict) -> None:
    same(encoded(mode, "JPEG", 1, **settings))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_what_turns_a_picture_is_heeded(format: str) -> None:
    data = encoded("RGB", format, 2, exif=turned())
    same(data)
    assert decoded(data).size == (48, 64)


@pytest.mark.parametrize("settings", [{"transparency": 7}, {"dpi": (72, 72)}, {"pnginfo": None}])
def test_what_else_a_png_says_is_heeded(settings: dict) -> None:
    same(encoded("L", "PNG", 3, **settings))


def test_the_short_way_is_really_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "open_picture", lambda data: pytest.fail("the long way"))
    for mode, format in (("L", "PNG"), ("RGB", "PNG"), ("L", "JPEG"), ("RGB", "JPEG")):
        assert decoded(encoded(mode, format, 4)).size == (64, 48)


@given(st.sampled_from(["PNG", "JPEG"]), st.data())
def test_a_file_that_was_cut_off_is_refused(format: str, data: st.DataObject) -> None:
    whole = encoded("RGB", format, 5)
    with pytest.raises(BadPicture):
        decoded(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.sampled_from(MODES), st.data())
def test_any_changed_byte_of_a_png_is_found(mode: str, data: st.DataObject) -> None:
    whole = bytearray(encoded(mode if mode != "CMYK" else "L", "PNG", 6))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadPicture):
        decoded(bytes(whole))


@given(st.data())
def test_a_changed_byte_of_a_jpeg_is_as_the_long_way_has_it(data: st.DataObject) -> None:
    whole = bytearray(encoded("RGB", "JPEG", 6))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    try:
        long = open_picture(bytes(whole))
    except BadPicture:
        with pytest.raises(BadPicture):
            decoded(bytes(whole))
        return
    assert np.array_equal(decoded(bytes(whole)).colour, long.colour)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def test_a_png_in_very_many_pieces_takes_no_longer() -> None:
    """Empty ones, which the format allows."""
    whole = encoded("RGB", "PNG", 4)
    at = whole.index(b"IDAT") - 4
    pieces = whole[:at] + chunk(b"IDAT", b"") * 20_000 + whole[at:]
    started = time.process_time()
    assert np.array_equal(decoded(pieces).colour, decoded(whole).colour)
    assert time.process_time() - started < 1  # by the square it were 4


def test_a_png_that_says_it_is_huge_is_not_unpacked() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(1000)))
    for data in (header + rows, rows + header, header + header + rows, rows):
        with pytest.raises(BadPicture):
            decoded(b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b""))
