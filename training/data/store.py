"""Bytes by name on the disk, in files of many: each is there whole or not at all, and never changed.

A file is a safetensors file of one uint8 tensor an entry, whose last four bytes are a checksum of the others. What is
where is held as numbers side by side, 40 bytes an entry, which forked processes share: millions of entries are usual.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import struct
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from rorem.errors import BadData

log = logging.getLogger(__name__)
SHARD = 256_000_000  # bytes of a file, about
ABANDONED = 3600  # s
SUFFIX = ".safetensors"
LENGTH, CHECK = struct.Struct("<Q"), struct.Struct("<I")
HALF = 16  # digits of a name that make one number


class Store:
    """May be handed to other processes. What other processes write is seen after `refresh`."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.refresh()

    def __contains__(self, key: str) -> bool:
        return key in self._fresh or self._find(key) >= 0

    def __len__(self) -> int:
        return len(self._first) + len(self._fresh)

    def __getitem__(self, key: str) -> bytes:
        """key: 32 hex digits. Raises KeyError; BadData for a damaged file."""
        place = self._find(key)
        if place < 0:
            raise KeyError(key)
        start, end = map(int, self._spans[place])
        path = self.folder / self.files[int(self._file[place])]
        try:
            with path.open("rb") as file:
                file.seek(start)
                data = file.read(end - start)
        except OSError as error:
            raise BadData(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
        if len(data) != end - start or zlib.crc32(data[: -CHECK.size]) != CHECK.unpack(data[-CHECK.size :])[0]:
            raise BadData(f"{path} is damaged.", "Delete it: the next start of the run makes it anew.")
        return data[: -CHECK.size]

    def add(self, entries: Mapping[str, bytes]) -> None:
        """Writes a file with these, by names of 32 hex digits. They can be read after `refresh`.

        Raises BadData where the disk is full or closed.
        """
        from safetensors.numpy import save_file

        name = hashlib.sha256("".join(sorted(entries)).encode()).hexdigest()[:24] + SUFFIX
        part = self.folder / f".{name}.{os.getpid()}.part"
        checked = {key: data + CHECK.pack(zlib.crc32(data)) for key, data in entries.items()}
        try:
            save_file({key: np.frombuffer(data, np.uint8) for key, data in checked.items()}, part)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(self.folder / name)
        except Exception as error:  # safetensors has an error of its own for a full disk
            part.unlink(missing_ok=True)
            raise BadData(
                f"Latents could not be written to {self.folder}: {str(error).splitlines()[0]}.",
                "Make room there, or name another folder: --cache FOLDER.",
            ) from error
        self._fresh.update(entries.keys())

    def refresh(self) -> None:
        """Looks what is there. A file that breaks off is left out, and what it held is made anew."""
        self.files: list[str] = []
        names: list[str] = []
        spans: list[np.ndarray] = []
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            try:
                keys, where = _contents(path)
            except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
                log.warning("%s is damaged and is left out (%s).", path, error)
                continue
            self.files.append(path.name)
            names += keys
            spans.append(where)
        file = np.repeat(np.arange(len(self.files), dtype=np.int32), [len(where) for where in spans])
        first = np.array([int(name[:HALF], 16) for name in names], np.uint64)
        order = np.argsort(first, kind="stable")
        self._first, self._file = first[order], file[order]
        self._second = np.array([int(name[HALF:], 16) for name in names], np.uint64)[order]
        self._spans = np.concatenate([np.empty((0, 2), np.int64), *spans])[order]
        self._fresh: set[str] = set()

    def tidy(self) -> None:
        """Deletes what killed runs left half-written; what is young may be another run's, which writes just now."""
        for part in self.folder.glob(".*.part"):
            with suppress(OSError):
                if time.time() - part.stat().st_mtime > ABANDONED:
                    part.unlink()

    def _find(self, key: str) -> int:
        """An entry's number, -1 if it is not there."""
        first, second = np.uint64(int(key[:HALF], 16)), int(key[HALF:], 16)
        place = int(np.searchsorted(self._first, first))
        while place < len(self._first) and self._first[place] == first:
            if int(self._second[place]) == second:
                return place
            place += 1
        return -1


def _contents(path: Path) -> tuple[list[str], np.ndarray]:
    """Names, and (n, 2) where in the file their bytes begin and end. Raises ValueError for a file that is not whole."""
    with path.open("rb") as file:
        (length,) = LENGTH.unpack(file.read(LENGTH.size))
        size = os.fstat(file.fileno()).st_size
        if length > size:
            raise ValueError("it breaks off")
        told = json.loads(file.read(length))
    told.pop("__metadata__", None)
    spans = np.array([one["data_offsets"] for one in told.values()], np.int64).reshape(-1, 2)
    spans += LENGTH.size + length
    if len(spans) and spans.max() != size:
        raise ValueError("it breaks off")
    return list(told), spans
