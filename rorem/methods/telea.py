"""Telea's diffusion fill: colours flow from the edge of the hole inwards.

Quick and always possible, but smooth: right for small marks on plain ground, a smear elsewhere. It is the baseline that
the other methods must beat, and what they fall back on where there is nothing to copy from.
"""

from __future__ import annotations

import cv2
import numpy as np
from pydantic import Field

from rorem.methods.entry import READY, Entry
from rorem.remover import Fill, Job, OnStep, Options, Traits, no_step

MOST_PIXELS = 1_000_000  # of hole; larger ones are filled shrunk: a smooth fill hides that, and it saves minutes
ONE_COLOUR = "Nothing of this photo may be copied from, so the marked area was filled with one colour."


class TeleaOptions(Options):
    """Settings of `Telea`."""

    radius: int = Field(
        default=5, ge=1, le=32, title="Reach", description="How far around the hole colours are taken from, in pixels."
    )


class Telea:
    """Telea 2004, "An image inpainting technique based on the fast marching method"."""

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        options = job.options if isinstance(job.options, TeleaOptions) else TeleaOptions()
        on_step(0, 1)
        filled, notes = diffuse(job.crop, job.hole, job.avoid, options.radius)
        on_step(1, 1)
        return Fill(filled, notes=notes)


def diffuse(
    crop: np.ndarray, hole: np.ndarray, avoid: np.ndarray, radius: int = 5
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Fill a hole by diffusion, whatever its size.

    crop uint8 RGB (h, w, 3); hole, avoid bool (h, w); radius in pixels. Returns the filled crop, equal to `crop`
    outside the hole, and notes. Pixels to avoid count as unknown, so that their colours do not flow in either.
    """
    if not hole.any():
        return crop.copy(), ()
    shrink = min(1.0, (MOST_PIXELS / np.count_nonzero(hole | avoid)) ** 0.5)
    height, width = crop.shape[:2]
    size = max(1, round(height * shrink)), max(1, round(width * shrink))
    unknown = covered(hole | avoid, size)
    if unknown.all():
        return np.where(hole[..., None], mean_colour(crop, hole, avoid), crop), (ONE_COLOUR,)
    small = cv2.resize(crop, size[::-1], interpolation=cv2.INTER_AREA) if shrink < 1 else np.ascontiguousarray(crop)
    flowed = cv2.inpaint(small, unknown.astype(np.uint8), radius, cv2.INPAINT_TELEA)
    flowed = cv2.resize(flowed, crop.shape[1::-1], interpolation=cv2.INTER_LINEAR) if shrink < 1 else flowed
    return np.where(hole[..., None], flowed, crop), ()


def mean_colour(crop: np.ndarray, hole: np.ndarray, avoid: np.ndarray) -> np.ndarray:
    """The mean of what may be copied; failing that, of what is known; failing that, grey. uint8 (3,)."""
    for known in (~hole & ~avoid, ~hole):
        if known.any():
            return crop[known].mean(axis=0).round().astype(np.uint8)
    return np.full(3, 128, np.uint8)


def covered(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The mask shrunk to a shape: every cell that it touches at all, bool `shape`."""
    if mask.shape == shape:
        return mask
    return cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA) > 0


ENTRY = Entry(
    traits=Traits(id="telea", revision="opencv 5", grow=0.008, seeded=False),
    title="Smooth fill",
    summary="Lets the colours around flow in. Instant. Right for specks on plain ground, a smear elsewhere.",
    paper="Telea, An Image Inpainting Technique Based on the Fast Marching Method, JGT 2004",
    licence="Apache-2.0",
    memory=100_000_000,
    devices=("cpu",),
    options=TeleaOptions,
    remover="rorem.methods.telea:Telea",
    probe=lambda: READY,
)
