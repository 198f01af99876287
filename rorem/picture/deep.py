"""Colour with 16 bits a channel, which Pillow does not hold: read through OpenCV, written by hand."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np

from .limits import Damaged
from .pixels import Pixels, bands
from .record import Picture

# 1 of 9: photos at 16 bit are mostly noise in the low byte, where more effort wins a few per cent and costs minutes.
_EFFORT = 1


def read(data: bytes) -> Pixels:
    """The numbers of a 16-bit PNG or TIFF with colour or alpha, as they lie in the file: not turned, no profile applied."""
    import cv2

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16 or array.ndim != 3:
        raise Damaged("not 16 bit after all")
    if array.shape[2] not in (3, 4):
        raise Damaged("an unusual number of channels")
    alpha = np.ascontiguousarray(array[..., 3]) if array.shape[2] == 4 else None
    colour = np.empty((*array.shape[:2], 3), np.uint16)
    for rows in bands(*array.shape[:2]):
        colour[rows] = array[rows, :, 2::-1]
    return Pixels(colour, alpha, "rgb")


def write_png(picture: Picture, head: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG of uint16 grey or rgb, with or without alpha. head: the chunks between IHDR and the pixels."""
    kind = {("grey", False): 0, ("rgb", False): 2, ("grey", True): 4, ("rgb", True): 6}
    colour_type = kind[picture.space, picture.alpha is not None]
    out = BytesIO()
    out.write(b"\x89PNG\r\n\x1a\n")
    _chunk(out, b"IHDR", struct.pack(">IIBBBBB", *picture.size, 16, colour_type, 0, 0, 0))
    for name, body in head:
        _chunk(out, name, body)
    packer = zlib.compressobj(_EFFORT)
    for rows in bands(picture.height, picture.width):
        if packed := packer.compress(_filtered(_interleaved(picture, rows))):
            _chunk(out, b"IDAT", packed)
    _chunk(out, b"IDAT", packer.flush())
    _chunk(out, b"IEND", b"")
    return out.getvalue()


def write_tiff(picture: Picture, tags: dict[int, object]) -> bytes:
    """A deflated TIFF of uint16 grey or rgb, with or without alpha. tags: what to write besides, as Pillow knows them."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    channels = (3 if picture.space == "rgb" else 1) + (picture.alpha is not None)
    strips = []
    for rows in bands(picture.height, picture.width):
        samples = _interleaved(picture, rows)
        samples[:, 1:] -= samples[:, :-1].copy()  # predictor 2: each pixel as its difference from its left neighbour
        strips.append(zlib.compress(samples.astype("<u2").tobytes(), _EFFORT))
    sizes = [len(strip) for strip in strips]
    tags = tags | {
        256: picture.width,
        257: picture.height,
        258: (16,) * channels,
        259: 8,
        262: 2 if picture.space == "rgb" else 1,
        273: tuple(sum(sizes[:index]) for index in range(len(sizes))),  # Pillow adds where the directory ends
        277: channels,
        278: bands(picture.height, picture.width)[0].stop,
        279: tuple(sizes),
        284: 1,
        317: 2,
        **({} if picture.alpha is None else {338: 2}),
    }
    directory = ImageFileDirectory_v2(b"II*\0\x08\0\0\0")
    for tag, content in tags.items():
        directory[tag] = content
    if 700 in tags:
        directory.tagtype[700] = 1
    directory.tagtype[273] = directory.tagtype[279] = 4
    return b"".join([b"II*\0\x08\0\0\0", directory.tobytes(8), *strips])


def _interleaved(picture: Picture, rows: slice) -> np.ndarray:
    """uint16 (rows, W, channels): a band with its alpha, a copy."""
    parts = [picture.colour[rows]]
    if picture.alpha is not None:
        parts.append(picture.alpha[rows])
    return np.dstack(parts)


def _filtered(samples: np.ndarray) -> bytes:
    """Rows of PNG's filter "sub": each byte as its difference from the same byte of the pixel to the left."""
    height, width, channels = samples.shape
    raw = samples.astype(">u2").view(np.uint8).reshape(height, width, 2 * channels)
    lines = np.ones((height, 1 + width * 2 * channels), np.uint8)  # the leading 1 names the filter
    lines[:, 1:] = np.diff(raw, axis=1, prepend=np.uint8(0)).reshape(height, -1)
    return lines.tobytes()


def _chunk(out: BytesIO, name: bytes, body: bytes) -> None:
    out.write(struct.pack(">I", len(body)) + name)
    out.write(body)
    out.write(struct.pack(">I", zlib.crc32(body, zlib.crc32(name))))
