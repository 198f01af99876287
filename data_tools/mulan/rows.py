"""Rows of a CSV file, read as a stream: what is broken costs itself and nothing else."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

LONGEST = 1 << 20  # signs of a row; a longer one is broken, and no file can fill the memory with one line


@dataclass(frozen=True)
class Row:
    """line: where it begins in the file. path: what its first column of paths holds, "" for a broken row.
    cells: those of the other columns, by name."""

    line: int
    path: str
    cells: Mapping[str, str]


def read_rows(file: Path, paths: Sequence[str], begins: Callable[[str], bool]) -> Iterator[Row]:
    """All rows but empty ones, none where no column has one of the names in `paths`; of several the first counts.

    begins: whether a path is so plainly one that a row begins with it, though a quote is still open in the row before.
    Raises OSError.
    """
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        head = next(iter(_parsed(lines.readline(LONGEST)) or [[]]))
        at = next((head.index(name) for name in paths if name in head), None)
        if at is None:
            return
        for line, text in _records(lines, lambda text: begins(_cell(text, at))):
            found = _parsed(text)
            for cells in [[]] if found is None else filter(None, found):
                if len(cells) != len(head) or not cells[at]:
                    yield Row(line, "", {})
                else:
                    told = dict(zip(head, cells, strict=True))
                    yield Row(line, told.pop(head[at]), told)


def _records(lines: TextIO, begins: Callable[[str], bool]) -> Iterator[tuple[int, str]]:
    """Where each record begins, and its text. Where a quote is open it goes on in the next line, unless one begins."""
    held, start, size, quotes = list[str](), 2, 0, 0
    number = 1
    while text := lines.readline(LONGEST):
        number += 1
        if held and (size >= LONGEST or begins(text)):
            yield start, "".join(held)
            held, size, quotes = [], 0, 0
        if not held:
            start = number
        held.append(text)
        size += len(text)
        quotes += text.count('"')
        if quotes % 2 == 0:
            yield start, "".join(held)
            held, size, quotes = [], 0, 0
    if held:
        yield start, "".join(held)


def _parsed(text: str) -> list[list[str]] | None:
    """The rows in it, more than one where a quote was no more than a sign; None if it is broken."""
    try:
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return None


def _cell(text: str, at: int) -> str:
    """A cell of a line, whatever comes after it."""
    try:
        return next(csv.reader([text]))[at]
    except (csv.Error, IndexError, StopIteration):
        return ""
