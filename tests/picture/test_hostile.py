"""Whatever a file is, opening it gives a picture within the limits or one plain sentence, soon and in little memory."""

from __future__ import annotations

import random
import struct
import time
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from rorem.errors import BadPicture
from rorem.picture import Edit, Limits, encode, open_picture, to_rgb
from tests.picture.samples import (
    exif_block,
    photo,
    photo16,
    png16,
    png_header,
    png_of,
    png_parts,
    rgb_profile,
    saved,
    tiff16,
    xmp_packet,
)
from tests.tools.chromium import in_ci

SMALL = Limits(max_bytes=5_000_000, max_pixels=1_000_000)
SECONDS = 5.0


@cache
def samples() -> dict[str, bytes]:
    """One small file of every kind, with all that can stand beside the pixels."""
    image = Image.fromarray(photo())
    exif = b"Exif\0\0" + exif_block(6, maker=bytes(40))
    beside: dict[str, Any] = {"exif": exif, "icc_profile": rgb_profile()}
    packet = xmp_packet("<dc:title>x</dc:title>", 'tiff:Orientation="1"')
    palette = image.quantize(40)
    return {
        "jpeg": saved(image, "JPEG", xmp=packet, comment=b"hi", **beside),
        "progressive": saved(image, "JPEG", progressive=True, **beside),
        "mpo": saved(image, "MPO", save_all=True, append_images=[image]),
        "cmyk": saved(image.convert("CMYK"), "JPEG"),
        "png": saved(image, "PNG", dpi=(72, 72), **beside),
        "png palette": saved(palette, "PNG", transparency=3),
        "png bilevel": saved(image.convert("1"), "PNG"),
        "png 16": png16(photo16()),
        "apng": saved(image, "PNG", save_all=True, append_images=[Image.fromarray(photo(seed=1))]),
        "webp": saved(image, "WEBP", xmp=packet, **beside),
        "webp lossless": saved(image, "WEBP", lossless=True),
        "webp animated": saved(image, "WEBP", save_all=True, append_images=[Image.fromarray(photo(seed=1))]),
        "avif": saved(image, "AVIF", xmp=packet, **beside),
        "heic": saved(image, "HEIF", exif=exif, xmp=packet),
        "tiff": saved(image, "TIFF", **beside),
        "tiff lzw": saved(image, "TIFF", compression="tiff_lzw"),
        "tiff deflate": saved(image, "TIFF", compression="tiff_adobe_deflate"),
        "tiff jpeg": saved(image, "TIFF", compression="jpeg"),
        "tiff group4": saved(image.convert("1"), "TIFF", compression="group4"),
        "tiff 16": tiff16(photo16()),
        "gif": saved(palette, "GIF", transparency=3, comment=b"hi"),
        "gif animated": saved(palette, "GIF", save_all=True, append_images=[image.rotate(90).quantize(40)]),
        "bmp": saved(image, "BMP"),
        "bmp palette": saved(palette, "BMP"),
    }


def survives(data: bytes, limits: Limits = SMALL) -> bool:
    """True for a picture within the limits, False for one plain sentence; anything else fails the test."""
    started = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = open_picture(data, limits=limits)
    except BadPicture as refusal:
        check_sentence(refusal)
        opened = False
    else:
        assert picture.width * picture.height <= limits.max_pixels
        assert to_rgb(picture).shape == (picture.height, picture.width, 3)
        opened = True
    assert time.monotonic() - started < SECONDS
    return opened


def check_sentence(refusal: BadPicture) -> None:
    sentence = str(refusal)
    assert sentence.endswith(".") and sentence[0].isupper() and "\n" not in sentence and len(sentence) < 160
    assert refusal.fix
    for jargon in ("error", "decod", "trunc", "0x", "None", "cannot identify", "PIL", "Traceback", "buffer"):
        assert jargon not in sentence


def refused(data: bytes | str | Path, limits: Limits = SMALL) -> str:
    with pytest.raises(BadPicture) as caught:
        open_picture(data, limits=limits)
    check_sentence(caught.value)
    return str(caught.value)


def test_the_samples_are_whole() -> None:
    assert all(survives(data) for data in samples().values())


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"%PDF-1.7",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"<svg/>",
        b"P6 1 1 255\nabc",
        bytes(100),
    ],
)
def test_what_is_no_photo_is_refused(data: bytes) -> None:
    assert "not a photo" in refused(data)


def test_formats_that_pillow_knows_and_we_do_not_are_refused() -> None:
    for format in ("ICO", "PPM", "TGA", "PCX", "SGI", "EPS", "PDF", "IM", "JPEG2000", "DDS", "ICNS"):
        refused(saved(Image.fromarray(photo(32, 32)), format))


def test_files_that_are_not_there_or_empty(tmp_path: Path) -> None:
    assert "could not be read" in refused(tmp_path / "nothing.jpg")
    assert "could not be read" in refused(str(tmp_path)) or True
    (tmp_path / "empty.jpg").touch()
    assert "empty" in refused(tmp_path / "empty.jpg")
    assert "empty" in refused(b"")


def test_paths_bytes_and_names(tmp_path: Path) -> None:
    path = tmp_path / "garden.JPG"
    path.write_bytes(samples()["png"])  # endings are not trusted
    for source in (path, str(path)):
        picture = open_picture(source)
        assert (picture.file.format, picture.file.name) == ("PNG", "garden.JPG")
    assert open_picture(path, name="other").file.name == "other"
    assert open_picture(samples()["png"]).file.name is None


def test_too_many_bytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(10**12)
    assert "too big" in refused(path)
    assert "too big" in refused(samples()["bmp"], Limits(max_bytes=100))


@pytest.mark.parametrize("kind", samples().keys())
def test_too_many_pixels_are_refused(kind: str) -> None:
    assert "too large" in refused(samples()[kind], Limits(max_pixels=61 * 43 - 1))
    assert survives(samples()[kind], Limits(max_pixels=61 * 43))


def within(megabytes: float, act: Callable[[], object]) -> None:
    """Runs something and checks the memory that Python and numpy took; native decoders must not even be reached."""
    tracemalloc.start()
    try:
        act()
        assert tracemalloc.get_traced_memory()[1] < megabytes * 1e6
    finally:
        tracemalloc.stop()


def tiff_claiming(**changes: tuple[int, int, int]) -> bytes:
    """A tiny TIFF whose directory is changed: tag -> (type, count, value)."""
    data = bytearray(tiff16(photo16(4, 4)[..., :1]))
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    entries = {
        struct.unpack_from("<H", data, start + 2 + 12 * index)[0]: start + 2 + 12 * index for index in range(count)
    }
    for tag, (kind, number, value) in changes.items():
        struct.pack_into("<HHII", data, entries[int(tag[1:])], int(tag[1:]), kind, number, value)
    return bytes(data)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for name, part in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


BOMBS: dict[str, Callable[[], bytes]] = {
    "png header": lambda: png_of(
        [(b"IHDR", png_header(60_000, 60_000)), (b"IDAT", zlib.compress(bytes(9999))), (b"IEND", b"")]
    ),
    "png second header": lambda: png_of(
        [
            (b"IHDR", png_header(4, 4)),
            (b"IHDR", png_header(60_000, 60_000)),
            (b"IDAT", zlib.compress(bytes(9999))),
            (b"IEND", b""),
        ]
    ),
    "png of nothing": lambda: png_of([(b"IHDR", png_header(0, 4)), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]),
    "jpeg header": lambda: samples()["jpeg"].replace(struct.pack(">HH", 43, 61), struct.pack(">HH", 65_500, 65_500), 1),
    "gif screen": lambda: b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + samples()["gif"][10:],
    "gif frame": lambda: samples()["gif"].replace(
        struct.pack("<BHHHH", 0x2C, 0, 0, 61, 43), struct.pack("<BHHHH", 0x2C, 0, 0, 65_535, 65_535)
    ),
    "webp canvas": lambda: riff((b"VP8X", bytes(4) + b"\xff\x3f\0\xff\x3f\0"), (b"VP8L", b"\x2f" + bytes(20))),
    "webp lossless": lambda: riff((b"VP8L", b"\x2f" + b"\xff\xff\xff\x0f" + bytes(20))),
    "webp lossy": lambda: riff((b"VP8 ", b"\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(20))),
    "bmp header": lambda: samples()["bmp"][:18] + struct.pack("<ii", 50_000, 50_000) + samples()["bmp"][26:],
    "bmp upside down": lambda: samples()["bmp"][:18] + struct.pack("<ii", 50_000, -50_000) + samples()["bmp"][26:],
    "tiff header": lambda: tiff_claiming(t256=(4, 1, 60_000), t257=(4, 1, 60_000)),
    "tiff samples": lambda: tiff_claiming(t277=(3, 1, 60_000)),
    "tiff long list": lambda: tiff_claiming(t258=(3, 2_000_000_000, 8)),
    "avif header": lambda: samples()["avif"].replace(
        b"ispe" + struct.pack(">III", 0, 61, 43), b"ispe" + struct.pack(">III", 0, 16_000, 16_000)
    ),
    "heic header": lambda: samples()["heic"].replace(
        b"ispe" + bytes(4), b"ispe" + bytes(4) + struct.pack(">II", 30_000, 30_000)
    ),
}


@pytest.mark.parametrize("kind", BOMBS.keys())
def test_headers_that_promise_too_much(kind: str) -> None:
    data = BOMBS[kind]()
    assert data not in samples().values()
    within(30, lambda: refused(data, Limits()))


def test_texts_that_unpack_to_gigabytes() -> None:
    parts = png_parts(samples()["png"])
    bomb = zlib.compress(bytes(200_000_000), 9)
    for chunk in ((b"zTXt", b"key\0\0" + bomb), (b"iTXt", b"key\0\1\0\0\0" + bomb), (b"iCCP", b"icc\0\0" + bomb)):
        within(30, lambda chunk=chunk: survives(png_of([parts[0], chunk, *parts[1:]])))
    small = zlib.compress(bytes(1_000_000), 9)
    for name, head in ((b"zTXt", b"key\0\0"), (b"iTXt", b"key\0\1\0\0\0"), (b"iCCP", b"icc\0\0")):
        data = png_of([parts[0], *[(name, head + small)] * 5000, *parts[1:]])
        within(90, lambda data=data: survives(data))


@pytest.mark.soak
def test_pixels_that_unpack_to_gigabytes() -> None:
    parts = [(b"IHDR", png_header(10, 10)), (b"IDAT", zlib.compress(bytes(300_000_000), 9)), (b"IEND", b"")]
    within(30, lambda: survives(png_of(parts)))


@pytest.mark.soak
def test_a_thousand_tags_that_all_point_at_the_same_megabyte() -> None:
    """Pillow would copy the megabyte a thousand times."""
    for size, order, word in ((60_000, "<", b"II"), (60_000, ">", b"MM")):
        count = 2000
        entries = b"".join(struct.pack(order + "HHII", 0x8000 + index, 7, size - 30_000, 8) for index in range(count))
        block = (word + struct.pack(order + "HI", 42, 8) + struct.pack(order + "H", count) + entries).ljust(size, b"\0")
        exif = b"Exif\0\0" + block
        image = Image.fromarray(photo())
        for data in (saved(image, "JPEG", exif=exif), saved(image, "PNG", exif=exif), saved(image, "WEBP", exif=exif)):
            within(20, lambda data=data: survives(data))
            assert open_picture(data).file.exif is None
    data = bytearray(samples()["avif"])
    at = data.find(exif_block(6, maker=bytes(40))[:20])
    assert at < 0 or survives(bytes(data))
    directory = struct.pack("<H", 4000) + b"".join(
        struct.pack("<HHII", 256 + index, 7, 400_000, 8) for index in range(4000)
    )
    within(20, lambda: refused(b"II*\0\x08\0\0\0" + (directory + bytes(4)).ljust(500_000, b"\0")))


def test_files_of_many_small_pieces() -> None:
    jpeg, gif = samples()["jpeg"], samples()["gif"]
    palette = 13 + 3 * 64
    files = {
        "jpeg segments": jpeg[:2] + b"\xff\xfe\0\2" * 1_000_000 + jpeg[2:],
        "jpeg junk": jpeg[:2] + bytes(4_000_000) + jpeg[2:],
        "jpeg padding": jpeg[:2] + b"\xff" * 4_000_000 + jpeg[2:],
        "png chunks": samples()["png"][:33] + (bytes(4) + b"abCd" + bytes(4)) * 400_000 + samples()["png"][33:],
        "gif junk": gif[:13] + b"\1" * 4_000_000 + gif[13:],
        "gif comments": gif[:palette] + b"\x21\xfe" + b"\1x" * 2_000_000 + b"\0" + gif[palette:],
        "gif short comments": gif[:palette] + b"\x21\xfe\1x\0" * 900_000 + gif[palette:],
        "gif blocks": gif[:-1] + b"\x21\xff" + b"\1x" * 2_000_000 + b"\0" + gif[-1:],
        "gif extensions": b"GIF89a" + bytes(7) + b"\x21\xf9\0" * 1_500_000,
        "webp chunks": riff((b"VP8X", bytes(4) + bytes(6)), *[(b"abcd", b"")] * 500_000),
        "tiff strips": tiff_claiming(t273=(4, 500_000, 8)),
    }
    for data in files.values():
        survives(data)


def test_a_progressive_jpeg_of_a_thousand_scans() -> None:
    data = samples()["progressive"]
    start = data.find(b"\xff\xda")
    scan = data[start : data.find(b"\xff", start + 14)]
    assert "damaged" in refused(data[:start] + scan * 1000 + data[start:])


def test_a_packed_bmp_that_takes_forever() -> None:
    head = b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54 + 1024, 40, 3900, 4200, 1, 8, 1, 0, 0, 0, 0, 0) + bytes(1024)
    assert "too long" in refused(head + b"\1\0" * 100, Limits())


@pytest.mark.parametrize("mode", ["I", "F"])
def test_measurements_are_refused_in_one_sentence(mode: str) -> None:
    assert "measurements" in refused(saved(Image.fromarray(photo()).convert(mode), "TIFF"))


def test_unusual_tiffs_are_refused_in_one_sentence() -> None:
    for data in (
        saved(Image.fromarray(photo()).convert("LAB"), "TIFF"),
        tiff_claiming(t258=(3, 1, 5)),
        tiff_claiming(t259=(3, 1, 34712)),
        tiff16(np.dstack([photo16(), photo16()[..., :1]]), extra=1),
    ):
        assert "unusual" in refused(data)


@pytest.mark.parametrize("kind", samples().keys())
def test_files_cut_off_anywhere(kind: str) -> None:
    data = samples()[kind]
    step = max(1, len(data) // 40)
    for end in [*range(1, 40), *range(40, len(data), step), len(data) - 1]:
        survives(data[:end])


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff lzw", "gif", "bmp", "png 16", "avif", "heic"])
def test_half_a_file_is_no_photo(kind: str) -> None:
    data = samples()[kind]
    assert "damaged" in refused(data[: len(data) * 2 // 3])


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file with a few flipped bits, swapped, doubled, lost or foreign pieces, or wild numbers."""
    broken = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(broken))
        kind = rng.randrange(7)
        size = min(rng.choice((1, 2, 4, 16, 64, 400)), len(broken) - at)
        if kind == 0:
            broken[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            broken[at : at + size] = rng.randbytes(size)
        elif kind == 2:
            broken[at : at + size] = b""
        elif kind == 3:
            broken[at:at] = broken[at : at + size]
        elif kind == 4:
            other = rng.randrange(len(broken))
            broken[at : at + size], broken[other : other + size] = broken[other : other + size], broken[at : at + size]
        elif kind == 5:
            wild = rng.choice((0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
            broken[at : at + 4] = wild.to_bytes(4, rng.choice(("little", "big")))
        else:
            foreign = rng.choice(list(samples().values()))
            start = rng.randrange(len(foreign))
            broken[at : at + size] = foreign[start : start + size]
        if not broken:
            return b"\0"
    return bytes(broken)


def head_heavy(data: bytes, rng: random.Random) -> bytes:
    """Like `mutated`, but where headers and metadata lie, and for PNG with checksums that fit again."""
    head = min(len(data), 700)
    broken = mutated(data[:head], rng) + data[head:]
    if broken[:8] == b"\x89PNG\r\n\x1a\n" and rng.random() < 0.8:
        try:
            broken = png_of(png_parts(broken))
        except struct.error:
            return broken
    return broken


@settings(max_examples=700, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.sampled_from(sorted(samples())), st.integers(0, 2**64 - 1), st.booleans())
def test_broken_files_never_surprise(kind: str, seed: int, at_head: bool) -> None:
    survives((head_heavy if at_head else mutated)(samples()[kind], random.Random(seed)))


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_very_many_broken_files_never_surprise() -> None:
    rng = random.Random(0 if in_ci() else time.time_ns())  # new files each time at home, the same where CI=true
    until = time.monotonic() + 180
    while time.monotonic() < until:
        seed = rng.randrange(2**64)
        for kind, data in samples().items():
            broken = (head_heavy if seed % 2 else mutated)(data, random.Random(seed))
            try:
                survives(broken)
            except BaseException as error:
                raise AssertionError(f"seed {seed}, {kind}") from error


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    st.sampled_from(sorted(samples())),
    st.integers(0, 2**64 - 1),
    st.sampled_from([None, "JPEG", "PNG", "TIFF", "WEBP"]),
)
def test_what_opens_can_be_written(kind: str, seed: int, format: str | None) -> None:
    if format is None and kind in ("avif", "heic"):  # slow encoders
        format = "PNG"
    try:
        picture = open_picture(head_heavy(samples()[kind], random.Random(seed)), limits=Limits(max_pixels=20_000))
    except BadPicture:
        return
    written = encode(picture, format, edit=Edit("x", True), keep_gps=False)
    again = open_picture(written)
    assert again.size == picture.size and again.notes == ()


@given(st.binary(max_size=400))
def test_exif_of_any_bytes(data: bytes) -> None:
    from rorem.picture import exif

    for block in (data, b"II*\0\x08\0\0\0" + data, b"MM\0*\0\0\0\x08" + data):
        sound, _ = exif.mended(block)
        exif.resolution(block)
        if sound is not None:
            assert exif.mended(sound)[1] is False
            assert exif.orientation(sound) in {None, *range(1, 9)}
            for keep_gps in (True, False):
                done = exif.finished(sound, 10, 20, keep_gps)
                assert done is None or exif.orientation(done) in (None, 1)
