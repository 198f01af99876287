"""Files that are there complete or not at all."""

from __future__ import annotations

import glob
import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file that is there complete or not at all, with the folders it needs. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):  # of a run that was killed at this file
        left.unlink(missing_ok=True)
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
