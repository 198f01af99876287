"""What there is to build from: clean photos and cut-outs, found in folders, each with its credit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from data_tools.plain_files import files_below
from data_tools.synthesize.credits import credit_of, notices_of
from data_tools.synthesize.originals import Original, opacity, open_collection
from rorem.errors import BadData, RoremError
from rorem.picture import open_picture, suffix, to_srgb
from rorem.triplet.record import sha256

COLLECTION = ".rcc"
SMALLEST_PHOTO = 460  # px of the shorter side: enlarged a little, it makes a picture of 512
SMALLEST_CUTOUT = 120  # px of the longer side
COVERED = 0.08, 0.93  # of a cut-out's own box; beyond these it is a frame, or a picture that was never cut out

# Drawings have areas of one colour and few colours; photographs have neither. Told from the pictures in Debian's Tux
# Paint, GCompris and wallpaper packages: few drawings come through, and few photographs do not.
FLAT_CUTOUT, FLAT_PHOTO = 0.025, 0.25  # largest share of neighbours that are exactly alike
COLOURS_CUTOUT, COLOURS_PHOTO = 120, 250  # fewest, of 4096
LOOK = 512  # px; photos are looked at in this size, as large ones are smooth
DRAWN = {"cartoon", "symbols", "screenshot", "screenshots", "html"}  # names of folders, and of files without suffix
_RENDERED = re.compile(r"\d+x\d+")  # wallpapers in many sizes are called by their size

OnBad = Callable[[str, RoremError], None]  # takes a file's name and what is wrong with it
OnStep = Callable[[int, int], None]  # done, of how many


@dataclass(frozen=True)
class Stock:
    """Photos that nothing was removed from, and cut-outs, both in the order of their keys."""

    photos: Sequence[Original]
    cutouts: Sequence[Original]


def take_stock(
    photos: Sequence[Path],
    cutouts: Sequence[Path],
    on_bad: OnBad,
    on_step: OnStep = lambda done, total: None,
    chosen: bool = False,
) -> Stock:
    """Looks through folders. Drawings and what is too small are left out; what cannot be opened is told to `on_bad`.

    chosen: a person put just these files there: what looks drawn is taken, too, and whatever is left out is told.
    Raises BadData for a folder that is not there, and if no photo or no cut-out is left.
    """
    for folder in (*photos, *cutouts):
        if not folder.is_dir():
            raise BadData(f"There is no folder called {folder}.", "Check the name.")
    grounds = list(_largest_only(original for folder in photos for original in _originals(folder, on_bad)))
    things = [original for folder in cutouts for original in _originals(folder, on_bad)]
    total = len(grounds) + len(things)

    def checked(
        originals: Sequence[Original], check: Callable[[Original, bool], Original | str], first: int
    ) -> Iterator[Original]:
        for done, original in enumerate(originals, first):
            on_step(done, total)
            try:
                found = check(original, chosen)
                if isinstance(found, Original):
                    yield found
                elif chosen:
                    on_bad(original.key, BadData(found, "Leave it out, or give another."))
            except (RoremError, OSError) as error:
                on_bad(original.key, _as_bad(error))

    stock = Stock(
        sorted(checked(grounds, _photo, 0), key=lambda one: one.key),
        sorted(checked(things, _cutout, len(grounds)), key=lambda one: one.key),
    )
    on_step(total, total)
    if not stock.photos:
        raise BadData(
            "There are no photos to build from.", f"They need {SMALLEST_PHOTO} pixels a side and no transparency."
        )
    if not stock.cutouts:
        raise BadData("There are no cut-outs to build from.", "They are photographs with a transparent background.")
    return stock


def cutouts_in(folders: Sequence[Path], on_bad: OnBad, on_step: OnStep = lambda done, total: None) -> list[Original]:
    """The cut-outs in folders where a person put nothing else, in the order of their keys; the others are told.

    Raises BadData for a folder that is not there.
    """
    for folder in folders:
        if not folder.is_dir():
            raise BadData(f"There is no folder called {folder}.", "Check the name.")
    things = [original for folder in folders for original in _originals(folder, on_bad)]
    kept = []
    for done, original in enumerate(things, 1):
        try:
            found = _cutout(original, True)
            if isinstance(found, Original):
                kept.append(found)
            else:
                on_bad(original.key, BadData(found, "Leave it out, or give another."))
        except (RoremError, OSError) as error:
            on_bad(original.key, _as_bad(error))
        on_step(done, len(things))
    return sorted(kept, key=lambda one: one.key)


def _photo(original: Original, drawn_too: bool) -> Original | str:
    """The photo with its size, or why it cannot be used. Raises OSError and BadPicture."""
    data = original.read()
    picture = open_picture(data, name=original.key)
    if min(picture.size) < SMALLEST_PHOTO:
        return f"It is smaller than {SMALLEST_PHOTO} pixels a side."
    if (opacity(picture) < 255).any():
        return "Parts of it are transparent, so it is no photo to lay things over."
    small = _shrunk(to_srgb(picture), max(1, max(picture.size) // LOOK))
    if not drawn_too and looks_drawn(small, np.ones(small.shape[:2], bool), FLAT_PHOTO, COLOURS_PHOTO):
        return "It looks drawn."
    return replace(original, width=picture.width, height=picture.height, sha256=sha256(data))


def _cutout(original: Original, drawn_too: bool) -> Original | str:
    """The cut-out with its size, or why it cannot be used. Raises OSError and BadPicture."""
    rgba = original.rgba()
    if not rgba.size or max(rgba.shape[:2]) < SMALLEST_CUTOUT:
        return f"It is smaller than {SMALLEST_CUTOUT} pixels."
    inside = rgba[..., 3] > 250
    least, most = COVERED
    if inside.mean() < least or (rgba[..., 3] > 128).mean() > most:
        return "Nothing is cut out of it: nearly all or nearly nothing of it is transparent."
    if not drawn_too and looks_drawn(rgba[..., :3].astype(int), inside, FLAT_CUTOUT, COLOURS_CUTOUT):
        return "It looks drawn."
    return replace(original, width=rgba.shape[1], height=rgba.shape[0], sha256=sha256(original.read()))


def _shrunk(rgb: np.ndarray, step: int) -> np.ndarray:
    """Means of squares of `step` px, int (h, w, 3)."""
    rows, columns = (side // step for side in rgb.shape[:2])
    squares = rgb[: rows * step, : columns * step].reshape(rows, step, columns, step, 3)
    return squares.mean((1, 3)).round().astype(int)


def looks_drawn(rgb: np.ndarray, inside: np.ndarray, flat: float, colours: int) -> bool:
    """Whether a picture has areas of one colour, or few colours. rgb: int (H, W, 3). inside: bool (H, W)."""
    pairs = inside[:, 1:] & inside[:, :-1]
    if not pairs.any():
        return True
    alike = (rgb[:, 1:] == rgb[:, :-1]).all(2)[pairs].mean()
    seen = np.count_nonzero(np.bincount((rgb[inside] // 16) @ np.array([256, 16, 1])))
    return bool(alike > flat or seen < colours)


def _originals(folder: Path, on_bad: OnBad) -> Iterator[Original]:
    notices = notices_of(folder)
    for file in files_below(folder):
        key = file.relative_to(folder).as_posix()
        if file.exists() and not file.is_file():  # a pipe; what is not there is told when it is opened
            continue
        if file.suffix.lower() == COLLECTION:
            try:
                members = [entry.path for entry in open_collection(file).entries]
            except (RoremError, OSError) as error:
                on_bad(key, _as_bad(error))
                continue
        else:
            members = [""]
        for member in members:
            whole = f"{key}/{member}" if member else key
            if _is_picture(whole) and not DRAWN & {*PurePosixPath(whole).with_suffix("").parts}:
                yield Original(whole, file, member, credit_of(whole, notices))


def _largest_only(originals: Iterator[Original]) -> Iterator[Original]:
    """Of the same wallpaper in many sizes, in one folder and called by them, the one with the most pixels."""
    best: dict[Path, tuple[int, Original]] = {}
    for original in originals:
        stem = PurePosixPath(original.key).stem
        if not _RENDERED.fullmatch(stem):
            yield original
            continue
        width, height = map(int, stem.split("x"))
        kept = best.get(original.file.parent)
        if kept is None or width * height > kept[0]:
            best[original.file.parent] = width * height, original
    yield from (original for _, original in best.values())


def _is_picture(path: str) -> bool:
    try:
        return bool(suffix(PurePosixPath(path).suffix))
    except ValueError:
        return False


def _as_bad(error: RoremError | OSError) -> RoremError:
    if isinstance(error, RoremError):
        return error
    return BadData(f"It cannot be read ({(error.strerror or str(error)).lower()}).", "Leave it out.")
