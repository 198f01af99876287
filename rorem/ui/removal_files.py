"""Results of a comparison on disk: what is large in a removal goes to files, and what is left is small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rorem.picture import Patch, Picture, from_rgb_array
from rorem.remover import Removal, WindowReport
from rorem.ui.patch_files import changed, read, write

NOTHING = from_rgb_array(np.zeros((1, 1, 3), np.uint8))
NO_HOLE = np.zeros((0, 0), bool)


def put(stem: Path, removal: Removal) -> Removal:
    """Writes a removal's pixels to files that begin like `stem`. Returns the removal without them. Raises OSError."""
    windows = tuple(window for window in removal.windows if window.hole.any())
    if removal.published is not None:
        np.save(_whole(stem), removal.published)
    else:
        write(_patches(stem), changed(removal))
        holes = {str(index): np.packbits(window.hole) for index, window in enumerate(windows)}
        np.savez(_holes(stem), allow_pickle=False, **holes)  # pyright: ignore[reportArgumentType]
    slim = tuple(replace(window, hole=NO_HOLE) for window in windows)
    return replace(removal, before=NOTHING, patches=(), windows=slim, published=None)


def get(stem: Path, slim: Removal, before: Picture, mask: np.ndarray) -> Removal:
    """The removal again. before: the photo it was made from. mask: bool (H, W), what was marked.

    Raises FileNotFoundError for files that are no longer there.
    """
    if _whole(stem).exists():
        (window,) = slim.windows
        return replace(slim, before=before, windows=(replace(window, hole=mask),), published=whole(stem))
    with np.load(_holes(stem), allow_pickle=False) as holes:
        windows = tuple(_with(window, holes[str(index)]) for index, window in enumerate(slim.windows))
    return replace(slim, before=before, windows=windows, patches=read(_patches(stem)))


def whole(stem: Path) -> np.ndarray | None:
    """Of a removal as published, the whole picture, uint8 RGB (h, w, 3), read from disk as needed; else None."""
    return np.load(_whole(stem), mmap_mode="r") if _whole(stem).exists() else None


def patches_of(stem: Path) -> tuple[Patch, ...]:
    """The changed windows of a removal. Raises FileNotFoundError."""
    return read(_patches(stem))


def _with(window: WindowReport, packed: np.ndarray) -> WindowReport:
    size = window.box.width * window.box.height
    hole = np.unpackbits(packed, count=size).astype(bool).reshape(window.box.height, window.box.width)
    return replace(window, hole=hole)


def _patches(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.patches.npz")


def _holes(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.holes.npz")


def _whole(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.whole.npy")
