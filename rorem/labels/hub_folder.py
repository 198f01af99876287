"""The folder for files on their way to the Hub and from there: beside the pictures, not in the system's own folder.

Visitors' photos are in these files. What a killed process leaves of them is found here, and deleted.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from rorem.labels.store import Store

NAME = "on-its-way"
OLD = 3600.0  # s without a new file, after which a folder is taken to be nobody's; a push that lost its own is repeated


@contextmanager
def hub_folder(store: Store) -> Iterator[Path]:
    """A new folder for the length of the block. Deletes what killed processes have left of theirs. Raises OSError."""
    above = store.pictures.parent / NAME
    above.mkdir(parents=True, exist_ok=True)
    for folder in above.iterdir():
        if time.time() - _changed(folder) > OLD:
            shutil.rmtree(folder, ignore_errors=True)
    with TemporaryDirectory(dir=above) as name:
        yield Path(name)


def _changed(folder: Path) -> float:
    """When a file in it was last written, s since 1970; now, where somebody deletes it at this moment."""
    times = [time.time()]
    with suppress(OSError):
        times = [one.stat().st_mtime for one in (folder, *folder.rglob("*"))]
    return max(times)
