"""A note beside the files that says where they came from and what they held then."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from rorem.errors import BadWeights
from rorem.files import write_whole
from rorem.weights.digests import fingerprint
from rorem.weights.parts import Part
from rorem.weights.places import commit_of, require

NAME = ".rorem.json"
LOCAL_DIGITS = 12  # of a fingerprint; enough that no two folders of one person are alike


class Content(BaseModel):
    """What a file held. sha256: all 64 digits."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


class Record(BaseModel):
    """source: a repository of the Hub, an address or a page. revision: the full commit, "" if there is none.
    when: it was written. fingerprint: of the files at that time."""

    model_config = ConfigDict(frozen=True)

    source: str
    revision: str
    when: datetime
    files: dict[str, Content]
    fingerprint: str


def read(folder: Path) -> Record | None:
    """The folder's record; None where there is none that can be understood."""
    try:
        return Record.model_validate_json((folder / NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def write(folder: Path, record: Record) -> None:
    """Raises OSError."""
    write_whole(folder / NAME, record.model_dump_json(indent=1).encode())


def revision_of(place: Path | Part, environment: Mapping[str, str] = os.environ) -> str:
    """Which weights these are: a commit's 40 digits, or "local" and 12 digits made of the files.

    place: a folder, or a part, of which the folder is looked up. It is a commit only for files that are as they came.
    Reads little of large files. Raises MissingWeights for a part that is not here and BadWeights for a folder that
    cannot be read.
    """
    folder = require(place, environment) if isinstance(place, Part) else place
    if commit := commit_of(folder):
        return commit
    record = read(folder)
    try:
        if record and record.revision and _as_it_was(folder, record):
            return record.revision
        return f"local {fingerprint(folder, _visible(folder))[:LOCAL_DIGITS]}"
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise BadWeights(f"{error.filename or folder} cannot be read: {why}.") from error


def _as_it_was(folder: Path, record: Record) -> bool:
    try:
        return fingerprint(folder, record.files) == record.fingerprint
    except FileNotFoundError:
        return False


def _visible(folder: Path) -> Iterator[str]:
    """All files below a folder, also behind links, without hidden ones. Raises OSError."""
    seen: set[Path] = set()  # a link may lead back to where it lies

    def give_up(error: OSError) -> None:
        raise error

    for where, below, files in os.walk(folder, onerror=give_up, followlinks=True):
        below[:] = [name for name in below if not name.startswith(".")] if Path(where).resolve() not in seen else []
        seen.add(Path(where).resolve())
        yield from (Path(where, name).relative_to(folder).as_posix() for name in files if not name.startswith("."))
