"""A comparison as a table."""

from __future__ import annotations

from dataclasses import replace

from rorem.comparison import Cell, Request, compare
from rorem.comparison.table import table
from rorem.errors import BadWeights
from tests.comparison.scene import mark, photo

NAMES = {"telea": "telea", "lama": "lama"}


def cells() -> list[Cell]:
    (cell,) = compare(photo(), mark(), Request(("telea",)))
    assert cell.removal is not None
    made = replace(cell.removal, score=0.5, peak_memory=250_000_000, seconds=3.21, network_calls=4)
    return [
        replace(cell, removal=made, metrics={"psnr_full/gt": 31.25678, "seam": float("inf")}),
        Cell("lama", "LaMa", error=BadWeights("Damaged.")),
    ]


def test_every_fact_has_a_column() -> None:
    heads, rows = table(cells(), NAMES)
    assert [head.partition(",")[0] for head in heads] == [
        *("method", "seconds", "calls", "working size", "memory", "judge", "psnr_full/gt", "seam")
    ]
    assert rows == [
        ["telea", "3.2", "4", "96 x 72", "250", "0.500", "31.26", "equal"],
        ["lama", "failed", "", "", "", "", "", ""],
    ]


def test_hidden_names_have_no_facts_that_tell_them() -> None:
    heads, rows = table(cells(), {"telea": "A", "lama": "B"}, blind=True)
    assert [head.partition(",")[0] for head in heads] == ["method", "result", "judge", "psnr_full/gt", "seam"]
    assert rows == [["A", "done", "0.500", "31.26", "equal"], ["B", "failed", "", "", ""]]


def test_no_column_without_anything_in_it() -> None:
    (done, _) = cells()
    assert done.removal is not None
    heads, _ = table([replace(done, removal=replace(done.removal, score=None), metrics={})], NAMES)
    assert heads[-1] == "memory, MB"
