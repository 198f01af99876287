"""What a photo is to the rest of the library: its own pixels, and what its file said besides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Space = Literal["bilevel", "grey", "palette", "rgb", "cmyk"]


@dataclass(frozen=True)
class Limits:
    """What may be opened at all. Checked against the file's header, before anything is unpacked.

    max_bytes: a 100-megapixel 16-bit TIFF is about 600 MB; 200 MB holds every camera's JPEG, HEIC and PNG.
    max_pixels: the largest phone and medium-format sensors; 100 million RGB pixels are 300 MB of memory.
    """

    max_bytes: int = 200_000_000
    max_pixels: int = 100_000_000


@dataclass(frozen=True)
class Edit:
    """That a photo was edited, to be written into the file.

    tool: who did it, such as "RORem 1.0 (lama)". generative: a trained model made the new pixels.
    """

    tool: str
    generative: bool


@dataclass(frozen=True)
class JpegFacts:
    """How a JPEG was compressed, so that it is compressed the same way again.

    tables: quantisation tables in natural order, 64 numbers each, one for each component (a shared tail left out).
    subsampling: 0 = 4:4:4, 1 = 4:2:2, 2 = 4:2:0.
    """

    tables: tuple[tuple[int, ...], ...]
    subsampling: int
    progressive: bool


@dataclass(frozen=True)
class FileFacts:
    """What is needed to write a file like the one that was read.

    exif: a sound TIFF block without the "Exif" prefix, orientation not yet reset. xmp: one well-formed packet.
    dpi: dots per inch along x and y of the upright picture. iptc: a JPEG's IPTC-IIM record (credit, copyright).
    lossless: the WebP stored its pixels exactly. compression: TIFF's, as Pillow names it.
    chunks: PNG chunks that say how colours are meant (gAMA, cHRM, sRGB, cICP). texts: PNG text, key and value.
    key: the one colour that the file declares transparent (PNG tRNS of grey and RGB).
    """

    format: str = "PNG"
    name: str | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    comment: bytes | None = None
    iptc: bytes | None = None
    jpeg: JpegFacts | None = None
    lossless: bool = False
    compression: str | None = None
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    key: int | tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """A photo, upright, in the numbers its file holds.

    colour: bool (H, W) bilevel, True = white | uint8 or uint16 (H, W) grey | uint8 (H, W) palette indices |
        uint8 or uint16 (H, W, 3) rgb | uint8 (H, W, 4) cmyk, 255 = full ink.
    alpha: (H, W) in the dtype of `colour`; None = opaque, or held by the palette.
    palette: uint8 (n, 4) RGBA of palette pictures, every index of `colour` < n.
    notes: plain sentences for the person, when something in the file was left out.
    The arrays may lie on disk (`np.memmap`) and are never written to.
    """

    colour: np.ndarray
    alpha: np.ndarray | None = None
    space: Space = "rgb"
    palette: np.ndarray | None = None
    file: FileFacts = field(default_factory=FileFacts)
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return self.colour.shape[1]

    @property
    def height(self) -> int:
        return self.colour.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height


def from_rgb_array(array: np.ndarray, alpha: np.ndarray | None = None) -> Picture:
    """A picture made of arrays, to be written as PNG.

    array: uint8 or uint16 (H, W, 3). alpha: (H, W) in the same dtype. Raises ValueError for anything else.
    """
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"expected uint8 or uint16 (H, W, 3), got {array.dtype} {array.shape}")
    if alpha is not None and (alpha.shape != array.shape[:2] or alpha.dtype != array.dtype):
        raise ValueError(f"expected alpha {array.dtype} {array.shape[:2]}, got {alpha.dtype} {alpha.shape}")
    return Picture(colour=array, alpha=alpha)
