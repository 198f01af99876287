"""The embedded method: fills a hole with pieces of the same photo. No GPU, no weights.

The crop is shrunk to a working size, filled there with PyPatchMatch and brought back sharp by detail transfer
(`rorem.methods.detail`). It copies; what the photo does not show, it cannot make up.
"""

from __future__ import annotations

import threading

import cv2
import numpy as np
from pydantic import Field

from rorem.errors import Unavailable
from rorem.methods.detail import enlarge_with_detail
from rorem.methods.match import patch_sources
from rorem.methods.telea import diffuse
from rorem.remover import Fill, Job, OnStep, Options, no_step

ENGINE = threading.Lock()  # the seed of the native library is one for the whole process

TOO_LITTLE = "There is too little around the marked area to copy from, so it was filled with smooth colour."
FEWEST_SOURCES = 64  # patches; below, the copies repeat so much that smooth colour looks better
STAGES = 3


class PatchMatchOptions(Options):
    """Settings of `PatchMatch`."""

    patch_size: int = Field(4, ge=2, le=8, title="Patch", description="Radius of the copied pieces. Smaller is finer.")
    working_size: int = Field(512, ge=128, le=1024, title="Working size", description="Longest side at which the hole is filled.")


class PatchMatch:
    """PatchMatch inpainting (Barnes et al. 2009; Wexler et al. 2007) with detail transfer."""

    def __init__(self) -> None:
        try:
            import patchmatch
        except ImportError as error:
            raise Unavailable("The quick fill is not installed on this machine.", "Install pypatchmatch.") from error
        if not patchmatch.patchmatch_available:
            raise Unavailable("The quick fill does not run on this kind of machine.")
        self._engine = patchmatch

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        options = job.options if isinstance(job.options, PatchMatchOptions) else PatchMatchOptions()
        on_step(0, STAGES)
        small = shrunk(job.crop, options.working_size)
        small_hole, small_avoid = (covered(mask, small.shape[:2]) for mask in (job.hole, job.avoid))
        sources = patch_sources(~small_hole & ~small_avoid)
        if sources.sum() < FEWEST_SOURCES:
            filled, notes = diffuse(job.crop, job.hole, job.avoid)
            on_step(STAGES, STAGES)
            return Fill(filled, notes=notes or (TOO_LITTLE,))
        on_step(1, STAGES)
        small_fill = self._inpaint(small, small_hole, small_avoid, options.patch_size, job.seed)
        on_step(2, STAGES)
        if small.shape == job.crop.shape:
            filled = np.where(job.hole[..., None], small_fill, job.crop)
        else:
            filled = enlarge_with_detail(job.crop, job.hole, small, small_fill, sources, small_hole)
        on_step(STAGES, STAGES)
        return Fill(filled)

    def _inpaint(self, picture: np.ndarray, hole: np.ndarray, avoid: np.ndarray, patch_size: int, seed: int) -> np.ndarray:
        with ENGINE:
            self._engine.set_random_seed(seed)
            return self._engine.inpaint(picture, hole, global_mask=avoid & ~hole, patch_size=patch_size)


def shrunk(crop: np.ndarray, longest: int) -> np.ndarray:
    """The crop at working size: its longest side at most `longest`; the same array if it is small enough."""
    height, width = crop.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(crop)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(crop, size, interpolation=cv2.INTER_AREA)


def covered(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The mask at another size: every cell that the mask touches at all, bool `shape`."""
    if mask.shape == shape:
        return mask
    return cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA) > 0
