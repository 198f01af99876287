"""ICC profiles, through LittleCMS (Pillow's ImageCms)."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from .pixels import bands
from .record import Picture, Space

_KIND: dict[Space, bytes] = {"bilevel": b"GRAY", "grey": b"GRAY", "palette": b"RGB ", "rgb": b"RGB ", "cmyk": b"CMYK"}
_MODE = {b"GRAY": "L", b"RGB ": "RGB", b"CMYK": "CMYK"}

# The largest real profiles (press profiles, 3D look-up tables) are about 4 MB.
MAX_BYTES = 16_000_000


def plausible(icc: object) -> bool:
    """Whether these bytes are a profile at all, by its header."""
    return isinstance(icc, bytes) and 128 <= len(icc) <= MAX_BYTES and icc[36:40] == b"acsp"


def matches(icc: bytes | None, space: Space) -> bool:
    """Whether a profile speaks about pictures of this space."""
    return icc is not None and icc[16:20] == _KIND[space]


def to_srgb(picture: Picture) -> np.ndarray | None:
    """uint8 (H, W, 3) of an 8-bit grey, rgb or cmyk picture through its own profile; None if it has none that works."""
    icc = picture.file.icc
    if icc is None or not matches(icc, picture.space):
        return None
    transform = _transform(icc, "in")
    return None if transform is None else _applied(transform, picture.colour, _MODE[icc[16:20]], "RGB")


def to_cmyk(rgb: np.ndarray, icc: bytes | None) -> np.ndarray | None:
    """uint8 (H, W, 4) of sRGB colours through a CMYK profile; None if there is none that works."""
    if icc is None or not matches(icc, "cmyk"):
        return None
    transform = _transform(icc, "out")
    return None if transform is None else _applied(transform, rgb, "RGB", "CMYK")


@lru_cache(maxsize=4)
def _transform(icc: bytes, way: str) -> Any:
    """A ready transform to ("in") or from ("out") sRGB, or None.

    Building one for CMYK takes about 0.1 s, hence the cache; it holds nothing but the profile itself.
    """
    from PIL import ImageCms

    mode = _MODE[icc[16:20]]
    srgb = ImageCms.createProfile("sRGB")
    # Relative colorimetric with black point compensation maps in-gamut colours onto themselves both ways.
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(icc))
        if way == "in":
            return ImageCms.buildTransform(own, srgb, mode, "RGB", intent, flags)
        return ImageCms.buildTransform(srgb, own, "RGB", mode, intent, flags)
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None


def _applied(transform: Any, array: np.ndarray, before: str, after: str) -> np.ndarray:
    height, width = array.shape[:2]
    result = np.empty((height, width, len(after)), np.uint8)
    for rows in bands(height, width):
        band = np.ascontiguousarray(array[rows])
        image = Image.frombuffer(before, (width, len(band)), band, "raw", before, 0, 1)
        result[rows] = np.asarray(transform.apply(image))
    return result
