"""What a round of the data tools costs without its pictures: `python -m tests.bench_round`."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from data_tools.near import near_pairs, photo_hash, place_of
from data_tools.round import index
from data_tools.round.choosing import GENERATED, PREVIOUS, Found, Photos, choose
from data_tools.round.item import Item
from data_tools.round.judged import Score
from data_tools.round.manifest import LEFT_OUT, PAIRS, origin_of, write_left_out, write_pairs
from data_tools.round.people import Said
from data_tools.round.settings import NEAR
from rorem.memory import peak_memory, reset_peak_memory
from rorem.triplet import Triplet, TripletSet

MANY = 200_000
OLD = 0.7  # of the records: those of the previous set
ALIKE = 0.03  # of the records: their photo is one of those before, with a few bits turned
EVALUATION = 1000  # photos
CROWD = 40  # records of one photo, each with another thing marked


def selecting(count: int = MANY) -> dict[str, float]:
    """Choosing a round among so many records, from indexes in the cache to the written list of pairs.

    In a process of its own. Returns seconds: `read` of the indexes, `choose`, `write`, `whole`; `memory`, the peak of
    resident bytes above what the process held before; `kept` and `near`, how many records stayed and how many were
    near-duplicates.
    """
    with tempfile.TemporaryDirectory() as folder:
        sets = [
            _cached(Path(folder), "old", 0, round(count * OLD)),
            _cached(Path(folder), "new", round(count * OLD), count),
        ]
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            return pool.apply(_select, (folder, sets))


def searching(count: int = MANY, distance: int = NEAR) -> float:
    """Seconds of the search for near-duplicates alone, among so many different hashes, some of them near each other."""
    hashes = np.unique(_looks(count, 0))
    started = time.perf_counter()
    near_pairs(hashes, distance)
    return time.perf_counter() - started


def looking(repeats: int = 20) -> dict[str, float]:
    """Milliseconds of one thread for a record's photo (JPEG, 1024 x 768), and for its mask (PNG)."""
    rng = np.random.default_rng(0)
    photo, mask = io.BytesIO(), io.BytesIO()
    coarse = Image.fromarray(rng.integers(0, 256, (96, 128, 3), np.uint8))
    coarse.resize((1024, 768), Image.Resampling.BICUBIC).save(photo, "JPEG", quality=90)
    marked = np.zeros((768, 1024), np.uint8)
    marked[200:500, 300:700] = 255
    Image.fromarray(marked).save(mask, "PNG")
    found = {}
    for name, look, data in (("photo", photo_hash, photo.getvalue()), ("mask", place_of, mask.getvalue())):
        look(data)
        started = time.perf_counter()
        for _ in range(repeats):
            look(data)
        found[name] = (time.perf_counter() - started) / repeats * 1000
    return found


def lines() -> Iterator[str]:
    """All of it, for people to read."""
    told = selecting()
    yield (
        f"a round over {MANY:,} records       {told['whole']:.1f} s (indexes {told['read']:.1f}, choosing "
        f"{told['choose']:.1f}, list of pairs {told['write']:.1f}), {told['memory'] / 1e6:.0f} MB; "
        f"{told['near']:,.0f} near-duplicates"
    )
    yield f"near-duplicates of {MANY:,} hashes  {searching():.1f} s"
    told = looking()
    yield f"looking at a record, one thread    photo {told['photo']:.1f} ms, mask {told['mask']:.1f} ms"


class _Named:
    """A set of which only the names are there."""

    def __init__(self, name: str, first: int, last: int) -> None:
        self.names = [f"photo {number:07}" for number in range(first, last)]
        self._name = name

    def read(self, index: int) -> Triplet:
        raise AssertionError("no picture is needed")

    def fingerprint(self) -> str:
        return _hash(f"set {self._name}")


def _select(folder: str, sets: list[tuple[str, int, int]]) -> dict[str, float]:
    reset_peak_memory()
    before = peak_memory() or 0
    started = time.perf_counter()
    opened = [TripletSet(name, _Named(name, first, last)) for name, first, last in sets]
    old, new = (index.index_of(one, Path(folder), index.ITEMS) for one in opened)
    read = time.perf_counter()
    said = {item.id: Said(yes=number % 4, no=1) for number, item in enumerate(new.items[: len(new.items) // 4])}
    scores = {
        item.id: Score(0.9, (number % 100) / 100, number % 100 > 30, "c") for number, item in enumerate(new.items)
    }
    evaluation = Photos(
        [_hash(f"evaluation {number}") for number in range(EVALUATION)],
        np.random.default_rng(9).integers(0, 2**63, EVALUATION).tolist(),
        [f"evaluation {number}" for number in range(EVALUATION)],
    )
    chosen = choose([Found(PREVIOUS, old.items), Found(GENERATED, new.items)], said, scores, evaluation, NEAR, 2)
    chose = time.perf_counter()
    write_pairs(Path(folder) / PAIRS, map(origin_of, chosen.pairs))
    write_left_out(Path(folder) / LEFT_OUT, chosen.left_out)
    wrote = time.perf_counter()
    return {
        "read": read - started,
        "choose": chose - read,
        "write": wrote - chose,
        "whole": wrote - started,
        "memory": float((peak_memory() or 0) - before),
        "kept": float(len(chosen.pairs)),
        "near": float(chosen.steps[-1].out),
    }


def _cached(folder: Path, name: str, first: int, last: int) -> tuple[str, int, int]:
    """Puts an index of invented records into a cache; returns what `_Named` is made of."""
    looks = _looks(last - first, first).tolist()
    rng = np.random.default_rng(first)
    corners = rng.uniform(0, 0.7, (last - first, 2)).tolist()
    set_ = TripletSet(name, _Named(name, first, last))
    items = [_item(at, number, looks[at], corners[at], name == "old") for at, number in enumerate(range(first, last))]
    for start in range(0, len(items), index.PIECE):
        index.keep(
            index.piece_of(folder, set_, index.ITEMS, start), index.ITEMS, items[start : start + index.PIECE], []
        )
    return name, first, last


def _item(at: int, number: int, look: int, corner: list[float], old: bool) -> Item:
    left, top = corner
    source = _hash(f"photo {number if look % CROWD else look}")
    return Item(
        at=at,
        name=f"photo {number:07}",
        id=_hash(f"id {number}"),
        sample=_hash(f"sample {number if number % 50 else number + 1}"),
        source=source,
        method="patchmatch",
        seed=0,
        round=1 if old else 0,
        accepted_by=("human", "judge", "truth")[number % 3] if old else "none",
        p_yes=(number % 97) / 97 if old else None,
        votes_yes=0,
        votes_no=0,
        result=_hash(f"result {number}"),
        result_look=look ^ 3,
        truth=_hash(f"truth {number}"),
        truth_look=look ^ 5,
        look=look,
        left=left,
        top=top,
        right=left + 0.25,
        bottom=top + 0.3,
        share=0.05,
        psnr=float("nan"),
    )


def _looks(count: int, seed: int) -> np.ndarray:
    """Hashes, uint64 (count,): most by chance, some near an earlier one, and crowds that have one in common."""
    rng = np.random.default_rng(seed)
    looks = rng.integers(0, 2**64, count, dtype=np.uint64)
    near = np.flatnonzero(rng.random(count) < ALIKE)
    turned = np.uint64(1) << rng.integers(0, 64, (len(near), 4), dtype=np.uint64)
    looks[near] = looks[rng.integers(0, count, len(near))] ^ np.bitwise_xor.reduce(turned, axis=1)
    looks[: count // 20] = np.repeat(looks[: count // 20 // CROWD + 1], CROWD)[: count // 20]
    return looks


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    for line in lines():
        print(line)
