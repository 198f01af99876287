"""Masks, from folders or straight out of the published archives, which are never unpacked."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from data_tools.openimages.layout import mask_archive, mask_folders, mask_places
from data_tools.plain_files import read_bounded
from data_tools.tally import Tally
from rorem.errors import BadData, BadPicture

LARGEST = 20_000_000  # bytes of a mask; real ones have some ten thousand
AGAIN = "Fetch it again."
DAMAGED = "archives of masks that cannot be read"


class Masks:
    """Finds masks by their names. An archive is looked into when the first mask of its digit is asked for."""

    def __init__(self, folders: Sequence[Path], subset: str, bad: Tally) -> None:
        """bad: is told of archives that cannot be read."""
        self._folders, self._subset, self._bad = folders, subset, bad
        self._archives: dict[str, list[_Archive]] = {}
        self._loose = Places(folders, lambda mask: mask_places(mask, subset))

    def read(self, mask: str) -> bytes | None:
        """A mask's file by its name, which holds no folder; None if it is nowhere. Not for several threads.

        Raises OSError for folders and archives, BadData for a mask that is damaged, too large or closed to us.
        """
        for archive in self._of(mask[0]):
            if (data := archive.read(mask)) is not None:
                return data
        path = self._loose.find(mask)
        try:
            return read_bounded(path, LARGEST) if path else None
        except BadPicture as error:
            raise BadData(f"{mask} is too large to be a mask.", AGAIN) from error
        except OSError as error:
            raise BadData(f"{mask} cannot be read: {(error.strerror or str(error)).lower()}.", AGAIN) from error

    def close(self) -> None:
        for archives in self._archives.values():
            for archive in archives:
                archive.close()

    def _of(self, digit: str) -> list[_Archive]:
        if digit not in self._archives:
            self._archives[digit] = []
            name = mask_archive(digit, self._subset)
            for path in (folder / inner / name for folder in self._folders for inner in mask_folders(self._subset)):
                if not path.is_file():
                    continue
                try:
                    self._archives[digit].append(_Archive(path))
                except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
                    self._bad.add(DAMAGED, path.name, str(error).lower())
        return self._archives[digit]


class Places:
    """Finds files that may lie in one of several ways, and first asks where the last one lay."""

    def __init__(self, folders: Sequence[Path], places: Callable[[str], Iterator[str]]) -> None:
        self._folders = [folder.resolve() for folder in folders]
        self._places = places
        self._last = 0

    def find(self, name: str) -> Path | None:
        """A link that leads out of its folder is as good as nothing. Raises OSError."""
        every = [(folder, folder / place) for folder in self._folders for place in self._places(name)]
        if not every:
            return None
        for number in (self._last, *range(len(every))):
            folder, path = every[number]
            if path.is_file() and path.resolve().is_relative_to(folder):
                self._last = number
                return path
        return None


class _Archive:
    """What is in it, 56 bytes for each file: Python's own table of contents takes ten times that."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, BadZipFile."""
        self._zip = zipfile.ZipFile(path)
        folders: dict[str, int] = {}
        keys, entries = array("Q"), array("Q")
        for info in self._zip.infolist():
            folder, slash, name = info.filename.rpartition("/")
            number = folders.setdefault(folder + slash, len(folders))
            keys.append(_key(name))
            entries.extend(
                (info.header_offset, info.compress_size, info.file_size, info.CRC, info.compress_type, number)
            )
        order = np.argsort(np.frombuffer(keys, np.uint64), kind="stable")
        self._keys = np.frombuffer(keys, np.uint64)[order]
        self._entries = np.frombuffer(entries, np.uint64).reshape(-1, 6)[order]
        self._prefixes = list(folders)
        self._zip.filelist.clear()
        self._zip.NameToInfo.clear()

    def read(self, mask: str) -> bytes | None:
        """Raises BadData."""
        key = np.uint64(_key(mask))
        place = int(np.searchsorted(self._keys, key))
        if place == len(self._keys) or self._keys[place] != key:
            return None
        offset, packed, size, crc, kind, folder = map(int, self._entries[place])
        if size > LARGEST:
            raise BadData(f"{mask} is too large to be a mask.", "Fetch its archive again.")
        info = zipfile.ZipInfo(self._prefixes[folder] + mask)
        info.header_offset, info.compress_size, info.file_size = offset, packed, size
        info.CRC, info.compress_type = crc, kind
        try:
            return self._zip.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise BadData(f"{mask} is damaged in its archive.", "Fetch its archive again.") from error

    def close(self) -> None:
        self._zip.close()


def _key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
