"""From the files of OpenImages to a set of candidates, or to a list of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from data_tools.openimages import histogram
from data_tools.openimages.bucket import Bucket
from data_tools.openimages.candidate import Candidate, facts
from data_tools.openimages.classes import Classes, read_classes
from data_tools.openimages.layout import find_tables
from data_tools.openimages.looking import Looking
from data_tools.openimages.masks import Masks
from data_tools.openimages.photo_list import PhotoList
from data_tools.openimages.photos import Failed, Photos
from data_tools.openimages.selecting import Keep, Proposed, select
from data_tools.openimages.settings import Settings
from data_tools.openimages.table import OnStep, Table, read_table
from data_tools.set_folder import SetFolder
from data_tools.tally import Tally
from rorem.errors import BadData, BadOptions
from rorem.files import clear_parts, write_whole
from rorem.triplet import Triplet

THREADS = 8  # photos that are read or fetched at once


@dataclass(frozen=True)
class Progress:
    """Is told how far it is; what these raise comes through. reading: bytes of a table. choosing: candidates."""

    reading: OnStep = lambda done, total: None
    choosing: OnStep = lambda done, total: None


QUIET = Progress()


@dataclass(frozen=True)
class Summary:
    """What came of a run. made, there: candidates, now and before. left: objects that the rules leave out.

    bad: rows and files that something is wrong with.
    """

    made: int
    there: int
    left: Tally
    bad: Tally
    categories: Sequence[histogram.Category] = ()


@dataclass
class _Open:
    """All that is read from, and what is counted."""

    classes: Classes
    table: Table
    photos: PhotoList
    left: Tally
    bad: Tally
    masks: Masks = field(init=False)


def make_set(
    root: Path,
    out: Path,
    settings: Settings,
    folders: Sequence[Path] = (),
    bucket: Bucket | None = None,
    progress: Progress = QUIET,
) -> Summary:
    """Writes candidates, photo and mask, to the folder `out`: a set of triplets without results, with categories.png.

    root: the folder with the files of OpenImages. folders: more of them where masks and photos may lie. bucket: where
    photos that are nowhere are fetched from, into `root`; tables and masks have to be there (`Bucket.fetch_tables`).
    The same files and settings give the same set, whatever the order of the rows. The same call takes up a run that
    was stopped, and makes a set longer if `count` has grown.
    A photo that cannot be fetched is counted; if that goes for several in a row, the run ends.
    Raises BadData for a folder without these files or a foreign set in `out`, BadOptions, Unavailable for a network
    that fails or without matplotlib, OSError.
    """
    if settings.table_only:
        raise BadOptions("A set needs masks; the table alone is enough for a list.", "Leave --table-only out.")
    histogram.need_matplotlib()
    with _opened(root, settings, folders, progress) as files:
        made_with = settings.made_with(files.table.fingerprint, files.photos.fingerprint, files.classes.fingerprint)
        with SetFolder(out, made_with) as set_, ThreadPoolExecutor(THREADS) as pool:
            photos = Photos(root, [root, *folders], settings, files.classes, bucket)
            before = set(set_.records)

            def keep(some: Sequence[Proposed]) -> list[bool]:
                records = pool.map(photos.record, [one for one in some if isinstance(one, Candidate)])
                return [isinstance(one, str) or _add(set_, next(records), files.bad) for one in some]

            chosen = _choose(files, settings, set_.records, keep, progress)
            if set_.records:
                for name, data in _pages(chosen, settings).items():
                    write_whole(out / name, data)
                set_.finish()
            made = len(set_.records) - len(before)
    return Summary(made, len(before), files.left, files.bad, chosen)


def make_list(
    root: Path,
    out: Path,
    settings: Settings,
    folders: Sequence[Path] = (),
    progress: Progress = QUIET,
) -> Summary:
    """Writes only a list of candidates, JSON lines, one as soon as it is found; no photo is read.

    With `table_only` no mask is read either, and shares are those of boxes. Beside OUT.jsonl lie OUT.categories.png and
    OUT.categories.csv. An older list of that name is replaced when the new one is whole; what a run that was stopped
    left of one goes, and it begins anew. Raises as `make_set`.
    """
    histogram.need_matplotlib()
    out.parent.mkdir(parents=True, exist_ok=True)
    clear_parts(out.parent, out.name)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with _opened(root, settings, folders, progress) as files, part.open("w", encoding="ascii") as file:
            made = 0

            def keep(some: Sequence[Proposed]) -> list[bool]:
                nonlocal made
                for one in some:
                    if isinstance(one, Candidate):
                        file.write(json.dumps(_line(one, files.classes)) + "\n")
                        made += 1
                return [True] * len(some)

            chosen = _choose(files, settings, {}, keep, progress)
            file.flush()
            os.fsync(file.fileno())
        for name, data in _pages(chosen, settings).items():
            write_whole(out.with_name(f"{out.stem}.{name}"), data)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return Summary(made, 0, files.left, files.bad, chosen)


@contextmanager
def _opened(root: Path, settings: Settings, folders: Sequence[Path], progress: Progress) -> Iterator[_Open]:
    tables = find_tables(root, settings.subset)
    classes = read_classes(tables.classes, tables.hierarchy)
    leave_out = classes.left_out(settings.leave_out, settings.keep)
    left, bad = Tally(), Tally()
    table = read_table(tables.objects, leave_out, settings, left, bad, progress.reading)
    if not len(table):
        most = next(iter(bad.lines()), "") or next(iter(left.lines()), "nothing")
        raise BadData(f"{tables.objects.name} has no object that these settings let through ({most}).", "Loosen them.")
    photos = PhotoList(tables.photos, settings.subset, bad, progress.reading)
    files = _Open(classes, table, photos, left, bad)
    files.masks = Masks([root, *folders], settings.subset, bad)
    try:
        yield files
    finally:
        for one in (table.rows, photos, files.masks):
            one.close()


def _choose(
    files: _Open, settings: Settings, there: Mapping[str, Mapping[str, object]], keep: Keep, progress: Progress
) -> list[histogram.Category]:
    looking = Looking(files.table, files.photos, files.masks, settings, files.left, files.bad, dict(there))
    selection = select(files.table, settings, looking.candidate, keep, progress.choosing)
    return histogram.categories(selection.eligible, selection.kept, files.classes)


def _add(set_: SetFolder, record: Triplet | Failed, bad: Tally) -> bool:
    if isinstance(record, Triplet):
        set_.add(record)
        return True
    bad.add(record.kind, record.name, record.reason)
    return False


def _line(candidate: Candidate, classes: Classes) -> dict[str, object]:
    boxes: list[Sequence[float]] = [list(one.box) for one in candidate.instances]
    return {
        "name": candidate.name,
        "category": classes.name(candidate.instances[0].label),
        "licence": candidate.photo.licence,
        "author": candidate.photo.author,
        **facts(candidate, classes),
        "boxes": boxes,
        "mask_share" if candidate.mask is not None else "box_share": round(candidate.share, 6),
    }


def _pages(chosen: Sequence[histogram.Category], settings: Settings) -> dict[str, bytes]:
    return {"categories.png": histogram.picture(chosen, settings.cap), "categories.csv": histogram.table(chosen)}
