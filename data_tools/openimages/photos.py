"""Photos: found in a folder or fetched, turned as the list says, and joined with their mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from data_tools.openimages.bucket import Bucket
from data_tools.openimages.candidate import Candidate, facts
from data_tools.openimages.classes import Classes
from data_tools.openimages.fetching import Gone, Wanted, difference
from data_tools.openimages.judging import EMPTY, fitted
from data_tools.openimages.layout import original_place, photo_places
from data_tools.openimages.masks import Places
from data_tools.openimages.photo_list import PhotoRow
from data_tools.openimages.settings import Settings
from data_tools.plain_files import png, read_bounded
from rorem.errors import BadData, BadPicture, Unavailable
from rorem.mask_file import SAME_SHAPE
from rorem.picture import open_picture, to_srgb
from rorem.picture.exif import orientation
from rorem.picture.orient import swaps_sides, upright
from rorem.triplet import Triplet

MISSING, UNREADABLE = "photos that are not there", "photos that cannot be read"
OTHER = "photos that are not the listed file"
UNFETCHED = "photos that could not be fetched"
SHAPE = "masks of another shape than the photo"
LOCKS = 61
IN_A_ROW = 8  # different photos that could not be fetched, after which it is not the photos: as many are tried at once
INVERSE = {6: 8, 8: 6}  # the EXIF orientation that undoes one; the others undo themselves


@dataclass(frozen=True)
class Failed:
    """Why there is no record: the kind for a count, the photo's or mask's name, and what is wrong."""

    kind: str
    name: str
    reason: str = ""


class Photos:
    """Makes records of candidates. May be used by several threads."""

    def __init__(
        self, root: Path, folders: Sequence[Path], settings: Settings, classes: Classes, bucket: Bucket | None
    ) -> None:
        self._root, self._settings, self._classes, self._bucket = root, settings, classes, bucket
        self._places = Places(folders, lambda image: photo_places(image, settings.subset))
        self._originals = Places(folders, lambda image: iter((original_place(image),)))
        self._locks = [Lock() for _ in range(LOCKS)]
        self._unfetched: dict[str, Unavailable] = {}  # by photo; none is waited for twice
        self._in_a_row = set[str]()  # photos since the last one that came, or that the server said it has not

    def record(self, candidate: Candidate) -> Triplet | Failed:
        """Photo and mask of a candidate, or why they cannot be had.

        Raises OSError for folders, and Unavailable if several photos in a row could not be fetched.
        """
        row = candidate.photo
        try:
            with self._locks[int(row.image, 16) % LOCKS]:  # two candidates of one photo fetch it once
                path = self._path(row)
        except Gone:
            return Failed(MISSING, row.image)
        except Unavailable as error:
            if len(self._in_a_row) >= IN_A_ROW:
                raise
            return Failed(UNFETCHED, row.image, str(error))
        except BadData as error:
            return Failed(OTHER, row.image, str(error))
        if path is None:
            return Failed(MISSING, row.image)
        try:
            if self._settings.originals and (wrong := difference(path, Wanted(row.size, row.md5))):
                return Failed(OTHER, row.image, wrong)
            return triplet(candidate, read_bounded(path), self._classes)
        except OSError as error:
            return Failed(UNREADABLE, row.image, (error.strerror or str(error)).lower())
        except BadPicture as error:
            return Failed(UNREADABLE, row.image, str(error))
        except BadData as error:
            return Failed(str(error), candidate.instances[0].mask, error.fix)

    def _path(self, row: PhotoRow) -> Path | None:
        """Where the photo lies, fetched if need be; None if it is nowhere. Raises as `fetching.fetch`."""
        places, place = self._places, f"{row.subset}/{row.image}.jpg"
        if self._settings.originals:
            places, place = self._originals, original_place(row.image)
        path = places.find(row.image)
        if path is None and self._bucket:
            path = self._root / place
            self._fetch(row, path, self._bucket)
        return path

    def _fetch(self, row: PhotoRow, target: Path, bucket: Bucket) -> None:
        if row.image in self._unfetched:
            raise self._unfetched[row.image]
        try:
            (bucket.fetch_original if self._settings.originals else bucket.fetch_photo)(row, target)
        except Gone:
            self._in_a_row.clear()
            raise
        except Unavailable as error:
            self._unfetched[row.image] = error
            self._in_a_row.add(row.image)
            raise
        self._in_a_row.clear()


def triplet(candidate: Candidate, data: bytes, classes: Classes) -> Triplet:
    """A record of a candidate, with the photo's bytes as they are unless it has to be turned; then as a PNG.

    Boxes and masks lie on the photo as it is stored, whatever its EXIF block says; the list says how to turn both
    (https://storage.googleapis.com/openimages/web/2018-05-17-rotation-information.html). Where the list does not know,
    the EXIF block is followed. The mask gets the photo's size by the nearest pixel.
    Raises BadPicture, and BadData for a mask that does not fit, with the kind as its sentence.
    """
    picture = open_picture(data)
    stored = orientation(picture.file.exif or b"") or 1  # open_picture has turned the picture by this already
    height, width = (picture.height, picture.width)[:: -1 if swaps_sides(stored) else 1]
    mask = _fit(candidate.mask, height, width)
    rotation = candidate.photo.rotation
    mask = upright(mask, stored) if rotation is None else np.rot90(mask, rotation // 90)
    if stored != 1 or rotation:
        rgb = to_srgb(picture)
        if rotation is not None:
            rgb = np.rot90(upright(rgb, INVERSE.get(stored, stored)), rotation // 90)
        data = png(rgb)
    first = candidate.instances[0]
    return Triplet(
        candidate.name,
        data,
        png(mask),
        category=classes.name(first.label),
        licence=candidate.photo.licence,
        author=candidate.photo.author,
        extra={**facts(candidate, classes), "mask_share": round(float(mask.mean()), 6)},
    )


def _fit(mask: np.ndarray | None, height: int, width: int) -> np.ndarray:
    if mask is None:
        raise ValueError("a record needs a mask")
    rows, columns = mask.shape
    if abs(columns * height / (rows * width) - 1) > SAME_SHAPE:
        raise BadData(SHAPE, f"{columns} x {rows} and {width} x {height}")
    mask = fitted(mask, height, width)
    if not mask.any() or mask.all():
        raise BadData(EMPTY)
    return mask
