"""How sharp and how grainy a photo is, and giving a cut-out the same blur and grain.

Sharpness is told by strong edges alone: there, how much of what the picture holds is fine detail. A blurred edge has
little, whatever the thing is. Grain is told by the calmest parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

FINE, COARSE = 1.0, 2.0  # px; the blurs between which the two bands of detail lie
BROAD = 4.0  # px; what changes between COARSE and this tells calm parts, as grain hardly does
BESIDE = 7  # px around a strong point that belong to its edge
EDGES = 97  # percentile of the coarse band above which are edges
CALM, CALM_COARSE = 30, 70  # percentiles of the broad and of the coarse band below which, both, is calm
FEWEST = 400  # px that have to be there to measure anything
STANDS_OUT = 4.0  # an edge has to be so many times stronger than grain, or the picture tells nothing of sharpness
BLURS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 2.4, 2.8, 3.4, 4.0)  # px, tried in this order
NEAR = 1.05  # a thing may be this much sharper than its place
MOST_GRAIN = 14.0  # levels
CLIPPED = 3  # levels from black and white in which grain is cut off, and so not measured
LEAST_COVERAGE = 2  # of 255; a blurred edge ends there
# Of white noise of variance 1, what is left in the fine band (1 - 2 g(0) + sum g^2 of the Gaussian), and in the coarse
# one (the difference of both Gaussians).
_FINE_NOISE, _COARSE_NOISE = 0.762, 0.0358
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Optics:
    """What a lens and a sensor did.

    detail: fine to coarse at strong edges, None where there are none: 1.5 for edges that are sharp to the pixel, 0.65
    where they are blurred by 1 px, 0.45 by 2 px. grain: standard deviation of noise, in levels.
    """

    detail: float | None
    grain: float


def optics_of(rgb: np.ndarray, inside: np.ndarray | None = None) -> Optics | None:
    """Measures a picture, uint8 RGB (H, W, 3), where `inside`, bool (H, W), is True; None for too few pixels."""
    grey = rgb.astype(np.float32) @ _GREY
    return _measured(grey, np.ones(grey.shape, bool) if inside is None else inside)


def _measured(grey: np.ndarray, inside: np.ndarray) -> Optics | None:
    if inside.sum() < FEWEST:
        return None
    soft = cv2.GaussianBlur(grey, (0, 0), FINE)
    softer = cv2.GaussianBlur(grey, (0, 0), COARSE)
    lines = np.abs(soft - softer)
    fine, coarse = (grey - soft)[inside], lines[inside]
    broad = np.abs(softer - cv2.GaussianBlur(grey, (0, 0), BROAD))[inside]
    usable = (grey[inside] > CLIPPED) & (grey[inside] < 255 - CLIPPED)
    calm = usable & (broad <= np.percentile(broad, CALM)) & (coarse <= np.percentile(coarse, CALM_COARSE))
    grain = 1.4826 * float(np.median(np.abs(fine[calm]))) / _FINE_NOISE**0.5 if calm.sum() >= FEWEST / 10 else 0.0
    # With what lies beside them, or the answer would hang on how an edge meets the grid of pixels.
    strong = (inside & (lines >= np.percentile(coarse, EDGES))).astype(np.uint8)
    edges = cv2.dilate(strong, np.ones((BESIDE, BESIDE), np.uint8))[inside] > 0
    strength = float(np.mean(coarse[edges] ** 2)) - grain**2 * _COARSE_NOISE
    if strength <= (STANDS_OUT * grain) ** 2 * _COARSE_NOISE or strength <= 1:
        return Optics(None, grain)
    left = max(0.0, float(np.mean(fine[edges] ** 2)) - grain**2 * _FINE_NOISE)
    return Optics((left / strength) ** 0.5, grain)


def blur_for(rgba: np.ndarray, detail: float) -> float:
    """How many px a cut-out has to be blurred to be no sharper than a place with this `detail`; 0 if it is not."""
    solid = cv2.erode((rgba[..., 3] > 250).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    grey = np.where(rgba[..., 3] > 0, rgba[..., :3].astype(np.float32) @ _GREY, 128)
    for sigma in BLURS:
        found = _measured(cv2.GaussianBlur(grey, (0, 0), sigma) if sigma else grey, solid)
        if found is None or found.detail is None or found.detail <= detail * NEAR:
            return sigma
    return BLURS[-1]


def blurred(rgba: np.ndarray, sigma: float) -> tuple[np.ndarray, int]:
    """A cut-out as out of focus, and the px that were added on each side for it. Its edge gets as soft as the rest."""
    if sigma <= 0:
        return rgba, 0
    pad = int(np.ceil(3 * sigma))
    wide = cv2.copyMakeBorder(rgba, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0)).astype(np.float32)
    coverage = wide[..., 3:]
    soft = cv2.GaussianBlur(np.dstack([wide[..., :3] * coverage, coverage]), (0, 0), sigma)
    colours = soft[..., :3] / np.maximum(soft[..., 3:], 1e-3)
    whole = np.round(soft[..., 3:])
    whole[whole < LEAST_COVERAGE] = 0
    return np.clip(np.dstack([np.round(colours), whole]), 0, 255).astype(np.uint8), pad


def grainy(rgba: np.ndarray, grain: float, rng: np.random.Generator) -> np.ndarray:
    """A cut-out with noise of this standard deviation in levels, alike in all channels, as most grain is seen."""
    if grain <= 0:
        return rgba
    noise = rng.normal(0, min(grain, MOST_GRAIN), rgba.shape[:2])[..., None]
    return np.dstack([np.clip(np.round(rgba[..., :3] + noise), 0, 255).astype(np.uint8), rgba[..., 3]])
