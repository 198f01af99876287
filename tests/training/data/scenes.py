"""Photos that say where each of their pixels lies, so that a test sees which part of them came out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rorem.triplet import Triplet, write_folder

SIDE = 64


def photo(wide: int = SIDE, high: int = SIDE, blue: int = 0) -> np.ndarray:
    """Red grows from left to right by 2 a pixel, green from top to bottom; blue tells photos apart."""
    red, green = np.meshgrid(np.arange(wide) * 2 % 256, np.arange(high) * 2 % 256)
    return np.dstack([red, green, np.full_like(red, blue)]).astype(np.uint8)


def mark(wide: int = SIDE, high: int = SIDE, box: tuple[int, int, int, int] = (24, 24, 40, 40)) -> np.ndarray:
    """uint8, 255 in the box: left, top, right, bottom."""
    mask = np.zeros((high, wide), np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 255
    return mask


def png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def triplet(number: int, wide: int = SIDE, high: int = SIDE, **given: Any) -> Triplet:
    """Its source has the number as blue, its result 100 more."""
    parts = {
        "source": png(photo(wide, high, number)),
        "mask": png(mark(wide, high)),
        "result": png(photo(wide, high, number + 100)),
    }
    return Triplet(f"scene-{number:03}", **{**parts, **given})


def write_scenes(folder: Path, count: int = 6, sides: Sequence[tuple[int, int]] = ((SIDE, SIDE),)) -> Path:
    """A folder of so many, whose sizes (width, height) take turns."""
    write_folder([triplet(number, *sides[number % len(sides)]) for number in range(count)], folder)
    return folder
