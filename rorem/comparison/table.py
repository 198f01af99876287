"""A comparison as a table: the heads of its columns, and a row of texts for each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rorem.comparison.record import Cell
from rorem.metrics.catalog import METRICS
from rorem.metrics.wording import written

FACTS = ("seconds", "calls", "working size", "memory, MB")


def table(cells: Sequence[Cell], names: Mapping[str, str], *, blind: bool = False) -> tuple[list[str], list[list[str]]]:
    """names: by method, what stands in the first column. blind: without the facts, which would tell a hidden name."""
    metrics = list(dict.fromkeys(id for cell in cells for id in cell.metrics))
    judged = any(cell.score is not None for cell in cells)
    heads = ["method", *(("result",) if blind else FACTS), *(["judge"] if judged else []), *map(_head, metrics)]
    rows = [
        [
            names[cell.method],
            *(["failed" if cell.removal is None else "done"] if blind else _facts(cell)),
            *(["" if cell.score is None else written(cell.score)] if judged else []),
            *(written(cell.metrics[id], _unit(id)) if id in cell.metrics else "" for id in metrics),
        ]
        for cell in cells
    ]
    return heads, rows


def _facts(cell: Cell) -> list[str]:
    if cell.removal is None:
        return ["failed", "", "", ""]
    working = ", ".join(f"{width} x {height}" for width, height in cell.working)
    memory = "" if cell.peak_memory is None else f"{cell.peak_memory / 1e6:.0f}"
    return [f"{cell.seconds:.1f}", str(cell.network_calls), working, memory]


def _head(id: str) -> str:
    return f"{id}, {unit}" if (unit := _unit(id)) else id


def _unit(id: str) -> str:
    return next((metric.unit for metric in METRICS if metric.id == id), "")
