"""Putting one round together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import starmap
from pathlib import Path
from typing import Any

from data_tools.commands import OnStep
from data_tools.round.choosing import GENERATED, LABELLED, PREVIOUS, Chosen, Found, Photos, choose
from data_tools.round.figures import human_success, psnr_of, who
from data_tools.round.gathering import (
    KEPT_OUT,
    Inputs,
    answers_of,
    check_ids,
    files_of,
    joined,
    made_with_of,
    open_all,
    people_of,
)
from data_tools.round.index import ITEMS, PHOTOS, Index, Known, Wanted, cache_folder, folder_of, index_of
from data_tools.round.item import Item
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
from data_tools.staging import check_apart
from data_tools.tally import Tally
from rorem.errors import BadData
from rorem.files import write_whole
from rorem.triplet import TripletSet, write_shards
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
    Raises BadOptions; BadData for inputs that are missing, do not belong together or leave nothing, for evaluation sets
    that cannot be kept out, and for an `out` that holds something else; Unavailable, HubTrouble, OSError.
    """
    for name in (*inputs.previous, *inputs.generated, *inputs.labelled, *inputs.keep_out):
        check_apart(name, out)
    opened = open_all(inputs, environment)
    amiss = Tally()
    sources = answers_of(inputs, opened, amiss)
    judged = [read_judged(folder) for folder in inputs.scores]
    files = files_of(inputs, judged)
    made_with = made_with_of(opened, files, settings, max_bytes)
    if (out / MANIFEST).is_file():
        told = read_manifest(out)
        if told.get("made_with") != made_with:
            raise BadData(f"{out} holds a round that was made of other sets or with other settings.", OTHER)
        return Made(told, amiss, there=True)
    with whole(out, made_with) as stage:
        looking = _Looking(
            cache or cache_folder(environment), look_again, sum(len(one.set_) for one in opened), on_look
        )
        keep_out = _photos([one for one in opened if one.kind == KEPT_OUT], looking, settings.keep_out_near)
        coming = [(one, looking(one.set_, ITEMS)) for one in opened if one.kind != KEPT_OUT]
        for _, index in coming:
            amiss.join(index.bad)
        people = people_of(sources, [item for _, index in coming for item in index.items], amiss)
        said = counted(people)
        scores = joined(judged)
        check_ids(coming, scores, inputs)
        round = _round(coming, settings)
        found = [Found(one.kind, index.items) for one, index in coming]
        chosen = choose(found, said, scores, keep_out, settings.near, round)
        shown = _shown(found)
        told = {
            "edition": EDITION,
            "made_with": made_with,
            "rorem": __version__,
            "pyarrow": _pyarrow(),
            "round": round,
            "settings": {**settings.told(), "shard_bytes": max_bytes},
            "inputs": [*starmap(_told, coming), *(one.told() for one in opened if one.kind == KEPT_OUT)],
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


@dataclass
class _Looking:
    """Looks through one set after the other. total: records in all of them."""

    cache: Path
    again: bool
    total: int
    on_look: OnStep
    before: int = 0

    def __call__(self, set_: TripletSet, wanted: Wanted[Known]) -> Index[Known]:
        if self.again:
            shutil.rmtree(self.cache / folder_of(set_, wanted), ignore_errors=True)
        found = index_of(set_, self.cache, wanted, lambda done, _: self.on_look(self.before + done, self.total))
        self.before += len(set_)
        return found


def _photos(kept_out: Sequence[Opened], looking: _Looking, near: int) -> Photos:
    """What has to stay out. Raises BadData for a set with a photo that could not be known again, which is looked for
    first of all: it would come in unseen."""
    told: list[tuple[str, int, str]] = []
    for one in kept_out:
        index = looking(one.set_, PHOTOS)
        if index.bad.total:
            some = ", ".join(name for names in index.bad.examples.values() for name in names)
            raise BadData(
                f"{index.bad.total:,} of {index.records:,} records of the evaluation set {one.where} cannot be kept "
                f"out: {some}.",
                "Mend or delete these records; `python -m data_tools.check` tells what is wrong with them.",
            )
        told += [(digits, look, item.name) for item in index.items for digits, look in item.pictures]
    files, looks, names = zip(*told, strict=True) if told else ((), (), ())
    return Photos(files, looks, names, near)


def _round(coming: Sequence[tuple[Opened, Index[Item]]], settings: Settings) -> int:
    if settings.round is not None:
        return settings.round
    return 1 + max((item.round for one, index in coming if one.kind == PREVIOUS for item in index.items), default=0)


def _shown(found: Sequence[Found]) -> set[str]:
    """Ids of this round's removals: the generated ones, else all that people were shown."""
    kinds = {one.kind for one in found}
    wanted = GENERATED if GENERATED in kinds else LABELLED
    return {item.id for one in found if one.kind == wanted for item in one.items}


def _agreement(people: Answers, shown: set[str], round: int) -> dict[str, Any] | None:
    found = agreement(people, sorted(shown), round)
    return None if found is None else asdict(found)


def _told(one: Opened, index: Index[Item]) -> dict[str, object]:
    told = one.told()
    if index.bad.total:
        told["left_out"] = {"counts": dict(sorted(index.bad.counts.items())), "examples": index.bad.examples}
    return told


def _pyarrow() -> str:
    import pyarrow

    return pyarrow.__version__
