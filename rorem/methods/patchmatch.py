"""The embedded method: fills a hole with pieces of the same photo. No GPU, no weights.

The crop is shrunk to a working size, filled there with PyPatchMatch and brought back sharp by detail transfer
(`rorem.methods.detail`). It copies; what the photo does not show, it cannot make up.
"""

from __future__ import annotations

import threading
from importlib import import_module

import cv2
import numpy as np
from pydantic import Field

from rorem.errors import Unavailable
from rorem.methods.detail import SmallFill, bands, enlarge
from rorem.methods.entry import READY, Entry, State
from rorem.methods.match import patch_sources, patches_touching
from rorem.methods.telea import covered, diffuse
from rorem.remover import Fill, Job, OnStep, Options, Traits, no_step

ENGINE = threading.Lock()  # the native library keeps one seed for the whole process
MOST_CELLS = 60_000  # of hole at working size; more than a large object has, and the time grows with them
FEWEST_SOURCES = 64  # patches; below, the same few copies repeat and smooth colour looks better

TOO_LITTLE = "There is too little around the marked area to copy from, so it was filled with smooth colour."


class PatchMatchOptions(Options):
    """Settings of `PatchMatch`."""

    patch_size: int = Field(
        default=3,
        ge=2,
        le=8,
        title="Patch",
        description="Half the width of the copied pieces. Smaller is finer and quicker.",
    )
    working_size: int = Field(
        default=256,
        ge=128,
        le=512,
        title="Working size",
        description="The place is filled at this size, then sharpened from the photo. Larger is slower.",
    )


class PatchMatch:
    """PatchMatch inpainting with detail transfer.

    Barnes et al. 2009, "PatchMatch: a randomized correspondence algorithm for structural image editing"; the fill
    itself is Wexler, Shechtman and Irani 2007, "Space-time completion of video".
    """

    def __init__(self) -> None:
        try:
            engine = import_module("patchmatch")  # by name, or type checkers take this very file for it
        except ImportError as error:
            raise Unavailable("The quick fill is not installed on this machine.", "Install pypatchmatch.") from error
        if not engine.patchmatch_available:
            raise Unavailable("The quick fill does not run on this kind of machine.")
        self._engine = engine

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        options = job.options if isinstance(job.options, PatchMatchOptions) else PatchMatchOptions()
        picture = shrunk(job.crop, job.hole, options.working_size)
        hole, avoid = (covered(mask, picture.shape[:2]) for mask in (job.hole, job.avoid))
        sources = patch_sources(~hole & ~avoid)
        whole = picture.shape == job.crop.shape
        steps = 2 if whole else 2 + sum(1 for _ in bands(job.hole))
        on_step(0, steps)
        if np.count_nonzero(sources) < FEWEST_SOURCES:
            filled, notes = diffuse(job.crop, job.hole, job.avoid)
            on_step(steps, steps)
            return Fill(filled, notes=notes or (TOO_LITTLE,))

        on_step(1, steps)
        filled = self._inpaint(picture, hole, avoid, options.patch_size, job.seed)
        on_step(2, steps)
        if whole:
            return Fill(np.where(job.hole[..., None], filled, job.crop))
        small = SmallFill(picture, filled, hole, sources)
        sharp = enlarge(job.crop, job.hole, small, lambda band: on_step(2 + band, steps))
        return Fill(sharp, working=(picture.shape[1], picture.shape[0]))

    def _inpaint(
        self, picture: np.ndarray, hole: np.ndarray, avoid: np.ndarray, patch_size: int, seed: int
    ) -> np.ndarray:
        # What is to be avoided and touches the hole is filled too: left there, it would be carried on into the hole.
        reach = patches_touching(hole, 2 * patch_size)
        with ENGINE:
            self._engine.set_random_seed(seed)
            wanted, forbidden = hole | (avoid & reach), avoid & ~reach
            return self._engine.inpaint(picture, wanted, global_mask=forbidden, patch_size=patch_size)


def shrunk(crop: np.ndarray, hole: np.ndarray, side: int) -> np.ndarray:
    """The crop with about as many pixels as a square of this side, fewer if the hole is vast; as it is if small anyway.

    crop uint8 RGB (h, w, 3), hole bool (h, w).
    """
    height, width = crop.shape[:2]
    most = MOST_CELLS / max(1, np.count_nonzero(hole))
    scale = min(side**2 / (height * width), most) ** 0.5
    if scale >= 1:
        return np.ascontiguousarray(crop)
    return cv2.resize(crop, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)


def state() -> State:
    try:
        engine = import_module("patchmatch")
    except ImportError:
        return State("unavailable", "The package pypatchmatch is not installed.")
    return READY if engine.patchmatch_available else State("unavailable", "Its native library does not load here.")


ENTRY = Entry(
    traits=Traits(id="patchmatch", revision="pypatchmatch 2.2", grow=0.008),
    title="Quick fill",
    summary="Copies from this photo. Good on grass, sand, water, walls and leaves; it cannot invent what is not there.",
    paper="Barnes et al., PatchMatch, SIGGRAPH 2009; Wexler et al., Space-Time Completion of Video, PAMI 2007",
    licence="MIT",
    memory=400_000_000,
    devices=("cpu",),
    options=PatchMatchOptions,
    remover="rorem.methods.patchmatch:PatchMatch",
    probe=state,
    fallback="telea",
)
