"""Putting one round together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from data_tools.commands import OnStep
from data_tools.round.choosing import GENERATED, LABELLED, PREVIOUS, Chosen, Found, Photos, choose
from data_tools.round.figures import human_success, psnr_of, who
from data_tools.round.gathering import (
    KEPT_OUT,
    Inputs,
    check_apart,
    check_ids,
    files_of,
    joined,
    made_with_of,
    open_all,
    people_of,
)
from data_tools.round.index import Index, cache_folder, index_of
from data_tools.round.judged import read_judged
from data_tools.round.manifest import (
    LEFT_OUT,
    MANIFEST,
    PAIRS,
    digest_of,
    origin_of,
    page,
    read_manifest,
    write_left_out,
    write_pairs,
)
from data_tools.round.people import Answers, agreement, counted
from data_tools.round.sets import Opened
from data_tools.round.settings import EDITION, Settings
from data_tools.round.writing import OTHER, triplets, whole
from data_tools.tally import Tally
from rorem.errors import BadData
from rorem.files import write_whole
from rorem.triplet import write_shards
from rorem.triplet.shards_writing import SHARD
from rorem.version import __version__

AS_USUAL = Settings()


@dataclass(frozen=True, eq=False)
class Made:
    """A round. manifest: as manifest.json has it. amiss: records and answers that could not be used. there: it was
    made before, and nothing was done."""

    manifest: Mapping[str, Any]
    amiss: Tally = field(default_factory=Tally)
    there: bool = False


def make(
    out: Path,
    inputs: Inputs,
    settings: Settings = AS_USUAL,
    *,
    cache: Path | None = None,
    look_again: bool = False,
    max_bytes: int = SHARD,
    environment: Mapping[str, str] = os.environ,
    on_look: OnStep = lambda done, total: None,
    on_write: OnStep = lambda done, total: None,
) -> Made:
    """Puts a round together in a folder that is not there yet: shards data-*.parquet, which `open_set(out)` reads, and
    the manifest. It is there whole or not at all; the same inputs and settings give the same bytes.

    cache: where indexes of sets are kept; look_again: those of these sets are made anew. max_bytes: of pictures in a
    shard. on_look, on_write: told of records; may raise, to stop.
    Raises BadOptions; BadData for inputs that are missing, do not belong together or leave nothing, and for an `out`
    that holds something else; Unavailable, HubTrouble, OSError.
    """
    check_apart(out, (*inputs.previous, *inputs.generated, *inputs.labelled, *inputs.keep_out))
    opened = open_all(inputs, environment)
    people, amiss = people_of(inputs, opened)
    judged = [read_judged(folder) for folder in inputs.scores]
    files = files_of(inputs, judged)
    made_with = made_with_of(opened, files, settings, max_bytes)
    if (out / MANIFEST).is_file():
        told = read_manifest(out)
        if told.get("made_with") != made_with:
            raise BadData(f"{out} holds a round that was made of other sets or with other settings.", OTHER)
        return Made(told, amiss, there=True)
    with whole(out) as stage:
        indexes = _indexes(opened, cache or cache_folder(environment), look_again, on_look)
        for index in indexes:
            amiss.join(index.bad)
        said = counted(people)
        scores = joined(judged)
        coming = [(one, index) for one, index in zip(opened, indexes, strict=True) if one.kind != KEPT_OUT]
        check_ids(coming, said, scores, inputs)
        round = _round(coming, settings)
        found = [Found(one.kind, index.items) for one, index in coming]
        chosen = choose(found, said, scores, _photos(opened, indexes), settings.near, round)
        shown = _shown(found)
        told = {
            "edition": EDITION,
            "made_with": made_with,
            "rorem": __version__,
            "pyarrow": _pyarrow(),
            "round": round,
            "settings": {**settings.told(), "shard_bytes": max_bytes},
            "inputs": [_told(one, index) for one, index in zip(opened, indexes, strict=True)],
            "answers_and_scores": files,
            "calibrations": [one.calibration for one in judged],
            "steps": [asdict(step) for step in chosen.steps],
            "accepted_by": who(chosen.pairs),
            "new": who([pair for pair in chosen.pairs if found[pair.input].kind != PREVIOUS]),
            "human": human_success(said, shown),
            "agreement": _agreement(people, shown, round),
            "psnr": psnr_of(found),
        }
        told = _write(stage, chosen, [one.set_ for one, _ in coming], told, max_bytes, on_write)
    return Made(told, amiss)


def _write(
    stage: Path, chosen: Chosen, sets: Sequence[Any], told: dict[str, Any], max_bytes: int, on_write: OnStep
) -> dict[str, Any]:
    origins = [origin_of(pair) for pair in chosen.pairs]
    shards = write_shards(triplets(origins, sets, len(origins), on_write), stage, max_bytes=max_bytes)
    write_pairs(stage / PAIRS, origins)
    write_left_out(stage / LEFT_OUT, chosen.left_out)
    told["set"] = {"records": len(origins), "shards": [path.name for path in shards]}
    told["files"] = [digest_of(path) for path in (*shards, stage / PAIRS, stage / LEFT_OUT)]
    write_whole(stage / MANIFEST, page(told))
    return told


def _indexes(opened: Sequence[Opened], cache: Path, look_again: bool, on_look: OnStep) -> list[Index]:
    total, before = sum(len(one.set_) for one in opened), 0
    found = []
    for one in opened:
        if look_again:
            for old in cache.glob(f"{one.set_.fingerprint}-*"):
                shutil.rmtree(old, ignore_errors=True)
        found.append(index_of(one.set_, cache, lambda done, _, before=before: on_look(before + done, total)))
        before += len(one.set_)
    return found


def _round(coming: Sequence[tuple[Opened, Index]], settings: Settings) -> int:
    if settings.round is not None:
        return settings.round
    return 1 + max((item.round for one, index in coming if one.kind == PREVIOUS for item in index.items), default=0)


def _photos(opened: Sequence[Opened], indexes: Sequence[Index]) -> Photos:
    items = [item for one, index in zip(opened, indexes, strict=True) if one.kind == KEPT_OUT for item in index.items]
    return Photos([item.source for item in items], [item.look for item in items], [item.name for item in items])


def _shown(found: Sequence[Found]) -> set[str]:
    """Ids of this round's removals: the generated ones, else all that people were shown."""
    kinds = {one.kind for one in found}
    wanted = GENERATED if GENERATED in kinds else LABELLED
    return {item.id for one in found if one.kind == wanted for item in one.items}


def _agreement(people: Answers, shown: set[str], round: int) -> dict[str, Any] | None:
    found = agreement(people, sorted(shown), round)
    return None if found is None else asdict(found)


def _told(one: Opened, index: Index) -> dict[str, object]:
    told = one.told()
    if index.bad.total:
        told["left_out"] = {"counts": dict(sorted(index.bad.counts.items())), "examples": index.bad.examples}
    return told


def _pyarrow() -> str:
    import pyarrow

    return pyarrow.__version__
