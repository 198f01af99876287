"""Pixels in files: a whole photo, mapped into memory, and the windows of it that a removal changed, and only those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rorem.geometry import Box
from rorem.picture import Patch
from rorem.remover import Removal, WindowReport


def keep(path: Path, array: np.ndarray) -> np.ndarray:
    """The array moved to disk and mapped back, writable. Raises OSError."""
    np.save(path, array)
    return np.load(path, mmap_mode="r+")


def changed(removal: Removal) -> tuple[Patch, ...]:
    """A removal's patches, each cut down to the bounds of its hole: beyond those nothing was changed.

    Those that are cut already stay as they are.
    """
    return tuple(
        _cut(one, window) for one, window in zip(removal.patches, removal.windows, strict=True) if window.hole.any()
    )


def write(path: Path, patches: Sequence[Patch]) -> None:
    """Writes patches to a file, whole or not at all. Raises OSError."""
    arrays: dict[str, np.ndarray] = {}
    for index, one in enumerate(patches):
        arrays[f"box{index}"] = np.array(one.box)
        arrays[f"colour{index}"] = one.colour
        if one.alpha is not None:
            arrays[f"alpha{index}"] = one.alpha
    part = path.with_suffix(".part.npz")
    try:
        np.savez(part, allow_pickle=False, **arrays)  # pyright: ignore[reportArgumentType]
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path) -> tuple[Patch, ...]:
    with np.load(path, allow_pickle=False) as arrays:
        count = sum(name.startswith("box") for name in arrays.files)
        return tuple(
            Patch(
                Box(*(int(edge) for edge in arrays[f"box{index}"])),
                arrays[f"colour{index}"],
                arrays[f"alpha{index}"] if f"alpha{index}" in arrays.files else None,
            )
            for index in range(count)
        )


def _cut(one: Patch, window: WindowReport) -> Patch:
    rows, columns = np.flatnonzero(window.hole.any(axis=1)), np.flatnonzero(window.hole.any(axis=0))
    hole = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    bounds = hole.moved(window.box.left, window.box.top)
    inner = bounds.moved(-one.box.left, -one.box.top)
    alpha = None if one.alpha is None else one.alpha[inner.slices]
    return Patch(bounds, one.colour[inner.slices], alpha)


def within(patches: Sequence[Patch], box: Box) -> tuple[Patch, ...]:
    """Patches as they lie in a crop of the photo at `box`."""
    return tuple(replace(one, box=one.box.moved(-box.left, -box.top)) for one in patches)
