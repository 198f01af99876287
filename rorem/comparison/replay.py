"""A comparison that was kept, read again: to run it once more and see whether it comes out the same."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np

from rorem.comparison.bundle import RESULT, digest, store
from rorem.comparison.record import Cell, Request
from rorem.comparison.result import FIX, CellRecord, Kept, Result, parse
from rorem.errors import BadData, RoremError
from rorem.picture import Limits, Picture, open_picture
from rorem.remover import AS_PUBLISHED, Removal

MOST_TEXT = 10_000_000  # bytes of a result.json
OTHER = "It is not the file that this comparison was made with."


class Files(Protocol):
    """The files of a kept comparison. result: the name of its result.json."""

    result: str

    def read(self, name: str, most: int) -> bytes:
        """A file beside result.json. Raises BadData for one that is not there, lies elsewhere or is too large."""
        ...


@dataclass(frozen=True, eq=False)
class Recorded:
    """A comparison as it was kept.

    source, truth: whole files, byte for byte. name: of the photo. mask, avoid: bool (H, W).
    request: with the settings that each method really ran with, also those that were not asked for; only the methods
    that were finished, with the letters that they had.
    expected: what came out, in the order of `request.methods`. made: of `machine.facts`.
    """

    picture: Picture
    source: bytes
    name: str
    mask: np.ndarray
    avoid: np.ndarray | None
    truth: bytes | None
    request: Request
    expected: tuple[CellRecord, ...]
    made: dict[str, str]
    blind: bool
    files: Files


@dataclass(frozen=True)
class Verdict:
    """Whether a method made the same again, and that in a sentence."""

    method: str
    same: bool
    sentence: str

    @property
    def hidden(self) -> str:
        """The sentence without the causes, which mostly tell which method it is."""
        return self.sentence.partition(":")[0]


def read(path: Path) -> Recorded:
    """Reads a kept comparison. path: result.json, the folder that it lies in, or the ZIP.

    Nothing outside that folder is read. Raises BadData for what is none, was tampered with or lacks files; BadPicture.
    """
    files = _opened(path)
    result = parse(files.read(files.result, MOST_TEXT))
    source = _checked(files, result.source)
    picture = open_picture(source, name=result.source.file)
    if not result.cells:
        raise BadData("No method of this comparison was finished, so there is nothing to repeat.")
    if len({cell.method for cell in result.cells}) < len(result.cells):
        raise BadData("A method stands twice in this result.", FIX)
    return Recorded(
        picture=picture,
        source=source,
        name=result.source.file,
        mask=_plane(files, result.mask, picture),
        avoid=None if result.avoid is None else _plane(files, result.avoid, picture),
        truth=None if result.truth is None else _checked(files, result.truth),
        request=_request(result),
        expected=tuple(result.cells),
        made=result.made,
        blind=result.blind,
        files=files,
    )


def verdict(recorded: Recorded, cell: Cell) -> Verdict:
    """Whether a cell is what was kept, bit for bit. A method that failed then and now counts as the same."""
    then = next(one for one in recorded.expected if one.method == cell.method)
    if cell.removal is None:
        why = cell.error.advice if cell.error else ""
        if then.error is not None:
            return Verdict(cell.method, True, f"failed then and now: {why}")
        return Verdict(cell.method, False, f"failed: {why}")
    if then.error is not None or then.sha256 is None:
        return Verdict(cell.method, False, "failed then and works now")
    made = store(replace(cell.removal))  # a copy, as the whole picture stays with the removal that is asked for it
    if made.sha256 == then.sha256:
        return Verdict(cell.method, True, "the same, bit for bit")
    causes = [text for text in (_far(recorded, then, made.data), *_others(then, cell.removal)) if text]
    return Verdict(cell.method, False, f"differs: {'; '.join(causes) or 'other pixels'}")


def _far(recorded: Recorded, then: CellRecord, data: bytes) -> str:
    """How far the pixels are from those that were kept, if their file is still there."""
    if then.file is None:
        return ""
    try:
        kept = open_picture(recorded.files.read(then.file, Limits().max_bytes))
    except RoremError:
        return ""
    made = open_picture(data)
    if digest(kept) != then.sha256:
        return "the kept file is not the one that was made then"
    if kept.colour.shape != made.colour.shape or kept.space != made.space or kept.space == "palette":
        return ""
    levels = np.abs(kept.colour.astype(np.int32) - made.colour.astype(np.int32))
    apart = levels if levels.ndim == 2 else levels.max(axis=2)
    return f"{np.count_nonzero(apart):,} of {apart.size:,} pixels by up to {apart.max()} levels"


def _others(then: CellRecord, removal: Removal) -> list[str]:
    """What else is not as it was."""
    working = list(dict.fromkeys(window.working for window in removal.windows))
    pairs = {
        "weights": (then.revision, removal.revision),
        "memory": (then.memory or "none", removal.rung or "none"),
        "network calls": (then.network_calls, removal.network_calls),
        "working size": (_sizes(then.working), _sizes(working)),
    }
    return [f"{name} {before} then, {now} now" for name, (before, now) in pairs.items() if before != now]


def _sizes(sizes: list[tuple[int, int]]) -> str:
    return ", ".join(f"{width} x {height}" for width, height in sizes)


def _request(result: Result) -> Request:
    asked = result.request
    settings = {}
    for cell in result.cells:
        as_run = asked.protocol != AS_PUBLISHED and cell.error is None  # as published there is nothing to set
        settings[cell.method] = cell.options if as_run else asked.settings.get(cell.method, {})
    methods = tuple(cell.method for cell in result.cells)
    dealt = tuple(dict.fromkeys((*asked.methods, *methods)))
    return Request(methods, asked.seed, asked.protocol, settings, asked.grow, asked.order_seed, dealt)


def _checked(files: Files, kept: Kept) -> bytes:
    data = files.read(kept.file, Limits().max_bytes)
    if hashlib.sha256(data).hexdigest() != kept.sha256:
        raise BadData(f"{kept.file} has changed. {OTHER}", "Put the original back.")
    return data


def _plane(files: Files, kept: Kept, picture: Picture) -> np.ndarray:
    """A mask that was written by us, so that nothing has to be guessed: bool (H, W)."""
    plane = open_picture(_checked(files, kept))
    if plane.space != "bilevel" or plane.size != picture.size:
        raise BadData(f"{kept.file} is not a black and white picture of the photo's size.", FIX)
    return plane.colour


def _opened(path: Path) -> Files:
    if path.is_dir():
        path /= RESULT
    if not path.is_file():
        raise BadData(f"There is no {path}.", "Name a result.json, its folder, or the ZIP that holds it.")
    try:
        return _Zip(path) if zipfile.is_zipfile(path) else _Folder(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BadData(f"{path.name} could not be read.", "Check that it is whole.") from error


class _Folder:
    def __init__(self, path: Path) -> None:
        self._folder = path.parent.resolve()
        self.result = path.name

    def read(self, name: str, most: int) -> bytes:
        path = self._folder / name
        if path.resolve().parent != self._folder:  # a link to another place
            raise BadData(f"{name} lies outside of its folder.", "Put the file itself there.")
        try:
            if path.stat().st_size > most:
                raise BadData(f"{name} is too large.")
            return path.read_bytes()
        except OSError as error:
            raise BadData(f"{name} is missing or cannot be read.", "Keep the files together.") from error


class _Zip:
    def __init__(self, path: Path) -> None:
        """Raises BadData unless it holds one comparison; it may lie in a folder, as after packing one by hand."""
        self._path = path
        with zipfile.ZipFile(path) as archive:
            names = [PurePosixPath(name) for name in archive.namelist()]
        found = [name for name in names if name.name == RESULT and "__MACOSX" not in name.parts]
        if len(found) != 1:
            raise BadData(f"{path.name} does not hold one comparison.", "It needs one result.json.")
        self.result = RESULT
        self._folder = found[0].parent

    def read(self, name: str, most: int) -> bytes:
        try:
            with zipfile.ZipFile(self._path) as archive:
                info = archive.getinfo(str(self._folder / name))
                if info.file_size > most:
                    raise BadData(f"{name} is too large.")
                return archive.read(info)
        except KeyError as error:
            raise BadData(f"{name} is missing.", "Keep the files together.") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
            raise BadData(f"{name} could not be read.", "The ZIP may be damaged.") from error
