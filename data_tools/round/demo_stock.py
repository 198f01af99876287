"""Photos, cut-outs and an evaluation set for the demonstration, of the package's twelve pairs: nothing is fetched."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

import rorem
from rorem.files import write_whole
from rorem.geometry import Box
from rorem.mask_file import read_mask
from rorem.picture import open_picture, to_rgb
from rorem.triplet import Triplet, open_set, write_shards

SAMPLES = Path(rorem.__file__).parent / "samples"
CHANGED = 12  # levels of a channel: a pixel of the mask that differs by more shows the thing
SMOOTH = 5  # px: the cut-out's outline is closed and softened over so much
EVALUATION = 3  # of the pairs: nothing is made of these


def take_apart(folder: Path) -> tuple[Path, Path]:
    """Writes the pairs' truths as clean photos and the things in them as cut-outs; returns both folders.

    The last pairs are left whole, see `evaluation`. Raises BadData, BadPicture, BadMask, OSError.
    """
    photos, cutouts = folder / "photos", folder / "cutouts"
    for one in _pairs()[:-EVALUATION]:
        write_whole(photos / f"{one.name}.webp", one.truth or b"")
        write_whole(cutouts / f"{one.name}.png", _cutout(one))
    return photos, cutouts


def evaluation(folder: Path) -> Path:
    """Writes a set of the pairs that are not taken apart; returns its folder. Raises BadData, OSError."""
    if not folder.exists():
        write_shards(_pairs()[-EVALUATION:], folder)
    return folder


def _pairs() -> list[Triplet]:
    """Those of the package that have a truth. Raises BadData."""
    return [one for one in open_set(str(SAMPLES)) if isinstance(one, Triplet) and one.truth is not None]


def _cutout(triplet: Triplet) -> bytes:
    """A PNG with transparency: where the photo is not the truth, there is the thing."""
    source, truth = (to_rgb(open_picture(data or b"", name=triplet.name)) for data in (triplet.source, triplet.truth))
    marked = read_mask(triplet.mask, source.shape[1], source.shape[0], polarity="white").mask
    differs = (cv2.absdiff(source, truth).max(axis=2) > CHANGED) & marked
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (SMOOTH, SMOOTH))
    whole = cv2.morphologyEx(differs.astype(np.uint8) * 255, cv2.MORPH_CLOSE, ellipse)
    alpha = cv2.GaussianBlur(cv2.medianBlur(whole, SMOOTH), (3, 3), 0)
    rgba = np.dstack([source, alpha])
    box = _box(alpha > 0)
    data = io.BytesIO()
    Image.fromarray(rgba[box.top : box.bottom, box.left : box.right]).save(data, "PNG")
    return data.getvalue()


def _box(where: np.ndarray) -> Box:
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
