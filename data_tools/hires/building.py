"""Making a set of pairs in high resolution, photo by photo, so that a killed run can be taken up again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from data_tools.hires.pairing import name_of, pair_of
from data_tools.hires.photos import photos_in
from data_tools.hires.settings import Settings
from data_tools.set_folder import SetFolder
from data_tools.synthesize.stock import cutouts_in
from data_tools.tally import Tally
from rorem.errors import BadData, BadOptions
from rorem.triplet import Triplet

EDITION = 2  # raised by whoever changes what the same files and settings give
COUNT = 1200  # pairs that RORem's last stage has
USUAL = Settings()
BAD_CUTOUT = "cut-outs that cannot be used"


@dataclass(frozen=True)
class Summary:
    """What became of a run. pairs: in the set. made: in this run. left_out: photos and cut-outs, by kind."""

    pairs: int
    made: int
    photos: int
    cutouts: int
    left_out: Tally = field(default_factory=Tally)


def hires(
    photos: Sequence[Path],
    cutouts: Sequence[Path],
    out: Path,
    count: int = COUNT,
    settings: Settings = USUAL,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Writes up to `count` pairs to the folder `out`, a set of triplets: source/ mask/ TRUTH/ EFFECT/ meta.json.

    photos, cutouts: folders. Each photo gives one pair before one gives a second. The same files and settings give the
    same pairs; a larger count or, below it, more photos make a set longer, and what is there is not made again.
    Once the set has `count` pairs no photo is looked at.
    on_step: told of pairs; what it raises comes through and leaves a set that the same call takes up again.
    Raises BadData if there is nothing to build from or a foreign set in the way, BadOptions, and OSError.
    """
    if count < 1:
        raise BadOptions("A set has at least one pair.", "Ask for more with --count.")
    tally = Tally()
    grounds = photos_in(photos, tally)
    things = cutouts_in(cutouts, lambda name, error: tally.add(BAD_CUTOUT, name, str(error)))
    if not things:
        fix = "They are photographs with a transparent background, PNG or WebP."
        raise BadData("There are no cut-outs to lay over the photos.", fix)
    files = [[one.key, one.sha256] for one in things]
    made_with = hashlib.sha256(json.dumps(["hires", EDITION, asdict(settings), files]).encode()).hexdigest()
    wanted = [(photo, number) for number in range(settings.per_photo) for photo in grounds]
    with SetFolder(out, made_with) as set_:
        missing = [(photo, number) for photo, number in wanted if name_of(photo, number) not in set_.records]
        before, useless = len(set_.records), set[str]()
        most = min(count, before + len(missing))
        for photo, number in missing:
            if len(set_.records) >= count:
                break
            if photo.key in useless:
                continue
            pair = pair_of(photo, number, things, settings)
            if not isinstance(pair, Triplet):
                kind, why = pair
                tally.add(f"photos {kind}", photo.key, why)
                useless.add(photo.key)
                continue
            set_.add(pair)
            on_step(len(set_.records), most)
        if set_.records:
            set_.finish()
        total = len(set_.records)
    return Summary(total, total - before, len(grounds), len(things), tally)
