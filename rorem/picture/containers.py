"""How files are put together: the pieces of JPEG, PNG, WebP, GIF and BMP that Pillow neither hands out nor writes."""

from __future__ import annotations

import struct

import numpy as np

# One segment of a JPEG holds this much, its own header left out.
SEGMENT = 65_000

_GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
# Readers that step over blocks land, from anywhere in the text before it, at the end of this.
_GIF_TAIL = bytes([1, *range(255, -1, -1), 0])


def split_exif(data: bytes) -> tuple[bytes, bytes | None]:
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


def photoshop_segment(record: bytes) -> bytes:
    """The JPEG segment that holds an IPTC-IIM record."""
    body = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + record + b"\0" * (len(record) % 2)
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and bodies of the chunks before the pixels."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name in (b"IDAT", b"IEND"):
            break
        chunks.append((name, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def png_still(data: bytes) -> bytes:
    """A PNG without the chunks of an animation, which some decoders would play."""
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name not in (b"acTL", b"fcTL", b"fdAT"):
            parts.append(data[at : at + 12 + length])
        at += 12 + length
    return b"".join(parts)


def webp_lossless(data: bytes) -> bool:
    """Whether the first frame of a WebP is stored exactly."""
    at = 12
    while at + 8 <= len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name in (b"VP8L", b"VP8 "):
            return name == b"VP8L"
        at += 24 if name == b"ANMF" else 8 + length + (length & 1)
    return False


def avif_is_deep(data: bytes) -> bool:
    """Whether the first picture of an AVIF has more than 8 bits a channel, by its codec's settings."""
    at = data.find(b"av1C")
    return 0 <= at < len(data) - 6 and bool(data[at + 6] & 0x40)


def gif_xmp(data: bytes) -> bytes | None:
    """The XMP packet of a GIF."""
    start = data.find(_GIF_XMP)
    end = data.find(_GIF_TAIL[:4], start)
    return data[start + len(_GIF_XMP) : end] if 0 <= start < end else None


def gif_with_xmp(data: bytes, packet: bytes) -> bytes:
    """A GIF with a packet before its last byte."""
    return data[:-1] + _GIF_XMP + packet + _GIF_TAIL + data[-1:]


def bmp_with_alpha(colour: np.ndarray, alpha: np.ndarray, dpi: tuple[float, float]) -> bytes:
    """A BMP of uint8 (H, W, 3) and (H, W) whose header (version 4) names the alpha: without that, readers drop it."""
    height, width = alpha.shape
    body = np.dstack([colour[::-1, :, ::-1], alpha[::-1]]).tobytes()
    per_metre = [round(number / 0.0254) for number in dpi]
    masks = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII4I", 108, width, height, 1, 32, 3, len(body), *per_metre, 0, 0, *masks)
    header += b"BGRs" + bytes(48)  # the colours are sRGB, and need no further numbers
    return struct.pack("<2sIII", b"BM", 14 + 108 + len(body), 0, 14 + 108) + header + body
