"""What is to be known of every record before training: looked up once for a set and kept on the disk."""

from __future__ import annotations

import fcntl
import hashlib
import io
import logging
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from rorem.errors import RoremError
from rorem.files import write_whole
from rorem.picture import open_picture
from rorem.triplet import Triplet
from training.data.sets import Sets

log = logging.getLogger(__name__)
READERS = 4  # threads
TURNED = {5, 6, 7, 8}  # EXIF orientations that swap the sides
ORIENTATION = 274  # EXIF tag
TOLD = 1000  # records between two lines of the log


@dataclass(frozen=True, eq=False)
class Facts:
    """One entry a record, in the sets' order; those of a record that cannot be read are 0 and "".

    width, height: int32, of the photo, upright. source: SHA-256 of the photo's file, hex. id: `Triplet.id`, hash of
    source, mask and result. method: what made the result.
    """

    width: np.ndarray
    height: np.ndarray
    source: np.ndarray
    id: np.ndarray
    method: np.ndarray

    def __len__(self) -> int:
        return len(self.width)

    @property
    def sound(self) -> np.ndarray:
        """bool, whether a record can be read."""
        return self.width > 0


def facts_of(sets: Sets, cache: Path) -> Facts:
    """Of all records; read from the cache where another run, or another process of this one, has looked them up.

    Whoever comes first looks, the others wait. Raises BadData for a set that cannot be read at all, OSError.
    """
    folder = cache / "facts"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{sets.fingerprint}.npz"
    with _alone(folder / ".lock"):
        if (kept := _read(file, len(sets))) is not None:
            return kept
        log.info("Looking at the records of %s for the first time.", sets.title)
        found = _gathered(sets)
        packed = io.BytesIO()
        np.savez_compressed(packed, **asdict(found))
        write_whole(file, packed.getvalue())
        return found


def _gathered(sets: Sets) -> Facts:
    rows = []
    # Where a set is read in turn, threads would only wait for one another.
    with ThreadPoolExecutor(1 if sets.in_turn else READERS) as pool:
        for number, row in enumerate(pool.map(lambda record: _row(sets, record), range(len(sets))), start=1):
            rows.append(row)
            if number % TOLD == 0:
                log.info("%d of %d records", number, len(sets))
    width, height, source, id, method = zip(*rows, strict=True)
    return Facts(np.array(width, np.int32), np.array(height, np.int32), *map(np.array, (source, id, method)))


def _row(sets: Sets, record: int) -> tuple[int, int, str, str, str]:
    try:
        triplet = sets[record]
        wide, high = _size(triplet)
    except RoremError:
        return 0, 0, "", "", ""
    return wide, high, hashlib.sha256(triplet.source).hexdigest(), triplet.id, triplet.method


def _size(triplet: Triplet) -> tuple[int, int]:
    """Width and height of the photo, upright; from the head of the file where that tells. Raises BadPicture."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(triplet.source)) as image:
            wide, high = image.size
            return (high, wide) if image.getexif().get(ORIENTATION) in TURNED else (wide, high)
    except Exception:  # Pillow raises every kind of exception on what it does not know
        return open_picture(triplet.source).size


def _read(file: Path, count: int) -> Facts | None:
    try:
        with np.load(file) as kept:
            found = Facts(*(kept[field.name] for field in fields(Facts)))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return found if len(found) == count else None


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """One process at a time."""
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
