"""Opening a set of triplets by its name, whatever it is: a folder, a file, or a data set on the Hub."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Mapping
from pathlib import Path

from rorem.errors import BadData
from rorem.triplet.folder import META, ROOMS, open_folder
from rorem.triplet.hub import ID, OnFile, open_hub
from rorem.triplet.sets import TripletSet, shown
from rorem.triplet.shards import check_names, open_shards

LISTS = (".json", ".jsonl")
SHARDS = ".parquet"
UNFINISHED = (".journal.jsonl", ".records")  # what a tool keeps in a folder that it writes record by record
RUN, COMPLETE = "generate.json", "complete"  # the file of a run of removals, and its key once all are there


def open_set(
    name: str, environment: Mapping[str, str] = os.environ, on_file: OnFile = lambda done, total, name: None
) -> TripletSet:
    """The set of this name.

    A folder with `meta.json` or with `source/` and `mask/`; another list of records in such a folder; a Parquet file, a
    folder of such files, or how their names begin ("sets/test" for sets/test-00000-of-00002.parquet); and, where there
    is nothing of that name on this machine, a data set on the Hub, see `open_hub`. on_file: told of each file fetched.
    Raises BadData, also for a folder that a tool is still writing; Unavailable where a package is missing.
    """
    if not name:
        raise BadData("There is no name of a set.")
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return _of_folder(path)
        if path.is_file():
            return _of_file(path)
        if shards := sorted(path.parent.glob(f"{glob.escape(path.name)}-*{SHARDS}")):
            return _of_shards(shards, path.parent, path.name)
    except (OSError, ValueError, RuntimeError) as error:  # a name that cannot be one, a folder that is closed
        raise BadData(f"{shown(name)} cannot be read.", "Check the name, and that it is yours to read.") from error
    if ID.fullmatch(name) and not Path(path.parts[0]).is_dir():  # else it is a slip in a path
        return open_hub(name, environment, on_file)
    raise BadData(
        f"There is no file or folder called {shown(name)}.", "Check the name; on the Hub it would be owner/name."
    )


def _of_folder(folder: Path) -> TripletSet:
    """Raises OSError, BadData."""
    if not (folder / META).exists() and any((folder / name).exists() for name in UNFINISHED):
        raise _unfinished(folder)
    if (folder / META).exists() or (folder / ROOMS["source"]).is_dir():
        return open_folder(folder)
    shards = [path for path in sorted(folder.rglob(f"*{SHARDS}")) if not _hidden(path.relative_to(folder))]
    for run in folder.rglob(RUN):
        if not _is_complete(run):
            raise _unfinished(run.parent)
    if not shards:
        what = f"It should hold {META}, or the folders source and mask, or {SHARDS} files."
        raise BadData(f"{folder} holds no set of photos and masks.", what)
    return _of_shards(shards, folder, folder.resolve().name)


def _is_complete(run: Path) -> bool:
    """Raises OSError."""
    try:
        told = json.loads(run.read_bytes())
    except ValueError:
        return False
    return isinstance(told, dict) and COMPLETE in told


def _unfinished(folder: Path) -> BadData:
    return BadData(f"{folder} holds a set that is not finished.", "Run the command that writes it again.")


def _of_file(path: Path) -> TripletSet:
    """Raises OSError, BadData."""
    if path.suffix.lower() in LISTS:
        return open_folder(path.parent, path)
    if path.suffix.lower() == SHARDS:
        return open_shards([path], path.stem)
    raise BadData(f"{path} is no set.", f"Name a folder, a {SHARDS} file or a list such as {META}.")


def _of_shards(shards: list[Path], folder: Path, name: str) -> TripletSet:
    check_names([path.relative_to(folder).as_posix() for path in shards], str(folder))
    return open_shards(shards, name)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
