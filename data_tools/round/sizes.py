"""Whether a record's pictures are as large as its photo, and sound as far as files tell without being unpacked."""

from __future__ import annotations

import io

from PIL import Image

from rorem.errors import BadData, BadMask, BadPicture
from rorem.picture import open_picture
from rorem.triplet import Triplet

PARTS = ("mask", "result", "truth", "effect")
TURN, SIDEWAYS = 274, (5, 6, 7, 8)  # the EXIF tag that says how a photo is turned, and when its sides change places


class OtherSize(BadData):
    """A picture of a record that is not as large as its photo."""


def check_sizes(triplet: Triplet) -> None:
    """Raises BadPicture or, for the mask, BadMask for a file that is damaged; OtherSize."""
    size = _size("photo", triplet.source)
    for part in PARTS:
        data = getattr(triplet, part)
        if data is None or _size(part, data) == size:
            continue
        own, wanted = open_picture(data).size, open_picture(triplet.source).size  # what turns a photo hides in corners
        if own != wanted:
            raise OtherSize(f"Its {part} has {_told(own)} pixels and its photo {_told(wanted)}.")


def _size(part: str, data: bytes) -> tuple[int, int]:
    """Width and height of a picture that is held upright. Raises BadPicture, BadMask."""
    try:
        return _quick(data) or open_picture(data).size
    except BadPicture as error:
        kind = BadMask if part == "mask" else BadPicture
        raise kind(f"Its {part} cannot be used: {error}") from error


def _quick(data: bytes) -> tuple[int, int] | None:
    """By the head of the file; of a PNG every checksum has to be right. None for one that needs a closer look.

    Raises BadPicture.
    """
    try:
        image = Image.open(io.BytesIO(data))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    with image:
        try:
            # Asked for EXIF that is not in its head, Pillow unpacks a whole PNG.
            told = image.format != "PNG" or "exif" in image.info
            width, height = image.size[::-1] if told and image.getexif().get(TURN) in SIDEWAYS else image.size
            image.verify()
        except (OSError, ValueError, SyntaxError) as error:
            raise BadPicture("The file is damaged.") from error
    return width, height


def _told(size: tuple[int, int]) -> str:
    return f"{size[0]:,} x {size[1]:,}"
