"""Writing TIFF: pixels by Pillow or, for 16 bits a channel, by hand.

The directory is always ours, as Pillow's writer of compressed files leaves EXIF and GPS out.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from itertools import accumulate
from typing import Any

import numpy as np

from .pixels import bands, to_pillow
from .record import Picture

# 1 of 9: photos at 16 bit are mostly noise in the low byte, where more effort wins a few per cent and costs minutes.
_EFFORT = 1
_LOSSLESS = {"raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "lzma", "zstd"}
_FAX = {"group3", "group4", "tiff_ccitt"}
_EXIF, _GPS, _INTEROP = 0x8769, 0x8825, 0xA005
_XMP, _ICC = 700, 34675
_OFFSETS, _COUNTS = 273, 279

# Tags that say how the file is laid out, and so are never taken from the source.
_LAYOUT = {
    254, 255, 256, 257, 258, 259, 262, 266, _OFFSETS, 274, 277, 278, _COUNTS, 284, 317, 320, 322, 323, 324, 325, 338,
    339, 513, 514, 529, 530, 531, 532, _EXIF, _GPS, _INTEROP,
}  # fmt: skip


def write(
    picture: Picture,
    compression: str | None,
    *,
    icc: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
) -> bytes:
    """A TIFF of anything but 16-bit grey with alpha. compression: as Pillow names it; what loses pixels becomes LZW."""
    layout, strips = _deep(picture) if picture.colour.dtype == np.uint16 else _plain(picture, compression)
    tags: dict[int, Any] = {}
    if icc:
        tags[_ICC] = icc
    if xmp:
        tags[_XMP] = xmp
    if dpi:
        tags |= {282: dpi[0], 283: dpi[1], 296: 2}
    offsets = tuple(
        accumulate((len(strip) for strip in strips[:-1]), initial=0)
    )  # Pillow adds where the directory ends
    layout |= {_OFFSETS: offsets, _COUNTS: tuple(len(strip) for strip in strips)}
    try:
        head = _directory(_facts(exif) | tags | layout)
    except Exception:  # a fact that cannot be said in TIFF must not cost the photo
        head = _directory(tags | layout)
    return b"".join([b"II*\0\x08\0\0\0", head, *strips])


def _plain(picture: Picture, compression: str | None) -> tuple[dict[int, Any], list[memoryview]]:
    """Layout and strips of a picture that Pillow can write."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

    allowed = _LOSSLESS | (_FAX if picture.space == "bilevel" else set())
    kind = compression if compression in allowed else "tiff_lzw"
    info = ImageFileDirectory_v2()
    if kind in ("tiff_lzw", "tiff_adobe_deflate") and picture.space in ("grey", "rgb", "cmyk"):
        info[317] = 2  # each pixel as its difference from its left neighbour
    out = BytesIO()
    to_pillow(picture).save(out, "TIFF", compression=kind, tiffinfo=info)
    data = memoryview(out.getvalue())
    out.seek(0)
    tags = TiffImageFile(out).tag_v2
    strips = [data[at : at + count] for at, count in zip(tags[_OFFSETS], tags[_COUNTS], strict=True)]
    return dict(tags), strips


def _deep(picture: Picture) -> tuple[dict[int, Any], list[bytes]]:
    """Layout and deflated strips of a picture with 16 bits a channel."""
    channels = (3 if picture.space == "rgb" else 1) + (picture.alpha is not None)
    strips = []
    for rows in bands(picture.height, picture.width):
        parts = [picture.colour[rows]] if picture.alpha is None else [picture.colour[rows], picture.alpha[rows]]
        samples = np.dstack(parts)
        samples[:, 1:] -= samples[:, :-1].copy()
        strips.append(zlib.compress(samples.astype("<u2").tobytes(), _EFFORT))
    layout = {
        256: picture.width,
        257: picture.height,
        258: (16,) * channels,
        259: 8,
        262: 2 if picture.space == "rgb" else 1,
        277: channels,
        278: bands(picture.height, picture.width)[0].stop,
        284: 1,
        317: 2,
        **({} if picture.alpha is None else {338: 2}),
    }
    return layout, strips


def _facts(block: bytes | None) -> dict[int, Any]:
    """What an EXIF block says, as tags."""
    from PIL import Image

    if not block:
        return {}
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + block)
    facts = {tag: exif[tag] for tag in exif if tag not in _LAYOUT}
    for tag in (_EXIF, _GPS):
        if tag in exif:
            facts[tag] = {inner: fact for inner, fact in exif.get_ifd(tag).items() if inner != _INTEROP}
    return facts


def _directory(tags: dict[int, Any]) -> bytes:
    """The directory that follows an eight-byte header, in little-endian order."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    directory = ImageFileDirectory_v2(b"II*\0\x08\0\0\0")
    for tag, content in tags.items():
        directory[tag] = content
    if _XMP in tags:
        directory.tagtype[_XMP] = 1
    directory.tagtype[_OFFSETS] = directory.tagtype[_COUNTS] = 4
    return directory.tobytes(8)
