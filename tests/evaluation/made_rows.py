"""Rows as a run would give them, made up for the tests of what becomes of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rorem.evaluation.rows import Row


@dataclass(frozen=True)
class Defined:
    id: str
    title: str
    about: str
    better: str
    unit: str = ""
    kind: str = "mean"


DEFINITIONS = {
    one.id: one
    for one in (
        Defined("success_judge", "Success", "Share of removals that were accepted.", "higher", kind="rate"),
        Defined("psnr_hole/gt", "PSNR, hole", "Signal to noise inside the hole.", "higher", "dB"),
        Defined("seam", "Seam", "Jump across the edge.", "zero"),
        Defined("cmmd", "CMMD", "Distance of two clouds.", "lower"),
        Defined("latency", "Seconds", "Wall time of one removal.", "lower", "s", "latency"),
        Defined("levels", "Levels", "Says nothing by itself.", ""),
    )
}


def row(metric: str, value: float | None, picture: int = 0, method: str = "a", **more: object) -> Row:
    facts: dict[str, object] = {
        "sample": f"{picture:064x}",
        "name": f"pair-{picture:02}",
        "revision": "r1",
        "protocol": "same pipeline",
        "policy": "as given",
        "seed": 0,
        "options": "{}",
        "category": "dog",
        "mask_share": (picture + 1) / 100,
    }
    return Row(method=method, metric=metric, value=value, **(facts | more))  # type: ignore[arg-type]


def several(metric: str, values: Sequence[float | None], method: str = "a", **more: object) -> list[Row]:
    """One row a picture."""
    return [row(metric, value, picture, method, **more) for picture, value in enumerate(values)]


def whole(metric: str, value: float, n: int, method: str = "a", **more: object) -> Row:
    return row(metric, value, 0, method, **(more | {"sample": "", "name": "", "n": n}))  # type: ignore[arg-type]


def run(pictures: int = 12, methods: Sequence[str] = ("a", "b"), **more: object) -> list[Row]:
    """A run in which each method is a little better than the one before it, and slower."""
    rows: list[Row] = []
    for number, method in enumerate(methods):
        level = [20 + 5 * math.sin(picture) for picture in range(pictures)]
        rows += several("psnr_hole/gt", [one + number + 0.2 * math.cos(7 * one) for one in level], method, **more)
        rows += several("seam", [0.3 - number / 10 + math.sin(3 * one) / 50 for one in level], method, **more)
        rows += several("success_judge", [float(math.sin(one) > -number / 2) for one in level], method, **more)
        rows += several("latency", [(number + 1) * (1 + math.cos(one) / 5) for one in level], method, **more)
        rows.append(whole("cmmd", 0.5 - number / 10, pictures, method, **more))
    return rows
