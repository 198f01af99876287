"""What a large run costs: time, storage, traffic, and which part is full first. Formulas and reference figures.

Every figure says where it comes from. Nothing here was measured on a GPU: what a network needs there is its counted
operations over an assumed speed, until a run of one's own tells better (`measured_in`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from data_tools.generate.part_files import DATA, NOTES, read_note, read_settings
from rorem.errors import BadData, BadOptions
from rorem.triplet.shards_writing import GROUP, GROUP_ROWS

MEASURED, COUNTED, ASSUMED, GIVEN = "measured", "counted", "assumed", "given"


@dataclass(frozen=True)
class Figure:
    """how: measured, counted, assumed or given. source: in words."""

    value: float
    how: str
    source: str = ""


@dataclass(frozen=True)
class Sizes:
    """Of one record. network: seconds of the GPU. beside: seconds of one CPU core, for reading, decoding, stitching,
    PNG, hashes and Parquet. candidate, removal: bytes. read: bytes that are read to get at the candidate."""

    network: Figure
    beside: Figure
    candidate: Figure
    read: Figure
    removal: Figure


@dataclass(frozen=True)
class Site:
    """Where it runs. workers: that hold the method. gpus: that they share. storage, hub: bytes a second, for all of
    them together. part_size: records."""

    workers: int
    gpus: int
    storage: Figure
    hub: Figure
    part_size: int = 200


@dataclass(frozen=True)
class Cost:
    """Of a whole run. gpu_hours: that the GPUs compute. held_hours: that they are held, computing or waiting.
    hours: of wall time. candidates, removals: bytes, each once. read: bytes. files: of parts. fetching, pushing: hours,
    of candidates from the Hub and removals to it. idle: share of its time that a GPU waits for its workers."""

    count: int
    gpu_hours: float
    held_hours: float
    hours: float
    candidates: float
    removals: float
    read: float
    files: int
    fetching: float
    pushing: float
    idle: float


CALLS = {"rorem-4s": 4, "rorem": 50}
# TFLOP of SDXL at its full size: one call of the UNet as it is folded here, encoding and decoding together.
OPERATIONS = {512: (1.481, 3.562), 1024: (5.925, 14.250)}
SPEED = 100e12  # operations a second that a data-centre GPU sustains on such a network
# The built-in photos at 4 : 3, of 512 pixels; enlarged, they are smaller files than photographs of that size.
HERE = {512: "twelve photos, 512 x 384", 1024: "twelve photos, enlarged to 1024 x 768"}
CORE = "one core of an EPYC server, a method that does nothing"
BESIDE = {512: 0.056, 1024: 0.18}
CANDIDATE = {512: 62e3, 1024: 174e3}
REMOVAL = {512: 0.41e6, 1024: 1.30e6}
STORAGE = Figure(1e9, ASSUMED, "shared by all machines")
HUB = Figure(100e6, ASSUMED, "of all machines together")


def reference(method: str, side: int, speed: float | None = None) -> Sizes:
    """method: `rorem` or `rorem-4s`. side: 512 or 1024. speed: operations a second, None = what is assumed.

    Raises BadOptions for what there are no figures of.
    """
    if method not in CALLS or side not in OPERATIONS:
        raise BadOptions(
            f"There are no figures of {method} at {side} pixels.",
            f"There are of {' and '.join(CALLS)} at 512 and 1024; else give --seconds, or the folder of a run.",
        )
    call, rest = OPERATIONS[side]
    tera = CALLS[method] * call + rest
    how = f"{COUNTED} over {GIVEN if speed else ASSUMED}"
    source = f"{tera:.1f} TFLOP of SDXL at its full size over {(speed or SPEED) / 1e12:g} TFLOP/s"
    return around(Figure(tera * 1e12 / (speed or SPEED), how, source), side)


def around(network: Figure, side: int) -> Sizes:
    """What a record needs beside a network of known time. side: 512 or 1024. Raises BadOptions."""
    if side not in BESIDE:
        raise BadOptions(f"There are no figures for {side} pixels.", "There are for 512 and 1024.")
    if network.value <= 0:
        raise BadOptions("A removal takes some time.", "Give --seconds above 0.")
    candidate = Figure(CANDIDATE[side], MEASURED, f"{HERE[side]}, JPEG of quality 90, and masks")
    return Sizes(
        network,
        Figure(BESIDE[side], MEASURED, f"{HERE[side]}, {CORE}"),
        candidate,
        candidate,
        Figure(REMOVAL[side], MEASURED, f"{HERE[side]}: photo, mask and result, which is a PNG"),
    )


def measured_in(out: Path) -> Sizes:
    """Of what a run of `generate` has done so far. Raises BadData where there is nothing to go by."""
    if read_settings(out) is None:
        raise BadData(f"{out} is no folder of a run.", "Name one that data_tools.generate has written.")
    made, network, wall, written = 0, 0.0, 0.0, 0
    for path in sorted((out / NOTES).glob("*.json")):
        if (note := read_note(path)) and note.made:
            made += note.made
            network += sum(note.seconds)
            wall += note.wall
            written += note.bytes
    if not made or not network:
        raise BadData(f"Nothing is done yet in {out}.", "Let it run for a while.")
    source = f"{made:,} removals in {out}"
    candidate = Figure(_candidate_in(out), MEASURED, f"photos and masks in {out}")
    return Sizes(
        Figure(network / made, MEASURED, f"{source}, with cutting out and stitching"),
        Figure(max(0.0, wall - network) / made, MEASURED, f"{source}, loading of the method included"),
        candidate,
        candidate,
        Figure(written / made, MEASURED, source),
    )


def from_shards(sizes: Sizes) -> Sizes:
    """Where the candidates lie in Parquet shards as we write them. The records of a part are scattered over the set, so
    that of a large set a whole row group is read for each."""
    group = min(GROUP_ROWS * sizes.candidate.value, GROUP)
    return replace(sizes, read=Figure(group, sizes.candidate.how, "a row group of candidates, read for each of them"))


def cost(count: int, sizes: Sizes, site: Site) -> Cost:
    """count: of candidates.

    A worker does one record after the other, and workers that share a GPU take turns on it:
    seconds = count max((network + beside) / workers, network / gpus).
    """
    network = sizes.network.value
    seconds = count * max((network + sizes.beside.value) / site.workers, network / site.gpus)
    candidates, removals = count * sizes.candidate.value, count * sizes.removal.value
    return Cost(
        count=count,
        gpu_hours=count * network / 3600,
        held_hours=seconds * site.gpus / 3600,
        hours=seconds / 3600,
        candidates=candidates,
        removals=removals,
        read=count * sizes.read.value,
        files=-(-count // site.part_size),
        fetching=candidates / site.hub.value / 3600,
        pushing=removals / site.hub.value / 3600,
        idle=max(0.0, 1 - count * network / (seconds * site.gpus)),
    )


def limits(sizes: Sizes, site: Site) -> list[tuple[str, float]]:
    """What is full with how many busy GPUs, the narrowest first: bytes a second over bytes a removal, times network."""
    network = sizes.network.value
    full = {
        "storage": site.storage.value / (sizes.read.value + sizes.removal.value) * network,
        "pushing to the Hub": site.hub.value / sizes.removal.value * network,
        "fetching from the Hub": site.hub.value / sizes.candidate.value * network,
    }
    return sorted(full.items(), key=lambda one: one[1])


def workers_a_gpu(sizes: Sizes) -> float:
    """How many keep it busy: while one reads and writes, another computes."""
    return (sizes.network.value + sizes.beside.value) / sizes.network.value


def _candidate_in(out: Path) -> float:
    """Bytes of photo and mask, the mean of the first records. Raises BadData."""
    from rorem.triplet import Triplet, open_set

    set_ = open_set(str(out / DATA))  # all is not there yet, perhaps
    some = [one for one in (set_[index] for index in range(min(20, len(set_)))) if isinstance(one, Triplet)]
    return sum(len(one.source) + len(one.mask) for one in some) / len(some)
