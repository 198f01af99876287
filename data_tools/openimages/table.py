"""The table of segmented objects, boiled down to a few bytes for each: millions of them fit into memory.

Of each object that may be taken there is a key (a hash of its mask's name and the seed, which decides its turn, so that
the order of the rows does not matter), its class, and where its row begins. The row itself is read when its turn comes.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from data_tools.openimages.rows import Rows
from data_tools.openimages.settings import BORDER, Settings
from data_tools.tally import EXAMPLES, Tally

NEEDED = ("MaskPath", "ImageID", "LabelName", "BoxID", "BoxXMin", "BoxXMax", "BoxYMin", "BoxYMax")
IOU = "PredictedIoU"
EVERY = 20_000  # rows between two words about how far it is
# Kinds of what is left out; the same words wherever an object meets the same fate.
SMALL, CUT, LOW = "objects smaller than wanted", "objects cut by the border", "objects with a low predicted IoU"
CLASS, BROKEN, TWICE = "objects of classes that are left out", "rows that are broken", "rows that are there twice"

_MASK = re.compile(rb"([0-9a-f]{16})_\w{1,60}\.png", re.ASCII)

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class Instance:
    """One object of the table. mask: the name of its mask's file. image: its photo's id. box: left, right, top, bottom,
    as shares of the photo. iou: predicted, 0 to 1, None if that is not told."""

    mask: str
    image: str
    label: str
    box_id: str
    box: tuple[float, float, float, float]
    iou: float | None

    @property
    def share(self) -> float:
        """How much of the photo its box covers, 0 to 1; the mask covers less."""
        left, right, top, bottom = self.box
        return (right - left) * (bottom - top)


@dataclass(frozen=True, eq=False)
class Table:
    """Objects that may be taken, in the order of their keys.

    keys, offsets, images: uint64 (n,); images, the photos' ids as numbers, is empty where nobody asks for a photo's
    other objects. classes: uint16 (n,), numbers of `labels`. fingerprint: of all rows, whatever their order.
    """

    rows: Rows
    labels: Sequence[str]
    keys: np.ndarray
    offsets: np.ndarray
    classes: np.ndarray
    images: np.ndarray
    fingerprint: str

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, number: int) -> Instance:
        """Raises OSError."""
        row = self.rows.at(int(self.offsets[number]))
        left, right, top, bottom = (float(row[name]) for name in NEEDED[4:])
        iou = float(row[IOU]) if row.get(IOU) else None
        return Instance(
            row["MaskPath"], row["ImageID"], row["LabelName"], row["BoxID"], (left, right, top, bottom), iou
        )


def read_table(
    path: Path,
    leave_out: frozenset[str],
    settings: Settings,
    left: Tally,
    bad: Tally,
    on_step: OnStep = lambda done, total: None,
) -> Table:
    """Reads the whole table once. left, bad: are told what the rules leave out, and what is wrong with rows.

    Holds 22 bytes for each object, 30 where several may be joined. Raises OSError, and BadData for another file.
    """
    rows = Rows(path, NEEDED)
    sorting = _Sorting(rows.columns, leave_out, settings)
    keys, offsets, classes, images, sums = array("Q"), array("Q"), array("H"), array("Q"), array("I")
    total, size, crcs = 0, path.stat().st_size, 0
    for offset, line in rows:
        total += 1
        crc = zlib.crc32(line.rstrip(b"\r\n"))
        crcs += crc
        if total % EVERY == 0:
            on_step(offset, size)
        found = sorting.sort(rows.cells(line))
        if isinstance(found, str):
            tally = bad if found == BROKEN else left
            tally.add(found, _shown(line) if tally.counts[found] < EXAMPLES else "")
            continue
        key, number, image = found
        keys.append(key)
        offsets.append(offset)
        classes.append(number)
        sums.append(crc)
        if settings.several:
            images.append(image)
    on_step(size, size)
    fingerprint = hashlib.sha256(f"{total} {crcs}".encode()).hexdigest()
    order = _order(np.frombuffer(keys, np.uint64), np.frombuffer(sums, np.uint32), rows, offsets, bad)
    return Table(
        rows,
        sorting.labels,
        np.frombuffer(keys, np.uint64)[order],
        np.frombuffer(offsets, np.uint64)[order],
        np.frombuffer(classes, np.uint16)[order],
        np.frombuffer(images, np.uint64)[order] if images else np.empty(0, np.uint64),
        fingerprint,
    )


class _Sorting:
    """Says of each row what it is, or why it is left out."""

    def __init__(self, columns: Mapping[str, int], leave_out: frozenset[str], settings: Settings) -> None:
        self._wanted = itemgetter(*(columns[name] for name in NEEDED))
        self._iou = columns.get(IOU)
        self._left_out = {label.encode() for label in leave_out}
        self._settings = settings
        self._digits = frozenset(settings.digits.encode())
        self._numbers: dict[bytes, int] = {}
        self._hash = hashlib.blake2b(f"{settings.seed}:".encode(), digest_size=8)

    @property
    def labels(self) -> list[str]:
        return [label.decode("utf-8", "replace") for label in self._numbers]

    def sort(self, cells: list[bytes] | None) -> tuple[int, int, int] | str:
        """Key, class and photo of an object, as numbers, or the kind of what is left out."""
        if cells is None:
            return BROKEN
        mask, image, label, _, *box = self._wanted(cells)
        named = _MASK.fullmatch(mask)
        if named is None or named[1] != image or not label:
            return BROKEN
        try:
            left, right, top, bottom = map(float, box)
            iou = cells[self._iou] if self._iou is not None else b""
            low = bool(iou) and not float(iou) >= self._settings.iou
        except ValueError:
            return BROKEN
        if not (-0.01 <= left < right <= 1.01 and -0.01 <= top < bottom <= 1.01):
            return BROKEN
        if label in self._left_out:
            return CLASS
        if image[0] not in self._digits:
            return "objects of photos with other ids than wanted"
        if low:
            return LOW
        if (right - left) * (bottom - top) < self._settings.smallest:
            return SMALL
        if not self._settings.cut and (min(left, top) < BORDER or max(right, bottom) > 1 - BORDER):
            return CUT
        if label not in self._numbers and len(self._numbers) == 1 << 16:
            return BROKEN  # no list of classes is that long
        hashing = self._hash.copy()
        hashing.update(mask)
        number = self._numbers.setdefault(label, len(self._numbers))
        return int.from_bytes(hashing.digest(), "little"), number, int(image, 16)


def _order(keys: np.ndarray, sums: np.ndarray, rows: Rows, offsets: Sequence[int], bad: Tally) -> np.ndarray:
    """Numbers of the rows in the order of their keys. Of several with one key, the one with the smallest sum."""
    order = np.lexsort((sums, keys))
    again = np.zeros(len(order), bool)
    again[1:] = keys[order[1:]] == keys[order[:-1]]
    for place, row in enumerate(order[again]):
        bad.add(TWICE, rows.at(offsets[row])["MaskPath"] if place < EXAMPLES else "")
    return order[~again]


def _shown(line: bytes) -> str:
    """The first cell, to name a row by, short and printable."""
    text = line[:60].decode("utf-8", "replace").partition(",")[0].strip()
    return "".join(sign if sign.isprintable() else "?" for sign in text) or "an empty line"
