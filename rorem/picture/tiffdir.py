"""Directories of tags: the structure that EXIF blocks and TIFF files share."""

from __future__ import annotations

import struct
from dataclasses import dataclass

# Bytes of one value, by the type number that the standard gives it.
UNIT = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


@dataclass(frozen=True)
class Layout:
    """Byte order ("<" or ">"), and whether offsets have 64 bits (BigTIFF)."""

    order: str
    big: bool
    first: int

    @property
    def entry(self) -> int:
        """Bytes of one entry."""
        return 20 if self.big else 12

    @property
    def head(self) -> int:
        """Bytes of the number of entries."""
        return 8 if self.big else 2

    @property
    def inline(self) -> int:
        """Values up to this many bytes lie inside the entry; also the bytes of an offset."""
        return 8 if self.big else 4

    def number(self, data: bytes | bytearray, at: int, size: int) -> int:
        if at < 0 or at + size > len(data):
            raise ValueError("outside of the data")
        return int.from_bytes(data[at : at + size], "little" if self.order == "<" else "big")


@dataclass(frozen=True)
class Entry:
    """One tag. at: where its entry lies. where, size: its value's bytes, inside the entry or elsewhere."""

    at: int
    tag: int
    kind: int
    count: int
    where: int
    size: int

    def inside(self, data: bytes | bytearray) -> bool:
        return self.where + self.size <= len(data)


@dataclass(frozen=True)
class Directory:
    """at: where it begins. following: the offset of the next directory, 0 = none; it is written at tail."""

    at: int
    entries: tuple[Entry, ...]
    tail: int
    following: int

    def find(self, tag: int) -> Entry | None:
        return next((entry for entry in self.entries if entry.tag == tag), None)


def layout(data: bytes | bytearray) -> Layout:
    """Reads the header. Raises ValueError if there is none."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8:
        raise ValueError("no TIFF header")
    magic = struct.unpack_from(order + "H", data, 2)[0]
    if magic == 42:
        return Layout(order, False, struct.unpack_from(order + "I", data, 4)[0])
    if magic == 43 and len(data) >= 16:
        return Layout(order, True, struct.unpack_from(order + "Q", data, 8)[0])
    raise ValueError("no TIFF header")


def directory(data: bytes | bytearray, shape: Layout, at: int, most: int = 4096) -> Directory:
    """Reads the directory at `at`. Raises ValueError if it does not fit or has more than `most` entries."""
    count = shape.number(data, at, shape.head)
    start = at + shape.head
    tail = start + count * shape.entry
    if at < 8 or count > most or tail > len(data):
        raise ValueError("broken directory")
    entries = tuple(_entry(data, shape, start + index * shape.entry) for index in range(count))
    following = shape.number(data, tail, shape.inline) if tail + shape.inline <= len(data) else 0
    return Directory(at, entries, tail, following)


def value(data: bytes | bytearray, shape: Layout, entry: Entry) -> int:
    """The first number of a whole-number tag (BYTE, SHORT, LONG, ...). Raises ValueError if it is none."""
    unit = UNIT.get(entry.kind, 0)
    if entry.count < 1 or entry.kind not in (1, 3, 4, 13, 16, 18):
        raise ValueError("not a number")
    return shape.number(data, entry.where, unit)


def _entry(data: bytes | bytearray, shape: Layout, at: int) -> Entry:
    tag = shape.number(data, at, 2)
    kind = shape.number(data, at + 2, 2)
    count = shape.number(data, at + 4, shape.inline)
    size = count * UNIT.get(kind, 1)
    field = at + 4 + shape.inline
    where = field if size <= shape.inline else shape.number(data, field, shape.inline)
    return Entry(at, tag, kind, count, where, size)
