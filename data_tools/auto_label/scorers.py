"""Who scores: the discriminator, a baseline without networks, or a file of scores from elsewhere."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from rorem.errors import BadData, BadMask, BadOptions, BadPicture, RoremError
from rorem.triplet import Triplet
from rorem.triplet.sets import bad_record

DISCRIMINATOR, SEAM, FILE = "discriminator", "seam", "file"
JUDGES = (DISCRIMINATOR, SEAM)
LARGEST = 1e9  # a score beyond it is none
NO_RESULT = "it has no removal to judge"
RECORD_ERRORS = (BadData, BadMask, BadPicture)
FIX = "A file of scores is .csv or .jsonl, with the columns id or name, and raw."


class Scorer(Protocol):
    """A judge that is loaded. More is better; about 1 is good."""

    @property
    def revision(self) -> str:
        """Which weights, file or edition: another one may give other scores."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What to know of these scores, in plain sentences; complete after the first ones."""
        ...

    def scores(self, triplets: Sequence[Triplet]) -> Sequence[float | RoremError]:
        """A finite number for each, or what is wrong with that one. Raises what would befall all of them."""
        ...


@dataclass(frozen=True)
class Judge:
    """Which scorer it is to be; travels to other machines. name: of JUDGES, or "file". file: of its scores."""

    name: str
    file: str = ""

    def __post_init__(self) -> None:
        if self.name not in (*JUDGES, FILE):
            raise BadOptions(f"There is no judge called {self.name!r}.", f"Choose from {', '.join(JUDGES)}.")

    def load(self) -> Scorer:
        """Networks come with the first question. Raises MissingWeights, Unavailable, BadData."""
        if self.name == DISCRIMINATOR:
            return Discriminator()
        if self.name == SEAM:
            from data_tools.auto_label.seam_judge import SeamJudge

            return SeamJudge()
        return FromFile(Path(self.file))


@dataclass(frozen=True, eq=False)
class View:
    """A removal as pictures: uint8 RGB (H, W, 3), bool (H, W), uint8 RGB (H, W, 3)."""

    source: np.ndarray
    mask: np.ndarray
    result: np.ndarray


def view_of(triplet: Triplet) -> View:
    """Raises BadPicture, BadMask, BadData for a record without a result or with one of another size."""
    from rorem.mask_file import read_mask
    from rorem.picture import open_picture, to_rgb

    if triplet.result is None:
        raise bad_record(triplet.name, NO_RESULT)
    source = to_rgb(open_picture(triplet.source, name=triplet.name))
    height, width = source.shape[:2]
    mask = read_mask(triplet.mask, width, height, polarity="white").mask
    result = to_rgb(open_picture(triplet.result, name=f"{triplet.name}, its result"))
    if result.shape != source.shape:
        high, wide = result.shape[:2]
        what = f"its result is {wide} x {high} pixels and its photo {width} x {height}"
        raise bad_record(triplet.name, what)
    return View(source, mask, result)


class Discriminator:
    """RORem's own; see `rorem.judge`."""

    notes: tuple[str, ...] = ()

    def __init__(self) -> None:
        """Raises MissingWeights, Unavailable."""
        from rorem import judge
        from rorem.weights import revision_of

        if judge.obstacle():
            judge.load()  # raises what is in the way
        self.revision = " on ".join(revision_of(part) for part in judge.PARTS)

    def scores(self, triplets: Sequence[Triplet]) -> Sequence[float | RoremError]:
        from rorem import judge

        views = [_or_error(triplet) for triplet in triplets]
        good = [(one.source, one.mask, one.result) for one in views if isinstance(one, View)]
        loaded = judge.shared()
        self.notes = loaded.notes
        raw = iter(loaded.scores(good))
        return [next(raw).raw if isinstance(one, View) else one for one in views]


class FromFile:
    """Scores that somebody else has made, by the removal's id or, where a line has none, by its name."""

    notes = ()

    def __init__(self, path: Path) -> None:
        """Raises BadData."""
        import hashlib

        try:
            data = path.read_bytes()
        except OSError as error:
            raise BadData(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.", FIX) from error
        self.revision = f"sha256 {hashlib.sha256(data).hexdigest()[:12]}"
        self._raw: dict[tuple[str, str], float] = {}
        self._bad: set[tuple[str, str]] = set()
        for record in _records(path, data):
            key = ("id", str(record["id"])) if record.get("id") else ("name", str(record.get("name") or ""))
            raw = _number(record.get("raw"))
            if raw is None or self._raw.get(key, raw) != raw:
                self._bad.add(key)
            else:
                self._raw[key] = raw

    def scores(self, triplets: Sequence[Triplet]) -> Sequence[float | RoremError]:
        return [self._score(triplet) for triplet in triplets]

    def _score(self, triplet: Triplet) -> float | RoremError:
        if triplet.result is None:
            return bad_record(triplet.name, NO_RESULT)
        for key in (("id", triplet.id), ("name", triplet.name)):
            if key in self._bad:
                return bad_record(triplet.name, "its score is no number, or there are two of them")
            if key in self._raw:
                return self._raw[key]
        return bad_record(triplet.name, "the file has no score of it")


def _or_error(triplet: Triplet) -> View | RoremError:
    try:
        return view_of(triplet)
    except RECORD_ERRORS as error:
        return error


def _records(path: Path, data: bytes) -> Iterator[Mapping[str, object]]:
    """Lines that are no record are passed over: whoever needs them hears that there is no score. Raises BadData."""
    text = data.decode("utf-8-sig", errors="replace").replace("\0", "\ufffd")
    if path.suffix.lower() == ".jsonl":
        for line in text.splitlines():
            try:
                record = json.loads(line) if line.strip() else None
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                yield record
        return
    if path.suffix.lower() != ".csv":
        raise BadData(f"{path.name} is no file of scores.", FIX)
    reader = csv.DictReader(text.splitlines())
    if "raw" not in (reader.fieldnames or ()) or not {"id", "name"} & set(reader.fieldnames or ()):
        raise BadData(f"{path.name} lacks a column.", FIX)
    try:
        yield from reader
    except csv.Error as error:
        raise BadData(f"{path.name} is no sound CSV.", FIX) from error


def _number(value: object) -> float | None:
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if math.isfinite(found) and abs(found) <= LARGEST else None
