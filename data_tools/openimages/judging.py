"""Whether a mask makes a good candidate: not too small or large, whole, without holes."""

from __future__ import annotations

import io
import zlib

import cv2
import numpy as np
from PIL import Image

from data_tools.openimages.settings import BORDER, Settings
from data_tools.openimages.table import CUT, SMALL
from rorem.errors import BadMask

LARGE, HOLES, EMPTY = "objects larger than wanted", "objects with holes", "masks that mark nothing"
LARGEST = 50_000_000  # pixels; real masks have about two million


def decode(data: bytes) -> np.ndarray:
    """A mask's PNG as bool (H, W): what is not black is the object. Raises BadMask."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.width * image.height > LARGEST:
                raise BadMask("The mask is too large.")
            levels = np.asarray(image if image.mode in ("1", "L", "I", "I;16") else image.convert("L"))
    except (OSError, SyntaxError, ValueError, zlib.error, Image.DecompressionBombError) as error:
        raise BadMask("The mask is no PNG file, or it is damaged.") from error
    return levels > 0


def fault(mask: np.ndarray, settings: Settings) -> str:
    """The kind of what is wrong with a mask, bool (H, W); "" for a good one."""
    share = float(mask.mean())
    if not share:
        return EMPTY
    if share < settings.smallest:
        return SMALL
    if share > settings.largest:
        return LARGE
    if not settings.cut and is_cut(mask):
        return CUT
    if holes(mask) > settings.holes:
        return HOLES
    return ""


def is_cut(mask: np.ndarray) -> bool:
    """Whether it comes so near to the border that the thing probably goes on beyond it."""
    rows, columns = (max(1, round(BORDER * side)) for side in mask.shape)
    return bool(mask[:rows].any() or mask[-rows:].any() or mask[:, :columns].any() or mask[:, -columns:].any())


def holes(mask: np.ndarray) -> float:
    """How much of the filled shape are holes, 0 to 1: what one cannot walk out of without crossing the mask."""
    walls = np.pad(mask, 1).astype(np.uint8)
    cv2.floodFill(walls, None, (0, 0), (2,))
    inside = int((walls == 0).sum())
    marked = int(mask.sum())
    return inside / (inside + marked) if marked else 0.0


def fitted(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """The mask in another size, by the nearest pixel. bool (height, width)."""
    if mask.shape == (height, width):
        return mask
    return cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT) > 0
