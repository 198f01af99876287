"""Looking into the sets that were made."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from data_tools.mulan import Choice
from rorem.triplet import Triplet, open_set

RED, GREEN = (255, 0, 0), (0, 255, 0)
LOOSE = Choice(least=0.001, margin=1)


def read(folder: Path) -> dict[str, Triplet]:
    return {one.name: one for one in open_set(str(folder)) if isinstance(one, Triplet)}


def pixels(data: bytes | None) -> np.ndarray:
    assert data is not None
    with Image.open(io.BytesIO(data)) as opened:
        return np.asarray(opened)


def content(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
