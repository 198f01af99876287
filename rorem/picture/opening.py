"""Opening a photo: any common file in, upright native pixels out, or one plain sentence."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from rorem.errors import BadPicture

from . import exif, profiles, provenance
from .decoding import Decoded, decode
from .formats import sniff
from .limits import check_bytes, check_size, guard
from .orient import swaps_sides, upright
from .record import FileFacts, Limits, Picture

logger = logging.getLogger(__name__)

DAMAGED = "This photo is damaged or cut off, so it could not be opened."
UNKNOWN = "This file is not a photo that RORem can open."
_KNOWN = "Use a JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF or BMP file."

SEVERAL = "This file holds several pictures. The first one was opened."
EXTRA = "This file holds extra pictures, such as a brightness layer for HDR screens. Only the main photo was opened."
NO_EXIF = "Some details that the camera stored in this file were damaged and are left out."
NO_XMP = "Some notes that an editor stored in this file were damaged and are left out."
NO_ICC = "The colour profile in this file was damaged and is left out."


def open_picture(source: Path | str | bytes, *, name: str | None = None, limits: Limits = Limits()) -> Picture:  # noqa: B008
    """Opens a photo from a path or from its bytes.

    name: what the file was called, for `Picture.file.name`; a path brings its own.
    What is broken beside the pixels (EXIF, XMP, a profile) is left out and told in `notes`.
    Raises BadPicture, with one plain sentence, for anything that is no photo, is damaged, or is over the limits.
    """
    data, name = _read(source, name, limits)
    check_bytes(len(data), limits)
    format = sniff(data)
    if format is None:
        raise BadPicture(UNKNOWN, _KNOWN)
    try:
        several = guard(format, data, limits)
        decoded = decode(format, data, limits)
        check_size(decoded.pixels.colour.shape[1::-1], limits)
        return _finished(decoded, format, name, several)
    except BadPicture:
        raise
    except MemoryError as error:
        raise BadPicture("This photo needs more memory than there is.", "Make it smaller and try again.") from error
    except Exception as error:  # decoders raise every kind of exception on hostile files; a visitor gets one sentence
        logger.info("could not open a %s: %r", format, error)
        raise BadPicture(DAMAGED) from error


def _read(source: Path | str | bytes, name: str | None, limits: Limits) -> tuple[bytes, str | None]:
    if isinstance(source, bytes):
        return source, name
    path = Path(source)
    try:
        check_bytes(path.stat().st_size, limits)
        return path.read_bytes(), name or path.name
    except OSError as error:
        raise BadPicture(f"The file {path.name} could not be read.", "Check that it is there and is a file.") from error


def _finished(decoded: Decoded, format: str, name: str | None, several: bool) -> Picture:
    """Turns the pixels upright and keeps, of what else the file says, what is sound."""
    notes = [*decoded.notes]
    if several or decoded.several:
        notes.insert(0, SEVERAL)
    elif decoded.extra:
        notes.insert(0, EXTRA)

    block, broken = exif.mended(decoded.exif or b"")
    if broken or decoded.exif_lost:
        notes.append(NO_EXIF)
    packet = provenance.sound(decoded.xmp) if decoded.xmp else None
    if decoded.xmp and packet is None:
        notes.append(NO_XMP)
    icc = decoded.icc if profiles.plausible(decoded.icc) else None
    if decoded.icc and icc is None:
        notes.append(NO_ICC)

    turn = decoded.turn or (block and exif.orientation(block)) or (packet and provenance.orientation(packet)) or 1
    pixels, dpi = decoded.pixels, decoded.dpi
    return Picture(
        colour=pixels.colour if turn == 1 else upright(pixels.colour, turn),
        alpha=pixels.alpha if turn == 1 or pixels.alpha is None else upright(pixels.alpha, turn),
        space=pixels.space,
        palette=pixels.palette,
        file=FileFacts(
            format=format,
            name=name,
            icc=icc,
            exif=block,
            xmp=packet,
            dpi=(dpi[1], dpi[0]) if dpi and swaps_sides(turn) else dpi,
            comment=decoded.comment,
            iptc=decoded.iptc,
            jpeg=decoded.jpeg,
            lossless=decoded.lossless,
            compression=decoded.compression,
            chunks=decoded.chunks,
            texts=decoded.texts,
            key=decoded.key,
        ),
        notes=tuple(_once(notes)),
    )


def _once(sentences: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(sentences)
