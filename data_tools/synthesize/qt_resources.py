"""Files inside Qt's binary resource collections (.rcc), where some programs keep their pictures.

The layout is that of Qt's own reader, qtbase/src/corelib/io/qresource.cpp.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data_tools.plain_files import read_bounded
from rorem.errors import BadPicture
from rorem.triplet.folder import LARGEST

MAGIC = b"qres"
_COMPRESSED, _FOLDER, _ZSTD = 1, 2, 4  # flags of an entry
_DEEPEST = 64  # folders in folders


@dataclass(frozen=True)
class Entry:
    """A file in a collection. path: with "/". start, flags: where its bytes lie, and how they are packed."""

    path: str
    start: int
    flags: int


class Collection:
    """One .rcc file, read whole. Raises OSError, and BadPicture for what is not such a file."""

    def __init__(self, file: Path) -> None:
        self._name, self._data = file.name, read_bounded(file)
        try:
            if self._data[:4] != MAGIC:
                raise ValueError
            version, self._tree, self._payload, self._names = struct.unpack_from(">4I", self._data, 4)
            self._node = 14 if version < 2 else 22  # bytes; later versions keep a time, too
            self.entries = sorted(self._walk(0, (), set()), key=lambda entry: entry.path)
        except (ValueError, struct.error, IndexError, UnicodeDecodeError) as error:
            raise self._damaged() from error

    def read(self, entry: Entry) -> bytes:
        """The bytes of a file. Raises BadPicture if they are damaged or packed in a way that is not known here."""
        try:
            (count,) = struct.unpack_from(">I", self._data, self._payload + entry.start)
            first = self._payload + entry.start + 4
            data = self._data[first : first + count]
            if entry.flags & _ZSTD:
                raise ValueError
            return _unpacked(data[4:]) if entry.flags & _COMPRESSED else data
        except (ValueError, struct.error, zlib.error) as error:
            raise self._damaged() from error

    def _walk(self, node: int, folders: tuple[str, ...], seen: set[int]) -> Iterator[Entry]:
        """seen: nodes that were there before. A damaged file may go in circles, or to one place in many ways."""
        at = self._tree + node * self._node
        name, flags = struct.unpack_from(">IH", self._data, at)
        path = (*folders, self._name_at(name)) if node else ()
        if len(path) > _DEEPEST or node in seen:
            raise ValueError
        seen.add(node)
        if flags & _FOLDER:
            count, first = struct.unpack_from(">II", self._data, at + 6)
            for child in range(first, first + count):
                yield from self._walk(child, path, seen)
        else:
            (start,) = struct.unpack_from(">I", self._data, at + 10)
            yield Entry("/".join(path), start, flags)

    def _name_at(self, offset: int) -> str:
        at = self._names + offset
        (count,) = struct.unpack_from(">H", self._data, at)
        return self._data[at + 6 : at + 6 + 2 * count].decode("utf-16-be")

    def _damaged(self) -> BadPicture:
        return BadPicture(f"{self._name} is damaged or of a kind that is not known here.", "Leave it out.")


def _unpacked(data: bytes) -> bytes:
    """Raises zlib.error, and ValueError for what breaks off or is larger than a picture may be."""
    packed = zlib.decompressobj()
    whole = packed.decompress(data, LARGEST + 1)
    if not packed.eof or len(whole) > LARGEST:
        raise ValueError
    return whole
