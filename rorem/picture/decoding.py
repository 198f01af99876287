"""One decoder a format: from a file's bytes to native pixels and the facts that the file holds besides.

Each is handed to its own Pillow plugin directly. `PIL.Image.open` would try formats we do not want, and holds pictures
against a limit of its own.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from rorem.errors import BadPicture

from . import exif, tiff_reading
from .containers import avif_is_deep, gif_xmp, png_chunks, png_still, split_exif, webp_lossless
from .decoded import TEN_BIT, Decoded, as_bytes, as_dpi
from .limits import check_size
from .pixels import Pixels, from_pillow
from .record import JpegFacts, Limits

_PNG_COLOUR = (b"gAMA", b"cHRM", b"sRGB", b"cICP")


def decode(format: str, data: bytes, limits: Limits) -> Decoded:
    """Decodes a file whose header was checked. Raises BadPicture, or whatever its decoder raises on a damaged file."""
    return {
        "JPEG": _jpeg,
        "PNG": _png,
        "WEBP": _webp,
        "AVIF": _avif,
        "HEIC": _heic,
        "TIFF": tiff_reading.decode,
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
        icc=as_bytes(info.get("icc_profile")),
        exif=block,
        xmp=as_bytes(info.get("xmp")),
        dpi=as_dpi(info.get("dpi")) or as_dpi(exif.resolution(block)),
        comment=as_bytes(info.get("comment")),
        iptc=_iptc(info.get("photoshop")),
        jpeg=facts,
    )


def _png(data: bytes, limits: Limits) -> Decoded:
    from PIL.PngImagePlugin import PngImageFile

    image = PngImageFile(BytesIO(data))
    check_size(image.size, limits)
    depth, kind, interlaced = data[24], data[25], data[28]
    if isinstance(image.info.get("interlace"), str):  # a text of that name has taken the place of the fact
        image.info["interlace"] = interlaced
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
        icc=as_bytes(info.get("icc_profile")),
        exif=as_bytes(info.get("exif")),
        xmp=as_bytes(info.get("xmp")),
        dpi=as_dpi(info.get("dpi")),
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
        icc=as_bytes(info.get("icc_profile")),
        exif=as_bytes(info.get("exif")),
        xmp=as_bytes(info.get("xmp")),
        lossless=webp_lossless(data),
    )


def _avif(data: bytes, limits: Limits) -> Decoded:
    # The codec below Pillow's plugin: the plugin parses the EXIF block before anyone has checked it.
    from PIL import _avif as codec  # pyright: ignore[reportAttributeAccessIssue]
    from PIL.AvifImagePlugin import DEFAULT_MAX_THREADS

    threads = DEFAULT_MAX_THREADS or 2
    lost = False
    try:
        decoder = codec.AvifDecoder(data, "auto", threads)
    except ValueError:  # the codec refuses a file for an EXIF block that it cannot read; hide the block, and try again
        decoder = codec.AvifDecoder(data.replace(b"Exif", b"none"), "auto", threads)
        lost = True
    size, frames, mode, icc, block, turn, xmp = decoder.get_info()
    check_size(size, limits)
    image = Image.frombuffer(mode, size, decoder.get_frame(0)[0], "raw", mode, 0, 1)
    return Decoded(
        from_pillow(image),
        turn=turn,
        several=frames > 1,
        notes=(TEN_BIT,) if avif_is_deep(data) else (),
        exif_lost=lost,
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
        icc=as_bytes(info.get("icc_profile")),
        exif=as_bytes(info.get("exif")),
        xmp=as_bytes(info.get("xmp")),
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
        comment=as_bytes(image.info.get("comment")),
    )


def _bmp(data: bytes, limits: Limits) -> Decoded:
    from PIL.BmpImagePlugin import BmpImageFile

    image = BmpImageFile(BytesIO(data))
    check_size(image.size, limits)
    image.load()
    return Decoded(from_pillow(image), dpi=as_dpi(image.info.get("dpi")))


def _is_words(name: str) -> bool:
    """Whether a PNG text is for people; XMP and old ways to store EXIF are carried elsewhere or left out."""
    return name != "XML:com.adobe.xmp" and not name.startswith("Raw profile type")


def _iptc(resources: object) -> bytes | None:
    """The IPTC-IIM record among Photoshop's resources."""
    record = resources.get(0x0404) if isinstance(resources, dict) else None
    return record if isinstance(record, bytes) and 0 < len(record) < 60_000 else None
