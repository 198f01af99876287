"""RORem: remove things from photos.

    import rorem
    removal, *_ = rorem.remove("photo.jpg", "mask.png")
    removal.save("without.jpg")

Names are imported when first used, so `import rorem` alone is quick and brings in neither torch nor gradio.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from rorem.version import __version__ as __version__

if TYPE_CHECKING:
    from rorem.api import remove
    from rorem.errors import (
        BadData,
        BadMask,
        BadOptions,
        BadPicture,
        BadWeights,
        Cancelled,
        MissingWeights,
        OutOfMemory,
        RoremError,
        Unavailable,
    )
    from rorem.mask_file import read_mask
    from rorem.picture import Picture, open_picture
    from rorem.remover import Removal

_HOME = {
    "remove": "rorem.api",
    "Removal": "rorem.remover",
    "Picture": "rorem.picture",
    "open_picture": "rorem.picture",
    "read_mask": "rorem.mask_file",
    "RoremError": "rorem.errors",
    "BadPicture": "rorem.errors",
    "BadData": "rorem.errors",
    "BadMask": "rorem.errors",
    "BadOptions": "rorem.errors",
    "BadWeights": "rorem.errors",
    "MissingWeights": "rorem.errors",
    "Unavailable": "rorem.errors",
    "OutOfMemory": "rorem.errors",
    "Cancelled": "rorem.errors",
}
__all__ = [
    "BadData",
    "BadMask",
    "BadOptions",
    "BadPicture",
    "BadWeights",
    "Cancelled",
    "MissingWeights",
    "OutOfMemory",
    "Picture",
    "Removal",
    "RoremError",
    "Unavailable",
    "open_picture",
    "read_mask",
    "remove",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'rorem' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
