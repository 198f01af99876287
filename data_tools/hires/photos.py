"""Finding the photos of DIV2K and Flickr2K: those in full, without the small copies that lie beside them.

DIV2K comes as `DIV2K_train_HR/0001.png` and so on, Flickr2K as `Flickr2K_HR/000001.png`; folders called ..._LR... hold
the same photos made small, to be enlarged again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from data_tools.parts import hash_of
from data_tools.plain_files import files_below
from data_tools.synthesize.credits import credit_of, notices_of
from data_tools.synthesize.originals import Original
from data_tools.tally import Tally
from rorem.errors import BadData

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
ELSEWHERE = "links that lead out of the folder"
NO_FILE = "names without a file behind them"
_SMALL = re.compile(r"(?:^|[_-])LR(?:[_-]|$)", re.IGNORECASE)


def photos_in(folders: Sequence[Path], tally: Tally) -> list[Original]:
    """All photos, in an order that mixes them and never depends on how many there are.

    A photo's key is the name of its folder and its path there. Raises BadData for a folder that is not there, for two
    photos of one key, and if there are none; OSError.
    """
    found: dict[str, Original] = {}
    for folder in folders:
        if not folder.is_dir():
            raise BadData(f"There is no folder called {folder}.", "Check the name.")
        for photo in _photos(folder, tally):
            if photo.key in found:
                raise BadData(f"Two photos are called {photo.key}.", "Name the folder above both instead.")
            found[photo.key] = photo
    if not found:
        raise BadData("There are no photos in full size.", "Name the folder DIV2K_train_HR, or one above it.")
    return sorted(found.values(), key=lambda photo: (hash_of("photo", photo.key), photo.key))


def _photos(folder: Path, tally: Tally) -> Iterator[Original]:
    home, notices = folder.resolve(), notices_of(folder)
    for path in files_below(folder):
        where = path.relative_to(folder)
        if path.suffix.lower() not in PICTURES or any(_SMALL.search(name) for name in where.parts[:-1]):
            continue
        key = where.as_posix()
        if not os.path.isfile(path):  # unlike Path's, it raises nothing
            tally.add(NO_FILE, key)
        elif not path.resolve().is_relative_to(home):
            tally.add(ELSEWHERE, key)
        else:
            yield Original(f"{home.name}/{key}", path, credit=credit_of(key, notices))
