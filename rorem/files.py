"""Files that are there complete or not at all."""

from __future__ import annotations

import glob
import os
from pathlib import Path


def write_whole(path: Path, data: bytes, tidy: bool = True) -> None:
    """Writes a file that is there complete or not at all, with the folders it needs. Raises OSError.

    tidy: deletes what runs that were killed at this file have left, for which the folder is looked through. Whoever
    writes many files into one folder calls `clear_parts` once instead, else each would take longer than the last.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if tidy:
        clear_parts(path.parent, path.name)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def clear_parts(folder: Path, name: str = "") -> None:
    """Deletes what killed runs of `write_whole` have left in a folder, of a file or, for "", of all. Raises OSError."""
    for left in folder.glob(f".{glob.escape(name) or '*'}.*.part"):
        left.unlink(missing_ok=True)
