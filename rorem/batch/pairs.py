"""Which mask goes with which photo, told by where they lie and what they are called."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from rorem.batch.task import BadRequest, Task, check_suffix, is_picture

MASK_NAME = re.compile(r"(.+)[_-]mask\d*", re.IGNORECASE)  # beach_mask.png, beach-mask.png, beach_mask001.png
RESULT_NAME = re.compile(r"(.+)-removed(\.\d+)?")  # what an earlier run left beside a photo


def from_paths(photo: Path, mask: Path, output: Path | None = None, avoid: Path | None = None) -> list[Task]:
    """Tasks for a photo and its mask, or for a folder of photos with a folder of masks or one mask for all.

    Folders are searched with everything below them. A mask lies at the same place in its folder as the photo in its own
    and has the photo's name, which may end in _mask, -mask or _mask001 (several such masks give a result each).
    output: a file, or a folder that keeps the photos' tree; None = NAME-removed beside the photo or the folder.
    avoid: likewise a file, or a folder, in which a photo may have none.
    Raises BadRequest where nothing can be done at all; a photo without a mask becomes a task with an error.
    """
    for path in filter(None, (photo, mask, avoid)):
        if not path.exists():
            raise BadRequest(f"There is no file or folder called {path}.", "Check the name.")
    if photo.is_dir():
        return _of_folder(photo, mask, output or _beside(photo), avoid)
    if output is None:
        output = photo.with_name(f"{photo.stem}-removed{photo.suffix}")  # see RESULT_NAME
    elif output.is_dir():
        output /= photo.name
    else:
        check_suffix(output)
    return _matched(photo, Path(photo.name), output, _Masks(mask, photo.parent), _Masks(avoid, photo.parent))


def _of_folder(photos: Path, mask: Path, output: Path, avoid: Path | None) -> list[Task]:
    if output.is_file():
        raise BadRequest(f"{output} is a file, and the results need a folder.", "Name a folder with -o.")
    masks, avoids = _Masks(mask, photos), _Masks(avoid, photos)
    names = _without_results(_pictures(photos, apart=filter(None, (mask, output, avoid))))
    if masks.among_photos:
        names = [name for name in names if not MASK_NAME.fullmatch(name.stem)]
    if not names:
        raise BadRequest(
            f"There are no photos in {photos}.", "RORem opens JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF and BMP files."
        )
    return [task for name in names for task in _matched(photos / name, name, output / name, masks, avoids)]


def _without_results(names: Sequence[Path]) -> list[Path]:
    known = set(names)
    results = {name: RESULT_NAME.fullmatch(name.stem) for name in names}
    return [name for name, found in results.items() if not (found and name.with_name(found[1] + name.suffix) in known)]


def _matched(photo: Path, name: Path, output: Path, masks: _Masks, avoids: _Masks) -> list[Task]:
    """The tasks of one photo: as many as it has masks, or one with an error. name: the photo's, inside its folder."""
    found, avoid = masks.of(name), avoids.of(name)
    if not found:
        error = BadRequest(f"There is no mask for {name}.", f"Call it {name.stem}.png or {name.stem}_mask.png.")
        return [Task(photo, photo, output, error=error)]
    if len(avoid) > 1:
        error = BadRequest(f"There are several masks of what to leave alone in {name}.", "Keep one of them.")
        return [Task(photo, found[0], output, error=error)]
    outputs = [output] if len(found) == 1 else [output.with_name(mask.stem + output.suffix) for mask in found]
    return [Task(photo, mask, to, next(iter(avoid), None)) for mask, to in zip(found, outputs, strict=True)]


class _Masks:
    """The masks in a folder, by the photos they are for. A file is for every photo, None for no photo."""

    def __init__(self, where: Path | None, photos: Path) -> None:
        self._for_all = [where] if where and not where.is_dir() else []
        self._alike: dict[Path, list[Path]] = defaultdict(list)
        self._marked: dict[Path, list[Path]] = defaultdict(list)
        self.among_photos = False
        if where and where.is_dir():
            self.among_photos = where.samefile(photos)
            self._sort_in(where)

    def _sort_in(self, folder: Path) -> None:
        for name in _pictures(folder):
            if not self.among_photos:  # there, a picture of the same name is another photo
                self._alike[name.with_suffix("")].append(folder / name)
            if found := MASK_NAME.fullmatch(name.stem):
                self._marked[name.with_name(found[1])].append(folder / name)

    def of(self, name: Path) -> Sequence[Path]:
        """The masks for the photo of this name, which is relative to its folder."""
        if self._for_all:
            return self._for_all
        alike = self._alike.get(name.with_suffix(""), [])
        same = [mask for mask in alike if mask.name == name.name]
        return same or alike or self._marked.get(name.with_suffix(""), [])


def _beside(folder: Path) -> Path:
    """Where the results of a folder go if nothing else is said."""
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.parent / f"{named.name}-removed"


def _pictures(folder: Path, apart: Iterable[Path] = ()) -> list[Path]:
    """Pictures in a folder and below it, relative to it, in order, without hidden ones and what lies in `apart`."""
    base = folder.resolve()
    inner = [path for path in (one.resolve() for one in apart) if path != base and path.is_relative_to(base)]
    names = (path.relative_to(folder) for path in folder.rglob("*") if is_picture(path) and path.is_file())
    return sorted(
        name
        for name in names
        if not any(part.startswith(".") for part in name.parts)
        and not any((base / name).is_relative_to(path) for path in inner)
    )
