"""What lies in the folder of a run: a Parquet file and a note for each part, and generate.json.

    OUT/generate.json          how the removals were made
    OUT/data/part-00003.parquet
    OUT/parts/00003.json       what became of the part: counts, failures, hash of the file, seconds

The file is put in its place first, the note last: a part that has a note is done. Nothing in the names says how many
parts there are, so that the set opens also where parts are missing because nothing of them could be made. All is
written under names of its own and then renamed, so that two machines that do the same part do not disturb each other:
they write the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from data_tools.generate.settings import NAMED
from data_tools.parts import Part
from rorem.errors import BadData
from rorem.triplet import Triplet, write_shards
from rorem.triplet.opening import COMPLETE
from rorem.triplet.opening import RUN as SETTINGS

DATA, NOTES, WORKSHOP = "data", "parts", ".working"
OTHER = "Choose another folder, or delete what is there."


@dataclass(frozen=True)
class Failure:
    """A record that came to nothing. kind: for counting. why: a sentence."""

    name: str
    kind: str
    why: str


@dataclass(frozen=True)
class Outcome:
    """What became of a part. part: its name. made: records in its file. bytes, sha256: of the file, 0 and "" if there
    is none. failed: in the order of the set. seconds: that each removal in the file took, in its order. wall: seconds
    for the whole part, with reading and writing, when it was done last."""

    part: str
    made: int
    bytes: int
    sha256: str
    failed: tuple[Failure, ...]
    seconds: tuple[float, ...]
    wall: float


def file_of(out: Path, part: Part) -> Path:
    return out / DATA / f"part-{part.number:05}.parquet"


def note_of(out: Path, part: Part) -> Path:
    return out / NOTES / f"{part.number:05}.json"


def outcome_of(out: Path, part: Part) -> Outcome | None:
    """Of a part that is done and whole; None for any other."""
    outcome = read_note(note_of(out, part))
    if outcome is None or outcome.part != part.name or outcome.made + len(outcome.failed) != len(part.indices):
        return None
    try:
        whole = not outcome.made or file_of(out, part).stat().st_size == outcome.bytes
    except OSError:
        return None
    return outcome if whole else None


def read_note(path: Path) -> Outcome | None:
    """What a part's note says; None if it cannot be read."""
    try:
        told = json.loads(path.read_bytes())
        failed = tuple(Failure(**one) for one in told["failed"])
        return Outcome(**{**told, "failed": failed, "seconds": tuple(told["seconds"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def commit(out: Path, part: Part, triplets: Iterator[Triplet]) -> tuple[int, str]:
    """Writes a part's file, whole or not at all, and gives its bytes and hash; 0 and "" where there are no triplets.

    Raises OSError, and BadData for a triplet that does not fit. What the iterator raises comes through.
    """
    first = next(triplets, None)
    final = file_of(out, part)
    if first is None:
        final.unlink(missing_ok=True)
        return 0, ""

    def every() -> Iterator[Triplet]:
        yield first
        yield from triplets

    with _workshop(out, part.name) as folder:
        (file,) = write_shards(every(), folder, max_bytes=sys.maxsize)
        with file.open("rb") as data:
            digest = hashlib.file_digest(data, "sha256").hexdigest()
        size = file.stat().st_size
        final.parent.mkdir(parents=True, exist_ok=True)
        file.replace(final)
    return size, digest


def write_note(out: Path, part: Part, outcome: Outcome) -> None:
    """Makes it done. Raises OSError."""
    _put(out, note_of(out, part), (json.dumps(asdict(outcome)) + "\n").encode())


def take(out: Path, settings: Mapping[str, object]) -> dict[str, object]:
    """Makes the folder this run's, or finds that it is, and gives what generate.json says of it.

    Raises OSError; BadData for one that is not.
    """
    there = read_settings(out)
    if there is None:
        strange = [name for name in ("meta.json", "source", "mask") if (out / name).exists()]
        if strange or next(out.rglob("*.parquet"), None):
            raise BadData(f"{out} holds another set.", OTHER)
        _put(out, out / SETTINGS, _page(settings))
        return dict(settings)
    for key, value in settings.items():
        if key not in NAMED and there.get(key) != value:
            raise BadData(
                f"{out} holds removals made in another way: {_difference(key, there.get(key), value)}.", OTHER
            )
    return {key: there.get(key) for key in settings}


def reopen(out: Path, settings: Mapping[str, object]) -> None:
    """Takes back that the set is complete. Raises OSError, BadData."""
    if COMPLETE in (read_settings(out) or {}):
        _put(out, out / SETTINGS, _page(settings))


def read_settings(out: Path) -> dict[str, object] | None:
    """generate.json, None where there is none. Raises OSError, BadData."""
    try:
        told = json.loads((out / SETTINGS).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise BadData(f"{out / SETTINGS} cannot be read.", OTHER) from error
    if not isinstance(told, dict):
        raise BadData(f"{out / SETTINGS} cannot be read.", OTHER)
    return told


def complete(out: Path, settings: Mapping[str, object], counts: Mapping[str, object]) -> None:
    """Says in generate.json that every part is done, and clears away what killed runs left. Raises OSError."""
    _put(out, out / SETTINGS, _page({**settings, COMPLETE: counts}))
    shutil.rmtree(out / WORKSHOP, ignore_errors=True)


def _page(told: Mapping[str, object]) -> bytes:
    return (json.dumps(told, indent=2) + "\n").encode()


def _difference(key: str, there: object, wanted: object) -> str:
    if key == "input_fingerprint":
        return "of a set with other records"
    return f"{key.replace('_', ' ')} was {json.dumps(there)} and is {json.dumps(wanted)}"


@contextmanager
def _workshop(out: Path, name: str) -> Iterator[Path]:
    """A hidden folder in the same file system, of nobody else's."""
    folder = out / WORKSHOP / f"{name}.{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(out: Path, path: Path, data: bytes) -> None:
    with _workshop(out, path.name) as folder:
        part = folder / path.name
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.parent.mkdir(parents=True, exist_ok=True)
        part.replace(path)
