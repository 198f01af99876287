"""A set of triplets as a folder: `source/ mask/ GT/ meta.json`, as RORem publishes it, with TRUTH/ and EFFECT/ beside.

meta.json is a JSON list or JSON lines of {"source": "source/x.png", "mask": "mask/x.png", "GT": "GT/x.png"}; "GT" (a
removal), "truth" and "effect" may be missing, and any further keys are kept. A truth or an effect mask that is not
named is looked for under the photo's file name. Without meta.json, files of the same name belong together.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from rorem.errors import BadData
from rorem.picture import suffix
from rorem.picture.record import Limits
from rorem.triplet.fields import DERIVED, KNOWN, to_triplet
from rorem.triplet.json_records import parse, scan
from rorem.triplet.record import Triplet
from rorem.triplet.sets import Names, TripletSet, bad_record

META = "meta.json"
KEYS = {"source": "source", "mask": "mask", "result": "GT", "truth": "truth", "effect": "effect"}  # in meta.json
ROOMS = {"source": "source", "mask": "mask", "result": "GT", "truth": "TRUTH", "effect": "EFFECT"}  # folders
BY_NAME = ("truth", "effect")  # looked for under the photo's name if meta.json does not name them
NAME, EXTRA = "name", "extra"  # keys of ours: a record's name, and what would collide with other keys
RESERVED = {*KEYS.values(), *KNOWN, *DERIVED, NAME, EXTRA}
# Tried in this order where a file has another suffix than the photo.
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".heic")
LARGEST = Limits().max_bytes  # of a file; nothing larger is opened anyway


def open_folder(folder: Path, meta: Path | None = None, name: str = "", revision: str = "") -> TripletSet:
    """The set in a folder. meta: a list of its records by another name than meta.json. name: the folder's, if not said.

    Links and paths that lead out of the folder are refused when their record is read. Records that would have the same
    name get numbers. Raises BadData if there is no set at all.
    """
    listed = meta or folder / META
    try:
        if listed.is_file():
            records = _Folder(folder, _Listed(listed))
        elif (folder / ROOMS["source"]).is_dir() and (folder / ROOMS["mask"]).is_dir():
            records = _Folder(folder, _Paired(folder))
        else:
            raise BadData(f"{folder} has no {META} and no folders source and mask.")
    except OSError as error:
        raise _unreadable(error, folder) from error
    if not records.names:
        raise BadData(f"{listed if listed.is_file() else folder} lists no records.")
    named = folder.resolve().name if listed.name == META else f"{folder.resolve().name}-{listed.stem}"
    return TripletSet(name or named, records, revision)


class _List(Protocol):
    """What the folder holds, by its records' names."""

    names: Sequence[str]

    def record(self, index: int) -> object:
        """What is told of a record, as meta.json has it. Raises OSError."""
        ...

    by_name: Sequence[str]  # parts that have the photo's file name where they are not named


class _Folder:
    """Reads the records of a list from a folder."""

    def __init__(self, folder: Path, listed: _List) -> None:
        self._folder, self._listed = folder, listed
        self._home = _home(folder)
        self._by_name = [part for part in listed.by_name if (folder / ROOMS[part]).is_dir()]

    @property
    def names(self) -> Sequence[str]:
        return self._listed.names

    def read(self, index: int) -> Triplet:
        name = self.names[index]
        try:
            record = self._record(index)
            pictures = {part: self._bytes(name, path) for part, path in self._files(name, record)}
        except OSError as error:
            raise bad_record(name, f"{error.filename or 'it'} cannot be read ({_why(error)})") from error
        told = {key: value for key, value in record.items() if key not in KEYS.values()}
        if isinstance(told.get(NAME), str):
            del told[NAME]
        kept = told.pop(EXTRA) if isinstance(told.get(EXTRA), dict) else None
        return to_triplet(name, pictures, told, kept)  # pyright: ignore[reportArgumentType]

    def fingerprint(self) -> str:
        whole = hashlib.sha256()
        try:
            for index, name in enumerate(self.names):
                whole.update(f"{name}\0".encode("utf-8", "surrogatepass"))
                try:
                    record = self._record(index)
                    sizes = [(part, self._size(path)) for part, path in self._files(name, record)]
                    whole.update(json.dumps([record, sizes], sort_keys=True).encode())
                except BadData as error:
                    whole.update(str(error).encode("utf-8", "surrogatepass"))
        except OSError as error:
            raise _unreadable(error, self._folder) from error
        return whole.hexdigest()

    def _record(self, index: int) -> Mapping[str, object]:
        record = self._listed.record(index)
        if not isinstance(record, dict):
            raise bad_record(self.names[index], "what is said of it cannot be understood")
        return record

    def _files(self, name: str, record: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Its parts and their paths in the folder, as told or as found. Raises BadData."""
        for part, key in KEYS.items():
            path = record.get(key)
            if path is None and key not in record and part in self._by_name:
                path = _beside(self._folder, ROOMS[part], str(record.get("source", "")))
            if path is None and part in ("source", "mask"):
                raise bad_record(name, f"it has no {part}")
            if path is None:
                continue
            if not isinstance(path, str) or not path:
                raise bad_record(name, f"its {key} is no path")
            if leaves(path):
                raise bad_record(name, f"{path} leads out of the set's folder")
            yield part, path

    def _bytes(self, name: str, path: str) -> bytes:
        """Raises OSError, BadData."""
        try:
            whole = (self._folder / path).resolve()
        except (RuntimeError, ValueError) as error:  # a loop of links, a zero byte
            raise bad_record(name, f"{path!r} is no path") from error
        if not whole.is_relative_to(self._home):
            raise bad_record(name, f"{path} leads out of the set's folder")
        if not whole.is_file():
            raise bad_record(name, f"there is no file {path}")
        if whole.stat().st_size > LARGEST:
            raise bad_record(name, f"{path} has more than {LARGEST / 1e6:,.0f} MB")
        return whole.read_bytes()

    def _size(self, path: str) -> int:
        """In bytes; -1 if it is no file."""
        try:
            found = os.stat(self._folder / path)
        except (OSError, ValueError):
            return -1
        return found.st_size if stat.S_ISREG(found.st_mode) else -1


class _Listed:
    """The records of a meta.json: their names, and where in it they stand."""

    by_name: Sequence[str] = BY_NAME

    def __init__(self, path: Path) -> None:
        """Raises OSError, BadData."""
        self._path = path
        self._starts, self._lengths, names = array("Q"), array("Q"), Names()
        for entry in scan(path):
            self._starts.append(entry.start)
            self._lengths.append(entry.length)
            names.add(_name(entry.value) or f"record-{len(self._starts)}")
        self.names: Sequence[str] = names.all

    def record(self, index: int) -> object:
        with self._path.open("rb") as file:
            file.seek(self._starts[index])
            return parse(file.read(self._lengths[index]))


class _Paired:
    """Photos of the folder source/ and below it, by their names."""

    by_name: Sequence[str] = tuple(part for part in ROOMS if part != "source")

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        room = folder / ROOMS["source"]
        self._sources = sorted(path.relative_to(folder).as_posix() for path in _pictures(room))
        names = Names()
        for path in self._sources:
            names.add(_stem(path))
        self.names: Sequence[str] = names.all

    def record(self, index: int) -> object:
        return {"source": self._sources[index]}


def leaves(path: str) -> bool:
    """Whether a path, of this system or another, does not stay below the folder that it is meant for."""
    parts = re.split(r"[/\\]", path)
    return not parts[0] or ".." in parts or ":" in parts[0]


def _name(record: object) -> str:
    """What a record is called; "" if that is not said."""
    if not isinstance(record, dict):
        return ""
    if isinstance(name := record.get(NAME), str) and name:
        return name
    paths = (record.get("source"), record.get("mask"))
    return next((stem for path in paths if isinstance(path, str) and (stem := _stem(path))), "")


def _stem(path: str) -> str:
    """The path without its first folder and its suffix, "a/x" for "source/a/x.png"."""
    folder, slash, name = _inner(path).rpartition("/")
    return f"{folder}{slash}{os.path.splitext(name)[0]}"


def _inner(path: str) -> str:
    """The path without its first folder."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    return "/".join(parts[1:] or parts)


def _beside(folder: Path, room: str, source: str) -> str | None:
    """The path of the file in another room that goes with a photo: the same name, or the same with another suffix."""
    if not _inner(source) or leaves(source):
        return None
    same = PurePosixPath(room, _inner(source))
    others = (same.with_suffix(one) for suffix in SUFFIXES for one in (suffix, suffix.upper()))
    try:
        return next((str(path) for path in (same, *others) if (folder / path).is_file()), None)
    except OSError:  # a name longer than any file's
        return None


def _pictures(room: Path) -> Iterator[Path]:
    """All that a suffix calls a picture, without hidden ones. Raises OSError."""

    def give_up(error: OSError) -> None:
        raise error

    for where, below, files in os.walk(room, onerror=give_up):
        below[:] = [name for name in below if not name.startswith(".")]
        for path in (Path(where, name) for name in files if not name.startswith(".")):
            try:
                suffix(path.suffix)
            except ValueError:
                continue
            yield path


def _home(folder: Path) -> Path:
    """Where links may lead: in the Hub's cache, files of a snapshot are links to the repository's own `blobs`."""
    folder = folder.resolve()
    for parent in folder.parents:
        if parent.name == "snapshots" and (parent.parent / "blobs").is_dir():
            return parent.parent
    return folder


def _unreadable(error: OSError, folder: Path) -> BadData:
    return BadData(f"{error.filename or folder} cannot be read ({_why(error)}).", "Check that it is yours to read.")


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
