"""A picture file to build from, perhaps inside a collection, with its credit."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from data_tools.plain_files import read_bounded
from data_tools.synthesize.composing import SEEN
from data_tools.synthesize.credits import NOBODY, Credit
from data_tools.synthesize.qt_resources import Collection
from rorem.opacity import opacity_of
from rorem.picture import Picture, open_picture, to_srgb
from rorem.picture.colour import to_8

SPECK = 0.01  # of the largest part of a cut-out; smaller ones are dropped
OPEN_COLLECTIONS = 4  # kept in memory; the largest of those known is 5 MB


@dataclass(frozen=True)
class Original:
    """A file, perhaps inside a collection. key: its path in its folder, the same wherever the folder lies.

    width, height: px of the upright picture, for a cut-out of what it shows. sha256: of its bytes, hex.
    """

    key: str
    file: Path
    member: str = ""
    credit: Credit = NOBODY
    width: int = 0
    height: int = 0
    sha256: str = ""

    @property
    def category(self) -> str:
        """What it shows, as far as its name tells."""
        words = re.sub(r"[\W_]+", " ", PurePosixPath(self.key).stem).lower()
        return re.sub(r"(?<=[a-z])\d+[a-z]?\b| \d+\b", "", words).strip() or words.strip()

    def read(self) -> bytes:
        """The bytes as they are. Raises OSError and BadPicture."""
        if not self.member:
            return read_bounded(self.file)
        collection = open_collection(self.file)
        return next(collection.read(entry) for entry in collection.entries if entry.path == self.member)

    def rgb(self) -> np.ndarray:
        """uint8 RGB (H, W, 3), upright, as a screen shows it. Raises OSError and BadPicture."""
        return to_srgb(open_picture(self.read(), name=self.key))

    def rgba(self) -> np.ndarray:
        """uint8 RGBA (H, W, 4), trimmed to what shows anything. Raises OSError and BadPicture."""
        picture = open_picture(self.read(), name=self.key)
        alpha = _without_specks(opacity(picture))
        rgba = np.dstack([to_srgb(picture), alpha])
        ys, xs = np.nonzero(alpha > SEEN)
        return rgba[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1] if len(ys) else rgba[:0]


def opacity(picture: Picture) -> np.ndarray:
    """uint8 (H, W), 255 = opaque."""
    if picture.alpha is not None:
        picture = replace(picture, alpha=to_8(picture.alpha))  # rounded
    found = opacity_of(picture)
    return np.full(picture.colour.shape[:2], 255, np.uint8) if found is None else found


def _without_specks(alpha: np.ndarray) -> np.ndarray:
    """Coverage without the small islands that careless cutting leaves, which nobody sees but every mask would show."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats((alpha > SEEN).astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    specks = areas < SPECK * areas[1:].max(initial=0)
    specks[0] = True  # around it
    return np.where(specks[parts], np.uint8(0), alpha)


@lru_cache(OPEN_COLLECTIONS)
def open_collection(file: Path) -> Collection:
    return Collection(file)
