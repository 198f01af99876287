"""One decoder a format: from a file's bytes to native pixels and the facts that the file holds besides.

Each is handed to its own Pillow plugin directly. `PIL.Image.open` would try formats we do not want, and holds pictures
against a limit of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from rorem.errors import BadPicture

from . import exif
from .containers import avif_is_deep, gif_xmp, png_chunks, png_still, split_exif, webp_lossless
from .limits import check_size
from .pixels import Pixels, from_pillow
from .record import JpegFacts, Limits

TEN_BIT = "This photo holds finer steps of colour than are kept here. It was opened with 8 bits per colour."
_UNUSUAL = "This picture stores its colours in an unusual way that RORem cannot read."
_AS_RGB = "Save it as RGB with 8 or 16 bits per colour and try again."
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

    data, block = split_exif(data)  # Pillow would parse it, and trust it
    image = JpegImageFile(BytesIO(data))
    check_size(image.size, limits)
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
        icc=_bytes(info.get("icc_profile")),
        exif=block,
        xmp=_bytes(info.get("xmp")),
        dpi=_dpi(info.get("dpi")) or _dpi(exif.resolution(block)),
        comment=_bytes(info.get("comment")),
        iptc=_iptc(info.get("photoshop")),
        jpeg=facts,
    )


def _png(data: bytes, limits: Limits) -> Decoded:
    from PIL.PngImagePlugin import PngImageFile

    image = PngImageFile(BytesIO(data))
    check_size(image.size, limits)
    depth, kind = data[24], data[25]
    image.load()
    info = image.info
    key = info.get("transparency") if kind in (0, 2) else None
    if not isinstance(key, int | tuple):
        key = None
    if isinstance(key, int) and depth in (2, 4):  # Pillow stretches the pixels to 8 bit, but not the key
        key = info["transparency"] = key * 255 // (2**depth - 1)
    if depth == 16 and kind != 0:
        from .deep import read

        pixels, key = read(png_still(data)), None
        if kind == 4:
            pixels = Pixels(np.ascontiguousarray(pixels.colour[..., 0]), pixels.alpha, "grey")
    else:
        pixels = from_pillow(image)
    return Decoded(
        pixels,
        icc=_bytes(info.get("icc_profile")),
        exif=_bytes(info.get("exif")),
        xmp=_bytes(info.get("xmp")),
        dpi=_dpi(info.get("dpi")),
        chunks=tuple((name, body) for name, body in png_chunks(data) if name in _PNG_COLOUR),
        texts=tuple((name, str(text)) for name, text in image.text.items() if _is_words(name)),
        key=key,
    )


def _webp(data: bytes, limits: Limits) -> Decoded:
    from PIL.WebPImagePlugin import WebPImageFile

    image = WebPImageFile(BytesIO(data))
    check_size(image.size, limits)
    image.load()
    info = image.info
    return Decoded(
        from_pillow(image),
        icc=_bytes(info.get("icc_profile")),
        exif=_bytes(info.get("exif")),
        xmp=_bytes(info.get("xmp")),
        lossless=webp_lossless(data),
    )


def _avif(data: bytes, limits: Limits) -> Decoded:
    # The codec below Pillow's plugin: the plugin parses the EXIF block before anyone has checked it.
    from PIL import _avif as codec  # pyright: ignore[reportAttributeAccessIssue]
    from PIL.AvifImagePlugin import DEFAULT_MAX_THREADS

    decoder = codec.AvifDecoder(data, "auto", DEFAULT_MAX_THREADS or 2)
    size, frames, mode, icc, block, turn, xmp = decoder.get_info()
    check_size(size, limits)
    image = Image.frombuffer(mode, size, decoder.get_frame(0)[0], "raw", mode, 0, 1)
    return Decoded(
        from_pillow(image),
        turn=turn,
        several=frames > 1,
        notes=(TEN_BIT,) if avif_is_deep(data) else (),
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
    check_size(image.size, limits)
    image.load()
    info = image.info
    return Decoded(
        from_pillow(image),
        turn=1,  # libheif has turned it, as the file's own transformations say
        several=image.n_frames > 1,
        notes=(TEN_BIT,) if info.get("bit_depth", 8) > 8 else (),
        icc=_bytes(info.get("icc_profile")),
        exif=_bytes(info.get("exif")),
        xmp=_bytes(info.get("xmp")),
    )


def _tiff(data: bytes, limits: Limits) -> Decoded:
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
    block, lost = _tiff_exif(image)
    return Decoded(
        pixels,
        turn=turn if 1 <= turn <= 8 else 1,
        notes=(TEN_BIT,) if max(bits) == 16 and image.mode == "CMYK" else (),
        exif_lost=lost,
        icc=_bytes(image.info.get("icc_profile")),
        exif=block,
        xmp=_bytes(tags.get(700)),
        dpi=_dpi(image.info.get("dpi")),
        compression=image.info.get("compression"),
    )


def _gif(data: bytes, limits: Limits) -> Decoded:
    from PIL.GifImagePlugin import GifImageFile

    image = GifImageFile(BytesIO(data))
    check_size(image.size, limits)
    image.load()
    clear = image.info.pop("transparency", None) if image.mode == "L" else None
    pixels = from_pillow(image)
    if clear is not None:  # Pillow takes a palette of greys for grey; with a transparent entry it must stay a palette
        palette = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, axis=1)
        palette[:, 3] = np.where(np.arange(256) == clear, 0, 255)
        pixels = Pixels(pixels.colour, None, "palette", palette)
    return Decoded(
        pixels,
        xmp=gif_xmp(data),
        comment=_bytes(image.info.get("comment")),
    )


def _bmp(data: bytes, limits: Limits) -> Decoded:
    from PIL.BmpImagePlugin import BmpImageFile

    image = BmpImageFile(BytesIO(data))
    check_size(image.size, limits)
    image.load()
    return Decoded(from_pillow(image), dpi=_dpi(image.info.get("dpi")))


def _is_words(name: str) -> bool:
    """Whether a PNG text is for people; XMP and old ways to store EXIF are carried elsewhere or left out."""
    return name != "XML:com.adobe.xmp" and not name.startswith("Raw profile type")


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


def _bytes(found: object) -> bytes | None:
    """Bytes, or None: in a PNG any text can put anything under any name."""
    return found if isinstance(found, bytes) and found else None


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
