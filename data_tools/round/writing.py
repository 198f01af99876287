"""Writing the chosen records, as a set that is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from data_tools.commands import OnStep
from data_tools.round.manifest import Origin
from data_tools.staging import whole as staged
from rorem.errors import BadData
from rorem.triplet import Triplet, TripletSet
from rorem.triplet.sets import shown

OTHER = "Choose another folder, or delete what is there."
CHANGED = "Put the set back as it was, or make the round anew with --look-again."


def triplets(origins: Iterable[Origin], sets: Sequence[TripletSet], count: int, on_step: OnStep) -> Iterator[Triplet]:
    """The records of a set: pictures byte for byte, with what the round says of them.

    sets: by the number of the input. One record is in memory at a time. Raises BadData for one that cannot be read or
    is not what it was when it was looked at.
    """
    for done, one in enumerate(origins):
        on_step(done, count)
        if not (0 <= one.input < len(sets) and 0 <= one.at < len(sets[one.input])):
            raise BadData(f"There is no record {shown(one.record)} in any input.", CHANGED)
        triplet = sets[one.input][one.at]
        if triplet.id != one.id:
            raise BadData(f"The record {shown(one.record)} of {sets[one.input].name} has changed.", CHANGED)
        yield replace(
            triplet,
            name=one.name,
            round=one.round,
            accepted_by=one.accepted_by,
            p_yes=one.p_yes,
            votes_yes=one.votes_yes,
            votes_no=one.votes_no,
        )
    on_step(count, count)


@contextmanager
def whole(out: Path, key: str) -> Iterator[Path]:
    """A folder to write into, as `staging.whole`, which is empty: a round is written anew, or not at all.

    Nothing stays of a run that raises something; what one that was killed left goes when the next one begins.
    Raises OSError, and BadData if there is something called `out` that is not an empty folder.
    """
    with staged(out, key) as stage:
        _empty(stage)
        try:
            yield stage
            for file in stage.iterdir():
                with file.open("rb") as data:
                    os.fsync(data.fileno())
        except BaseException:
            _empty(stage)
            raise


def _empty(folder: Path) -> None:
    for one in folder.iterdir():
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        else:
            one.unlink()
