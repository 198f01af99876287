"""Decoding TIFF, the format of many kinds."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from rorem.errors import BadPicture

from .decoded import TEN_BIT, Decoded, as_bytes, as_dpi
from .limits import check_size
from .pixels import Pixels, from_pillow
from .record import Limits

_UNUSUAL = "This picture stores its colours in an unusual way that RORem cannot read."
_AS_RGB = "Save it as RGB with 8 or 16 bits per colour and try again."
# Tags of the main directory that are facts about the photo, not about how this file is laid out.
_FACTS = (270, 271, 272, 305, 306, 315, 316, 18246, 33432, 40091, 40092, 40093, 40094, 40095)
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825


def decode(data: bytes, limits: Limits) -> Decoded:
    from PIL.TiffImagePlugin import TiffImageFile

    try:
        image = TiffImageFile(BytesIO(data))
    except (SyntaxError, KeyError) as error:  # the directory was walked before and is sound: it is the kind that is odd
        raise BadPicture(_UNUSUAL, _AS_RGB) from error
    check_size(image.size, limits)
    tags = image.tag_v2
    bits = tags.get(258, (1,))
    deep = max(bits) == 16 and image.mode != "CMYK" and not image.mode.startswith("I")
    if image.mode == "LAB" or max(bits) == 12:
        raise BadPicture(_UNUSUAL, _AS_RGB)
    if deep:
        from .deep import read

        if 1 in tags.get(338, ()):
            raise BadPicture(_UNUSUAL, _AS_RGB)
        pixels, turn = read(data), int(tags.get(274, 1))
    else:
        image.load()  # turns the picture upright, too
        pixels, turn = from_pillow(image), int(image.getexif().get(274, 1))
        if tags.get(262) == 0 and pixels.colour.dtype == np.uint16:  # white is zero: Pillow minds that only in 8 bit
            pixels = Pixels(65535 - pixels.colour, pixels.alpha, pixels.space)
    block, lost = _exif(image)
    return Decoded(
        pixels,
        turn=turn if 1 <= turn <= 8 else 1,
        notes=(TEN_BIT,) if max(bits) == 16 and image.mode == "CMYK" else (),
        exif_lost=lost,
        icc=as_bytes(image.info.get("icc_profile")),
        exif=block,
        xmp=as_bytes(tags.get(700)),
        dpi=as_dpi(image.info.get("dpi")),
        compression=image.info.get("compression"),
    )


def _exif(image: Image.Image) -> tuple[bytes | None, bool]:
    """The photo's facts in a TIFF as an EXIF block, and whether they could not be read."""
    found = image.getexif()
    facts = Image.Exif()
    try:
        for tag in _FACTS:
            if tag in found:
                facts[tag] = found[tag]
        for tag in (_EXIF_IFD, _GPS_IFD):
            if tag in found and (part := found.get_ifd(tag)):
                facts[tag] = dict(part)
        return (facts.tobytes() if len(facts) else None), False
    except Exception:  # a hostile or broken directory raises anything; the picture itself is fine
        return None, True
