"""The file formats we read and write: how to know them, and what each can hold."""

from __future__ import annotations

from dataclasses import dataclass

from .record import Space

_ALL: tuple[Space, ...] = ("bilevel", "grey", "palette", "rgb", "cmyk")


@dataclass(frozen=True)
class Format:
    """One file format.

    spaces: what it holds as it is; everything else is written as RGB. alpha: spaces that may carry a plane of alpha
    (a palette's own transparency is the writer's business). deep: 16 bits a channel. max_side: in pixels.
    """

    name: str
    title: str
    suffix: str
    media_type: str
    spaces: tuple[Space, ...]
    alpha: tuple[Space, ...] = ()
    deep: bool = False
    max_side: int = 2**31 - 1


FORMATS = {
    entry.name: entry
    for entry in (
        Format("JPEG", "JPEG", ".jpg", "image/jpeg", ("grey", "rgb", "cmyk"), max_side=65_500),
        Format("PNG", "PNG", ".png", "image/png", ("bilevel", "grey", "palette", "rgb"), ("grey", "rgb"), deep=True),
        Format("WEBP", "WebP", ".webp", "image/webp", ("rgb",), ("rgb",), max_side=16_383),
        Format("AVIF", "AVIF", ".avif", "image/avif", ("rgb",), ("rgb",), max_side=65_535),
        Format("HEIC", "HEIC", ".heic", "image/heic", ("rgb",), ("rgb",), max_side=16_384),
        Format("TIFF", "TIFF", ".tif", "image/tiff", _ALL, ("grey", "palette", "rgb"), deep=True),
        Format("GIF", "GIF", ".gif", "image/gif", ("grey", "palette"), max_side=65_535),
        Format("BMP", "BMP", ".bmp", "image/bmp", ("bilevel", "grey", "palette", "rgb"), ("rgb",)),
    )
}

_ALIASES = {"JPG": "JPEG", "MPO": "JPEG", "HEIF": "HEIC", "HIF": "HEIC", "TIF": "TIFF"}

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_AVIF_BRANDS = {b"avif", b"avis"}


def resolve(format: str) -> Format:
    """The entry for a name such as "JPEG", "jpg" or ".jpg". Raises ValueError for an unknown one."""
    name = format.strip().lstrip(".").upper()
    name = _ALIASES.get(name, name)
    if name not in FORMATS:
        raise ValueError(f"unknown format {format!r}; known: {', '.join(FORMATS)}")
    return FORMATS[name]


def suffix(format: str) -> str:
    """The file name's ending, with its dot."""
    return resolve(format).suffix


def media_type(format: str) -> str:
    """The MIME type."""
    return resolve(format).media_type


def sniff(data: bytes) -> str | None:
    """The name of the format that `data` begins like, or None. Names and endings are never trusted."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "TIFF"
    if data.startswith(b"BM"):
        return "BMP"
    if data[4:8] == b"ftyp":
        return _sniff_boxes(data)
    return None


def _sniff_boxes(data: bytes) -> str | None:
    """HEIC and AVIF share a container; the list of brands at its start says which it is."""
    end = min(int.from_bytes(data[:4], "big"), 4096)
    brands = [data[8:12]] + [data[at : at + 4] for at in range(16, end, 4)]
    for brand in brands:
        if brand in _HEIC_BRANDS:
            return "HEIC"
        if brand in _AVIF_BRANDS:
            return "AVIF"
    return None
