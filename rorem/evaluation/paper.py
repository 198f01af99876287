"""The tables of RORem's paper as data, to stand beside ours. None of it was run here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from rorem.metrics.intervals import wilson

FILE = Path(__file__).with_name("paper.json")
NOT_RUN = "Not run here: the paper reports these numbers, on its own pictures. They cannot be set against ours."


@dataclass(frozen=True)
class Number:
    """A published number. text: as published. low, high: of a rate, in its unit; None = no interval can be given."""

    value: float
    text: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Table:
    """One published table. source: where it was read. second_hand: not from the authors. columns: id -> title and unit.
    rows: method -> column id -> Number."""

    id: str
    title: str
    source: str
    second_hand: bool
    columns: Mapping[str, str]
    rows: Mapping[str, Mapping[str, Number]]


@dataclass(frozen=True)
class Paper:
    """name: title, place, number. notes: what has to be known of all the tables."""

    name: str
    notes: tuple[str, ...]
    tables: tuple[Table, ...]


@cache
def published() -> Paper:
    """The tables at 512 and 1024 px, and the second version of the first that circulates."""
    told = json.loads(FILE.read_text("utf-8"), parse_float=Decimal)  # keeps 0.50 as it is printed
    tables = tuple(_table(one, told["columns"], told["tries"]) for one in told["tables"])
    return Paper(told["paper"], (NOT_RUN, told["tries_note"], told["undefined"]), tables)


def markdown() -> str:
    """All tables for GitHub, marked as not run here."""
    paper = published()
    parts = [f"## The paper's own numbers\n\n{paper.name}.\n\n" + "\n".join(f"- {note}" for note in paper.notes)]
    for table in paper.tables:
        rows = [["Method", *table.columns.values()], ["---", *["--:"] * len(table.columns)]]
        rows += [[method, *map(_cell, numbers.values())] for method, numbers in table.rows.items()]
        lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        parts.append(f"### {table.title} (not run here)\n\n{lines}\n\nSource: {table.source}.")
    return "\n\n".join(parts) + "\n"


def _table(told: dict[str, Any], columns: dict[str, dict[str, Any]], tries: int) -> Table:
    names = told["columns"]
    rows = {
        method: {name: _number(value, columns[name], tries) for name, value in zip(names, values, strict=True)}
        for method, *values in told["rows"]
    }
    heads = {name: _head(columns[name]) for name in names}
    return Table(told["id"], told["title"], told["source"], told["second_hand"], heads, rows)


def _head(column: dict[str, Any]) -> str:
    return f"{column['title']}, {column['unit']}" if column["unit"] not in ("", "s") else str(column["title"])


def _number(value: Decimal, column: dict[str, Any], tries: int) -> Number:
    if not column.get("rate"):
        return Number(float(value), str(value))
    low, high = wilson(round(value * tries / 100), tries)
    return Number(float(value), str(value), 100 * low, 100 * high)


def _cell(number: Number) -> str:
    return number.text if number.low is None else f"{number.text} ({number.low:.1f} to {number.high:.1f})"
