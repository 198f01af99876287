"""Who scores: the discriminator, a baseline without networks, or a file of scores from elsewhere."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from data_tools.auto_label.tables import ENCODING, END, Numbered, csv_rows, json_lines
from data_tools.tally import Tally
from rorem.errors import BadData, BadMask, BadOptions, BadPicture, RoremError
from rorem.triplet import Triplet
from rorem.triplet.sets import bad_record

DISCRIMINATOR, SEAM, FILE = "discriminator", "seam", "file"
JUDGES = (DISCRIMINATOR, SEAM)
LARGEST = 1e9  # a score beyond it is none
NO_RESULT = "it has no removal to judge"
RECORD_ERRORS = (BadData, BadMask, BadPicture)
UNREAD = "lines of the file of scores cannot be read"
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
    """Scores that somebody else has made, by the removal's id or, where a line has none, by its name.

    Lines that cannot be read are told in the notes, and the others count.
    """

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
        tally = Tally()
        for number, record in _records(path, data, tally):
            key = next(((name, str(record[name])) for name in ("id", "name") if record.get(name)), None)
            if key is None:
                tally.add(UNREAD, f"line {number}", "it has neither id nor name")
                continue
            raw = _number(record.get("raw"))
            if raw is None or self._raw.get(key, raw) != raw:
                self._bad.add(key)
            else:
                self._raw[key] = raw
        self.notes = tuple(tally.lines())

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


def _records(path: Path, data: bytes, tally: Tally) -> Iterator[Numbered]:
    """Raises BadData."""
    if path.suffix.lower() == ".jsonl":
        return json_lines(io.TextIOWrapper(io.BytesIO(data), ENCODING, "replace", END), UNREAD, tally)
    if path.suffix.lower() != ".csv":
        raise BadData(f"{path.name} is no file of scores.", FIX)
    columns, rows = csv_rows(path.name, data, UNREAD, tally)
    if "raw" not in columns or not {"id", "name"} & set(columns):
        raise BadData(f"{path.name} lacks a column.", FIX)
    return rows


def _number(value: object) -> float | None:
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if math.isfinite(found) and abs(found) <= LARGEST else None
