"""Putting a cut-out into the light of the place where it is laid.

Nobody knows how bright or what colour a thing really is, so that its light can only be guessed from its colours. What
is found is therefore followed a part of the way, and never far: a white sheep stays white.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rorem.geometry import Box

AROUND = 0.25  # of a thing's longer side, that its place reaches beyond it
OPAQUE = 250  # coverage, of 255, from which a pixel shows the thing alone
FEWEST = 64  # px of a thing, or of a place, that can be measured
FOLLOWED = 0.35  # how far a thing's brightness follows its place's: 0 = not at all, 1 = to the same median
GAINS = 0.65, 1.5  # least and most that a thing's light is multiplied by
CAST_FOLLOWED, CASTS = 0.5, (0.85, 1.18)  # the same for the colour of the light
HAZE_FOLLOWED, MOST_HAZE = 0.5, 0.06  # how far dark parts are lifted in haze, and the most, in linear light
DARKEST, BRIGHTEST = 1, 99.5  # percentiles that stand for black and white
NORM = 6  # of "shades of grey"
DARK = 1e-3  # linear light below which there is nothing to compare

_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)


@dataclass(frozen=True)
class Light:
    """How a thing's linear light is changed: value * gain for each channel, then haze + (1 - haze) * value."""

    gain: tuple[float, float, float]
    haze: float


def to_linear(codes: np.ndarray) -> np.ndarray:
    """sRGB codes, uint8, as linear light, float32, 0 to 1."""
    return _LINEAR[codes]


def to_codes(linear: np.ndarray) -> np.ndarray:
    """Linear light as sRGB codes, uint8; what is beyond 0 to 1 is cut off."""
    linear = np.clip(linear, 0, 1)
    codes = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(codes * 255).astype(np.uint8)


def light_of(ground: np.ndarray, rgba: np.ndarray, box: Box) -> Light | None:
    """The light that suits a thing at its place; None where there is too little to measure.

    ground: uint8 RGB (H, W, 3). rgba: the thing, uint8 (h, w, 4). box: where in the ground it lies.
    """
    place = ground[box.grown(round(box.side * AROUND)).clipped(ground.shape[1], ground.shape[0]).slices]
    inside = rgba[..., 3] >= OPAQUE
    if inside.sum() < FEWEST or place[..., 0].size < FEWEST:
        return None
    everywhere = luminance(to_linear(ground))
    there, thing = luminance(to_linear(place)), luminance(to_linear(rgba[..., :3][inside]))
    bright = (max(DARK, float(np.median(there))) / max(DARK, float(np.median(thing)))) ** FOLLOWED
    bright = min(max(bright, GAINS[0]), GAINS[1])
    white, top = float(np.percentile(everywhere, BRIGHTEST)), float(np.percentile(thing, BRIGHTEST)) * bright
    if top > white:  # nothing is brighter than the lights of the photo
        bright = max(GAINS[0], bright * max(DARK, white) / top)
    # By the whole photo: a place without anything dark may be a meadow, a photo without anything dark is hazy.
    haze = HAZE_FOLLOWED * (float(np.percentile(everywhere, DARKEST)) - bright * float(np.percentile(thing, DARKEST)))
    red, green, blue = (bright * cast for cast in cast_of(ground))
    return Light((red, green, blue), min(max(haze, 0.0), MOST_HAZE))


def cast_of(photo: np.ndarray) -> tuple[float, float, float]:
    """The colour of a photo's light as gains near 1 for each channel, followed half of the way.

    By "shades of grey" (Finlayson and Trezzi, CIC 2004). photo: uint8 RGB (H, W, 3).
    """
    means = (to_linear(photo).astype(np.float64) ** NORM).mean((0, 1)) ** (1 / NORM)
    gains = (np.maximum(means, DARK) / max(DARK, float(means.mean()))) ** CAST_FOLLOWED
    red, green, blue = np.clip(gains, *CASTS).tolist()
    return red, green, blue


def lit(rgba: np.ndarray, light: Light) -> np.ndarray:
    """A cut-out in another light, uint8 RGBA (h, w, 4); its coverage stays."""
    linear = to_linear(rgba[..., :3]) * np.array(light.gain, np.float32)
    return np.dstack([to_codes(light.haze + (1 - light.haze) * linear), rgba[..., 3]])


def luminance(linear: np.ndarray) -> np.ndarray:
    """Of linear sRGB light, (..., 3) -> (...)."""
    return linear @ np.array([0.2126, 0.7152, 0.0722], linear.dtype)
