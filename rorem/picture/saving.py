"""Writing a photo: one encode, in the source's format and manner, with what its file said besides."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rorem.errors import BadPicture

from . import exif, profiles, provenance
from .colour import to_8, to_rgb, to_srgb
from .containers import SEGMENT
from .encoding import ENCODERS
from .formats import Format, resolve
from .record import Edit, Picture


@dataclass(frozen=True)
class Extras:
    """What goes into the file beside the pixels; None where there is nothing to say."""

    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    dpi: tuple[float, float] | None


def encode(picture: Picture, format: str | None = None, *, edit: Edit | None = None, keep_gps: bool = True) -> bytes:
    """The bytes of a file that holds `picture`.

    format: "JPEG", "PNG", ..., None = the source's. Lossless for PNG, TIFF, BMP and GIF of pictures that those can
    hold as they are, and for WebP whose source was. A JPEG is written in its source's tables, subsampling and order of
    scans; with no source JPEG, at quality 95 with full colour. PNG, WebP, AVIF, HEIC, GIF and BMP know no CMYK: such a
    picture is converted to sRGB through its profile. JPEG has no alpha: the picture is laid on white.
    edit: marks the file as edited, in XMP (BMP holds none); None = no mark.
    keep_gps: whether EXIF and XMP may tell where the photo was taken.
    Embedded thumbnails and companions of the picture (gain maps, depth) are never written: they show what was removed.
    Raises ValueError for an unknown format, BadPicture if the format cannot hold the picture.
    """
    target = resolve(format or picture.file.format)
    if max(picture.size) > target.max_side:
        raise BadPicture(
            f"{target.title} holds up to {target.max_side:,} pixels a side, and this photo has {max(picture.size):,}.",
            "Save it as PNG instead.",
        )
    fitted = _fitted(picture, target)
    extras = _extras(fitted, picture, target, edit, keep_gps)
    try:
        return ENCODERS[target.name](fitted, extras, target.name == picture.file.format)
    except MemoryError:
        raise
    except (OSError, ValueError, RuntimeError, SyntaxError) as error:
        raise BadPicture(f"This photo could not be saved as {target.title}.", "Save it as PNG instead.") from error


def _extras(fitted: Picture, source: Picture, target: Format, edit: Edit | None, keep_gps: bool) -> Extras:
    facts = fitted.file
    width, height = fitted.size
    xmp = provenance.finished(facts.xmp, width, height, keep_gps, edit)
    if xmp and target.name == "JPEG" and len(xmp) > SEGMENT:  # the mark is written even where the rest does not fit
        xmp = provenance.finished(None, width, height, keep_gps, edit)
    return Extras(
        icc=facts.icc if fitted.space == source.space or profiles.matches(facts.icc, fitted.space) else None,
        exif=facts.exif and exif.finished(facts.exif, width, height, keep_gps),
        xmp=xmp,
        dpi=facts.dpi,
    )


def _fitted(picture: Picture, target: Format) -> Picture:
    """The picture in a space, depth and transparency that the format holds; the same object if it does already."""
    if picture.space == "cmyk" and "cmyk" not in target.spaces:
        picture = replace(picture, colour=to_srgb(picture), space="rgb", file=replace(picture.file, icc=None))
    if picture.colour.dtype == np.uint16 and not target.deep:
        alpha = None if picture.alpha is None else to_8(picture.alpha)
        picture = replace(picture, colour=to_8(picture.colour), alpha=alpha)
    if _has_hidden_parts(picture) and not _holds_alpha(picture, target):
        picture = _expanded(picture)
        if not target.alpha and target.name != "GIF":
            picture = _on_white(picture)
    if picture.space == "bilevel" and "bilevel" not in target.spaces and "grey" in target.spaces:
        picture = replace(picture, colour=to_rgb(picture)[..., 0], space="grey")
    grey_that_tiff_lacks = target.name == "TIFF" and picture.colour.dtype == np.uint16 and picture.alpha is not None
    if picture.space not in target.spaces or (picture.space == "grey" and grey_that_tiff_lacks):
        picture = _expanded(picture)
    return picture


def _has_hidden_parts(picture: Picture) -> bool:
    clear_entries = picture.palette is not None and bool((picture.palette[:, 3] < 255).any())
    return picture.alpha is not None or clear_entries


def _holds_alpha(picture: Picture, target: Format) -> bool:
    """Whether the format holds this picture's transparency in the picture's own space."""
    if picture.space == "palette" and picture.palette is not None:
        entries = picture.palette[:, 3]
        if target.name == "PNG":
            return picture.alpha is None
        if target.name == "GIF":
            return picture.alpha is None and int((entries == 0).sum()) == 1 and bool(np.isin(entries, (0, 255)).all())
        return picture.space in target.alpha and bool((entries == 255).all())
    if target.name == "PNG" and picture.file.key is not None and picture.space == "bilevel":
        return True
    return picture.space in target.alpha


def _expanded(picture: Picture) -> Picture:
    """As 8 or 16-bit rgb (grey where a bilevel picture has alpha), with a plane of alpha where anything is hidden."""
    alpha = picture.alpha
    if picture.space == "palette" and picture.palette is not None:
        held = picture.palette[:, 3][picture.colour]
        alpha = held if alpha is None else np.minimum(held, alpha)
        if not _has_hidden_parts(picture):
            alpha = None
    elif picture.space == "bilevel" and alpha is not None:
        alpha = np.where(alpha, np.uint8(255), np.uint8(0))
    if picture.space in ("grey", "bilevel") and profiles.matches(picture.file.icc, "grey"):
        facts = replace(picture.file, icc=None)
        return replace(picture, colour=to_srgb(picture), alpha=alpha, space="rgb", palette=None, file=facts)
    if picture.colour.dtype == np.uint16 and picture.space == "grey":
        colour = np.repeat(picture.colour[..., None], 3, axis=2)
    else:
        colour = to_rgb(picture) if picture.space != "rgb" else picture.colour
    return replace(picture, colour=colour, alpha=alpha, space="rgb", palette=None)


def _on_white(picture: Picture) -> Picture:
    """Without alpha, as it looks on white paper."""
    if picture.alpha is None:
        return picture
    share = picture.alpha.astype(np.uint32)[..., None]
    colour = (picture.colour * share + 255 * (255 - share) + 127) // 255
    return replace(picture, colour=colour.astype(np.uint8), alpha=None)
