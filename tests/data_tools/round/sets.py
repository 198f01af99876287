"""Sets, answers and scores for a round, small and in the real formats."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from rorem.labels.exchange import ANSWERS
from rorem.triplet import Triplet, write_folder, write_shards

SIDE = 48
ANNA, BORIS, CLARA = ("a" * 32, "b" * 32, "c" * 32)


def photo(seed: int) -> np.ndarray:
    """Soft shapes that no other seed has, uint8 (48, 48, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def file(pixels: np.ndarray, format: str = "PNG", **how: int) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format, **how)  # pyright: ignore[reportArgumentType]
    return data.getvalue()


def mask(left: int = 8, top: int = 8, side: int = 12) -> bytes:
    marked = np.zeros((SIDE, SIDE), bool)
    marked[top : top + side, left : left + side] = True
    return file(marked)


def removal(seed: int, way: int = 0) -> bytes:
    """The photo with a grey square; another way, another grey."""
    pixels = photo(seed).copy()
    pixels[8:20, 8:20] = 100 + way
    return file(pixels)


def candidate(seed: int, name: str = "", **fields: object) -> Triplet:
    """A removal from a photo of its own."""
    one = Triplet(name or f"photo {seed}", file(photo(seed)), mask(), removal(seed), method="patchmatch")
    return replace(one, **fields)  # pyright: ignore[reportArgumentType]


def start(seed: int, **fields: object) -> Triplet:
    """A pair with exact truth and no removal, as a first set has them."""
    one = Triplet(f"start {seed}", file(photo(seed)), mask(), truth=file(photo(seed + 1)))
    return replace(one, **fields)  # pyright: ignore[reportArgumentType]


def shards(folder: Path, triplets: Iterable[Triplet]) -> str:
    write_shards(triplets, folder)
    return str(folder)


def rows(folder: Path, triplets: Iterable[Triplet]) -> str:
    write_folder(triplets, folder)
    return str(folder)


def answers(path: Path, said: Iterable[tuple[Triplet, str, str]]) -> Path:
    """A file as `rorem labels export` writes it: removal, annotator, verdict."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as data:
        writer = csv.writer(data, lineterminator="\n")
        writer.writerow(ANSWERS)
        for one, annotator, verdict in said:
            of_item = [one.sample, one.method, one.seed, one.name, one.category, one.round]
            writer.writerow([*of_item, one.id, annotator, verdict, "", 1.5])
    return path


def scores(folder: Path, given: Sequence[tuple[Triplet, float, bool]], **calibration: object) -> Path:
    """A folder as data_tools.auto_label writes it: removal, probability, accepted."""
    folder.mkdir(parents=True, exist_ok=True)
    told: Mapping[str, list[object]] = {
        "name": [one.name for one, _, _ in given],
        "id": [one.id for one, _, _ in given],
        "sample": [one.sample for one, _, _ in given],
        "method": [one.method for one, _, _ in given],
        "raw": [probability / 2 for _, probability, _ in given],
        "probability": [probability for _, probability, _ in given],
        "accepted": [accepted for _, _, accepted in given],
    }
    kinds = [*[pa.string()] * 4, pa.float64(), pa.float64(), pa.bool_()]
    columns = [pa.array(values, kind) for values, kind in zip(told.values(), kinds, strict=True)]
    pq.write_table(pa.table(columns, names=list(told)), folder / "scores.parquet")
    usual = {"id": "cal-1", "judge": "seam", "kind": "isotonic", "threshold": 0.8, "on": "probability"}
    usual |= {"wanted_precision": 0.95, "precision": 0.97, "lower_bound": 0.951, "fallback": False, "reason": ""}
    (folder / "calibration.json").write_text(json.dumps(usual | calibration))
    return folder
