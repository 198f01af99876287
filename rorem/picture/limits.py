"""What a file's first bytes promise, held against the limits before anything is unpacked.

Decoders trust headers. A few hundred bytes can promise gigapixels, a tag directory can point a thousand times at the
same megabyte, and a file of one-byte blocks keeps a parser busy for minutes. All of that is turned away here.
"""

from __future__ import annotations

import re
import struct

from rorem.errors import BadPicture

from .record import Limits
from .tiffdir import Directory, Layout, directory, layout, value

# Far above what cameras and editors write, far below what hurts.
_JPEG_SEGMENTS = 5_000
_JPEG_JUNK = 65_536
_JPEG_SCANS = 100
_PNG_CHUNKS = 300_000
_PNG_PACKED = 1_000
_GIF_STEPS_BEFORE = 50_000  # blocks and stray bytes before the first picture
_GIF_STEPS = 2_000_000  # and up to the second one
_TIFF_PLACES = (273, 279, 324, 325)  # where the strips or tiles lie, and how long they are
_TIFF_PIECES = 400_000
_TIFF_LIST = 200_000  # the longest real list, a colour map, has 196,608 numbers
_RLE_BYTES = 8_000_000
_RLE_PIXELS = 16_000_000

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


class Damaged(Exception):
    """The bytes are not what their format asks for."""


def check_bytes(count: int, limits: Limits) -> None:
    if count == 0:
        raise BadPicture("This file is empty.", "Try another file.")
    if count > limits.max_bytes:
        raise BadPicture(
            f"This file is too big: {count / 1e6:,.0f} MB, and {limits.max_bytes / 1e6:,.0f} MB is the most.",
            "Save it smaller and try again.",
        )


def check_size(size: tuple[int, int], limits: Limits) -> None:
    """size: width and height."""
    width, height = size
    if width < 1 or height < 1:
        raise Damaged("no pixels")
    if width * height > limits.max_pixels:
        raise BadPicture(
            f"This photo is too large: {width:,} x {height:,} pixels, and "
            f"{limits.max_pixels / 1e6:,.0f} megapixels is the most.",
            "Make it smaller and try again.",
        )


def guard(format: str, data: bytes, limits: Limits) -> bool:
    """Checks the header. Returns whether the file holds more than one picture, as far as that is cheap to see.

    Raises BadPicture for what is over the limits and Damaged for what cannot be such a file. HEIC and AVIF are not
    looked into: their libraries read the header without unpacking, and have limits of their own.
    """
    try:
        return {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "WEBP": _webp, "TIFF": _tiff, "BMP": _bmp}.get(format, _none)(
            data, limits
        )
    except (struct.error, IndexError, ValueError) as error:
        raise Damaged(str(error)) from error


def _none(data: bytes, limits: Limits) -> bool:
    return False


def _jpeg(data: bytes, limits: Limits) -> bool:
    at, segments, junk, scans, progressive = 2, 0, 0, 0, False
    while at + 4 <= len(data):
        if data[at] != 0xFF or data[at + 1] in (0x00, 0xFF):
            at, junk = at + 1, junk + 1
            if junk > _JPEG_JUNK:
                raise Damaged("junk between segments")
            continue
        marker = data[at + 1]
        if marker == 0xD9:
            break
        if 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 2
            continue
        segments += 1
        if segments > _JPEG_SEGMENTS:
            raise Damaged("too many segments")
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            check_size((width, height), limits)
            progressive = marker in (0xC2, 0xC6, 0xCA, 0xCE)
        at += 2 + max(2, length)
        if marker == 0xDA:
            scans += 1
            if not progressive:
                break
            if scans > _JPEG_SCANS:
                raise Damaged("too many scans")
            found = _MARKER.search(data, at)
            at = found.start() if found else len(data)
    if scans == 0:
        raise Damaged("no picture data")
    return False


def _png(data: bytes, limits: Limits) -> bool:
    if data[12:16] != b"IHDR":
        raise Damaged("no header")
    check_size(struct.unpack_from(">II", data, 16), limits)
    at, chunks, packed, animated = 8, 0, 0, False
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunks += 1
        packed += kind in (b"iCCP", b"zTXt", b"iTXt")
        if chunks > _PNG_CHUNKS or packed > _PNG_PACKED:
            raise Damaged("too many chunks")
        if kind == b"acTL" and length >= 8:
            animated = struct.unpack_from(">I", data, at + 8)[0] > 1
        if kind == b"IEND":
            break
        at += 12 + length
    return animated


def _gif(data: bytes, limits: Limits) -> bool:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    check_size((width, height), limits)
    at = 13 + (3 << ((flags & 7) + 1) if flags & 128 else 0)
    steps = frames = 0
    while at < len(data) and data[at] != 0x3B and frames < 2:
        steps += 1
        if steps > (_GIF_STEPS if frames else _GIF_STEPS_BEFORE):
            raise Damaged("too many blocks")
        if data[at] == 0x2C:
            frames += 1
            left, top, across, down, flags = struct.unpack_from("<HHHHB", data, at + 1)
            if frames == 1:
                check_size((max(width, left + across), max(height, top + down)), limits)
            at += 11 + (3 << ((flags & 7) + 1) if flags & 128 else 0)
        elif data[at] == 0x21:
            at += 2
        else:
            at += 1  # junk, which readers step over
            continue
        while at < len(data) and data[at]:
            at, steps = at + 1 + data[at], steps + 1
            if steps > (_GIF_STEPS if frames else _GIF_STEPS_BEFORE):
                raise Damaged("too many blocks")
        at += 1
    if frames == 0:
        raise Damaged("no picture data")
    return frames > 1


def _webp(data: bytes, limits: Limits) -> bool:
    kind = data[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
        animated = bool(data[20] & 2)
    elif kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        width, height, animated = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), False
    elif kind == b"VP8 ":
        across, down = struct.unpack_from("<HH", data, 26)
        width, height, animated = across & 0x3FFF, down & 0x3FFF, False
    else:
        raise Damaged("no picture data")
    check_size((width, height), limits)
    return animated and data.count(b"ANMF") > 1


def _tiff(data: bytes, limits: Limits) -> bool:
    shape = layout(data)
    main = directory(data, shape, shape.first)
    check_size((_number(data, shape, main, 256), _number(data, shape, main, 257)), limits)
    directories = [main]
    for parent in directories:  # grows while it is walked: EXIF, GPS and what hangs below them
        for tag in (0x8769, 0x8825, 0xA005):
            entry = parent.find(tag)
            if entry and entry.inside(data):
                directories.append(directory(data, shape, value(data, shape, entry)))
        if len(directories) > 8:
            raise Damaged("a loop of directories")
    if sum(entry.size for part in directories for entry in part.entries) > len(data) + 65_536:
        raise Damaged("overlapping values")
    for entry in main.entries:
        if entry.tag in _TIFF_PLACES and entry.count > _TIFF_PIECES:
            raise Damaged("too many pieces")
        if (
            entry.tag < 400
            and entry.tag not in _TIFF_PLACES
            and entry.kind not in (1, 2, 7)
            and entry.count > _TIFF_LIST
        ):
            raise Damaged("a list too long")
    if main.find(324) and _number(data, shape, main, 322) * _number(data, shape, main, 323) > limits.max_pixels:
        raise Damaged("tiles larger than the picture may be")
    return main.following != 0


def _number(data: bytes, shape: Layout, part: Directory, tag: int) -> int:
    entry = part.find(tag)
    if entry is None:
        raise Damaged(f"tag {tag} is missing")
    return value(data, shape, entry)


def _bmp(data: bytes, limits: Limits) -> bool:
    header = struct.unpack_from("<I", data, 14)[0]
    if header == 12:
        width, height = struct.unpack_from("<HH", data, 18)
        packed = 0
    else:
        width, height = struct.unpack_from("<ii", data, 18)
        packed = struct.unpack_from("<I", data, 30)[0]
    check_size((abs(width), abs(height)), limits)
    # Pillow unpacks run-length BMPs in Python, a pixel at a time.
    if packed in (1, 2) and (len(data) > _RLE_BYTES or width * abs(height) > _RLE_PIXELS):
        raise BadPicture("This BMP file is packed in an old way that takes too long to open.")
    return False
