"""Scoring a set in parts: the same function on this machine and on any other, and a file for each part that is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from data_tools.auto_label.scorers import Judge, Scorer
from data_tools.auto_label.verdicts import Scored
from data_tools.parts import Part
from data_tools.put import put
from rorem.errors import BadData, BadMask, BadPicture, RoremError
from rorem.triplet import Triplet, TripletSet, open_set

PARTS = "parts"
AT_ONCE = 16  # records that the judge is asked about together; their pictures are in memory
OTHER = "Choose another folder, or delete what is there."
KINDS = {
    BadPicture: "photos that cannot be opened",
    BadMask: "masks that cannot be used",
    BadData: "records that cannot be scored",
}


@dataclass(frozen=True)
class LeftOut:
    """A record without a score. kind: for counting. why: a sentence."""

    name: str
    kind: str
    why: str


@dataclass(frozen=True)
class Outcome:
    """What became of a part: each of its records is in one of the two. notes: of the judge."""

    part: str
    made_with: str
    scored: tuple[Scored, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


def outcome_of(out: Path, part: Part, made_with: str) -> Outcome | None:
    """Of a part that is done; None for any other. Raises OSError; BadData for one that was made in another way."""
    try:
        told = json.loads(_file(out, part).read_bytes())
        scored = tuple(Scored(**one) for one in told["scored"])
        left_out = tuple(LeftOut(**one) for one in told["left_out"])
        found = Outcome(**{**told, "scored": scored, "left_out": left_out, "notes": tuple(told["notes"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        return None  # what cannot be read is made anew
    if found.made_with != made_with:
        raise BadData(f"{out} holds scores of another set, or by another judge.", OTHER)
    return found if len(scored) + len(left_out) == len(part.indices) else None


@dataclass(frozen=True)
class MakeWork:
    """Makes the function that does a part; travels to other machines. name: of the set, as `open_set` takes it.
    made_with: hash of the set and the judge, which have to be the same wherever the work is made. here: the set and the
    judge, if they are open already, and on_record, which is called after each; both stay behind."""

    name: str
    out: Path
    judge: Judge
    made_with: str
    here: tuple[TripletSet, Scorer] | None = field(default=None, compare=False)
    on_record: Callable[[int], None] | None = field(default=None, compare=False)

    def __call__(self) -> Callable[[Part], Outcome]:
        """Raises BadData for another set or judge than was told, and what `open_set` and `Judge.load` raise."""
        from data_tools.auto_label.running import made_with

        set_, scorer = self.here or (open_set(self.name), self.judge.load())
        if made_with(set_, self.judge, scorer.revision) != self.made_with:
            raise BadData("A worker's machine has another set or another judge.", "Make it like the others.")
        return Work(set_, scorer, self)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "here": None, "on_record": None}


class Work:
    """Holds the set and the judge, whose networks are loaded with the first part."""

    def __init__(self, set_: TripletSet, scorer: Scorer, how: MakeWork) -> None:
        self._set, self._scorer, self._how = set_, scorer, how

    def __call__(self, part: Part) -> Outcome:
        """Scores a part, unless it is done. A record that fails is noted and the others go on.

        Raises OSError where nothing can be written, and what would befall every record.
        """
        out, made_with = self._how.out, self._how.made_with
        if before := outcome_of(out, part, made_with):
            return before
        scored, left_out = list[Scored](), list[LeftOut]()
        ordered = sorted(part.indices)
        for start in range(0, len(ordered), AT_ONCE):
            indices = ordered[start : start + AT_ONCE]
            for name, told in self._told(indices):
                scored.append(told) if isinstance(told, Scored) else left_out.append(_left_out(name, told))
            if self._how.on_record:
                self._how.on_record(len(indices))
        outcome = Outcome(part.name, made_with, tuple(scored), tuple(left_out), tuple(self._scorer.notes))
        put(_file(out, part), (json.dumps(asdict(outcome)) + "\n").encode())
        return outcome

    def _told(self, indices: Sequence[int]) -> Iterator[tuple[str, Scored | RoremError]]:
        records = [self._read(index) for index in indices]
        scores = iter(self._scorer.scores([one for one in records if isinstance(one, Triplet)]))
        for index, one in zip(indices, records, strict=True):
            raw = next(scores) if isinstance(one, Triplet) else one
            if isinstance(one, Triplet) and not isinstance(raw, RoremError):
                yield one.name, Scored(one.name, one.id, one.sample, one.method, one.seed, one.category, float(raw))
            else:
                assert isinstance(raw, RoremError)
                yield self._set.names[index], raw

    def _read(self, index: int) -> Triplet | BadData:
        try:
            return self._set[index]
        except BadData as error:
            return error


def _left_out(name: str, error: RoremError) -> LeftOut:
    return LeftOut(name, KINDS.get(type(error), KINDS[BadData]), str(error))


def _file(out: Path, part: Part) -> Path:
    return out / PARTS / f"{part.name}.json"
