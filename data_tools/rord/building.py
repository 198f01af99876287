"""Making a set of pairs out of RORD, scene by scene, so that a killed run can be taken up again.

A scene's pairs come first and its line in a hidden journal last: what has a line is done, whatever came of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from data_tools.rord.layout import Scene, scenes_in
from data_tools.rord.pairing import pair_of
from data_tools.rord.picking import Glance, glance, sharp_enough, unlike
from data_tools.rord.reading import LeftOut, see, white_goes
from data_tools.rord.settings import Settings
from data_tools.set_folder import OTHER, SetFolder
from data_tools.tally import Tally
from rorem.errors import BadData
from rorem.triplet import Triplet

EDITION = 1  # raised by whoever changes what the same files and settings give
JOURNAL = ".scenes.jsonl"
USUAL = Settings()


@dataclass(frozen=True)
class Summary:
    """What became of a run. scenes, frames: looked at, in this run and before. pairs: in the set. made: in this run.
    corrected: pairs whose truth was changed. left_out: frames, by kind."""

    scenes: int
    frames: int
    pairs: int
    made: int
    corrected: int
    left_out: Tally = field(default_factory=Tally)


def rord(
    folder: Path,
    out: Path,
    settings: Settings = USUAL,
    on_scene: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Writes pairs to the folder `out`, a set of triplets with the truth: source/ mask/ TRUTH/ meta.json.

    The same files and settings give the same set; a run that was stopped is taken up, and scenes that came to the
    folder since are added. on_scene: told of scenes; what it raises comes through.
    Raises BadData if there is nothing to make pairs of or another set in the way, and OSError.
    """
    tally = Tally()
    scenes = scenes_in(folder, tally)
    made_with = hashlib.sha256(json.dumps(["rord", EDITION, asdict(settings)]).encode()).hexdigest()
    with SetFolder(out, made_with) as set_:
        before = len(set_.records)
        done = dict(_journal(out))
        with (out / JOURNAL).open("ab") as journal:
            for number, scene in enumerate(scenes):
                mark = _mark(scene)
                found = done.get(scene.name)
                if found and found["files"] != mark:
                    raise BadData(f"{out} holds pairs of other files ({scene.name}).", OTHER)
                if not found or not all(name in set_.records for name in found["pairs"]):
                    mine = Tally()
                    pairs = sorted(_pairs(scene, settings, mine), key=lambda one: one.name)
                    for pair in pairs:
                        set_.add(pair)
                    line = {"scene": scene.name, "files": mark, "pairs": [pair.name for pair in pairs]}
                    line |= {"counts": dict(mine.counts), "examples": mine.examples}
                    journal.write(json.dumps(line).encode() + b"\n")
                    journal.flush()
                    os.fsync(journal.fileno())
                    found = line
                tally.join(Tally(Counter(found["counts"]), found["examples"]))
                on_scene(number + 1, len(scenes))
        if set_.records:
            set_.finish()
        records = list(set_.records.values())
    frames = sum(len(scene.frames) for scene in scenes)
    corrected = sum(bool(record.get("corrected")) for record in records)
    return Summary(len(scenes), frames, len(records), len(records) - before, corrected, tally)


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
    usual = sorted(one.sharp for one in glances)[len(glances) // 2] if glances else 0.0
    kept, blurred = sharp_enough(glances, settings.least_sharpness)
    made: list[Triplet] = []

    def use(one: Glance) -> bool:
        seen = see(one.frame, white)
        pair = seen
        if not isinstance(seen, LeftOut):
            pair = pair_of(one.frame, scene, seen, settings, one.sharp / usual if usual else 1.0)
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
    told = [[path.name, path.stat().st_size] for path in paths if path]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _journal(out: Path) -> Iterator[tuple[str, dict]]:
    """What is told of scenes that are done, by their names; a line that was torn off by a kill is cut away."""
    path = out / JOURNAL
    if not path.exists():
        return
    whole = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            try:
                told = json.loads(line)
                found = {key: told[key] for key in ("files", "pairs", "counts", "examples")}
                name = str(told["scene"])
            except (ValueError, TypeError, KeyError) as error:
                raise BadData(f"{path} is damaged.", OTHER) from error
            whole += len(line)
            yield name, found
    if whole < path.stat().st_size:
        os.truncate(path, whole)
