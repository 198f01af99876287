"""Pictures for the rules: as `open_picture` has them, by a shorter way where a file holds nothing but pixels."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from rorem.errors import BadPicture
from rorem.picture import Picture, open_picture
from rorem.picture.record import Limits

_PNG = b"\x89PNG\r\n\x1a\n"
# Chunks that change no pixel. Every other one (EXIF, texts, gamma, transparency) takes the long way.
_SILENT = {b"IHDR", b"IDAT", b"IEND", b"sRGB", b"iCCP", b"pHYs", b"tIME", b"sBIT", b"bKGD"}
_GREY, _RGB = 0, 2  # PNG colour types
_JPEG = b"\xff\xd8"
_FRAMES = {0xC0, 0xC2}  # baseline and progressive
_TABLES = {0xC4, 0xDB, 0xDD, 0xE0, 0xFE}  # Huffman, quantisation, restarts, JFIF, a comment
_SCAN = 0xDA


def decoded(data: bytes) -> Picture:
    """All pixels of a file. Raises BadPicture for what is no picture, is damaged, or breaks off.

    Of a PNG every checksum has to be right, which decoders do not ask for.
    """
    picture = _plain_png(data) if data.startswith(_PNG) else _plain_jpeg(data)
    return picture or open_picture(data)


def _plain_png(data: bytes) -> Picture | None:
    """By OpenCV, which unpacks PNG quicker than Pillow. Without a word it would take a damaged file for a whole one."""
    if not _is_plain_png(data):
        return None
    grey = data[25] == _GREY
    colour = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR_RGB)
    return None if colour is None else Picture(colour, space="grey" if grey else "rgb")


def _plain_jpeg(data: bytes) -> Picture | None:
    """By Pillow, which refuses files that break off."""
    if not _is_plain_jpeg(data):
        return None
    try:
        image = JpegImageFile(io.BytesIO(data))
        image.load()
    except (OSError, SyntaxError, ValueError):  # the long way tells why
        return None
    return Picture(np.asarray(image), space="grey" if image.mode == "L" else "rgb")


def _is_plain_png(data: bytes) -> bool:
    """Whether it is 8-bit grey or RGB and says nothing else, by its chunks: ISO/IEC 15948, section 5.

    Raises BadPicture where the chunks are not sound.
    """
    view, at, name, plain = memoryview(data), len(_PNG), b"", True
    while name != b"IEND":
        if at + 12 > len(data):
            raise BadPicture("The end of the file is missing.")
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise BadPicture("The end of the file is missing.")
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise BadPicture("A checksum in the file is wrong.")
        plain &= name in _SILENT and (name == b"IHDR") == (at == len(_PNG))
        if name == b"IHDR":
            plain &= length == 13 and _is_plain_header(data, at + 8)
        at = end + 4
    return plain


def _is_plain_header(data: bytes, at: int) -> bool:
    width, height, depth, kind, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, at)
    return depth == 8 and kind in (_GREY, _RGB) and not interlaced and _fits(width, height)


def _is_plain_jpeg(data: bytes) -> bool:
    """Whether it is grey or three colours of 8 bit, without EXIF, a profile or the like.

    By its markers up to the first scan, as ISO/IEC 10918-1, annex B, lays them out.
    """
    at, framed = len(_JPEG), False
    if not data.startswith(_JPEG):
        return False
    while at + 12 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SCAN:
            return framed
        if marker in _FRAMES:
            depth, height, width, components = struct.unpack_from(">BHHB", data, at + 4)
            if framed or depth != 8 or components not in (1, 3) or not _fits(width, height):
                return False
            framed = True
        elif marker not in _TABLES:
            return False
        at += 2 + length
    return False


def _fits(width: int, height: int) -> bool:
    return 0 < width * height <= Limits().max_pixels
