"""Simulated rounds: scores, and what people would say of each removal; and small sets of removals."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from data_tools.auto_label.verdicts import Known, Scored
from rorem.triplet import Triplet, write_shards
from tests.labels.samples import hash_of

Truth = Callable[[np.ndarray], np.ndarray]
SHARP: Truth = lambda raw: 1 / (1 + np.exp(-(12 * raw - 6)))  # noqa: E731
WEAK: Truth = lambda raw: 1 / (1 + np.exp(-(3 * raw - 0.5)))  # noqa: E731
STEPS: Truth = lambda raw: np.where(raw < 0.3, 0.1, np.where(raw < 0.7, 0.5, 0.99))  # noqa: E731
JUST_UNDER: Truth = lambda raw: np.full(len(raw), 0.949)  # noqa: E731
TURNING: Truth = lambda raw: np.where(raw > 0.8, 0.94, 0.97)  # noqa: E731  # worst where it should be best


@dataclass(frozen=True, eq=False)
class Round:
    raw: np.ndarray
    yes: np.ndarray


def draw(truth: Truth, count: int, seed: int) -> Round:
    random = np.random.default_rng(seed)
    raw = random.normal(0.55, 0.3, count)
    return Round(raw, random.random(count) < truth(raw))


def precision_above(truth: Truth, cutoff: float) -> float:
    """The true one, of all removals to come that score so much."""
    raw, precision = _to_come(truth)
    return float(precision[max(0, int(np.searchsorted(-raw, -cutoff, side="right")) - 1)])


@cache
def _to_come(truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Scores, falling, and the precision of all that score as much or more."""
    raw = -np.sort(-np.random.default_rng(99).normal(0.55, 0.3, 400_000))
    return raw, np.cumsum(truth(raw)) / np.arange(1, len(raw) + 1)


def known(some: Round, **told: Any) -> list[Known]:
    """One answer of three people each. method, category: lists, one for each; sample likewise."""
    found = []
    for number, (raw, yes) in enumerate(zip(some.raw, some.yes, strict=True)):
        own = {name: values[number] for name, values in told.items()}
        about = {"sample": hash_of(f"sample {number}"), "method": "lama", "seed": 0, "category": "dog", **own}
        scored = Scored(f"photo {number}", hash_of(f"item {number}"), raw=float(raw), **about)
        found.append(Known(scored, bool(yes), float(yes), 3))
    return found


def picture(number: int, side: int = 12) -> bytes:
    return _png(np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8))


def removal(number: int, **told: Any) -> Triplet:
    """Source, mask and result of its own; the result differs in the mask only."""
    random = np.random.default_rng(number)
    source = random.integers(0, 256, (40, 40, 3), np.uint8)
    mask, result = np.zeros((40, 40), np.uint8), source.copy()
    mask[4:10, 4:10] = 255
    result[4:10, 4:10] = random.integers(0, 256, (6, 6, 3), np.uint8)
    about: dict[str, Any] = {"method": "lama", "category": "dog", **told}
    return Triplet(f"photo {number}", _png(source), _png(mask), _png(result), **about)


def write_set(folder: Path, triplets: Sequence[Triplet]) -> str:
    """As generate writes it: shards in a folder of their own. The name to open it by."""
    write_shards(triplets, folder / "data")
    return str(folder)


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def _png(pixels: np.ndarray) -> bytes:
    done, data = cv2.imencode(".png", pixels)
    assert done
    return data.tobytes()
