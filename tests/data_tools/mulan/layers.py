"""Decomposed photos as MuLAn's script writes them: an RGB ground and RGBA layers of the photo's size."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

HIGH, WIDE = 40, 60


def ground(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (HIGH, WIDE, 3), np.uint8)


def layer(colour: Sequence[int], left: int, top: int, wide: int, high: int, alpha: int = 255) -> np.ndarray:
    """A box of one colour. What lies outside of it is black and clear, as in the real files."""
    rgba = np.zeros((HIGH, WIDE, 4), np.uint8)
    rgba[top : top + high, left : left + wide] = (*colour, alpha)
    return rgba


def write(folder: Path, name: str, *layers: np.ndarray) -> None:
    """NAME-layer_0.png and so on; the ground comes first."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(layers):
        Image.fromarray(picture).save(folder / f"{name}-layer_{number}.png")


def write_captions(folder: Path, rows: Sequence[Mapping[str, str]], name: str = "meta_data.csv") -> None:
    """As pandas writes it, with a column of numbers before the others."""
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["", *rows[0]])
        writer.writeheader()
        writer.writerows({"": str(number), **row} for number, row in enumerate(rows))
