"""A set without what is wrong with it, in a new folder. The set itself is never touched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from data_tools.check.checking import AGAIN, EDITION, GOOD, Checked
from data_tools.check.decoding import decoded
from data_tools.check.looking import read_record
from data_tools.check.problem import CHANGED, DAMAGED, DUPLICATE, GREY, HASH, NAME, SIZE, Problem
from data_tools.check.rules import Rules, allowed, look, marked, rgb, wrong_hashes
from data_tools.parts import hash_of
from data_tools.plain_files import png
from data_tools.set_folder import SetFolder
from data_tools.staging import check_apart
from data_tools.tally import Tally
from rorem.errors import BadData
from rorem.triplet import Triplet, TripletSet, open_set
from rorem.triplet.fields import DERIVED
from rorem.triplet.sets import Names

OnStep = Callable[[int, int], None]
SPARE = ("truth", "effect")  # parts that a record can do without
# Levels apart, in the mean of what lies outside: by judgement, between a network's drift and another picture.
ANOTHER = 16.0
MENDED = "mended"  # the key in `extra` that says what was done


@dataclass(frozen=True)
class Fixed:
    """What became of the records. kept: how many are in the new folder. mended, left_out: by kind of problem."""

    kept: int
    mended: Tally
    left_out: Tally

    @property
    def lost(self) -> int:
        """Left out for another reason than being there twice."""
        return self.left_out.total - self.left_out.counts[DUPLICATE]


def fix(
    checked: Checked,
    out: Path,
    rules: Rules = Rules(),  # noqa: B008
    on_step: OnStep = lambda done, total: None,
) -> Fixed:
    """Writes the records of a checked set to the folder `out`, mended where that can be done.

    Records in which nothing was found are copied byte for byte, and come first: of records that are alike, or become
    so, the sound one is kept. The same call goes on where another was stopped.
    Raises BadData if `out` holds another set, or if no record is left; BadOptions for a folder inside the set's own;
    OSError.
    """
    check_apart(checked.name, out)
    set_ = open_set(checked.name)
    mended, left_out, contents, names = Tally(), Tally(), set[int](), Names()
    with SetFolder(out, _made_with(set_.fingerprint, rules)) as new:
        for done, index in enumerate(sorted(range(len(set_)), key=checked.states.__getitem__)):
            on_step(done, len(set_))
            state = checked.states[index]
            if state == AGAIN:
                left_out.add(DUPLICATE, set_.names[index])
                continue
            name = names.add(_printable(set_.names[index]))
            if name in new.records:  # by an earlier run
                _recall(new.records[name], name, contents, mended)
                continue
            made = _record(set_, index, state, rules)
            if isinstance(made, Problem):
                left_out.add(made.kind, made.record, made.what)
                continue
            triplet, kinds = made
            content = _content(triplet.hashes)
            if content in contents:  # two that differed only in what was wrong with them
                left_out.add(DUPLICATE, triplet.name)
                continue
            new.add(replace(triplet, name=name))
            contents.add(content)
            for kind in kinds:
                mended.add(kind, name)
        on_step(len(set_), len(set_))
        if not new.records:
            raise BadData(f"No record of {checked.name} can be mended.", "See what is wrong with it.")
        new.finish()
        return Fixed(len(new.records), mended, left_out)


def mend(triplet: Triplet, rules: Rules = Rules()) -> tuple[Triplet, list[str]] | Problem:  # noqa: B008
    """A record without its problems, and their kinds; or the problem that nothing can be done about.

    What was done is told in `extra`, with the id that the record had if it has another one now.
    """
    kinds: list[str] = []
    mended = triplet
    for _ in range(3):  # a mask comes before what depends on it
        problems = look(mended, rules)
        if not problems:
            break
        kinds += (problem.kind for problem in problems if problem.kind not in kinds)
        for problem in problems:
            done = _without(mended, problem, rules)
            if done is None:
                return problem
            mended = done
    else:
        return look(mended, rules)[0]
    told: dict[str, object] = {MENDED: kinds}
    if mended.id != triplet.id:
        told["mended_from"] = triplet.id
    return replace(mended, extra={**mended.extra, **(told if kinds else {})}), kinds


def _record(set_: TripletSet, index: int, state: int, rules: Rules) -> tuple[Triplet, list[str]] | Problem:
    read = read_record(set_, index)
    if isinstance(read, Problem) or state != GOOD:
        return read if isinstance(read, Problem) else mend(read, rules)
    return read, []


def _recall(record: Mapping[str, object], name: str, contents: set[int], mended: Tally) -> None:
    """Counts a record that an earlier run wrote."""
    contents.add(_content(record))
    kinds = record.get(MENDED)
    for kind in kinds if isinstance(kinds, list) else []:
        mended.add(str(kind), name)


def _without(triplet: Triplet, problem: Problem, rules: Rules) -> Triplet | None:
    """The record without one problem; None if that cannot be had."""
    if problem.kind == HASH:
        wrong = wrong_hashes(triplet)
        return replace(triplet, extra={key: value for key, value in triplet.extra.items() if key not in wrong})
    if problem.kind == NAME:
        return replace(triplet, name=_printable(triplet.name))
    if problem.kind in (DAMAGED, SIZE) and problem.part in SPARE:
        return replace(triplet, **{problem.part: None})
    if problem.kind == GREY:
        mask, _ = marked(triplet, decoded(triplet.mask))
        return None if mask is None else replace(triplet, mask=png(mask * np.uint8(255)))
    if problem.kind == CHANGED:
        return _composited(triplet, problem.part, rules)
    return None


def _composited(triplet: Triplet, part: str, rules: Rules) -> Triplet | None:
    """With the photo's own pixels outside the grown mask, as 8-bit RGB. None, or without its truth, if that shows
    another picture: its pixels inside would be no truth of this one."""
    mask, _ = marked(triplet, decoded(triplet.mask))
    if mask is None:
        return None
    effect = decoded(triplet.effect) if triplet.effect is not None else None
    may = allowed(mask, effect, rules.grow)
    picture, other = rgb(decoded(triplet.source)).copy(), rgb(decoded(getattr(triplet, part)))
    apart = sum(cv2.mean(cv2.absdiff(picture, other), mask=1 - may)) / 3
    if apart > ANOTHER:
        return replace(triplet, **{part: None}) if part in SPARE else None
    cv2.copyTo(other, may, picture)
    return replace(triplet, **{part: png(picture)})


def _content(told: Mapping[str, object]) -> int:
    """Of source, mask and result, by what is told of their hashes."""
    return hash_of(*(str(told.get(key)) for key in DERIVED if key != "id"))


def _printable(name: str) -> str:
    return "".join(sign if sign.isprintable() else "_" for sign in name)


def _made_with(fingerprint: str, rules: Rules) -> str:
    return hashlib.sha256(json.dumps(["mended", EDITION, fingerprint, asdict(rules)]).encode()).hexdigest()
