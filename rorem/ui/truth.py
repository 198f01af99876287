"""The truth of a photo, where the visitor has it: the same view without the thing, for metrics to go by."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rorem.errors import BadPicture
from rorem.files import write_whole
from rorem.picture import Limits, Picture, open_picture, to_rgb


@dataclass(frozen=True)
class Truth:
    """name: of the visitor's file. path: where that lies, byte for byte."""

    name: str
    path: Path

    @property
    def pixels(self) -> np.ndarray:
        """uint8 RGB (H, W, 3) of the photo's size, read from disk as needed. Raises FileNotFoundError."""
        return np.load(_pixels(self.path), mmap_mode="r")

    def delete(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
            _pixels(self.path).unlink(missing_ok=True)


def keep_truth(path: Path, data: bytes, name: str, photo: Picture, limits: Limits) -> Truth:
    """Keeps a file as the truth of a photo at `path`. Raises BadPicture, also for another size, and OSError."""
    truth = open_picture(data, limits=limits)
    if truth.size != photo.size:
        (width, height), (wide, high) = photo.size, truth.size
        raise BadPicture(
            f"This picture is {wide} × {high} pixels and your photo {width} × {height}.",
            "Give the same view without the thing, in the same size.",
        )
    kept = Truth(name, path)
    try:
        write_whole(path, data)
        np.save(_pixels(path), to_rgb(truth))
    except OSError:
        kept.delete()
        raise
    return kept


def _pixels(path: Path) -> Path:
    return path.with_name(f"{path.name}.npy")
