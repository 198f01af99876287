"""Sets to check: sound ones, and every way in which a record can go wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from data_tools.check import Checked, Problem, check
from rorem.triplet import Triplet, write_folder
from tests.ui.compared import png

HIGH, WIDE = 48, 64


def photo(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(noise, (WIDE, HIGH), interpolation=cv2.INTER_CUBIC)


def hole(left: int = 20) -> np.ndarray:
    mask = np.zeros((HIGH, WIDE), np.uint8)
    mask[16:32, left : left + 16] = 255
    return mask


def removal(seed: int, mask: np.ndarray) -> np.ndarray:
    without = photo(seed)
    without[mask > 0] = 255 - without[mask > 0]
    return without


def sound(number: int = 0, name: str = "") -> Triplet:
    """A photo, a mask, a result that is the photo outside of it, and a truth."""
    mask = hole()
    result = png(removal(number, mask))
    return Triplet(name or f"photo {number}", png(photo(number)), png(mask), result, truth=result, category="boat")


def candidate(number: int = 0) -> Triplet:
    return replace(sound(number), result=None, truth=None)


def write(folder: Path, *triplets: Triplet) -> Path:
    write_folder(triplets, folder)
    return folder


def records(folder: Path) -> list[dict]:
    return json.loads((folder / "meta.json").read_text("utf-8"))


def relist(folder: Path, listed: list) -> None:
    (folder / "meta.json").write_text(json.dumps(listed), "utf-8")


def checked(name: Path, **settings) -> tuple[Checked, dict[str, list[str]]]:
    """With the kinds of problems of each record."""
    found: dict[str, list[str]] = {}

    def tell(problem: Problem) -> None:
        found.setdefault(problem.record, []).append(problem.kind)

    return check(str(name), on_problem=tell, **settings), found
