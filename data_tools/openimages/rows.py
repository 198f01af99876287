"""Records of a large CSV file, read as a stream and again one by one: only where they begin is held in memory."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from rorem.errors import BadData

FIX = "Fetch it again, or add --fetch."
LONGEST = 1 << 20  # bytes of a record; a longer one is broken, and no file can fill the memory with one line
# How records of OpenImages begin: a photo's id, alone or at the head of a mask's name.
_BEGINS = re.compile(rb"[0-9a-f]{16}[,_]")


class Rows:
    """A CSV file with a head. columns: their places, by name."""

    def __init__(self, path: Path, needed: Sequence[str]) -> None:
        """Raises OSError; BadData if the file is none or lacks a column."""
        self.path = path
        with path.open("rb") as file:
            head = _cells(file.readline(LONGEST).removeprefix(b"\xef\xbb\xbf")) or []
            self._first = file.tell()
        self.columns = {name.decode("utf-8", "replace").strip(): place for place, name in enumerate(head)}
        self._width = len(head)
        if missing := [name for name in needed if name not in self.columns]:
            raise BadData(f"{path.name} has no column {missing[0]}.", FIX)
        self._file: BinaryIO | None = None

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Where each record begins, in bytes, and its line; a title with line breaks is one record. Raises OSError."""
        with self.path.open("rb") as file:
            file.seek(self._first)
            yield from _records(file, self._first)

    def cells(self, line: bytes) -> list[bytes] | None:
        """What a record says, column for column; None for a broken one."""
        cells = _cells(line)
        return cells if cells and len(cells) == self._width else None

    def at(self, offset: int) -> dict[str, str]:
        """The record that begins there, which has to be a sound one. Not for several threads. Raises OSError."""
        if self._file is None:
            self._file = self.path.open("rb")
        self._file.seek(offset)
        _, line = next(_records(self._file, offset))
        cells = self.cells(line)
        if cells is None:
            raise BadData(f"{self.path.name} has changed while it was read.", "Start again.")
        return {name: cells[place].decode("utf-8", "replace") for name, place in self.columns.items()}

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


def _records(file: BinaryIO, offset: int) -> Iterator[tuple[int, bytes]]:
    """A line goes on in the next one where a quote is open, unless that one plainly begins a record."""
    held, start = b"", offset
    while line := file.readline(LONGEST):
        if held and (_BEGINS.match(line) or len(held) >= LONGEST):
            yield start, held
            held = b""
        if not held:
            start = offset
        held += line
        offset += len(line)
        if b'"' not in held or held.count(b'"') % 2 == 0:
            yield start, held
            held = b""
    if held:
        yield start, held


def _cells(line: bytes) -> list[bytes] | None:
    if b'"' not in line:
        return line.rstrip(b"\r\n").split(b",")
    try:
        (row,) = csv.reader(io.StringIO(line.decode("utf-8", "surrogateescape"), newline=""), strict=True)
    except (csv.Error, ValueError):
        return None
    return [cell.encode("utf-8", "surrogateescape") for cell in row]
