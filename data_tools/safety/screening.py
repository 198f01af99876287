"""Screening a set: what the checker says of each record, and a set without those that it holds for unsafe."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from data_tools.publish.converting import shards_into
from data_tools.publish.journal import made_with
from data_tools.safety.notes import Note, Notes
from data_tools.staging import check_apart, whole
from data_tools.tally import Tally
from rorem.errors import BadData, BadOptions, BadPicture
from rorem.files import write_whole
from rorem.triplet import Triplet, TripletSet, open_set
from rorem.triplet.columns import need_pyarrow
from rorem.triplet.folder_writing import TAKEN
from rorem.triplet.sets import shown
from rorem.triplet.shards_writing import SHARD

SAFETY = "safety.json"
EDITION = 1  # raised by whoever changes what is said of the same picture
LOOKABLE = ("source", "result", "truth")
UNREADABLE = "could not be looked at"
OnStep = Callable[[int, int], None]


class Scores(Protocol):
    """What `Checker` is."""

    def scores(self, rgb: np.ndarray, adjustment: float = 0.0) -> tuple[float, ...]: ...


@dataclass(frozen=True)
class Settings:
    """adjustment: is added to all scores; above 0 more is dropped, below 0 less; -1 to 1. parts: which pictures of a
    record are looked at. Raises BadOptions."""

    adjustment: float = 0.0
    parts: tuple[str, ...] = ("source", "result")

    def __post_init__(self) -> None:
        if not -1 <= self.adjustment <= 1:
            raise BadOptions("The adjustment is from -1 to 1.", "0 is as published; 0.02 drops noticeably more.")
        if not self.parts or set(self.parts) - set(LOOKABLE):
            raise BadOptions("There is no such picture to look at.", f"Choose from {', '.join(LOOKABLE)}.")


@dataclass(frozen=True, eq=False)
class Screened:
    """What came of it. told: as safety.json has it. left_out: records that could not be looked at or written; they are
    not in the new set either."""

    told: Mapping[str, Any]
    left_out: Tally = field(default_factory=Tally)


def screen(
    name: str,
    out: Path,
    settings: Settings = Settings(),
    environment: Mapping[str, str] = os.environ,
    load: Callable[[], tuple[Scores, str]] | None = None,
    max_bytes: int = SHARD,
    on_step: OnStep = lambda done, total: None,
) -> Screened:
    """Writes the records of the set of this name (see `open_set`) that the checker lets through as shards in `out`, and
    safety.json about those that it does not.

    A record is dropped if one of its pictures is beyond the threshold of one concept. One that cannot be looked at is
    left out as well. The same call goes on where another was stopped. load: makes the checker and tells its revision;
    the published one, if not said. on_step: told of records looked at; may raise, to stop.
    Raises BadOptions; BadData for no such set, an `out` that holds something else, and if nothing is let through;
    MissingWeights, BadWeights, Unavailable, OutOfMemory, OSError.
    """
    need_pyarrow()
    set_ = open_set(name, environment)
    check_apart(name, out)
    checker, revision = (load or (lambda: _published(environment)))()
    key = _made_with(set_, settings, revision)
    if (out / SAFETY).exists():
        return Screened(_there(out / SAFETY, key))
    with whole(out, key) as stage:
        notes = Notes(stage)
        _look(set_, notes, checker, settings, on_step)
        left_out = Tally()
        dropped = [note for note in notes.all.values() if note.unsafe]
        for note in notes.all.values():
            if note.wrong:
                left_out.add(UNREADABLE, shown(note.name), note.wrong)
        if len(dropped) + left_out.total == len(set_):
            raise BadData("The checker lets no record through.", f"{len(dropped):,} were held for unsafe.")
        wanted = {note.name for note in notes.all.values() if not note.unsafe and not note.wrong}
        bytes_of = made_with(set_, max_bytes, key)
        written = shards_into(stage, set_, bytes_of, max_bytes, lambda triplet: triplet.name in wanted)
        left_out.join(written.left_out)
        told = {
            "edition": EDITION,
            "made_with": key,
            "checker": "CompVis/stable-diffusion-safety-checker",
            "revision": revision,
            "adjustment": settings.adjustment,
            "parts": list(settings.parts),
            "input": set_.name,
            "input_fingerprint": set_.fingerprint,
            "records": len(set_),
            "kept": written.written,
            "not_looked_at": left_out.counts[UNREADABLE],
            "dropped": [
                {"name": note.name, "id": note.id, "scores": note.scores, "concepts": note.concepts} for note in dropped
            ],
        }
        write_whole(stage / SAFETY, (json.dumps(told, indent=1) + "\n").encode())
    return Screened(told, left_out)


def look(triplet: Triplet, checker: Scores, settings: Settings) -> Note:
    """What the checker says of one record. Raises OutOfMemory."""
    scores: dict[str, float] = {}
    concepts: dict[str, list[int]] = {}
    for part in settings.parts:
        data = getattr(triplet, part)
        if data is None:
            continue
        try:
            found = checker.scores(_rgb(data), settings.adjustment)
        except BadPicture as error:
            return Note(triplet.name, triplet.id, wrong=f"its {part}: {error}")
        scores[part] = max(found)
        concepts[part] = [number for number, score in enumerate(found) if score > 0]
    return Note(triplet.name, triplet.id, scores, {part: some for part, some in concepts.items() if some})


def _look(set_: TripletSet, notes: Notes, checker: Scores, settings: Settings, on_step: OnStep) -> None:
    for index, name in enumerate(set_.names):
        on_step(index, len(set_))
        if name in notes.all:
            continue
        try:
            note = look(set_[index], checker, settings)
        except BadData as error:
            note = Note(name, "", wrong=str(error))
        notes.add(note)
    on_step(len(set_), len(set_))


def _rgb(data: bytes) -> np.ndarray:
    """All of a picture as uint8 RGB (h, w, 3), upright. Raises BadPicture."""
    from rorem.picture import open_picture, to_srgb

    return to_srgb(open_picture(data))


def _published(environment: Mapping[str, str]) -> tuple[Scores, str]:
    from data_tools.safety.checker import CHECKER, load
    from rorem.weights import revision_of

    return load(environment), revision_of(CHECKER, environment)


def _made_with(set_: TripletSet, settings: Settings, revision: str) -> str:
    told: Sequence[object] = [EDITION, set_.fingerprint, asdict(settings), revision]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _there(file: Path, key: str) -> Mapping[str, Any]:
    """What is known of a set that is there. Raises BadData if it is another one."""
    try:
        told = json.loads(file.read_bytes())
        if told["made_with"] == key:
            return told
    except (ValueError, KeyError, TypeError) as error:
        raise BadData(f"{file} cannot be read.", TAKEN) from error
    raise BadData(f"{file.parent} holds a set that was screened in another way, or another set.", TAKEN)
