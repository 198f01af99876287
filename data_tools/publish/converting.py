"""From one way of keeping triplets to the other: Parquet shards, or a folder with `source/ mask/ GT/ meta.json`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path

from data_tools.publish.counts import Counts
from data_tools.publish.cutting import CHANGED, SUFFIX, UNREADABLE, Keep, OnStep, cut, wrong_hashes
from data_tools.publish.exact import unpacked
from data_tools.publish.journal import EDITION, Journal, made_with
from data_tools.set_folder import SetFolder
from data_tools.staging import whole
from data_tools.tally import Tally
from rorem.errors import BadData, BadOptions
from rorem.triplet import Triplet, TripletSet
from rorem.triplet.columns import need_pyarrow
from rorem.triplet.fields import check_extra
from rorem.triplet.record import sha256
from rorem.triplet.sets import shown
from rorem.triplet.shards_writing import SHARD

STEM = "data"
UNWRITABLE = "could not be written"
FOLDER, SHARDS = "folder", "shards"


@dataclass(frozen=True, eq=False)
class Converted:
    """What came of it. written: records in the new set. files: shards, or 0. counts: of what was written to
    shards. notes: what else a person should know."""

    written: int
    left_out: Tally = field(default_factory=Tally)
    files: int = 0
    counts: Counts = field(default_factory=Counts)
    notes: tuple[str, ...] = ()


def to_shards(
    set_: TripletSet,
    out: Path,
    max_bytes: int = SHARD,
    keep: Keep = lambda triplet: True,
    kept: str = "",
    on_step: OnStep = lambda done, total: None,
) -> Converted:
    """Writes a set as out/data-00000-of-00003.parquet and so on; the same call goes on where another was stopped.

    One row group is in memory at a time; there is no `out` before all are there. max_bytes: of pictures in a
    shard. keep: which records are wanted; kept: says which these are, for a rerun to tell.
    Raises BadData if `out` holds something, or if no record can be used; BadOptions, Unavailable, OSError.
    """
    need_pyarrow()
    if max_bytes < 1:
        raise BadOptions("A shard needs room for pictures.", f"{SHARD // 10**6} MB suit the Hub.")
    key = made_with(set_, max_bytes, kept)
    with whole(out, key) as stage:
        done = shards_into(stage, set_, key, max_bytes, keep, on_step)
    return done


def shards_into(
    stage: Path,
    set_: TripletSet,
    key: str,
    max_bytes: int = SHARD,
    keep: Keep = lambda triplet: True,
    on_step: OnStep = lambda done, total: None,
) -> Converted:
    """As `to_shards`, into a folder of `whole`. key: of all that decides the bytes; of another, all is made anew."""
    journal = Journal(stage, key)
    named = any(stage.glob(f"{STEM}-*{SUFFIX}"))  # they get their names when all are there
    for shard in list(journal.shards):
        if shard.rows and not named and not (stage / f"shard-{shard.number:05}{SUFFIX}").is_file():
            journal.forget(shard.number)
            break
    while journal.next < len(set_):
        shard, _ = cut(set_, journal.next, len(journal.shards), stage, max_bytes, keep, on_step)
        journal.add(shard)
    left_out, counts = Tally(), Counts()
    for shard in journal.shards:
        left_out.join(shard.left_out)
        counts.join(shard.counts)
    made = [shard for shard in journal.shards if shard.rows]
    if not made:
        raise BadData(f"{set_.name} holds no record that can be used.", "; ".join(left_out.lines()))
    for at, shard in enumerate(made):
        path = stage / f"shard-{shard.number:05}{SUFFIX}"
        place = stage / f"{STEM}-{at:05}-of-{len(made):05}{SUFFIX}"
        if path.exists():
            path.replace(place)
        elif not place.is_file():
            raise BadData(f"{path} is gone.", f"Delete {stage} and start again.")
    return Converted(counts.records, left_out, len(made), counts)


def to_folder(
    set_: TripletSet,
    out: Path,
    on_step: OnStep = lambda done, total: None,
    made_with: str = "",
) -> Converted:
    """Writes a set as a folder, record by record; the same call goes on where another was stopped.

    Pictures are written byte for byte, under the record's name and with the suffix of their format. Records that are
    not what their hashes say are left out. made_with: what a rerun has to agree in, if it is not the set itself.
    Raises BadData if `out` holds something, or if no record can be used; OSError.
    """
    left_out = Tally()
    key = made_with or sha256(f"{EDITION} {set_.fingerprint}".encode())
    with whole(out, key) as stage, SetFolder(stage, key) as new:
        add_all(set_, new, left_out, on_step=on_step)
        if not new.records:
            raise BadData(f"{set_.name} holds no record that can be used.", "; ".join(left_out.lines()))
        new.finish()
        done = Converted(len(new.records), left_out)
    return done


def add_all(
    set_: TripletSet,
    new: SetFolder,
    left_out: Tally,
    names: list[str] | None = None,
    on_step: OnStep = lambda done, total: None,
) -> None:
    """Every record of a set into a folder, under other names if these are given. Raises OSError."""
    names = names or list(set_.names)
    for index, name in enumerate(names):
        on_step(index, len(names))
        if name in new.records:
            continue
        try:
            triplet = set_[index]
        except BadData as error:
            left_out.add(UNREADABLE, shown(name), str(error))
            continue
        if wrong := wrong_hashes(triplet):
            left_out.add(CHANGED, shown(name), ", ".join(wrong))
            continue
        try:
            triplet = replace(unpacked(triplet), name=name)
            check_extra(triplet)
            new.add(triplet)
        except (BadData, UnicodeEncodeError, RecursionError) as error:
            left_out.add(UNWRITABLE, shown(name), str(error))
    on_step(len(names), len(names))


class Chained:
    """Several sets as one, for `TripletSet`: each record has what is said before its name."""

    def __init__(self, sets: Mapping[str, TripletSet]) -> None:
        """sets: by what goes before the names of their records; "" for nothing."""
        self._sets = list(sets.values())
        self._starts = list(accumulate((len(one) for one in self._sets), initial=0))
        self.names = [f"{before}/{name}" if before else name for before, one in sets.items() for name in one.names]

    def read(self, index: int) -> Triplet:
        at = bisect_right(self._starts, index) - 1
        return replace(self._sets[at][index - self._starts[at]], name=self.names[index])

    def fingerprint(self) -> str:
        return sha256(" ".join([*self.names, *(one.fingerprint for one in self._sets)]).encode())
