"""What the browser shows of a photo: a small picture of a part of it, in the screen's colours."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from rorem.opacity import opacity_of
from rorem.picture import Picture, to_rgb, to_srgb

JPEG_QUALITY = 92
LONGEST = 2048  # px: the side of the proxy that the browser paints on; larger ones make phones slow


def preview(window: Picture, side: int) -> tuple[bytes, str]:
    """A part of a photo, at most `side` px long, as an encoded picture and its media type.

    JPEG; PNG where something is transparent.
    """
    opacity = opacity_of(window)
    size = fitted(window.width, window.height, side)
    rgb = to_srgb(_shrunk(window, size))
    if opacity is None:
        return _encoded(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]), "image/jpeg"
    alpha = cv2.resize(opacity, size, interpolation=cv2.INTER_AREA)
    return _encoded(".png", np.dstack([rgb[..., ::-1], alpha]), [cv2.IMWRITE_PNG_COMPRESSION, 1]), "image/png"


def proxy_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the proxy of a photo of this size."""
    return fitted(width, height, LONGEST)


def fitted(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height of a picture of this size when it is shown at most `side` px long."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def proxy(picture: Picture, side: int = LONGEST) -> np.ndarray:
    """The whole photo as methods see it, at most `side` px long; uint8 RGB (h, w, 3)."""
    return to_rgb(_shrunk(picture, fitted(picture.width, picture.height, side)))


def bits(mask: np.ndarray) -> bytes:
    """A mask, bool (h, w), as a 1-bit PNG, white = remove."""
    flat = mask.astype(np.uint8) * 255
    return _encoded(".png", flat, [cv2.IMWRITE_PNG_BILEVEL, 1])


def _shrunk(picture: Picture, size: tuple[int, int]) -> Picture:
    """The same picture smaller, without alpha; indexed colours become RGB because indices cannot be averaged."""
    if size == (picture.width, picture.height):
        return replace(picture, alpha=None)
    if picture.space in ("palette", "bilevel"):
        small = cv2.resize(to_rgb(picture), size, interpolation=cv2.INTER_AREA)
        return replace(picture, colour=small, alpha=None, space="rgb", palette=None)
    small = cv2.resize(np.ascontiguousarray(picture.colour), size, interpolation=cv2.INTER_AREA)
    return replace(picture, colour=small, alpha=None)


def _encoded(suffix: str, array: np.ndarray, options: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, np.ascontiguousarray(array), options)
    if not done:
        raise ValueError(f"a preview of shape {array.shape} could not be encoded")
    return data.tobytes()
