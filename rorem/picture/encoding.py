"""One encoder a format: from pixels that the format holds, and what goes beside them, to the bytes of a file."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from . import exif, png, tiff_writing
from .containers import SEGMENT, bmp_with_alpha, gif_with_xmp, photoshop_segment
from .pixels import to_pillow
from .record import Picture

if TYPE_CHECKING:
    from .saving import Extras

_PNG_EFFORT = 6  # of palettes and black and white, which are small
_JPEG_QUALITY = 95
_WEBP_QUALITY = 95
_AVIF_QUALITY = 92
_AVIF_SPEED = 8  # of 10
_HEIC_QUALITY = 92
# x265's slower presets take seven times as long; at this quality the file is a fifth smaller at most.
_HEIC_EFFORT = {"preset": "ultrafast"}


def _jpeg(picture: Picture, extras: Extras, same: bool) -> bytes:
    from PIL import JpegImagePlugin  # noqa: F401  registers the format

    facts = picture.file.jpeg
    manner: dict[str, Any] = {"quality": _JPEG_QUALITY, "subsampling": 0}
    if facts is not None:
        manner = {"qtables": [list(table) for table in facts.tables], "progressive": facts.progressive}
        if picture.space == "rgb":
            manner["subsampling"] = facts.subsampling
    if picture.file.comment:
        manner["comment"] = picture.file.comment[:SEGMENT]
    if picture.file.iptc:
        manner["extra"] = photoshop_segment(picture.file.iptc)
    for name, content in (("exif", extras.exif and b"Exif\0\0" + extras.exif), ("xmp", extras.xmp)):
        if content and len(content) <= SEGMENT:
            manner[name] = content
    if extras.dpi:
        manner["dpi"] = tuple(min(65535, max(1, round(number))) for number in extras.dpi)
    if extras.icc:
        manner["icc_profile"] = extras.icc
    image = to_pillow(picture)
    try:
        return _saved(image, "JPEG", **manner)
    except OSError:
        if not manner.get("progressive"):
            raise
        return _saved(image, "JPEG", **{**manner, "progressive": False})  # too fine for Pillow's buffer; same pixels


def _png(picture: Picture, extras: Extras, same: bool) -> bytes:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    if extras.icc is None:
        for name, body in picture.file.chunks:
            info.add(name, body)
    for name, text in picture.file.texts:
        info.add_itxt(name, text)
    if extras.xmp:
        info.add_itxt("XML:com.adobe.xmp", extras.xmp.decode())
    manner: dict[str, Any] = {"pnginfo": info, "compress_level": _PNG_EFFORT, "icc_profile": extras.icc}
    if extras.exif:
        manner["exif"] = extras.exif
    if extras.dpi:
        manner["dpi"] = extras.dpi
    if _is_keyed(picture):
        manner["transparency"] = picture.file.key
        picture = Picture(picture.colour, None, picture.space, None, picture.file)
    elif picture.palette is not None and (picture.palette[:, 3] < 255).any():
        manner["transparency"] = picture.palette[:, 3].tobytes()
    if picture.space in ("bilevel", "palette"):
        return _saved(to_pillow(picture), "PNG", **manner)
    # Pillow writes what stands around the pixels; theirs would be 8 bit, and three times slower.
    small = Picture(picture.colour[:1, :1].astype(np.uint8), None, picture.space)
    chunks = PngImagePlugin.getchunks(to_pillow(small), **manner)
    return png.write(picture, [(name, body) for name, body, _ in chunks if name not in (b"IHDR", b"IDAT", b"IEND")])


def _webp(picture: Picture, extras: Extras, same: bool) -> bytes:
    from PIL import WebPImagePlugin  # noqa: F401  registers the format

    exact = same and picture.file.lossless
    manner = {"lossless": True, "exact": True, "quality": 50} if exact else {"quality": _WEBP_QUALITY}
    return _saved(to_pillow(picture), "WEBP", method=3, **manner, **_boxed(extras))


def _avif(picture: Picture, extras: Extras, same: bool) -> bytes:
    from PIL import AvifImagePlugin  # noqa: F401  registers the format

    details = _boxed(extras)
    if extras.exif:  # with the tag in it, Pillow would take the block apart and write it anew
        details["exif"] = b"Exif\0\0" + exif.without_orientation(extras.exif)
    return _saved(to_pillow(picture), "AVIF", quality=_AVIF_QUALITY, subsampling="4:4:4", speed=_AVIF_SPEED, **details)


def _heic(picture: Picture, extras: Extras, same: bool) -> bytes:
    import pillow_heif

    out = BytesIO()
    file = pillow_heif.from_pillow(to_pillow(picture))
    file.save(out, quality=_HEIC_QUALITY, chroma=444, enc_params=_HEIC_EFFORT, **_boxed(extras))
    return out.getvalue()


def _tiff(picture: Picture, extras: Extras, same: bool) -> bytes:
    kind = picture.file.compression if same else None
    return tiff_writing.write(picture, kind, icc=extras.icc, exif=extras.exif, xmp=extras.xmp, dpi=extras.dpi)


def _gif(picture: Picture, extras: Extras, same: bool) -> bytes:
    from PIL import GifImagePlugin, Image  # noqa: F401  registers the format

    manner: dict[str, Any] = {"optimize": False, "comment": picture.file.comment or b""}
    if picture.space == "rgb":
        image = to_pillow(Picture(picture.colour))
        few = image.copy()
        few.thumbnail((512, 512))  # enough to choose colours by, and a hundred times quicker
        image = image.quantize(palette=few.quantize(256 if picture.alpha is None else 255))
        if picture.alpha is not None:
            colours = bytes(image.getpalette() or [])[: 255 * 3].ljust(256 * 3, b"\0")
            indices = np.where(picture.alpha < 128, np.uint8(255), np.asarray(image))
            image = Image.frombuffer("P", picture.size, np.ascontiguousarray(indices), "raw", "P", 0, 1)
            image.putpalette(colours)
            manner["transparency"] = 255
    else:
        image = to_pillow(picture)
        if picture.palette is not None and (clear := np.flatnonzero(picture.palette[:, 3] == 0)).size:
            manner["transparency"] = int(clear[0])
    data = _saved(image, "GIF", **manner)
    return data if extras.xmp is None else gif_with_xmp(data, extras.xmp)


def _bmp(picture: Picture, extras: Extras, same: bool) -> bytes:
    from PIL import BmpImagePlugin  # noqa: F401  registers the format

    if picture.alpha is not None:
        return bmp_with_alpha(picture.colour, picture.alpha, extras.dpi or (96, 96))
    return _saved(to_pillow(picture), "BMP", **({"dpi": extras.dpi} if extras.dpi else {}))


ENCODERS: dict[str, Callable[[Picture, Extras, bool], bytes]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "AVIF": _avif,
    "HEIC": _heic,
    "TIFF": _tiff,
    "GIF": _gif,
    "BMP": _bmp,
}


def _saved(image: Any, format: str, **manner: Any) -> bytes:
    out = BytesIO()
    image.save(out, format, **manner)
    return out.getvalue()


def _boxed(extras: Extras) -> dict[str, Any]:
    """Metadata for the formats that take all of it the same way."""
    found = {"icc_profile": extras.icc, "exif": extras.exif and b"Exif\0\0" + extras.exif, "xmp": extras.xmp}
    return {name: content for name, content in found.items() if content}


def _is_keyed(picture: Picture) -> bool:
    """Whether the source's one transparent colour still says what is transparent."""
    key, alpha = picture.file.key, picture.alpha
    if key is None or alpha is None or (picture.space == "rgb") != isinstance(key, tuple):
        return False
    full = 1 if alpha.dtype == np.bool_ else np.iinfo(alpha.dtype).max
    if picture.space == "rgb":
        clear = np.all(picture.colour == np.array(key), axis=2)
    else:
        clear = picture.colour == (bool(key) if picture.space == "bilevel" else key)
    return bool(np.array_equal(alpha, np.where(clear, 0, full)))
