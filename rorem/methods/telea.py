"""Telea's diffusion fill: colours flow from the edge of the hole inwards.

Quick and always possible, but smooth: right for small marks on plain ground, a smear elsewhere. It is the baseline that
the other methods must beat, and what they fall back on where there is nothing to copy from.
"""

from __future__ import annotations

import cv2
import numpy as np
from pydantic import Field

from rorem.remover import Fill, Job, OnStep, Options, no_step

NOTHING_KNOWN = "Nothing of this photo may be copied from, so the marked area was filled with one colour."


class TeleaOptions(Options):
    """Settings of `Telea`."""

    radius: int = Field(5, ge=1, le=32, title="Reach", description="How far around the hole colours are taken from, in pixels.")


class Telea:
    """Fast marching inpainting (Telea 2004, "An image inpainting technique based on the fast marching method")."""

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        options = job.options if isinstance(job.options, TeleaOptions) else TeleaOptions()
        on_step(0, 1)
        filled, notes = diffuse(job.crop, job.hole, job.avoid, options.radius)
        on_step(1, 1)
        return Fill(filled, notes=notes)


def diffuse(crop: np.ndarray, hole: np.ndarray, avoid: np.ndarray, radius: int = 5) -> tuple[np.ndarray, tuple[str, ...]]:
    """Fill a hole by diffusion, whatever its size.

    crop uint8 RGB (h, w, 3), hole and avoid bool (h, w), radius in pixels. Returns the filled crop, equal to `crop`
    outside the hole, and notes. Pixels to avoid are treated as unknown, so that their colours do not flow in either.
    """
    if not hole.any():
        return crop.copy(), ()
    unknown = hole | avoid
    if unknown.all():
        source = crop[~hole] if not hole.all() else np.full((1, 3), 127)
        return np.where(hole[..., None], source.mean(axis=0).round().astype(np.uint8), crop), (NOTHING_KNOWN,)
    flowed = cv2.inpaint(np.ascontiguousarray(crop), unknown.astype(np.uint8), radius, cv2.INPAINT_TELEA)
    return np.where(hole[..., None], flowed, crop), ()
