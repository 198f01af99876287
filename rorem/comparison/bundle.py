"""What is downloaded of a comparison: a folder or a ZIP with a montage, the files, and `result.json` to repeat it."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rorem.comparison import machine, montage
from rorem.comparison.blind import in_order, letters_of
from rorem.comparison.record import Cell, Request
from rorem.comparison.result import CellRecord, Kept, Result, asked, record_of
from rorem.comparison.seeing import read_truth
from rorem.errors import BadOptions
from rorem.files import write_whole
from rorem.picture import Edit, Picture, encode, open_picture, suffix
from rorem.remover import Removal

RESULT, MONTAGE, MASK, AVOID = "result.json", "montage.png", "mask.png", "avoid.png"
OURS = {"result", "montage", "mask", "avoid", "truth"}  # a photo of such a name gets another
LONGEST_NAME = 80  # letters; a method's id and an ending follow


@dataclass(frozen=True, eq=False)
class Comparison:
    """A comparison that is to be kept.

    source: the photo's file, byte for byte as it was given; None where there is none, then it is kept without loss.
    name: what that was called. truth: likewise a file. mask, avoid: bool (H, W).
    cells: those that are finished, in any order. blind: names are hidden in the montage and in the names of files, as
    `request.order_seed` says; result.json still tells them. made: of `machine.facts`, None = as it is now.
    load: gives a cell with its pixels, where these lie elsewhere; it is called for one cell after the other.
    """

    picture: Picture
    mask: np.ndarray
    request: Request
    cells: Sequence[Cell]
    source: bytes | None = None
    name: str = "photo"
    avoid: np.ndarray | None = None
    truth: bytes | None = None
    blind: bool = False
    made: Mapping[str, str] | None = None
    load: Callable[[Cell], Cell] = lambda cell: cell


@dataclass(frozen=True, eq=False)
class Stored:
    """A result as a file without loss. ending: of its name. sha256: `digest` of what the file holds."""

    data: bytes
    ending: str
    sha256: str
    size: tuple[int, int]


def write(where: Path, comparison: Comparison, *, overwrite: bool = False) -> None:
    """Writes a folder, or a ZIP where the name ends so. result.json comes last: where it is, all is there.

    overwrite: a ZIP is replaced; in a folder files of the same names are, and others stay.
    Raises BadOptions for what is there already and for a blind comparison without its seed, BadPicture, OSError.
    """
    refuse(where, overwrite)
    if where.suffix.lower() != ".zip":
        for name, data in files(comparison):
            write_whole(where / name, data)
        return
    where.parent.mkdir(parents=True, exist_ok=True)
    part = where.with_name(f".{where.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:  # pictures are packed already
            for name, data in files(comparison):
                archive.writestr(zipfile.ZipInfo(name), data)
        part.replace(where)
    finally:
        part.unlink(missing_ok=True)


def refuse(where: Path, overwrite: bool) -> None:
    """Raises BadOptions where `write` would, for the place alone, so that nobody works in vain. Leaves nothing."""
    if where.suffix.lower() == ".zip":
        if where.is_dir():
            raise BadOptions(f"{where} is a folder.", "Name another file.")
        taken = where.exists()
    elif where.is_file():
        raise BadOptions(f"{where} is a file.", "Name a folder, or a file that ends in .zip.")
    else:
        taken = where.is_dir() and any(where.iterdir())
    if taken and not overwrite:
        raise BadOptions(f"{where} is there already.", "Name another place, or add --overwrite.")
    nearest = next(folder for folder in (where.absolute(), *where.absolute().parents) if folder.is_dir())
    try:
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise BadOptions(f"Nothing can be written to {nearest}: {why}.", "Name another place with -o.") from error


def files(comparison: Comparison) -> Iterator[tuple[str, bytes]]:
    """Every file: its name and what it holds, result.json last.

    Made one by one, as all of them may be large: of the results, the pixels of one are in memory at a time.
    """
    picture, request = comparison.picture, comparison.request
    if comparison.blind and request.order_seed is None:
        raise BadOptions("Names can only be hidden under a seed.", "Give the request an order_seed.")
    labels = letters_of(request) if comparison.blind else None
    cells = in_order(comparison.cells, request)
    source = comparison.source if comparison.source is not None else lossless(picture)[0]
    stem = _stem(comparison.name)
    kept: dict[str, Kept] = {}
    for role, name, data in _inputs(comparison, source, stem):
        kept[role] = Kept(file=name, sha256=hashlib.sha256(data).hexdigest())
        yield name, data
    generative = any(cell.removal.generative for cell in cells if cell.removal)
    records, tiles = [], []
    for cell in cells:
        record, tile, data = _of_cell(comparison, cell, stem, labels, generative)
        records.append(record)
        tiles.append(tile)
        if record.file is not None:
            yield record.file, data
    truth = None if comparison.truth is None else read_truth(comparison.truth, picture)
    yield MONTAGE, montage.encoded(montage.sheet(picture, comparison.mask, tiles, truth=truth))
    result = Result(
        made=dict(machine.facts() if comparison.made is None else comparison.made),
        request=asked(request),
        blind=comparison.blind,
        source=kept["source"],
        mask=kept["mask"],
        avoid=kept.get("avoid"),
        truth=kept.get("truth"),
        montage=MONTAGE,
        cells=records,
    )
    yield RESULT, result.text().encode()


def _of_cell(
    comparison: Comparison, cell: Cell, stem: str, labels: Mapping[str, str] | None, generative: bool
) -> tuple[CellRecord, montage.Tile, bytes]:
    """What is kept of a cell: its record, its part of the montage, and its file; no bytes for one that failed.

    generative: whether any method is; with hidden names all files say the same, as it would tell which is which.
    """
    loaded = comparison.load(cell)
    if loaded.removal is not None:  # a copy, as the whole picture stays with the removal that is asked for it
        loaded = replace(loaded, removal=replace(loaded.removal))
    label = labels[cell.method] if labels else ""
    record = record_of(loaded, comparison.request, label)
    tile = montage.tile(loaded, comparison.picture.size, labels)
    if loaded.removal is None:
        return record, tile, b""
    removal = replace(loaded.removal, generative=generative) if comparison.blind else loaded.removal
    stored = store(removal, hidden=comparison.blind)
    name = f"{stem}.{label or cell.method}{stored.ending}"
    return record.model_copy(update={"file": name, "sha256": stored.sha256, "size": stored.size}), tile, stored.data


def store(removal: Removal, *, hidden: bool = False) -> Stored:
    """A result as a PNG, or as a TIFF where PNG cannot hold its colours. hidden: the file does not name the method."""
    edit = Edit("RORem", removal.generative) if hidden else removal.edit
    data, ending = lossless(removal.picture, edit)
    opened = open_picture(data)
    return Stored(data, ending, digest(opened), opened.size)


def lossless(picture: Picture, edit: Edit | None = None) -> tuple[bytes, str]:
    """A file that keeps every pixel, and the ending of its name."""
    if picture.space == "cmyk":
        return encode(picture, "TIFF", edit=edit), ".tif"
    return encode(picture, "PNG", edit=edit), ".png"


def digest(picture: Picture) -> str:
    """Hash of a picture's native numbers and nothing else: SHA-256, 64 hex digits.

    For colour, alpha and palette, as far as they are there, a line such as `colour rgb uint8 480 640 3`, ended by a
    newline, and then the numbers, row by row, those of 16 bits with their lower byte first.
    """
    found = hashlib.sha256()
    for name, array in (("colour", picture.colour), ("alpha", picture.alpha), ("palette", picture.palette)):
        if array is None:
            continue
        found.update(f"{name} {picture.space} {array.dtype} {' '.join(map(str, array.shape))}\n".encode())
        if array.dtype == np.bool_:  # whose True is a byte of 255 after some readers
            array = np.where(array, np.uint8(1), np.uint8(0))
        found.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
    return found.hexdigest()


def _inputs(comparison: Comparison, source: bytes, stem: str) -> Iterator[tuple[str, str, bytes]]:
    """What the comparison was made with: its role, the name of its file, and the file."""
    yield "source", f"{stem}{suffix(open_picture(source).file.format)}", source
    yield "mask", MASK, encode(Picture(comparison.mask, space="bilevel"), "PNG")
    if comparison.avoid is not None:
        yield "avoid", AVOID, encode(Picture(comparison.avoid, space="bilevel"), "PNG")
    if comparison.truth is not None:
        yield "truth", f"truth{suffix(open_picture(comparison.truth).file.format)}", comparison.truth


def _stem(name: str) -> str:
    """A photo's name as the start of names that every system takes."""
    stem = re.sub(r"[^\w-]+", "_", Path(name).stem)[:LONGEST_NAME].strip("_-") or "photo"
    return f"{stem}-photo" if stem.lower() in OURS else stem
