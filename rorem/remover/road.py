"""`remove`: masks, windows, the method, stitching. The road every removal takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from rorem.errors import BadMask, BadOptions, OutOfMemory
from rorem.geometry import Box
from rorem.mask import Cluster, check, clusters, masks
from rorem.memory import peak_memory, reset_peak_memory
from rorem.opacity import fill_opacity, opacity_of
from rorem.picture import Patch, Picture, blend, crop, patch, to_rgb
from rorem.remover.contract import (
    AS_PUBLISHED,
    SAME_PIPELINE,
    Fill,
    Job,
    Method,
    OnStep,
    Options,
    Published,
    Road,
    no_step,
)
from rorem.remover.published import as_published
from rorem.remover.removal import Rank, Removal, WindowReport
from rorem.window import from_working, match_grain, match_tone, plan, to_working


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
    protocol: Road = SAME_PIPELINE,
    rank: Rank | None = None,
    on_step: OnStep = no_step,
) -> list[Removal]:
    """Removes what the mask marks. Always a list, best first where `rank` can tell, else in the order of seeds.

    mask: bool (H, W), True = remove. avoid: bool (H, W), True = do not copy from here.
    seed: of the first candidate; the others count up from it. grow: px the hole reaches beyond the mark, None = what
    suits the method; never more than a window's longer side. protocol: as published, `avoid` and `grow` are not heeded.
    on_step is called with thousandths of the whole work.
    Raises BadMask, BadOptions, Cancelled, OutOfMemory and what the method raises.
    """
    check(mask, picture.width, picture.height)
    if avoid is not None and (avoid.shape != mask.shape or avoid.dtype != np.bool_):
        raise BadMask("The areas to leave alone do not fit the photo.", "Give a yes-or-no mask of the photo's size.")
    if seed < 0 or (grow is not None and grow < 0):
        raise BadOptions("The seed and the reach beyond the marks cannot be negative.", "Use 0 or more.")
    if protocol == AS_PUBLISHED and not isinstance(method.remover, Published):
        raise BadOptions(f"{method.traits.id} has no published way of its own.", "Run it in the same pipeline.")
    if protocol == AS_PUBLISHED and options != type(options)():
        raise BadOptions("As published, a method takes no settings.", "Leave them out.")
    groups = clusters(mask, max(method.traits.native, default=None))
    avoid = mask if avoid is None else mask | avoid
    count = max(1, candidates) if method.traits.seeded else 1
    removals = []
    steps = _forwards(on_step)
    try:
        for index in range(count):
            share = _share(steps, index, count)
            if protocol == AS_PUBLISHED:
                removals.append(as_published(picture, mask, method, options, seed + index, share))
            else:
                removals.append(_candidate(picture, groups, avoid, method, options, seed + index, grow, share))
    except MemoryError as error:
        raise OutOfMemory("There was not enough memory for this.") from error
    except cv2.error as error:
        if "Insufficient memory" not in str(error):
            raise
        raise OutOfMemory("There was not enough memory for this.") from error
    if count < candidates:
        only = f"{method.traits.id} has only one result, whatever the seed."
        removals = [replace(one, notes=(*one.notes, only)) for one in removals]
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
    rungs: list[str] = []
    for index, cluster in enumerate(groups):
        share = _share(on_step, index, len(groups))
        share(0, 1)
        done, report, fill = _window(picture, patches, cluster, avoid, method, options, seed, grow, share)
        patches.append(done)
        windows.append(report)
        calls += fill.network_calls
        rungs += [fill.rung] if fill.rung and fill.rung not in rungs else []
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
        rung=", ".join(rungs),
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
