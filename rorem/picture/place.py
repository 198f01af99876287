"""Whether a file says where its photo was taken."""

from __future__ import annotations

from . import exif, provenance
from .record import Picture


def tells_place(picture: Picture) -> bool:
    """True if leaving out the place would change what an edited file says."""
    width, height = picture.size
    block, packet = picture.file.exif, picture.file.xmp
    in_exif = block is not None and len({exif.finished(block, width, height, keep) for keep in (True, False)}) > 1
    in_xmp = len({provenance.finished(packet, width, height, keep, None) for keep in (True, False)}) > 1
    return in_exif or in_xmp
