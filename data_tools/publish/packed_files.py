"""The bytes of an archive that may lie in several pieces, and the files in it, read once from front to back.

Whether the pieces of a .tar.gz are archives of their own or one stream that was split does not have to be known: gzip
members that follow each other are one stream, and so are tar archives, if the empty blocks between are passed over.
"""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from rorem.errors import BadData

BLOCK = 512  # bytes; what tar files are made of
PIECE = 1 << 20  # bytes read at once
LONGEST_NAME = 1 << 16  # bytes of a name, or of a pax header; more is no name
GZIP = b"\x1f\x8b"
FIX = "Fetch it again."
# A picture does not get smaller in an archive: whoever unpacks to far more than was packed is no set of pictures.
FREE, RATIO = 1_000_000_000, 50
UNSOUND = (zipfile.BadZipFile, zlib.error, EOFError)


class Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Member:
    """A file in an archive. kind: "" for a plain file, else what it is: "a link", say. data: gives its bytes, until
    the next member is asked for."""

    name: str
    size: int
    kind: str
    data: Reader


def members(pieces: Sequence[Path]) -> Iterator[Member]:
    """The files of a .zip, or of a .tar, .tar.gz or .tgz in pieces, in their order. Folders are left out.

    Raises BadData for what is no such archive, is damaged or breaks off, or grows out of all proportion; OSError.
    """
    if len(pieces) == 1 and zipfile.is_zipfile(pieces[0]):
        return _of_zip(pieces[0])
    return _of_tar(Unpacked(pieces), pieces[0].name)


class Unpacked:
    """What is in some gzip files, one after the other, or split; or in plain files."""

    def __init__(self, pieces: Sequence[Path]) -> None:
        """Raises OSError."""
        self._pieces = list(pieces)
        self._file: IO[bytes] | None = None
        self._last = pieces[0].name
        self._unzip = None
        self.zipped = _begins(pieces[0], GZIP)
        self._rest, self._packed, self._given = b"", 0, 0
        self._ready = bytearray()

    def read(self, size: int, /) -> bytes:
        """So many bytes; fewer only at the end. Raises BadData, OSError."""
        while len(self._ready) < size and (more := self._more()):
            self._ready += more
        given = bytes(self._ready[:size])
        del self._ready[:size]
        return given

    def _more(self) -> bytes:
        while True:
            if not self.zipped:
                return self._next()
            if self._unzip is None or self._unzip.eof:
                self._rest = (self._unzip.unused_data if self._unzip else b"") or self._rest or self._next()
                if self._unzip:  # some writers fill up with zeros
                    self._rest = self._rest.lstrip(b"\0")
                    while not self._rest and (more := self._next()):
                        self._rest = more.lstrip(b"\0")
                if not self._rest:
                    return b""
                self._unzip = zlib.decompressobj(wbits=31)
            packed = self._unzip.unconsumed_tail or self._rest or self._next()
            self._rest = b""
            try:
                data = self._unzip.decompress(packed, PIECE)
                if not (packed or data or self._unzip.eof):
                    raise BadData(f"{self._name} breaks off.", FIX)
            except zlib.error as error:
                raise BadData(f"{self._name} is damaged.", FIX) from error
            self._given += len(data)
            if self._given > FREE + RATIO * self._packed:
                raise BadData(f"{self._name} unpacks to far more than pictures can.", "It is not to be trusted.")
            if data:
                return data

    @property
    def _name(self) -> str:
        """Of the piece that is being read."""
        return self._pieces[0].name if self._file else self._last

    def _next(self) -> bytes:
        """The next bytes of the files as they are; b"" after the last one."""
        while True:
            if self._file is None:
                if not self._pieces:
                    return b""
                self._file = self._pieces[0].open("rb")
            if data := self._file.read(PIECE):
                self._packed += len(data)
                return data
            self._file.close()
            self._file = None
            self._last = self._pieces.pop(0).name


class _Data:
    """The bytes of one member of a stream."""

    def __init__(self, stream: Reader, size: int, name: str) -> None:
        self._stream, self._left, self._name = stream, size, name

    def read(self, size: int, /) -> bytes:
        try:
            data = self._stream.read(min(size, self._left))
        except UNSOUND as error:
            raise BadData(f"{self._name} is damaged.", FIX) from error
        if not data and self._left and size:
            raise BadData(f"{self._name} breaks off.", FIX)
        self._left -= len(data)
        return data

    def skip(self) -> None:
        while self._left:
            self.read(PIECE)


def _of_tar(stream: Unpacked, archive: str) -> Iterator[Member]:
    found, zeros, told = False, True, {}
    while block := stream.read(BLOCK):
        if not block.strip(b"\0"):
            zeros, told = True, {}
            continue
        try:
            head = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            what = "is damaged" if found else "is no archive of files"
            raise BadData(f"{archive} {what}.", FIX) from error
        found, zeros = True, False
        size = head.size
        if head.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE):
            if not 0 <= size <= LONGEST_NAME:
                raise BadData(f"{archive} has a name that is none.", FIX)
            text = _whole(stream, size, archive)
            if head.type == tarfile.GNUTYPE_LONGNAME:
                told["path"] = text.rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif head.type == tarfile.XHDTYPE:
                told |= _pax(text, archive)
            continue
        name, size = told.get("path", head.name), _size(told.get("size"), size, archive)
        told = {}
        data = _Data(stream, size if head.type not in (tarfile.LNKTYPE, tarfile.SYMTYPE) else 0, archive)
        if head.type != tarfile.DIRTYPE:
            yield Member(name, size, _kind(head), data)
        data.skip()
        if padding := -size % BLOCK if head.type not in (tarfile.LNKTYPE, tarfile.SYMTYPE) else 0:
            stream.read(padding)
    if not found:
        raise BadData(f"{archive} is empty.", FIX)
    if not (zeros or stream.zipped):  # the empty blocks at the end say that it was whole; gzip says so itself
        raise BadData(f"{archive} breaks off.", FIX)


def _kind(head: tarfile.TarInfo) -> str:
    if head.type in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE):
        return ""
    if head.type in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        return "a link"
    if head.type in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
        return "a device"
    return "no plain file"


def _whole(stream: Reader, size: int, archive: str) -> bytes:
    data = stream.read(size)
    stream.read(-size % BLOCK)
    if len(data) < size:
        raise BadData(f"{archive} breaks off.", FIX)
    return data


def _pax(data: bytes, archive: str) -> dict[str, str]:
    """The records "LENGTH KEY=VALUE" of a pax header: the path and the size, as far as they are told."""
    told: dict[str, str] = {}
    while data:
        length, space, _ = data.partition(b" ")
        if not space or not length.isdigit() or not len(length) + 1 < int(length) <= len(data):
            raise BadData(f"{archive} is damaged.", FIX)
        key, _, value = data[len(length) + 1 : int(length)].removesuffix(b"\n").partition(b"=")
        if key in (b"path", b"size"):
            told[key.decode()] = value.decode("utf-8", "surrogateescape")
        data = data[int(length) :]
    return told


def _size(told: str | None, size: int, archive: str) -> int:
    if told is not None and not told.isdecimal():
        raise BadData(f"{archive} is damaged.", FIX)
    size = size if told is None else int(told)
    if size < 0:
        raise BadData(f"{archive} is damaged.", FIX)
    return size


def _of_zip(path: Path) -> Iterator[Member]:
    given = 0
    try:
        with zipfile.ZipFile(path) as archive:
            packed = path.stat().st_size
            for one in archive.infolist():
                if one.is_dir():
                    continue
                given += one.file_size
                if given > FREE + RATIO * packed:
                    raise BadData(f"{path.name} unpacks to far more than pictures can.", "It is not to be trusted.")
                mode = one.external_attr >> 16
                kind = (
                    "a link"
                    if stat.S_ISLNK(mode)
                    else ""
                    if not stat.S_IFMT(mode) or stat.S_ISREG(mode)
                    else "a device"
                )
                with archive.open(one) as data:
                    yield Member(one.filename, one.file_size, kind, _Data(data, one.file_size, path.name))
    except (*UNSOUND, NotImplementedError, RuntimeError) as error:
        raise BadData(f"{path.name} is damaged, or packed in a way that is not understood.", FIX) from error


def _begins(path: Path, sign: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(sign)) == sign
