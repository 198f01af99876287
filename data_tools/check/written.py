"""When the files of a set were written: what its fingerprint, which knows their sizes only, does not tell."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from data_tools.parts import hash_of
from rorem.triplet.opening import LISTS, SHARDS


def written(name: str, apart: Path) -> int:
    """Another number when a file of the set was written anew, of the same size or not; 0 for a set on the Hub.

    name: as `open_set` takes it. Of a folder, and of the one around a list, all files count: a list may name any of
    them. apart: a folder that does not count, even if it lies there. The order does not matter, nothing is sorted or
    held in memory. Raises OSError for a folder that is gone.
    """
    path = Path(name).expanduser().absolute()
    if path.is_file() and path.suffix.lower() in LISTS:
        path = path.parent
    if path.is_dir():
        marks = _below(path, os.path.realpath(apart))
    else:
        found = [path] if path.is_file() else path.parent.glob(f"{glob.escape(path.name)}-*{SHARDS}")
        marks = (_mark(one.name, os.stat(one)) for one in found)
    return sum(marks) % 2**64


def _below(folder: Path, apart: str) -> Iterator[int]:
    """A number for each file, at any depth."""
    waiting = [str(folder)]
    while waiting:
        where = waiting.pop()
        if os.path.realpath(where) == apart:
            continue
        try:
            entries = os.scandir(where)
        except PermissionError:  # nothing in it can be read for the set, either
            yield hash_of("closed", where[len(str(folder)) :])
            continue
        with entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    yield _of_entry(entry, entry.path[len(str(folder)) :])


def _of_entry(entry: os.DirEntry[str], path: str) -> int:
    try:
        return _mark(path, entry.stat())
    except OSError:  # a link that leads nowhere
        return hash_of("gone", path)


def _mark(path: str, found: os.stat_result) -> int:
    return hash_of("file", path, str(found.st_size), str(found.st_mtime_ns))
