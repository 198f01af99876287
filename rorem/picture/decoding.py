"""One decoder a format: from a file's bytes to native pixels and the facts that the file holds besides.

Each is handed to its own Pillow plugin directly. `PIL.Image.open` would try formats we do not want, and holds pictures
against a limit of its own.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from rorem.errors import BadPicture

from . import exif
from .limits import check_size
from .pixels import Pixels, from_pillow
from .record import JpegFacts, Limits

TEN_BIT = "This photo holds finer steps of colour than are kept here. It was opened with 8 bits per colour."
_NO_LAB = "This picture stores its colours in an unusual way that RORem cannot read."
_PNG_COLOUR = (b"gAMA", b"cHRM", b"sRGB", b"cICP")
# IFD0 tags of a TIFF that are facts about the photo, not about how this file is laid out.
_TIFF_FACTS = (270, 271, 272, 305, 306, 315, 316, 18246, 33432, 40091, 40092, 40093, 40094, 40095)
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825


@dataclass(frozen=True)
class Decoded:
    """What a decoder found. Metadata is raw: nobody has checked yet that it is sound.

    turn: the orientation still to be applied; None = as EXIF or XMP say. several: more pictures of equal rank.
    extra: hidden companions of the picture (gain map, depth). exif_lost: there was EXIF, but it could not be read.
    The rest is as in `FileFacts`.
    """

    pixels: Pixels
    turn: int | None = None
    several: bool = False
    extra: bool = False
    notes: tuple[str, ...] = ()
    exif_lost: bool = False
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    comment: bytes | None = None
    iptc: bytes | None = None
    jpeg: JpegFacts | None = None
    lossless: bool = False
    compression: str | None = None
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    key: int | tuple[int, ...] | None = None


def decode(format: str, data: bytes, limits: Limits) -> Decoded:
    """Decodes a file whose header was checked. Raises BadPicture, or whatever its decoder raises on a damaged file."""
    return {
        "JPEG": _jpeg,
        "PNG": _png,
        "WEBP": _webp,
        "AVIF": _avif,
        "HEIC": _heic,
        "TIFF": _tiff,
        "GIF": _gif,
        "BMP": _bmp,
    }[format](data, limits)


def _jpeg(data: bytes, limits: Limits) -> Decoded:
    from PIL.JpegImagePlugin import JpegImageFile, get_sampling

    data, block = _without_exif(data)  # Pillow would parse it, and trust it
    image = JpegImageFile(BytesIO(data))
    check_size(*image.size, limits)
    layers = [image.quantization[layer[3]] for layer in image.layer]
    if len(layers) == 4:
        layers = layers[:1]  # Pillow writes CMYK with one table for all inks
    while len(layers) > 1 and layers[-1] == layers[-2]:
        layers.pop()
    facts = JpegFacts(
        tables=tuple(tuple(table) for table in layers),
        subsampling=max(0, get_sampling(image)),  # unusual ones become 4:4:4, which loses nothing
        progressive=bool(image.info.get("progressive")),
    )
    image.load()
    info = image.info
    return Decoded(
        from_pillow(image),
        extra="mp" in info,
        icc=info.get("icc_profile"),
        exif=block,
        xmp=info.get("xmp"),
        dpi=_dpi(info.get("dpi")) or _dpi(exif.resolution(block)),
        comment=info.get("comment"),
        iptc=_iptc(info.get("photoshop")),
        jpeg=facts,
    )


def _png(data: bytes, limits: Limits) -> Decoded:
    from PIL.PngImagePlugin import PngImageFile

    image = PngImageFile(BytesIO(data))
    check_size(*image.size, limits)
    depth, kind = data[24], data[25]
    image.load()
    info = image.info
    key = info.get("transparency") if kind in (0, 2) else None
    if isinstance(key, int) and depth in (2, 4):  # Pillow stretches the pixels to 8 bit, but not the key
        key = info["transparency"] = key * 255 // (2**depth - 1)
    if depth == 16 and kind != 0:
        from .deep import read

        pixels, key = read(_first_frame(data)), None
    else:
        pixels = from_pillow(image)
    return Decoded(
        pixels,
        icc=info.get("icc_profile"),
        exif=info.get("exif"),
        xmp=info.get("xmp"),
        dpi=_dpi(info.get("dpi")),
        chunks=tuple((name, body) for name, body in _png_chunks(data) if name in _PNG_COLOUR),
        texts=tuple((name, str(text)) for name, text in image.text.items() if _is_words(name)),
        key=key,
    )


def _webp(data: bytes, limits: Limits) -> Decoded:
    from PIL.WebPImagePlugin import WebPImageFile

    image = WebPImageFile(BytesIO(data))
    check_size(*image.size, limits)
    image.load()
    info = image.info
    return Decoded(
        from_pillow(image),
        icc=info.get("icc_profile"),
        exif=info.get("exif"),
        xmp=info.get("xmp"),
        lossless=_webp_lossless(data),
    )


def _avif(data: bytes, limits: Limits) -> Decoded:
    # The codec below Pillow's plugin: the plugin parses the EXIF block before anyone has checked it.
    from PIL import _avif as codec  # pyright: ignore[reportAttributeAccessIssue]
    from PIL.AvifImagePlugin import DEFAULT_MAX_THREADS

    decoder = codec.AvifDecoder(data, "auto", DEFAULT_MAX_THREADS or 2)
    size, frames, mode, icc, block, turn, xmp = decoder.get_info()
    check_size(*size, limits)
    image = Image.frombuffer(mode, size, decoder.get_frame(0)[0], "raw", mode, 0, 1)
    at = data.find(b"av1C")
    deep = 0 <= at < len(data) - 6 and bool(data[at + 6] & 0x40)
    return Decoded(
        from_pillow(image),
        turn=turn,
        several=frames > 1,
        notes=(TEN_BIT,) if deep else (),
        icc=icc or None,
        exif=block or None,
        xmp=xmp or None,
    )


def _heic(data: bytes, limits: Limits) -> Decoded:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise BadPicture("HEIC photos cannot be opened on this machine.", "Save it as JPEG and try again.") from error

    image = HeifImageFile(BytesIO(data))
    check_size(*image.size, limits)
    image.load()
    info = image.info
    return Decoded(
        from_pillow(image),
        turn=1,  # libheif has turned it, as the file's own transformations say
        several=image.n_frames > 1,
        notes=(TEN_BIT,) if info.get("bit_depth", 8) > 8 else (),
        icc=info.get("icc_profile"),
        exif=info.get("exif"),
        xmp=info.get("xmp"),
    )


def _tiff(data: bytes, limits: Limits) -> Decoded:
    from PIL.TiffImagePlugin import TiffImageFile

    image = TiffImageFile(BytesIO(data))
    check_size(*image.size, limits)
    tags = image.tag_v2
    bits = tags.get(258, (1,))
    deep = max(bits) == 16 and image.mode != "CMYK" and not image.mode.startswith("I")
    if image.mode == "LAB" or max(bits) == 12:
        raise BadPicture(_NO_LAB, "Save it as RGB with 8 or 16 bits per colour and try again.")
    if deep:
        from .deep import read

        if 1 in tags.get(338, ()):
            raise BadPicture("The transparency in this 16-bit TIFF is stored in a way that RORem cannot read.")
        pixels, turn = read(data), int(tags.get(274, 1))
    else:
        image.load()  # turns the picture upright, too
        pixels, turn = from_pillow(image), int(image.getexif().get(274, 1))
        if tags.get(262) == 0 and pixels.colour.dtype == np.uint16:  # white is zero: Pillow minds that only in 8 bit
            pixels = Pixels(65535 - pixels.colour, pixels.alpha, pixels.space)
    block, lost = _tiff_exif(image)
    return Decoded(
        pixels,
        turn=turn if 1 <= turn <= 8 else 1,
        notes=(TEN_BIT,) if max(bits) == 16 and image.mode == "CMYK" else (),
        exif_lost=lost,
        icc=image.info.get("icc_profile"),
        exif=block,
        xmp=tags.get(700) if isinstance(tags.get(700), bytes) else None,
        dpi=_dpi(image.info.get("dpi")),
        compression=image.info.get("compression"),
    )


def _gif(data: bytes, limits: Limits) -> Decoded:
    from PIL.GifImagePlugin import GifImageFile

    image = GifImageFile(BytesIO(data))
    check_size(*image.size, limits)
    image.load()
    start = data.find(b"\x21\xff\x0bXMP DataXMP")
    end = data.find(b"\x01\xff\xfe\xfd", start)
    clear = image.info.pop("transparency", None) if image.mode == "L" else None
    pixels = from_pillow(image)
    if clear is not None:  # Pillow takes a palette of greys for grey; with a transparent entry it must stay a palette
        palette = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, axis=1)
        palette[:, 3] = np.where(np.arange(256) == clear, 0, 255)
        pixels = Pixels(pixels.colour, None, "palette", palette)
    return Decoded(
        pixels,
        xmp=data[start + 14 : end] if 0 <= start < end else None,
        comment=image.info.get("comment"),
    )


def _bmp(data: bytes, limits: Limits) -> Decoded:
    from PIL.BmpImagePlugin import BmpImageFile

    image = BmpImageFile(BytesIO(data))
    check_size(*image.size, limits)
    image.load()
    return Decoded(from_pillow(image), dpi=_dpi(image.info.get("dpi")))


def _without_exif(data: bytes) -> tuple[bytes, bytes | None]:
    """A JPEG without its EXIF segments, and what they held together."""
    kept, blocks, start, at = [], [], 0, 2
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data) and data[at + 1] not in (0xDA, 0xD9):
        if data[at + 1] in (0xFF, 0x01) or 0xD0 <= data[at + 1] <= 0xD8:
            at += 1 if data[at + 1] == 0xFF else 2
            continue
        end = at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
        if data[at + 1] == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            kept.append(data[start:at])
            blocks.append(data[at + 10 : end])
            start = end
        at = end
    if not blocks:
        return data, None
    return b"".join([*kept, data[start:]]), b"".join(blocks)


def _png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and bodies of the chunks before the pixels."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name in (b"IDAT", b"IEND"):
            break
        chunks.append((name, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def _first_frame(data: bytes) -> bytes:
    """A PNG without the chunks of an animation, which decoders would play."""
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name not in (b"acTL", b"fcTL", b"fdAT"):
            parts.append(data[at : at + 12 + length])
        at += 12 + length
    return b"".join(parts)


def _is_words(name: str) -> bool:
    """Whether a PNG text is for people; XMP and old ways to store EXIF are carried elsewhere or left out."""
    return name != "XML:com.adobe.xmp" and not name.startswith("Raw profile type")


def _webp_lossless(data: bytes) -> bool:
    """Whether the first frame is stored exactly."""
    at = 12
    while at + 8 <= len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name in (b"VP8L", b"VP8 "):
            return name == b"VP8L"
        at += 24 if name == b"ANMF" else 8 + length + (length & 1)
    return False


def _tiff_exif(image: Image.Image) -> tuple[bytes | None, bool]:
    """The photo's facts in a TIFF as an EXIF block, and whether they could not be read."""
    found = image.getexif()
    facts = Image.Exif()
    try:
        for tag in _TIFF_FACTS:
            if tag in found:
                facts[tag] = found[tag]
        for tag in (_EXIF_IFD, _GPS_IFD):
            if tag in found and (part := found.get_ifd(tag)):
                facts[tag] = dict(part)
        return (facts.tobytes() if len(facts) else None), False
    except Exception:  # a hostile or broken directory raises anything; the picture itself is fine
        return None, True


def _iptc(resources: object) -> bytes | None:
    """The IPTC-IIM record among Photoshop's resources."""
    record = resources.get(0x0404) if isinstance(resources, dict) else None
    return record if isinstance(record, bytes) and 0 < len(record) < 60_000 else None


def _dpi(found: object) -> tuple[float, float] | None:
    """Both numbers if they make sense, else None."""
    if not isinstance(found, tuple) or len(found) != 2:
        return None
    try:
        across, down = float(found[0]), float(found[1])
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    sensible = all(math.isfinite(number) and 0.1 <= number <= 1e6 for number in (across, down))
    return (across, down) if sensible else None
