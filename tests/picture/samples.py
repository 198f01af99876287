"""Small photos, colour profiles and hostile files, all made here: nothing is fetched and nothing is stored."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 61, 43  # odd on purpose


def photo(width: int = WIDTH, height: int = HEIGHT, seed: int = 0) -> np.ndarray:
    """uint8 (H, W, 3): soft shapes and a little grain, like a photo."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    grain = rng.integers(-4, 5, (height, width, 3))
    return np.clip(np.asarray(coarse).astype(int) + grain, 0, 255).astype(np.uint8)


def photo16(width: int = WIDTH, height: int = HEIGHT, seed: int = 0) -> np.ndarray:
    """uint16 (H, W, 3), every low byte used."""
    rng = np.random.default_rng(seed)
    return photo(width, height, seed).astype(np.uint16) * 257 ^ rng.integers(0, 256, (height, width, 3)).astype(
        np.uint16
    )


def shape_alpha(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """uint8 (H, W) with clear, half clear and opaque parts."""
    ramp = np.linspace(-80, 340, width)
    return np.clip(np.broadcast_to(ramp, (height, width)), 0, 255).astype(np.uint8)


def saved(image: Image.Image, format: str, **manner: Any) -> bytes:
    out = io.BytesIO()
    if format == "HEIF":
        import pillow_heif

        pillow_heif.from_pillow(image).save(out, **manner)
    else:
        image.save(out, format, **manner)
    return out.getvalue()


def reopened(data: bytes) -> Image.Image:
    """What Pillow itself makes of a file."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def png_parts(data: bytes) -> list[tuple[bytes, bytes]]:
    parts, at = [], 8
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        parts.append((name, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return parts


def png_of(parts: list[tuple[bytes, bytes]]) -> bytes:
    chunks = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_header(width: int, height: int, depth: int = 8, kind: int = 2) -> bytes:
    return struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)


def png16(array: np.ndarray) -> bytes:
    """A PNG of uint16 (H, W, C) by the book: no filter, one chunk. Independent of the code under test."""
    height, width, channels = array.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    body = [(b"IHDR", png_header(width, height, 16, kind)), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return png_of(body)


def tiff16(array: np.ndarray, extra: int | None = None, order: str = "<", white_is_zero: bool = False) -> bytes:
    """An uncompressed TIFF of uint16 (H, W, C) by the book."""
    height, width, channels = array.shape
    entries: dict[int, tuple[int, tuple[int, ...]]] = {
        256: (4, (width,)),
        257: (4, (height,)),
        258: (3, (16,) * channels),
        259: (3, (1,)),
        262: (3, (2 if channels >= 3 else 0 if white_is_zero else 1,)),
        273: (4, (8,)),
        277: (3, (channels,)),
        278: (4, (height,)),
        279: (4, (array.nbytes,)),
    }
    if extra is not None:
        entries[338] = (3, (extra,))
    pixels = array.astype(order + "u2").tobytes()
    at = 8 + len(pixels)
    values_at = at + 2 + 12 * len(entries) + 4
    table, values = struct.pack(order + "H", len(entries)), b""
    for tag, (kind, numbers) in sorted(entries.items()):
        packed = (
            struct.pack(order + ("H" if kind == 3 else "I") * len(numbers), *numbers)
            if len(numbers) == 1
            else b"".join(struct.pack(order + ("H" if kind == 3 else "I"), number) for number in numbers)
        )
        if len(packed) > 4:
            field = struct.pack(order + "I", values_at + len(values))
            values += packed
        else:
            field = packed.ljust(4, b"\0")
        table += struct.pack(order + "HHI", tag, kind, len(numbers)) + field
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return head + pixels + table + struct.pack(order + "I", 0) + values


def exif_block(
    orientation: int = 1,
    *,
    thumbnail: bytes = b"",
    maker: bytes = b"",
    gps: bool = True,
    size: tuple[int, int] = (1, 1),
) -> bytes:
    """EXIF as a camera writes it: with GPS, a maker note, and a thumbnail in a second directory."""
    facts = Image.Exif()
    facts[0x010F], facts[0x0110] = "Maker", "Model 1"
    facts[0x0112] = orientation
    details: dict[int, Any] = {0x9003: "2024:05:06 07:08:09", 0x829A: 0.01, 0xA002: size[0], 0xA003: size[1]}
    if maker:
        details[0x927C] = maker
    facts[0x8769] = details
    if gps:
        facts[0x8825] = {1: "N", 2: (48.0, 8.0, 15.0), 3: "E", 4: (11.0, 34.0, 30.0)}
    block = facts.tobytes().removeprefix(b"Exif\0\0")
    return with_thumbnail(block, thumbnail) if thumbnail else block


def with_thumbnail(block: bytes, thumbnail: bytes) -> bytes:
    """The block with a second directory that holds a little JPEG."""
    order = "<" if block[:2] == b"II" else ">"
    first = struct.unpack_from(order + "I", block, 4)[0]
    count = struct.unpack_from(order + "H", block, first)[0]
    tail = first + 2 + 12 * count
    block += b"\0" * (len(block) % 2)
    at = len(block)
    picture_at = at + 2 + 3 * 12 + 4
    second = struct.pack(order + "H", 3) + struct.pack(order + "HHIHxx", 0x0103, 3, 1, 6)
    second += struct.pack(order + "HHII", 0x0201, 4, 1, picture_at)
    second += struct.pack(order + "HHII", 0x0202, 4, 1, len(thumbnail)) + bytes(4)
    return block[:tail] + struct.pack(order + "I", at) + block[tail + 4 :] + second + thumbnail


def xmp_packet(inside: str = "", attributes: str = "", **more: str) -> bytes:
    spaces = {
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "dc": "http://purl.org/dc/elements/1.1/",
        "tiff": "http://ns.adobe.com/tiff/1.0/",
        "exif": "http://ns.adobe.com/exif/1.0/",
        "xmp": "http://ns.adobe.com/xap/1.0/",
        "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
        "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
        "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
        **more,
    }
    declared = " ".join(f'xmlns:{prefix}="{address}"' for prefix, address in spaces.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {declared}>'
        f'<rdf:Description rdf:about="uuid:1" {attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()


def rgb_profile() -> bytes:
    """A small matrix profile with Display P3's primaries and a gamma of 2.2."""
    primaries = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
    tags = {name: _xyz(*colour) for name, colour in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _gamma(2.2))
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_profile() -> bytes:
    """Grey with a gamma of 1.0: far enough from sRGB that nobody can miss it."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": _gamma(1.0)})


def cmyk_profile() -> bytes:
    """A press that does not exist: each ink takes its share of the light, on warm paper; black is not quite black."""
    steps = np.linspace(0, 1, 9)
    inks = np.stack(np.meshgrid(*[steps] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    light = (1 - inks[:, :3]) * (1 - 0.95 * inks[:, 3:]) * np.array([1.0, 0.98, 0.92])
    forward = _lut(4, 3, 9, _lab8(light))
    steps = np.linspace(0, 255, 17)
    lab = np.stack(np.meshgrid(*[steps] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    wanted = np.clip(_light(lab) / np.array([1.0, 0.98, 0.92]), 0, 1)
    black = np.clip((1 - wanted.max(axis=1, keepdims=True)) / 0.95, 0, 1)
    rest = 1 - np.clip(wanted / np.maximum(1 - 0.95 * black, 1e-6), 0, 1)
    backward = _lut(3, 4, 17, np.rint(255 * np.concatenate([rest, black], axis=1)))
    tags = {b"A2B0": forward, b"A2B1": forward, b"B2A0": backward, b"B2A1": backward}
    return _profile(b"prtr", b"CMYK", b"Lab ", tags)


_D50 = np.array([0.9642, 1.0, 0.8249])
_TO_XYZ = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])


def _lab8(encoded: np.ndarray) -> np.ndarray:
    """sRGB values in [0, 1] as 8-bit Lab numbers."""
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    relative = linear @ _TO_XYZ.T / _D50
    bent = np.where(relative > 216 / 24389, np.cbrt(relative), (24389 / 27 * relative + 16) / 116)
    lab = np.stack([116 * bent[:, 1] - 16, 500 * (bent[:, 0] - bent[:, 1]), 200 * (bent[:, 1] - bent[:, 2])], axis=1)
    return np.clip(np.rint(lab * [2.55, 1, 1] + [0, 128, 128]), 0, 255)


def _light(lab8: np.ndarray) -> np.ndarray:
    """The inverse of `_lab8`, unclipped."""
    lab = (lab8 - [0, 128, 128]) / [2.55, 1, 1]
    middle = (lab[:, 0] + 16) / 116
    bent = np.stack([middle + lab[:, 1] / 500, middle, middle - lab[:, 2] / 200], axis=1)
    relative = np.where(bent**3 > 216 / 24389, bent**3, (116 * bent - 16) * 27 / 24389)
    linear = np.clip(relative * _D50 @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def _lut(inputs: int, outputs: int, grid: int, table: np.ndarray) -> bytes:
    """An ICC lut8Type with straight curves."""
    unit = struct.pack(">9i", *[65536 if index % 4 == 0 else 0 for index in range(9)])
    straight = bytes(range(256))
    head = b"mft1" + bytes(4) + struct.pack(">BBBx", inputs, outputs, grid) + unit
    return head + straight * inputs + table.astype(np.uint8).tobytes() + straight * outputs


def _xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(number * 65536) for number in (x, y, z)))


def _gamma(power: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(power * 256)) + bytes(2)


def _profile(kind: bytes, space: bytes, between: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC version 2 profile."""
    name = b"made for a test\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": _xyz(*_D50),
        **tags,
    }
    at = 128 + 4 + 12 * len(tags)
    table, bodies = struct.pack(">I", len(tags)), b""
    for tag, body in tags.items():
        body += b"\0" * (-len(body) % 4)
        table += tag + struct.pack(">II", at + len(bodies), len(body))
        bodies += body
    head = struct.pack(">I4sI4s4s4s", at + len(bodies), b"test", 0x02400000, kind, space, between)
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", *(round(number * 65536) for number in _D50)) + bytes(48)
    return head + table + bodies
