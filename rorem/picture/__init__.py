"""Photos in and out: open a file as its own pixels, lay edits over them, write one file at the end.

The road of a photo: `open_picture`, then for each edit `crop`, `to_rgb`, (a method paints), `blend` and `patch`, and at
last `apply` and `encode`. Names are loaded on first use, so that importing the package costs nothing but numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .colour import blend, to_rgb, to_srgb
    from .formats import media_type, suffix
    from .opening import open_picture
    from .patches import Patch, apply, crop, patch
    from .place import tells_place
    from .record import Edit, FileFacts, JpegFacts, Limits, Picture, from_rgb_array
    from .saving import encode

_HOME = {
    "Edit": "record",
    "FileFacts": "record",
    "JpegFacts": "record",
    "Limits": "record",
    "Patch": "patches",
    "Picture": "record",
    "apply": "patches",
    "blend": "colour",
    "crop": "patches",
    "encode": "saving",
    "from_rgb_array": "record",
    "media_type": "formats",
    "open_picture": "opening",
    "patch": "patches",
    "suffix": "formats",
    "tells_place": "place",
    "to_rgb": "colour",
    "to_srgb": "colour",
}

__all__ = [
    "Edit",
    "FileFacts",
    "JpegFacts",
    "Limits",
    "Patch",
    "Picture",
    "apply",
    "blend",
    "crop",
    "encode",
    "from_rgb_array",
    "media_type",
    "open_picture",
    "patch",
    "suffix",
    "tells_place",
    "to_rgb",
    "to_srgb",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
