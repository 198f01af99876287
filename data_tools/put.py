"""Writing a file that several machines may write at once: each under a name of its own, and the last one stays.

`rorem.files.write_whole` clears away what a killed run left of the same file, and so would take it from under the hands
of somebody who is writing it now.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

LEFT = 24 * 3600  # seconds after which nobody is still writing a part


def put(path: Path, data: bytes) -> None:
    """Writes a file that is there complete or not at all, with the folders it needs. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def clear(folder: Path, now: float | None = None) -> None:
    """Removes what killed runs left in a folder that `put` writes into, a day later. now: seconds, as time.time.

    Raises OSError.
    """
    before = (time.time() if now is None else now) - LEFT
    for part in folder.glob(".*.part"):
        try:
            if part.stat().st_mtime < before:
                part.unlink()
        except FileNotFoundError:  # its writer is done, or somebody else clears up
            continue
