"""EXIF blocks, edited in place.

Maker notes point into the block by absolute offsets, so nothing is ever moved: values are overwritten, entries are
taken out of their directory, and what must not leave (thumbnails, GPS) is filled with zeros.
"""

from __future__ import annotations

from .tiffdir import Directory, Entry, Layout, directory, layout, value

_ORIENTATION, _EXIF, _GPS, _INTEROP = 0x0112, 0x8769, 0x8825, 0xA005
_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 0x011A, 0x011B, 0x0128
_WIDTH, _HEIGHT, _EXIF_WIDTH, _EXIF_HEIGHT = 0x0100, 0x0101, 0xA002, 0xA003
_STRIPS, _STRIP_BYTES, _JPEG, _JPEG_BYTES = 0x0111, 0x0117, 0x0201, 0x0202

# Real blocks are kept under 64 KB by JPEG; HEIC and TIFF may hold larger maker notes.
MAX_BYTES = 16_000_000


def mended(block: bytes) -> tuple[bytes | None, bool]:
    """A block that every reader can walk, and whether something broken had to be taken out.

    Entries that point outside of the block are taken out; a block that cannot be read at all becomes None. So does one
    whose values overlap so much that reading them would blow up memory.
    """
    block = block.removeprefix(b"Exif\0\0")
    if not block:
        return None, False
    data = bytearray(block)
    try:
        if len(data) > MAX_BYTES:
            raise ValueError("too long")
        shape = layout(data)
        if shape.big:
            raise ValueError("not EXIF")
        broken = _mend(data, shape, shape.first, {shape.first})
        main = directory(data, shape, shape.first)
        sizes = sum(entry.size for part in _parts(data, shape, main) for entry in part.entries)
        if sizes > 4 * len(data):
            raise ValueError("overlapping values")
    except ValueError:
        return None, True
    return bytes(data), broken


def orientation(block: bytes) -> int | None:
    """1 to 8, the standard's number; None if the block does not say."""
    try:
        shape = layout(block)
        entry = directory(block, shape, shape.first).find(_ORIENTATION)
        number = value(block, shape, entry) if entry else 0
    except ValueError:
        return None
    return number if 1 <= number <= 8 else None


def resolution(block: bytes | None) -> tuple[float, float] | None:
    """Dots per inch along x and y; None if the block does not say."""
    try:
        shape = layout(block or b"")
        main = directory(block or b"", shape, shape.first)
        unit = main.find(_UNIT)
        inches = 2.54 if unit and value(block or b"", shape, unit) == 3 else 1.0
        across, down = (_ratio(block or b"", shape, main.find(tag)) for tag in (_X_RESOLUTION, _Y_RESOLUTION))
    except ValueError:
        return None
    return across * inches, down * inches


def finished(block: bytes, width: int, height: int, keep_gps: bool) -> bytes | None:
    """The block for an edited, upright file of this size: no orientation, no thumbnail, on request no GPS."""
    data = bytearray(block)
    try:
        shape = layout(data)
        main = directory(data, shape, shape.first)
        _set(data, shape, main, _ORIENTATION, 1)
        _set(data, shape, main, _WIDTH, width)
        _set(data, shape, main, _HEIGHT, height)
        if details := _child(data, shape, main, _EXIF):
            _set(data, shape, details, _EXIF_WIDTH, width)
            _set(data, shape, details, _EXIF_HEIGHT, height)
        if not keep_gps:
            _drop_gps(data, shape)
        _drop_thumbnail(data, shape, main)
        _blank_pictures(data)
        return bytes(data[: max(_used(data, shape), len(data.rstrip(b"\0")))])
    except ValueError:
        return None


def without_orientation(block: bytes) -> bytes:
    """A finished block without the tag, for formats that say it elsewhere."""
    data = bytearray(block)
    shape = layout(data)
    entry = directory(data, shape, shape.first).find(_ORIENTATION)
    if entry:
        _take_out(data, shape, shape.first, entry)
    return bytes(data)


def _mend(data: bytearray, shape: Layout, at: int, seen: set[int]) -> bool:
    """Takes out, from the directory at `at` and those below it, what points nowhere. True if something was taken."""
    found = directory(data, shape, at)
    if len(data) < found.tail + 4:  # some writers leave the last "no next directory" out
        data.extend(bytes(found.tail + 4 - len(data)))
    broken = False
    for entry in reversed(found.entries):
        sound = entry.inside(data)
        if sound and entry.tag in (_EXIF, _GPS, _INTEROP):
            try:
                child = value(data, shape, entry)
                if child in seen:
                    raise ValueError("a loop")
                broken |= _mend(data, shape, child, seen | {child})
            except ValueError:
                sound = False
        if not sound:
            _take_out(data, shape, at, entry)
            broken = True
    return broken


def _parts(data: bytearray, shape: Layout, main: Directory) -> list[Directory]:
    """The main directory and those that hang on it."""
    details = _child(data, shape, main, _EXIF)
    children = [details, _child(data, shape, main, _GPS), _child(data, shape, details, _INTEROP) if details else None]
    return [main, *(child for child in children if child)]


def _child(data: bytearray, shape: Layout, parent: Directory, tag: int) -> Directory | None:
    entry = parent.find(tag)
    return directory(data, shape, value(data, shape, entry)) if entry else None


def _set(data: bytearray, shape: Layout, parent: Directory, tag: int, number: int) -> None:
    """Overwrites a tag's number; a tag that is not there stays away."""
    entry = parent.find(tag)
    if entry is None:
        return
    order = "little" if shape.order == "<" else "big"
    kind = 3 if number < 65536 else 4
    data[entry.at + 2 : entry.at + 12] = (
        kind.to_bytes(2, order) + (1).to_bytes(4, order) + number.to_bytes(2 if kind == 3 else 4, order).ljust(4, b"\0")
    )


def _take_out(data: bytearray, shape: Layout, at: int, entry: Entry) -> None:
    """Removes an entry from the directory at `at`; the entries behind it move up, nothing else does."""
    count = shape.number(data, at, 2)
    end = at + 2 + 12 * count + 4
    data[entry.at : end] = data[entry.at + 12 : end] + bytes(12)
    data[at : at + 2] = (count - 1).to_bytes(2, "little" if shape.order == "<" else "big")


def _drop_thumbnail(data: bytearray, shape: Layout, main: Directory) -> None:
    """Cuts the second directory off and blanks the little picture: it still shows what was removed."""
    if not main.following:
        return
    data[main.tail : main.tail + 4] = bytes(4)
    try:
        second = directory(data, shape, main.following)
        for place, length in ((_JPEG, _JPEG_BYTES), (_STRIPS, _STRIP_BYTES)):
            if (start := second.find(place)) and (size := second.find(length)):
                for index in range(min(start.count, size.count)):
                    _blank(data, _item(data, shape, start, index), _item(data, shape, size, index))
    except ValueError:
        return  # not a directory after all; nothing points to it any more, and `_blank_pictures` still looks


def _drop_gps(data: bytearray, shape: Layout) -> None:
    main = directory(data, shape, shape.first)
    entry = main.find(_GPS)
    if entry is None:
        return
    place = directory(data, shape, value(data, shape, entry))
    _take_out(data, shape, main.at, entry)
    for fact in place.entries:
        _blank(data, fact.where, fact.size)
    _blank(data, place.at, place.tail + 4 - place.at)


def _used(data: bytearray, shape: Layout) -> int:
    """Where the last byte that any directory speaks of ends."""
    parts = _parts(data, shape, directory(data, shape, shape.first))
    return max(max([part.tail + 4, *(entry.where + entry.size for entry in part.entries)]) for part in parts)


def _ratio(data: bytes, shape: Layout, entry: Entry | None) -> float:
    if entry is None or entry.kind != 5:
        raise ValueError("not a ratio")
    over, under = (shape.number(data, entry.where + shift, 4) for shift in (0, 4))
    if under == 0:
        raise ValueError("a division by zero")
    return over / under


def _item(data: bytearray, shape: Layout, entry: Entry, index: int) -> int:
    unit = 2 if entry.kind == 3 else 4
    return shape.number(data, entry.where + index * unit, unit)


def _blank(data: bytearray, start: int, size: int) -> None:
    """Zeros over a range. Never touches the header."""
    end = min(start + size, len(data))
    if 8 <= start < end:
        data[start:end] = bytes(end - start)


def _blank_pictures(data: bytearray) -> None:
    """Blanks every whole JPEG in the block: cameras hide previews in their maker notes, too."""
    at = data.find(b"\xff\xd8\xff")
    while at >= 0:
        end = _jpeg_end(data, at)
        _blank(data, at, end - at)
        at = data.find(b"\xff\xd8\xff", at + 3)


def _jpeg_end(data: bytearray, at: int) -> int:
    """Where the JPEG that begins at `at` ends. Its segments are walked, as it may hold another JPEG itself."""
    walk = at + 2
    while data[walk : walk + 1] == b"\xff" and data[walk + 1 : walk + 2] != b"\xda":
        walk += 2 + int.from_bytes(data[walk + 2 : walk + 4], "big")
    if data[walk : walk + 2] != b"\xff\xda":
        return at + 3  # three bytes that only look like a beginning
    end = data.find(b"\xff\xd9", walk)
    return end + 2 if end >= 0 else len(data)
