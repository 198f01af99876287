"""The list of photos: who made each, under which licence, and how it has to be turned."""

from __future__ import annotations

import hashlib
import math
import re
import zlib
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.openimages.fetching import from_base64
from data_tools.openimages.rows import Rows
from data_tools.openimages.table import BROKEN, EVERY, OnStep
from data_tools.tally import Tally

NEEDED = ("ImageID", "Subset", "OriginalURL", "License", "Author", "Rotation")
_ID = re.compile(rb"[0-9a-f]{16}")
TURNS = (0, 90, 180, 270)


@dataclass(frozen=True)
class PhotoRow:
    """What the list says of a photo. rotation: degrees counter-clockwise that turn it upright, None if not known.

    size, md5: of the file at `url`, in bytes and hex, 0 and "" if not told; photos from the bucket are smaller copies
    of it.
    """

    image: str
    subset: str
    url: str
    landing: str
    licence: str
    author: str
    profile: str
    title: str
    size: int
    md5: str
    rotation: int | None


class PhotoList:
    """The photos of one subset. Holds 16 bytes for each and reads its row when it is asked for."""

    def __init__(self, path: Path, subset: str, bad: Tally, on_step: OnStep = lambda done, total: None) -> None:
        """Reads the list once. bad: is told of broken rows. Raises OSError, and BadData for another file."""
        self._rows = Rows(path, NEEDED)
        images, offsets, sums = array("Q"), array("Q"), array("I")
        image_at, subset_at = (self._rows.columns[name] for name in NEEDED[:2])
        wanted, size, total, crcs = subset.encode(), path.stat().st_size, 0, 0
        for offset, line in self._rows:
            total += 1
            crc = zlib.crc32(line.rstrip(b"\r\n"))
            crcs += crc
            if total % EVERY == 0:
                on_step(offset, size)
            cells = self._rows.cells(line)
            if cells is None or not _ID.fullmatch(cells[image_at]):
                bad.add(BROKEN, f"a photo {line[:16].decode('ascii', 'replace')!r}")
            elif cells[subset_at] == wanted:
                images.append(int(cells[image_at], 16))
                offsets.append(offset)
                sums.append(crc)
        on_step(size, size)
        ids = np.frombuffer(images, np.uint64)
        order = np.lexsort((np.frombuffer(sums, np.uint32), ids))
        self._images, self._offsets = ids[order], np.frombuffer(offsets, np.uint64)[order]
        self.fingerprint = hashlib.sha256(f"{total} {crcs}".encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._images)

    def find(self, image: str) -> PhotoRow | None:
        """A photo by its id. Of several rows for one photo always the same. Not for several threads. Raises OSError."""
        number = np.uint64(int(image, 16))
        place = int(np.searchsorted(self._images, number))
        if place == len(self._images) or self._images[place] != number:
            return None
        row = self._rows.at(int(self._offsets[place]))
        return PhotoRow(
            row["ImageID"],
            row["Subset"],
            row["OriginalURL"],
            row.get("OriginalLandingURL", ""),
            row["License"],
            row["Author"],
            row.get("AuthorProfileURL", ""),
            row.get("Title", ""),
            _size(row.get("OriginalSize", "")),
            from_base64(row.get("OriginalMD5", "")),
            _rotation(row["Rotation"]),
        )

    def close(self) -> None:
        self._rows.close()


def _size(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _rotation(text: str) -> int | None:
    """The list says 0.0, 90.0, 180.0, 270.0, and nothing or nan for photos that were gone when it was made."""
    try:
        degrees = float(text)
    except ValueError:
        return None
    return int(degrees) if math.isfinite(degrees) and degrees in TURNS else None
