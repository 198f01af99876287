"""Between Pillow's images and our arrays, a band of rows at a time so that a large photo is never held three times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from rorem.errors import BadPicture

from .record import Picture, Space

# Rows are converted in bands of about this many pixels: small enough for a processor's cache, by measurement.
_BAND = 250_000

_GREY16 = {"I;16", "I;16L", "I;16B", "I;16N"}
_PLAIN: dict[str, tuple[Space, int]] = {
    "1": ("bilevel", 1),
    "L": ("grey", 1),
    "LA": ("grey", 2),
    "P": ("palette", 1),
    "PA": ("palette", 2),
    "RGB": ("rgb", 3),
    "RGBA": ("rgb", 4),
    "CMYK": ("cmyk", 4),
}


@dataclass(frozen=True)
class Pixels:
    """The arrays of a `Picture`, before anything is known about its file."""

    colour: np.ndarray
    alpha: np.ndarray | None
    space: Space
    palette: np.ndarray | None = None


def bands(height: int, width: int) -> list[slice]:
    """Rows from top to bottom, in slices that are quick to convert."""
    step = max(1, _BAND // max(1, width))
    return [slice(top, min(top + step, height)) for top in range(0, height, step)]


def from_pillow(image: Image.Image) -> Pixels:
    """The native numbers of a loaded image. Raises BadPicture for modes that are not photos."""
    if image.mode in ("I", "F") or (image.mode.startswith(("I;", "F;")) and image.mode not in _GREY16):
        raise BadPicture(
            "This picture stores its brightness as measurements, not as a photo.",
            "Save it with 8 or 16 bits per colour and try again.",
        )
    if image.mode in ("RGBa", "La", "RGBX", "YCbCr"):
        image = image.convert({"RGBa": "RGBA", "La": "LA"}.get(image.mode, "RGB"))
    if image.mode in _GREY16:
        colour, alpha = _gather(image, np.uint16, 1)
        return _keyed(Pixels(colour, alpha, "grey"), image.info.get("transparency"))
    if image.mode not in _PLAIN:
        raise BadPicture("This picture stores its colours in an unusual way that RORem cannot read.")
    space, channels = _PLAIN[image.mode]
    colour, alpha = _gather(image, np.bool_ if space == "bilevel" else np.uint8, channels)
    if space == "palette":
        return Pixels(colour, alpha, space, _palette(image, int(colour.max(initial=0))))
    return _keyed(Pixels(colour, alpha, space), image.info.get("transparency"))


def to_pillow(picture: Picture) -> Image.Image:
    """An image with these very numbers, in mode 1, L, LA, P, PA, RGB, RGBA or CMYK.

    8 bit only; the palette comes without its alpha.
    """
    colour, alpha = picture.colour, picture.alpha
    if picture.space == "bilevel":
        return Image.fromarray(np.ascontiguousarray(colour))
    mode = {"grey": "L", "palette": "P", "rgb": "RGB", "cmyk": "CMYK"}[picture.space]
    if alpha is not None:
        colour = np.dstack([colour, alpha])
        mode += "A"
    colour = np.ascontiguousarray(colour)
    image = Image.frombuffer(mode, picture.size, colour, "raw", mode, 0, 1)
    if picture.palette is not None:
        image.putpalette(picture.palette[:, :3].tobytes())
    return image


def _gather(image: Image.Image, dtype: Any, channels: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Colour and alpha of an image whose last channel, if there are 2, or 4 of an RGBA, is alpha."""
    width, height = image.size
    has_alpha = image.mode in ("LA", "PA", "RGBA")
    depth = channels - has_alpha
    colour = np.empty((height, width, depth) if depth > 1 else (height, width), dtype)
    alpha = np.empty((height, width), dtype) if has_alpha else None
    for rows in bands(height, width):
        band = np.asarray(image.crop((0, rows.start, width, rows.stop)))
        if alpha is None:
            colour[rows] = band
        else:
            colour[rows] = band[..., :depth] if depth > 1 else band[..., 0]
            alpha[rows] = band[..., -1]
    return colour, alpha


def _palette(image: Image.Image, last: int) -> np.ndarray:
    """uint8 (n, 4) RGBA, long enough for the index `last`; what the file does not say is black."""
    stored = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)[:256]
    palette = np.zeros((max(len(stored), last + 1), 4), np.uint8)
    palette[: len(stored), :3] = stored
    palette[:, 3] = 255
    transparency = image.info.get("transparency")
    if isinstance(transparency, int) and transparency < len(palette):
        palette[transparency, 3] = 0
    elif isinstance(transparency, bytes):
        values = np.frombuffer(transparency, np.uint8)[: len(palette)]
        palette[: len(values), 3] = values
    return palette


def _keyed(pixels: Pixels, key: object) -> Pixels:
    """Gives alpha to a picture whose file declares one colour transparent."""
    if key is None or pixels.alpha is not None or pixels.space == "cmyk":
        return pixels
    colour = pixels.colour
    if pixels.space == "rgb":
        if not isinstance(key, tuple) or len(key) != 3:
            return pixels
        clear = np.all(colour == np.array(key), axis=2)
    elif isinstance(key, int):
        clear = colour == (bool(key) if pixels.space == "bilevel" else key)
    else:
        return pixels
    full = 1 if colour.dtype == np.bool_ else np.iinfo(colour.dtype).max
    return Pixels(colour, np.where(clear, 0, full).astype(colour.dtype), pixels.space, pixels.palette)
