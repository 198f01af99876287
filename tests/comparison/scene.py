"""A small photo with a thing on it, and comparisons of it."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import numpy as np
from PIL import Image

from rorem.comparison import Cell, Request, compare
from rorem.comparison.bundle import Comparison
from rorem.picture import Picture, open_picture

HIGH, WIDE = 72, 96
TWO_STEPS: Mapping[str, object] = {"steps": 2}


def pixels(seed: int = 0) -> np.ndarray:
    """uint8 RGB (HIGH, WIDE, 3): grain with a red thing where `mark` is."""
    picture = np.random.default_rng(seed).normal(120, 12, (HIGH, WIDE, 3)).clip(0, 255).astype(np.uint8)
    picture[mark()] = (230, 20, 30)
    return picture


def truth() -> np.ndarray:
    return np.random.default_rng(0).normal(120, 12, (HIGH, WIDE, 3)).clip(0, 255).astype(np.uint8)


def mark() -> np.ndarray:
    marked = np.zeros((HIGH, WIDE), bool)
    marked[25:45, 30:55] = True
    return marked


def png(array: np.ndarray) -> bytes:
    out = BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return out.getvalue()


def photo() -> Picture:
    return open_picture(png(pixels()))


def made(request: Request, source: bytes | None = None, **more: object) -> Comparison:
    """A comparison that was run. source: the photo's file. more: of `Comparison`."""
    source = png(pixels()) if source is None else source
    picture = open_picture(source)
    marked = np.resize(mark(), (picture.height, picture.width)) if picture.size != (WIDE, HIGH) else mark()
    cells = list(compare(picture, marked, request, avoid=more.get("avoid")))  # type: ignore[arg-type]
    return Comparison(picture, marked, request, cells, source=source, name="sea.png", **more)  # type: ignore[arg-type]


def by_method(cells: list[Cell]) -> dict[str, Cell]:
    return {cell.method: cell for cell in cells}
