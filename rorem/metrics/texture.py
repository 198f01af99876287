"""Is the fill as rough as what was really there, in the same directions? Against the truth, and blind to where exactly
each blade of grass stands: the counterweight to PSNR and SSIM, which a smear wins.

The measure is our own. Gabor energies as a model of seen texture: Bovik, Clark and Geisler 1990, "Multichannel texture
analysis using localized spatial filters".
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from rorem.metrics.cells import bounds
from rorem.metrics.contract import Metric, Seen

SIDE = 512  # px, the longer side at which larger pictures are looked at, so that a texture has one scale
WAVELENGTHS = (4, 8)  # px; longer ones cost most and tell least of grass, gravel or bark
DIRECTIONS = 4
STRETCH = 0.7  # how round the filters are
SPREAD = 4.0  # px, standard deviation of the blur over which energy is gathered
FLOOR = 2.0  # levels: weaker textures count less, since nobody sees them
MARGIN = 24  # px around the mask that its values depend on: half a filter, 8, and half a blur, 16


def texture_hole_gt(seen: Seen) -> float:
    """`texture_hole/gt`: how far the texture in the mask is from the truth's; 0 = the same, 1 = nothing in common.

    Both pictures in grey, shrunk by area to 512 px on the longer side if they are larger. Eight Gabor filters
    (wavelengths 4 and 8 px in four directions, without mean, standard deviation half a wavelength), the magnitude
    blurred (standard deviation 4 px): a and b. The mean over filters and pixels of the mask of |a - b| / (a + b + 2).
    nan where the truth is not known or the mask is empty.
    """
    if seen.truth is None:
        return math.nan
    result, truth, mask = (shrunk(one) for one in (seen.result, seen.truth, seen.mask))
    box = bounds(mask)
    if box is None:
        return math.nan
    near = box.grown(MARGIN).clipped(mask.shape[1], mask.shape[0])
    inside = mask[near.slices]
    pairs = zip(energies(_grey(result[near.slices])), energies(_grey(truth[near.slices])), strict=True)
    return float(np.mean([(np.abs(a - b) / (a + b + FLOOR))[inside].mean() for a, b in pairs]))


def energies(grey: np.ndarray) -> list[np.ndarray]:
    """How strong each kind of texture is around each pixel. grey: float32 (h, w), levels; returns 8 of that shape."""
    filtered = (cv2.filter2D(grey, cv2.CV_32F, kernel) for kernel in BANK)
    return [np.asarray(cv2.GaussianBlur(np.abs(one), (0, 0), SPREAD)) for one in filtered]


def shrunk(picture: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) or bool (H, W) by area to 512 px on the longer side; a mask is cut at half a pixel."""
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if picture.dtype != np.bool_:
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    return np.asarray(cv2.resize(picture.astype(np.float32), size, interpolation=cv2.INTER_AREA)) >= 0.5


def _grey(picture: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)).astype(np.float32)


def _kernel(wavelength: int, direction: int) -> np.ndarray:
    side, angle = 2 * wavelength | 1, direction * np.pi / DIRECTIONS
    kernel = cv2.getGaborKernel((side, side), wavelength / 2, angle, wavelength, STRETCH, 0)
    return (kernel - kernel.mean()).astype(np.float32)


BANK = tuple(_kernel(wavelength, direction) for wavelength in WAVELENGTHS for direction in range(DIRECTIONS))

METRICS: tuple[Metric, ...] = (
    Metric(
        id="texture_hole/gt",
        title="Texture",
        about="Mean relative difference of Gabor energies (wavelengths 4 and 8 px, four directions) between result "
        "and truth in the given mask, at 512 px. 0 = the same texture, whatever stands where. Our own.",
        better="lower",
        load=lambda: texture_hole_gt,
        needs_truth=True,
    ),
)
