"""Making the set of a manifest again, byte for byte, and saying what is missing for that."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_tools.commands import OnStep
from data_tools.round.choosing import GENERATED, LABELLED, PREVIOUS
from data_tools.round.manifest import LEFT_OUT, MANIFEST, PAIRS, digest_of, read_manifest, read_pairs
from data_tools.round.sets import open_input
from data_tools.round.writing import triplets, whole
from rorem.errors import BadData, RoremError
from rorem.files import write_whole
from rorem.triplet import TripletSet, write_shards
from rorem.triplet.sets import shown

FIX = "Put the sets where they were, or say where they are with --moved OLD=NEW."


@dataclass(frozen=True)
class Rebuilt:
    """records: of the set. files: how many files are the same to the byte."""

    records: int
    files: int


def rebuild(
    round: Path,
    out: Path,
    moved: Mapping[str, str] | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    on_write: OnStep = lambda done, total: None,
) -> Rebuilt:
    """Makes the set of a round again, from its manifest and its inputs, in a folder that is not there yet.

    round: a folder with manifest.json, manifest.pairs.jsonl and manifest.left-out.jsonl; its shards are not needed.
    moved: where an input lies now, by where it was. Nothing is chosen anew, so answers, scores and evaluation sets are
    not needed. Raises BadData that names every input that is missing or has changed, and if other bytes came out.
    """
    told = read_manifest(round)
    files = _files(told, round)
    for name in (PAIRS, LEFT_OUT):
        _check_file(round / name, files)
    sets = _sets(told, dict(moved or {}), environment)
    with whole(out, str(digest_of(round / MANIFEST)["sha256"])) as stage:
        count = int(told["set"]["records"])
        every = triplets(read_pairs(round / PAIRS), sets, count, on_write)
        write_shards(every, stage, max_bytes=int(told["settings"]["shard_bytes"]))
        for name in (PAIRS, LEFT_OUT):
            write_whole(stage / name, (round / name).read_bytes())
        if unlike := [name for name, known in files.items() if not _same(stage / name, known)]:
            raise BadData(f"Other bytes came out than before: {', '.join(unlike)}.", _why(told))
        write_whole(stage / MANIFEST, (round / MANIFEST).read_bytes())
    return Rebuilt(count, len(files))


def _files(told: Mapping[str, Any], round: Path) -> dict[str, Mapping[str, Any]]:
    try:
        files = {str(one["name"]): one for one in told["files"]}
        whole = all(isinstance(one["sha256"], str) for one in files.values())
        complete = {PAIRS, LEFT_OUT} <= set(files) and isinstance(told["set"]["records"], int)
        fits = isinstance(told["settings"]["shard_bytes"], int) and isinstance(told["inputs"], list)
    except (KeyError, TypeError) as error:
        raise BadData(f"{round / MANIFEST} is no manifest of a round.") from error
    if not (whole and complete and fits):
        raise BadData(f"{round / MANIFEST} is no manifest of a round.")
    return files


def _check_file(file: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    if not file.is_file():
        raise BadData(f"{file} is missing.", "It belongs to the manifest.")
    if not _same(file, files[file.name]):
        raise BadData(f"{file} is not what the manifest says.", "Fetch the round again.")


def _sets(told: Mapping[str, Any], moved: dict[str, str], environment: Mapping[str, str]) -> list[TripletSet]:
    """The inputs that records come from. Raises BadData for all that is wrong with any of them."""
    sets: list[TripletSet] = []
    wrong: list[str] = []
    for one in told["inputs"]:
        if not isinstance(one, dict) or one.get("kind") not in (PREVIOUS, GENERATED, LABELLED):
            continue
        was = str(one.get("where"))
        where = moved.pop(was, was)
        try:
            set_ = open_input(str(one["kind"]), where, str(one.get("revision") or ""), environment).set_
            if set_.fingerprint != one.get("fingerprint"):
                wrong.append(f"{shown(where)} has changed")
            sets.append(set_)
        except RoremError as error:
            wrong.append(f"{shown(where)} is missing ({error})")
    wrong += [f"{shown(was)} is no input of this round" for was in moved]
    if wrong:
        raise BadData(f"The set cannot be made again: {'; '.join(wrong)}.", FIX)
    return sets


def _same(file: Path, known: Mapping[str, Any]) -> bool:
    return file.is_file() and digest_of(file)["sha256"] == known["sha256"]


def _why(told: Mapping[str, Any]) -> str:
    import pyarrow

    if told.get("pyarrow") != pyarrow.__version__:
        return f"It was made with pyarrow {told.get('pyarrow')}, and this is {pyarrow.__version__}."
    return "An input has changed in a way that its fingerprint does not show."
