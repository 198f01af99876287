"""Small sets with exact truth, for the tests of the evaluation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from rorem.errors import BadData
from rorem.evaluation.samples import Sample, decode
from rorem.triplet.record import Triplet
from rorem.triplet.sets import TripletSet

SIDE = 96


def scene(seed: int, side: int = SIDE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source uint8 RGB, mask bool and truth: a dark disc on a soft texture, and a margin around it in the mask."""
    random = np.random.default_rng(seed)
    small = random.integers(60, 200, (side // 8, side // 8, 3), np.uint8)
    truth = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    thing = np.zeros((side, side), np.uint8)
    middle = int(random.integers(side // 3, 2 * side // 3)), int(random.integers(side // 3, 2 * side // 3))
    cv2.circle(thing, middle, side // 8, 1, -1)
    source = np.where(thing[..., None] > 0, np.uint8(20), truth)
    mask = cv2.dilate(thing, np.ones((5, 5), np.uint8)) > 0
    return source, mask, truth


def png(pixels: np.ndarray) -> bytes:
    """uint8 RGB or bool, as a file."""
    flat = pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels[..., ::-1]
    return cv2.imencode(".png", np.ascontiguousarray(flat))[1].tobytes()


def triplet(seed: int, **facts: object) -> Triplet:
    source, mask, truth = scene(seed)
    return Triplet(f"scene{seed:02d}", png(source), png(mask), truth=png(truth), **facts)  # type: ignore[arg-type]


def sample(seed: int) -> Sample:
    return decode(triplet(seed))


class InMemory:
    """Records for a `TripletSet`; an error in the place of a record is raised when that is asked for."""

    def __init__(self, records: Sequence[Triplet | BadData]) -> None:
        self._records = records

    @property
    def names(self) -> list[str]:
        return [one.name if isinstance(one, Triplet) else f"broken{i}" for i, one in enumerate(self._records)]

    def read(self, index: int) -> Triplet:
        found = self._records[index]
        if isinstance(found, BadData):
            raise found
        return found

    def fingerprint(self) -> str:
        return "0" * 64


def in_memory(*records: Triplet | BadData) -> TripletSet:
    return TripletSet("in memory", InMemory(records))


def folder(path: Path, count: int, truth: bool = True) -> Path:
    """A triplet folder on disk."""
    records = []
    for seed in range(count):
        source, mask, there = scene(seed)
        for kind, pixels in (("source", source), ("mask", mask), ("TRUTH", there)):
            if kind != "TRUTH" or truth:
                (path / kind).mkdir(parents=True, exist_ok=True)
                (path / kind / f"scene{seed:02d}.png").write_bytes(png(pixels))
        known = {"truth": f"TRUTH/scene{seed:02d}.png"} if truth else {}
        name = f"scene{seed:02d}.png"
        records.append({"source": f"source/{name}", "mask": f"mask/{name}", "category": f"thing{seed % 2}", **known})
    (path / "meta.json").write_text(json.dumps(records))
    return path
