"""Writing a set of triplets as a folder: every byte and every field comes back as it was."""

from __future__ import annotations

import json
import os
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rorem.errors import BadData
from rorem.picture import suffix
from rorem.picture.formats import sniff
from rorem.triplet.fields import check_extra, told
from rorem.triplet.folder import EXTRA, KEYS, META, NAME, RESERVED, ROOMS
from rorem.triplet.record import Triplet
from rorem.triplet.sets import shown

UNKNOWN = ".bin"  # the suffix of bytes that are no picture
LONGEST = 120  # bytes of a file's name without its suffix; systems take 255, some tools less
TAKEN = "Choose another folder, or delete what is there."

# What no file may have in its name on one system or another, and halves of signs that no text can hold.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]')


def write_folder(triplets: Iterable[Triplet], folder: Path) -> None:
    """Writes a set, one triplet at a time, which `open_folder` reads back the same. It is there whole or not at all.

    Pictures are written as they are, with the suffix of their format; meta.json is a JSON list, a line for each record,
    with all that is known of it. The folder may be there, but not a set in it.
    Raises OSError; BadData for a set in the way, for no triplets, for two of one name, and for an `extra` that JSON
    cannot hold. What the iterable raises comes through; then, too, nothing is left behind.
    """
    check_free(folder, (META, *ROOMS.values()))
    with staging(folder, "set") as stage:
        stems, names = set[str](), set[str]()
        with (stage / META).open("w", encoding="ascii", newline="\n") as meta:
            for triplet in triplets:
                check_name(triplet, names)
                check_extra(triplet)
                paths = _write_pictures(triplet, stage, stem_of(triplet.name, stems))
                # Only ASCII, as many tools read it in the encoding of their system.
                meta.write((",\n" if len(names) > 1 else "[\n") + json.dumps(record_of(triplet, paths)))
            if not names:
                raise BadData("There are no triplets to write.")
            meta.write("\n]\n")
            meta.flush()
            os.fsync(meta.fileno())
        # The folder of photos comes last: without it there is no set.
        for name in (*(room for room in ROOMS.values() if room != ROOMS["source"]), META, ROOMS["source"]):
            if (stage / name).exists():
                (stage / name).rename(folder / name)


@contextmanager
def staging(folder: Path, what: str) -> Iterator[Path]:
    """A hidden folder in a folder, which is made, to put things together in. It is gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f".{what}.*.part"):  # of a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    stage = folder / f".{what}.{os.getpid()}.part"
    stage.mkdir()
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def check_free(folder: Path, names: Iterable[str]) -> None:
    """Raises BadData if one of these, which may be patterns, is in the folder already."""
    for name in names:
        if found := next(iter(sorted(folder.glob(name))), None):
            raise BadData(f"{folder} holds {found.name} already, and a set is never written over.", TAKEN)


def check_name(triplet: Triplet, names: set[str]) -> None:
    """Adds its name to those that there were. Raises BadData for one that was there, and for none."""
    if not triplet.name:
        raise BadData("There is a triplet without a name.", "Give it one.")
    if triplet.name in names:
        raise BadData(f"Two triplets are called {shown(triplet.name)}.", "Give each its own name.")
    names.add(triplet.name)


def suffix_of(data: bytes) -> str:
    """By the content: ".png", ".jpg" ..., ".bin" for what is no picture."""
    format = sniff(data)
    return suffix(format) if format else UNKNOWN


def _write_pictures(triplet: Triplet, stage: Path, stem: str) -> dict[str, str]:
    """Their paths in the folder, by their keys in meta.json. Raises OSError."""
    paths = {}
    for part, key in KEYS.items():
        data = getattr(triplet, part)
        if data is None:
            continue
        paths[key] = f"{ROOMS[part]}/{stem}{suffix_of(data)}"
        (stage / ROOMS[part]).mkdir(exist_ok=True)
        (stage / paths[key]).write_bytes(data)
    return paths


def record_of(triplet: Triplet, paths: dict[str, str]) -> dict[str, object]:
    """What meta.json says of a triplet. paths: of its pictures in the folder, by their keys there."""
    free = {key: value for key, value in triplet.extra.items() if key not in RESERVED}
    collided = {key: value for key, value in triplet.extra.items() if key in RESERVED}
    record = {**paths, NAME: triplet.name, **told(triplet), **free}
    return {**record, EXTRA: collided} if collided else record


def stem_of(name: str, stems: set[str]) -> str:
    """A file's name for a triplet's, unlike all others also where case or the way of writing accents do not count.

    stems: keys of those that there are, see `stem_key`; its own is added.
    """
    safe = _UNSAFE.sub("_", name).rstrip(". ")
    safe = safe.encode()[:LONGEST].decode(errors="ignore")
    safe = f"_{safe[1:]}" if not safe or safe.startswith(".") else safe
    stem, number = safe, 2
    while stem_key(stem) in stems:
        stem, number = f"{safe}-{number}", number + 1
    stems.add(stem_key(stem))
    return stem


def stem_key(stem: str) -> str:
    """What is the same for all files' names that are one on some system, as `stem_of` notes it."""
    return unicodedata.normalize("NFC", stem).casefold()
