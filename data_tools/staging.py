"""Folders that are there whole or not at all, made by one run at a time, and never inside of what they are made of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rorem.errors import BadData, BadOptions
from rorem.triplet.folder_writing import TAKEN

SHARDS = ".parquet"


@contextmanager
def whole(out: Path, key: str) -> Iterator[Path]:
    """A hidden folder beside `out` to write into, the same for each run, which becomes `out` if nothing is raised.

    What a stopped run left is in it. key: names what is written and all that decides it, hex; what a run of another key
    left is deleted. Files and folders in it whose names begin with a dot are notes of the run, and not in `out`.
    Raises OSError, and BadData if there is something called `out` that is not an empty folder.
    """
    out = out.absolute()
    check_new(out)
    workshop = out.with_name(f".{out.name}.making")
    stage = workshop / key[:16]
    with alone(workshop):
        try:
            check_new(out)  # another run may have made it in the meantime
        except BadData:
            shutil.rmtree(workshop, ignore_errors=True)
            raise
        clear(workshop, stage)
        stage.mkdir(exist_ok=True)
        yield stage
        if out.exists():
            out.rmdir()  # empty; only some systems would replace it
        stage.rename(out)
        for note in out.glob(".*"):  # only now: without them a rerun could not take up a stage that is complete
            _delete(note)
    shutil.rmtree(workshop, ignore_errors=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Waits until no other process works in this folder, which is made. Raises OSError."""
    from huggingface_hub.utils import WeakFileLock

    with ExitStack() as held:
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                held.enter_context(WeakFileLock(folder / ".lock"))
                break
            except FileNotFoundError:  # who had it has come to its end and taken the folder away
                continue
        yield


def clear(workshop: Path, stage: Path) -> None:
    """Deletes all folders in a workshop but one."""
    for old in workshop.iterdir():
        if old.is_dir() and old != stage:
            _delete(old)


def check_new(out: Path) -> None:
    """Raises BadData unless there is nothing of this name, or an empty folder."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadData(f"{out} is there already.", TAKEN)


def check_apart(name: str, out: Path) -> None:
    """A set that its copy lies in would be another one. name: as `open_set` takes it. Raises BadOptions."""
    place = Path(name).expanduser()
    if not place.exists():  # it is on the Hub, or the beginning of names
        return
    home = place if place.is_dir() or place.suffix == SHARDS else place.parent  # a list speaks of the files beside it
    if out.resolve().is_relative_to(home.resolve()):
        raise BadOptions(f"{out} lies within the set {name}.", "Choose a folder beside it.")


def _delete(one: Path) -> None:
    if one.is_dir() and not one.is_symlink():
        shutil.rmtree(one, ignore_errors=True)
    else:
        one.unlink()
