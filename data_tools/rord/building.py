"""Making a set of pairs out of RORD, scene by scene, so that a killed run can be taken up again.

A scene's pairs come first and its line in a hidden journal last: what has a line is done, whatever came of it. Each
line says how it was made, as a run without a pair leaves nothing else that could say it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from data_tools.plain_files import AGAIN, journal_lines
from data_tools.rord.layout import Scene, scenes_in
from data_tools.rord.pairing import pair_of
from data_tools.rord.picking import Glance, glance, share_of, sharp_enough, unlike, usual_sharpness
from data_tools.rord.reading import LeftOut, see, white_goes
from data_tools.rord.settings import Settings
from data_tools.set_folder import OTHER, SetFolder
from data_tools.tally import Tally
from rorem.errors import BadData
from rorem.triplet import Triplet

EDITION = 2  # raised by whoever changes what the same files and settings give
JOURNAL = ".scenes.jsonl"
OUTDATED = "scenes whose files changed since their pairs were made"
USUAL = Settings()


@dataclass(frozen=True)
class Summary:
    """What became of a run. scenes, frames: looked at, in this run and before. pairs: in the set. made: in this run.
    corrected: pairs whose truth was changed. left_out: files, frames and scenes, by kind."""

    scenes: int
    frames: int
    pairs: int
    made: int
    corrected: int
    left_out: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class _Looked:
    """What came of a scene, as its line tells. files: changes when they do. pairs: their names. The rest: a Tally's."""

    scene: str
    files: str
    pairs: list[str]
    counts: dict[str, int]
    examples: dict[str, list[str]]


def rord(
    folder: Path,
    out: Path,
    settings: Settings = USUAL,
    on_scene: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Writes pairs to the folder `out`, a set of triplets with the truth: source/ mask/ TRUTH/ meta.json.

    The same files and settings give the same set; a run that was stopped is taken up, and scenes that came to the
    folder since are added. A scene whose files changed keeps the pairs that it has, and is counted; one without pairs
    is looked at again. on_scene: told of scenes; what it raises comes through.
    Raises BadData if there is nothing to make pairs of or another set in the way, and OSError.
    """
    tally = Tally()
    scenes = scenes_in(folder, tally)
    made_with = hashlib.sha256(json.dumps(["rord", EDITION, asdict(settings)]).encode()).hexdigest()
    with SetFolder(out, made_with) as set_:
        before = len(set_.records)
        done = _done(out, made_with)
        with (out / JOURNAL).open("ab") as journal:
            for number, scene in enumerate(scenes):
                mark = _mark(scene)
                looked = done.get(scene.name)
                there = [name for name in looked.pairs if name in set_.records] if looked else []
                if looked and looked.files != mark and there:
                    tally.add(OUTDATED, scene.name)
                elif not looked or looked.files != mark or there != looked.pairs:
                    looked = _look(scene, mark, settings, set_)
                    journal.write(json.dumps({"made_with": made_with, **asdict(looked)}).encode() + b"\n")
                    journal.flush()
                    os.fsync(journal.fileno())
                tally.join(Tally(Counter(looked.counts), looked.examples))
                on_scene(number + 1, len(scenes))
        if set_.records:
            set_.finish()
        records = list(set_.records.values())
    frames = sum(len(scene.frames) for scene in scenes)
    corrected = sum(bool(record.get("corrected")) for record in records)
    return Summary(len(scenes), frames, len(records), len(records) - before, corrected, tally)


def _look(scene: Scene, mark: str, settings: Settings, set_: SetFolder) -> _Looked:
    """Makes a scene's pairs, and puts them into the set."""
    mine = Tally()
    pairs = sorted(_pairs(scene, settings, mine), key=lambda one: one.name)
    for pair in pairs:
        set_.add(pair)
    return _Looked(scene.name, mark, [pair.name for pair in pairs], dict(mine.counts), mine.examples)


def _pairs(scene: Scene, settings: Settings, tally: Tally) -> Iterator[Triplet]:
    """The pairs of a scene; what is left out is counted."""
    white = white_goes(scene)
    glances: list[Glance] = []
    for frame in scene.frames:
        seen = see(frame, white)
        if isinstance(seen, LeftOut):
            tally.add(seen.kind, frame.name, seen.why)
        else:
            glances.append(glance(frame, seen))
    usual = usual_sharpness(glances)
    kept, blurred = sharp_enough(glances, usual, settings.least_sharpness)
    made: list[Triplet] = []

    def use(one: Glance) -> bool:
        seen = see(one.frame, white)
        pair = seen
        if not isinstance(seen, LeftOut):
            pair = pair_of(one.frame, scene, seen, settings, share_of(one, usual))
        if isinstance(pair, Triplet):
            made.append(pair)
            return True
        if isinstance(pair, LeftOut):
            tally.add(pair.kind, one.frame.name, pair.why)
        return False

    passed = list(unlike(kept, settings.per_scene, settings.least_difference, use))
    for one, reason in (*blurred, *passed):
        tally.add(reason.kind, one.frame.name, reason.why)
    yield from made


def _mark(scene: Scene) -> str:
    """Changes when the scene's files do: by their names and sizes."""
    paths = [scene.clean, *(path for one in scene.frames for path in (one.photo, one.composed, one.mask, one.outlines))]
    told = [[path.name, _size(path)] for path in paths if path]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _size(path: Path) -> int:
    """In bytes; -1 for a file that went away since it was found, which is told where it is opened."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _done(out: Path, made_with: str) -> dict[str, _Looked]:
    """Scenes that are done, by their names. Raises BadData for those that were looked at in another way."""
    done: dict[str, _Looked] = {}
    for line in journal_lines(out / JOURNAL):
        if line.pop("made_with", None) != made_with:
            raise BadData(f"{out} holds scenes that were looked at with other settings.", OTHER)
        try:
            looked = _Looked(**line)
        except TypeError as error:
            raise BadData(f"{out / JOURNAL} is damaged.", AGAIN) from error
        done[looked.scene] = looked
    return done
