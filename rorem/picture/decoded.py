"""What a decoder found in a file, before anyone has checked what stands beside the pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .pixels import Pixels
from .record import JpegFacts

TEN_BIT = "This photo holds finer steps of colour than are kept here. It was opened with 8 bits per colour."


@dataclass(frozen=True)
class Decoded:
    """What a decoder found. Metadata is raw: nobody has checked yet that it is sound.

    turn: the orientation still to be applied; None = as EXIF or XMP say. several: more pictures of equal rank.
    extra: hidden companions of the picture (gain map, depth). exif_lost: there was EXIF, but it could not be read.
    The rest is as in `FileFacts`.
    """

    pixels: Pixels
    turn: int | None = None
    several: bool = False
    extra: bool = False
    notes: tuple[str, ...] = ()
    exif_lost: bool = False
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


def as_bytes(found: object) -> bytes | None:
    """Bytes, or None: in a PNG any text can put anything under any name."""
    return found if isinstance(found, bytes) and found else None


def as_dpi(found: object) -> tuple[float, float] | None:
    """Both numbers if they make sense, else None."""
    if not isinstance(found, tuple) or len(found) != 2:
        return None
    try:
        across, down = float(found[0]), float(found[1])
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    sensible = all(math.isfinite(number) and 1 < number <= 1e6 for number in (across, down))  # 1 stands for "unknown"
    return (across, down) if sensible else None
