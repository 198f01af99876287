"""The contract every removal method keeps, and `remove`, the road every removal takes.

A method fills one crop and knows nothing else. Everything around it (masks, windows, stitching, native pixels) happens
here and on the floors below, once for all methods.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from rorem.errors import BadMask, BadOptions, OutOfMemory
from rorem.files import write_whole
from rorem.geometry import Box
from rorem.mask import Cluster, check, clusters, masks
from rorem.memory import peak_memory, reset_peak_memory
from rorem.opacity import fill_opacity, opacity_of
from rorem.picture import Edit, Patch, Picture, apply, blend, crop, encode, patch, to_rgb
from rorem.window import from_working, match_grain, match_tone, plan, to_working

SAME_PIPELINE = "same pipeline"
OnStep = Callable[[int, int], None]


def no_step(done: int, total: int) -> None:
    """An `OnStep` that does nothing."""


class Options(BaseModel):
    """Settings of a method. Each method has its own subclass; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, eq=False)
class Job:
    """One crop to fill.

    crop: uint8 RGB (h, w, 3); what lies under the hole is still the thing to be removed.
    hole: bool (h, w), True = fill. Never empty, never everything.
    avoid: bool (h, w), True = not to be copied from (other marked things, people); never filled. May overlap the hole.
    seed: non-negative; the same job gives the same pixels.
    """

    crop: np.ndarray
    hole: np.ndarray
    avoid: np.ndarray
    seed: int
    options: Options


@dataclass(frozen=True, eq=False)
class Fill:
    """What a method made of a `Job`.

    crop: uint8 RGB (h, w, 3), the same size as the job's; pixels outside the hole only serve to measure a tone shift.
    network_calls: forward passes of the denoiser or generator really made; 0 for methods without a network.
    working: width and height in px that the method worked at, where it shrank the crop itself.
    notes: plain sentences for the person, when something was not done as asked.
    rung: of the memory ladder, "" for methods without one.
    """

    crop: np.ndarray
    network_calls: int = 0
    working: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    rung: str = ""


class Remover(Protocol):
    """A loaded method."""

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        """Fill `job.hole`. Calls `on_step(done, total)` as it goes; an exception raised there stops it."""
        ...


@dataclass(frozen=True)
class Traits:
    """What the road must know of a method before it plans a window.

    native: sides in px that the method was made for; () when it takes any crop at full resolution.
    multiple: both sides of a crop must be multiples of this.
    grow: how far the hole reaches beyond the mark, as a share of the crop's longer side.
    seeded: another seed gives another fill.
    generative: the method invents pixels with a trained network; the file's metadata then says so.
    """

    id: str
    revision: str
    native: tuple[int, ...] = ()
    multiple: int = 1
    grow: float = 0.02
    seeded: bool = True
    generative: bool = False


@dataclass(frozen=True)
class Method:
    """A method ready to run: its traits, the loaded remover, and what a person should know (a fallback, say)."""

    traits: Traits
    remover: Remover
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class WindowReport:
    """What was done in one window.

    box: where. working: width and height in px that the method worked at. grow: px the hole reaches beyond the mark.
    hole: bool (box.height, box.width), M: the only pixels that may have changed.
    """

    box: Box
    working: tuple[int, int]
    grow: int
    hole: np.ndarray


@dataclass(frozen=True, eq=False)
class Removal:
    """A result and how it came about.

    before: the picture as it was given. patches: the changed windows in native pixels, in the order they were made.
    seconds: wall time of this candidate. peak_memory: bytes, the highest resident size of the whole process meanwhile
    (None where the system does not tell). score: of the ranking function, if one was given.
    """

    before: Picture
    patches: tuple[Patch, ...]
    windows: tuple[WindowReport, ...]
    method: str
    revision: str
    options: Options
    seed: int
    protocol: str
    network_calls: int
    seconds: float
    peak_memory: int | None
    generative: bool
    notes: tuple[str, ...] = ()
    score: float | None = None

    @cached_property
    def picture(self) -> Picture:
        """The whole picture without the thing. Made when first asked for, so several candidates are cheap."""
        return apply(self.before, self.patches)

    @property
    def hole(self) -> np.ndarray:
        """M over the whole picture: bool (H, W)."""
        hole = np.zeros((self.before.height, self.before.width), bool)
        for window in self.windows:
            hole[window.box.slices] |= window.hole
        return hole

    def save(self, path: Path | str, *, mark_edited: bool = True, keep_gps: bool = True) -> None:
        """Writes the picture, whole or not at all; the suffix chooses the format, none keeps the source's.

        Raises ValueError for a suffix that is no picture's, OSError.
        """
        path = Path(path)
        edit = self.edit if mark_edited else None
        write_whole(path, encode(self.picture, path.suffix or None, edit=edit, keep_gps=keep_gps))

    @property
    def edit(self) -> Edit:
        """What the file should say of this edit."""
        return Edit(tool=f"RORem ({self.method})", generative=self.generative)


Rank = Callable[[Sequence[Removal]], Sequence[float]]


def remove(
    picture: Picture,
    mask: np.ndarray,
    method: Method,
    *,
    options: Options,
    seed: int = 0,
    candidates: int = 1,
    avoid: np.ndarray | None = None,
    grow: int | None = None,
    rank: Rank | None = None,
    on_step: OnStep = no_step,
) -> list[Removal]:
    """Removes what the mask marks. Always a list, best first where `rank` can tell, else in the order of seeds.

    mask: bool (H, W), True = remove. avoid: bool (H, W), True = do not copy from here.
    seed: of the first candidate; the others count up from it. grow: px the hole reaches beyond the mark, None = what
    suits the method; never more than a window's longer side. on_step is called with thousandths of the whole work.
    Raises BadMask, BadOptions, Cancelled, OutOfMemory and what the method raises.
    """
    check(mask, picture.width, picture.height)
    if avoid is not None and (avoid.shape != mask.shape or avoid.dtype != np.bool_):
        raise BadMask("The areas to leave alone do not fit the photo.", "Give a yes-or-no mask of the photo's size.")
    if seed < 0 or (grow is not None and grow < 0):
        raise BadOptions("The seed and the reach beyond the marks cannot be negative.", "Use 0 or more.")
    groups = clusters(mask, max(method.traits.native, default=None))
    avoid = mask if avoid is None else mask | avoid
    count = max(1, candidates) if method.traits.seeded else 1
    removals = []
    steps = _forwards(on_step)
    try:
        for index in range(count):
            share = _share(steps, index, count)
            removals.append(_candidate(picture, groups, avoid, method, options, seed + index, grow, share))
    except MemoryError as error:
        raise OutOfMemory("There was not enough memory for this.") from error
    except cv2.error as error:
        if "Insufficient memory" not in str(error):
            raise
        raise OutOfMemory("There was not enough memory for this.") from error
    if rank is None:
        return removals
    scored = [replace(one, score=score) for one, score in zip(removals, rank(removals), strict=True)]
    return sorted(scored, key=lambda one: one.score or 0.0, reverse=True)


def _candidate(
    picture: Picture,
    groups: Sequence[Cluster],
    avoid: np.ndarray,
    method: Method,
    options: Options,
    seed: int,
    grow: int | None,
    on_step: OnStep,
) -> Removal:
    """One pass over all clusters. Each works on what the ones before it left."""
    started = time.perf_counter()
    reset_peak_memory()
    patches: list[Patch] = []
    windows: list[WindowReport] = []
    notes = list(method.notes)
    calls = 0
    for index, cluster in enumerate(groups):
        share = _share(on_step, index, len(groups))
        share(0, 1)
        done, report, fill = _window(picture, patches, cluster, avoid, method, options, seed, grow, share)
        patches.append(done)
        windows.append(report)
        calls += fill.network_calls
        notes += [note for note in fill.notes if note not in notes]
        share(1, 1)
    return Removal(
        before=picture,
        patches=tuple(patches),
        windows=tuple(windows),
        method=method.traits.id,
        revision=method.traits.revision,
        options=options,
        seed=seed,
        protocol=SAME_PIPELINE,
        network_calls=calls,
        seconds=time.perf_counter() - started,
        peak_memory=peak_memory(),
        generative=method.traits.generative,
        notes=tuple(notes),
    )


def _window(
    picture: Picture,
    patches: Sequence[Patch],
    cluster: Cluster,
    avoid: np.ndarray,
    method: Method,
    options: Options,
    seed: int,
    grow: int | None,
    on_step: OnStep,
) -> tuple[Patch, WindowReport, Fill]:
    """Plans, fills and stitches the window of one cluster."""
    traits = method.traits
    window = plan(cluster.box, picture.width, picture.height, traits.native, traits.multiple)
    reach = round(traits.grow * window.box.side) if grow is None else min(grow, window.box.side)
    marked = _placed(cluster, window.box)
    three = masks(marked, reach)
    if three.hole.all():  # a grown mark can cover a small photo; something must stay to go by
        reach = 0
        three = masks(marked, reach)
    native = crop(picture, window.box, patches)
    rgb = to_rgb(native)
    opacity = opacity_of(native)
    others = avoid[window.box.slices] & ~three.hole
    if opacity is not None:
        others = others | (opacity == 0)  # nothing is seen there: its colour is no source
    hole = to_working(window, three.hole)
    if hole.all():  # shrunk, a thin strip that is left is part of the hole's cells: here it keeps its own
        hole = ~to_working(window, ~three.hole)
    job = Job(to_working(window, rgb), hole, to_working(window, others), seed, options)
    fill = method.remover.fill(job, on_step)
    if fill.crop.shape != job.crop.shape or fill.crop.dtype != np.uint8:
        raise ValueError(f"{traits.id} returned {fill.crop.dtype} {fill.crop.shape} for a crop of {job.crop.shape}")
    filled = match_tone(from_working(window, fill.crop), rgb, three.hole)
    if window.scale < 1:
        filled = match_grain(filled, rgb, three.hole, seed)
    stitched = blend(native, filled, three.weight, fill_opacity(opacity, three.hole))
    report = WindowReport(window.box, fill.working or window.working, reach, three.hole)
    return patch(stitched, window.box), report, fill


def _placed(cluster: Cluster, box: Box) -> np.ndarray:
    """The cluster's marks as a mask of the window."""
    marked = np.zeros((box.height, box.width), bool)
    marked[cluster.box.moved(-box.left, -box.top).slices] = cluster.marked
    return marked


def _forwards(on_step: OnStep) -> OnStep:
    """Progress that never runs back or over its end, whatever a method tells."""
    furthest = 0

    def step(done: int, total: int) -> None:
        nonlocal furthest
        furthest = min(total, max(furthest, done))
        on_step(furthest, total)

    return step


def _share(on_step: OnStep, index: int, count: int) -> OnStep:
    """Progress within part `index` of `count`, told in thousandths of the whole."""

    def step(done: int, total: int) -> None:
        on_step(round(1000 * (index + done / max(1, total)) / count), 1000)

    return step
