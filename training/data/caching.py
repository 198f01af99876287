"""Encodes the pictures of a set once, before training, in all processes together.

A run that was killed goes on where it was: what has been written is not made again. Nothing is ever stale, since names
are made of contents; see `latents.keys`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from rorem.errors import BadData, BadOptions, RoremError
from rorem.files import write_whole
from rorem.nets.vae import Vae
from rorem.triplet import Triplet
from training.data import latents
from training.data.pictures import target, unpacked
from training.data.samples import Look, levels, looks, masked, seed_for, seen
from training.data.sets import Sets
from training.data.settings import LATENT, DataSettings
from training.data.store import SHARD, Store

log = logging.getLogger(__name__)
READERS = 4  # threads that unpack pictures while others are encoded
PATIENCE = 300  # s of work that a kill may cost, where encoding is slow
MASK = "mask"
Shape = tuple[int, int]
Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Wanted:
    """What is to be kept of each record. parts: "result", "masked", "source", "mask". judged: the result, never the
    truth. encoder: of the network; see `latents.fingerprint_of`."""

    parts: frozenset[str]
    judged: bool
    encoder: str

    def keys(self, triplet: Triplet, how: Look, settings: DataSettings) -> Mapping[str, str]:
        return latents.keys(triplet, target(triplet, self.judged), how, self.encoder, settings, set(self.parts))


@dataclass(frozen=True)
class Filled:
    """note: the file that says that all is there. bad: ids of records that could not be used."""

    note: Path
    bad: frozenset[str]


def fill(
    store: Store,
    sets: Sets,
    records: Sequence[int],
    shape_of: Callable[[int], Shape],
    wanted: Wanted,
    vae: Vae,
    settings: DataSettings,
) -> Filled:
    """Makes what the store lacks of these records. shape_of: a record's height and width as a sample.

    Where a note says that it was all made before, no record is looked at: what has changed since is found when it is
    looked up. Records that cannot be read are left out; training names them. Raises BadData where the disk is full.
    """
    note = store.folder / f"{_plan(sets, records, wanted, settings)}.json"
    if (bad := _noted(note, store)) is not None:
        return Filled(note, bad)
    rank, processes = _world()
    if rank == 0:
        store.tidy()
    if rank == 0:
        log.info(
            "Encoding the pictures of %s, for about %.1f GB.",
            sets.title,
            bytes_of(len(records), wanted, settings) / 1e9,
        )
    lacking = _lacking(store, sets, _stretch(records, rank, processes), shape_of, wanted, settings)
    todo = _stretch(sorted(_gathered(lacking)), rank, processes)  # even, however far each process was before
    maker, lost = _Maker(store, vae, settings, len(todo)), list[str]()
    for one in _ahead(todo, lambda record: _prepared(store, sets, record, shape_of(record), wanted, settings)):
        maker.add(one)
        lost += [one.bad] if one.bad else []
    maker.finish()
    bad = frozenset(_gathered(lost))
    store.refresh()
    if rank == 0:
        told = {"records": len(records), "files": store.files, "bad": sorted(bad)}
        write_whole(note, json.dumps(told).encode())
    return Filled(note, bad)


def bytes_of(records: int, wanted: Wanted, settings: DataSettings) -> int:
    """Of the latents of so many records, about."""
    numbers = 4 * (settings.size // LATENT) ** 2
    many = len(looks((settings.size, settings.size), settings)) * len(wanted.parts - {MASK})
    return records * many * numbers * (3 if settings.cache_spread else 2)


@dataclass(frozen=True)
class _Prepared:
    """What a record still needs, by its keys: packed, and as pictures (3, H, W) to be encoded. bad: the record's id
    where it cannot be used."""

    packed: Mapping[str, bytes]
    pictures: Mapping[str, Tensor]
    bad: str = ""


class _Maker:
    """Encodes pictures of one shape together and writes when there is enough."""

    def __init__(self, store: Store, vae: Vae, settings: DataSettings, records: int) -> None:
        self._store, self._vae, self._settings, self._records = store, vae, settings, records
        self._waiting: dict[tuple[int, ...], dict[str, Tensor]] = defaultdict(dict)
        self._ready: dict[str, bytes] = {}
        self._done = self._bytes = 0
        self._written = time.monotonic()

    def add(self, one: _Prepared) -> None:
        for key, data in one.packed.items():
            self._keep(key, data)
        for key, picture in one.pictures.items():
            same = self._waiting[tuple(picture.shape)]
            same[key] = picture
            if len(same) >= self._settings.cache_batch:
                self._encode(same)
        self._done += 1
        if self._bytes >= SHARD or time.monotonic() - self._written > PATIENCE:
            self._write()

    def finish(self) -> None:
        for same in self._waiting.values():
            if same:
                self._encode(same)
        self._write()

    def _encode(self, same: dict[str, Tensor]) -> None:
        means, spreads = latents.posterior(self._vae, torch.stack(list(same.values())))
        if not (means.isfinite().all() and spreads.isfinite().all()):
            raise BadOptions("The autoencoder overflows in this precision.", "Encode in bfloat16 or float32.")
        for key, mean, spread in zip(same, means.cpu(), spreads.cpu(), strict=True):
            self._keep(key, latents.packed(mean, spread if self._settings.cache_spread else None))
        same.clear()

    def _keep(self, key: str, data: bytes) -> None:
        self._ready[key] = data
        self._bytes += len(data)

    def _write(self) -> None:
        if self._ready:
            self._store.add(self._ready)
            self._ready, self._bytes, self._written = {}, 0, time.monotonic()
            log.info("Latents: %d of %d records", self._done, self._records)


def _lacking(
    store: Store,
    sets: Sets,
    mine: Sequence[int],
    shape_of: Callable[[int], Shape],
    wanted: Wanted,
    settings: DataSettings,
) -> list[int]:
    """The records of which something is not in the store."""

    def lacks(record: int) -> bool:
        try:
            triplet = sets[record]
        except RoremError:
            return False
        every = (wanted.keys(triplet, how, settings) for how in looks(shape_of(record), settings))
        return any(key not in store for keys in every for key in keys.values())

    if not len(store):
        return list(mine)
    return [record for record, found in zip(mine, _ahead(mine, lacks), strict=True) if found]


def _prepared(store: Store, sets: Sets, record: int, shape: Shape, wanted: Wanted, settings: DataSettings) -> _Prepared:
    plain: dict[str, bytes] = {}
    pictures: dict[str, Tensor] = {}
    id = ""
    try:
        triplet = sets[record]
        id, opened = triplet.id, None
        result = target(triplet, wanted.judged) if "result" in wanted.parts else None
        if result is None and "result" in wanted.parts:
            raise BadData("it has no result")
        for how in looks(shape, settings):
            keys = wanted.keys(triplet, how, settings)
            keys = {part: key for part, key in keys.items() if key not in store and key not in plain | pictures}
            if not keys:
                continue
            opened = opened or unpacked(triplet, result, settings.crop == "squash")
            view = seen(opened, how, seed_for(how, triplet), settings)
            for part, key in keys.items():
                if part == MASK:
                    plain[key] = latents.packed_mask(view.mask, view.size)
                elif part == "masked":
                    pictures[key] = masked(levels(view.source), torch.from_numpy(view.mask)[None].float())
                else:
                    picture = view.result if part == "result" else view.source
                    assert picture is not None
                    pictures[key] = levels(picture)
    except RoremError as error:
        log.warning("Record %s is left out of the latents: %s", sets.name(record), error)
        return _Prepared({}, {}, id)
    return _Prepared(plain, pictures)


def _plan(sets: Sets, records: Sequence[int], wanted: Wanted, settings: DataSettings) -> str:
    """A name for all that is to be made."""
    names = ("size", "crop", "zoom", "flip", "buckets", "bucket_step", "bucket_ratio", "variants", "cache_spread")
    names += ("mask_change", "mask_changes", "mask_reach")
    told = settings.model_dump(mode="json", include=set(names))
    some = None if len(records) == len(sets) else sorted(map(int, records))
    parts = [latents.VERSION, sets.fingerprint, some, sorted(wanted.parts), wanted.judged, wanted.encoder, told]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _noted(note: Path, store: Store) -> frozenset[str] | None:
    """The bad records of what was made; None if it was not, or if files of it are gone."""
    try:
        told = json.loads(note.read_bytes())
        return frozenset(told["bad"]) if set(told["files"]) <= set(store.files) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _ahead(items: Sequence[Item], make: Callable[[Item], Made]) -> Iterator[Made]:
    """make(item) for each, in order, some of them ahead in threads."""
    with ThreadPoolExecutor(READERS) as pool:
        waiting = iter(items)
        running = [pool.submit(make, item) for item in islice(waiting, 2 * READERS)]
        while running:
            yield running.pop(0).result()
            running += [pool.submit(make, item) for item in islice(waiting, 1)]


def _stretch(records: Sequence[int], rank: int, processes: int) -> Sequence[int]:
    """A process's share, in one piece: shards are quicker to read from front to back."""
    return records[rank * len(records) // processes : (rank + 1) * len(records) // processes]


def _world() -> tuple[int, int]:
    """This process's number and how many there are."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def _gathered(mine: list[Item]) -> list[Item]:
    """Those of all processes, each of which waits for the others."""
    from torch import distributed

    _, processes = _world()
    if processes == 1:
        return mine
    every: list[Any] = [None] * processes
    distributed.all_gather_object(every, mine)
    return [one for part in every for one in part]
