"""The records of a meta.json, one at a time: a JSON list or JSON lines, however long."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rorem.errors import BadData

BLOCK = 1 << 20  # bytes read at once
LONGEST = 1 << 24  # signs of one record; more is no record
BOM = codecs.BOM_UTF8  # some editors put it at the start
FIX = "It should be a JSON list of records, or one record a line."

_AFTER = (" ", "\t", "\r", "\n", ",", "]")  # what may follow a record of a list
_SPACE = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a record stands in its file, in bytes, and what it says: None if that cannot be understood."""

    start: int
    length: int
    value: object


def scan(path: Path) -> Iterator[Entry]:
    """All records of a file, in order, without holding more than one.

    A line of JSON lines that is damaged is an entry without a value. Raises OSError, and BadData for a file that is
    neither a list nor lines or, being a list, breaks off: what it should have held cannot be known then.
    """
    with path.open("rb") as file:
        start = len(BOM) if file.read(len(BOM)) == BOM else 0
        file.seek(start)
        first = b" "
        while first in (b" ", b"\t", b"\r", b"\n"):
            first = file.read(1)
        file.seek(start)
        yield from _of_list(file, path, start) if first == b"[" else _of_lines(file, path, start)


def parse(data: bytes) -> object:
    """One record; None if it cannot be understood."""
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _of_lines(file: BinaryIO, path: Path, start: int) -> Iterator[Entry]:
    understood, number = False, 0
    while line := file.readline(LONGEST):
        number += 1
        if len(line) == LONGEST:
            raise BadData(f"Line {number} of {path.name} is too long to be a record.", FIX)
        if line.strip():
            value = parse(line)
            understood = understood or isinstance(value, dict)
            yield Entry(start, len(line), value)
        start += len(line)
    if number and not understood:
        raise BadData(f"{path.name} holds no record that can be understood.", FIX)


def _of_list(file: BinaryIO, path: Path, start: int) -> Iterator[Entry]:
    window, done = _Window(file, start), 0
    try:
        window.take("[")
        while window.sign() != "]":
            if done:
                window.take(",")
            yield window.entry()
            done += 1
        window.take("]")
        if window.sign():
            raise ValueError("something follows the list")
    except (ValueError, RecursionError) as error:
        where = f"after record {done}" if done else "at its start"
        raise BadData(f"{path.name} is damaged or cut off {where}.", FIX) from error


class _Window:
    """A piece of a long text that moves along it. start: the byte at which the text begins."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file, self._byte = file, start  # _byte: where text[_at] stands in the file
        self._to_text = codecs.getincrementaldecoder("utf-8")().decode
        self._text, self._at, self._ended = "", 0, False

    def sign(self) -> str:
        """The next one that is no space, without taking it; "" at the end. Raises ValueError for what is no text."""
        while True:
            self._move(_SPACE.match(self._text, self._at).end())  # pyright: ignore[reportOptionalMemberAccess]
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._read()

    def take(self, sign: str) -> None:
        """Raises ValueError if another one comes."""
        if self.sign() != sign:
            raise ValueError(f"no {sign}")
        self._move(self._at + 1)

    def entry(self) -> Entry:
        """The value that comes now. Raises ValueError, RecursionError."""
        self.sign()
        while True:
            try:
                value, end = _decode(self._text, self._at)
                if self._ended or self._text[end : end + 1] in _AFTER:  # else a number might go on
                    break
            except ValueError:
                pass
            if self._ended or len(self._text) - self._at > LONGEST:
                raise ValueError("no record")
            self._read()
        start = self._byte
        self._move(end)
        return Entry(start, self._byte - start, value)

    def _move(self, to: int) -> None:
        self._byte += len(self._text[self._at : to].encode())
        self._at = to

    def _read(self) -> None:
        """More of the text; twice as much each time that one record needs it."""
        rest = self._text[self._at :]
        block = self._file.read(max(BLOCK, len(rest)))
        self._ended = not block
        self._text, self._at = rest + self._to_text(block, final=self._ended), 0
