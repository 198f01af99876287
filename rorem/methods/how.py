"""How one picture is made by a diffusion method: as a person asks for it, or as a paper's own program does."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image

from rorem.methods.recipe import DiffusionOptions, Published
from rorem.nets.sampling import Start
from rorem.nets.vae import FACTOR

MULTIPLE = 64  # px: latents (8) that can be halved three times
# Rows of the folded prompts: [alone], [negative, positive], and [positive] without guidance.
EMPTY, GUIDED, POSITIVE = slice(0, 1), slice(1, 3), slice(2, 3)


@dataclass(frozen=True)
class How:
    """How one picture is made.

    strength: below 1 the first steps are left out. rows: of the folded prompts. small_decoder: instead of the real one.
    multiple: px, sides are padded to multiples of it.
    """

    seed: int
    steps: int
    guidance: float
    start: Start
    strength: float = 1.0
    rows: slice = field(default_factory=lambda: EMPTY)
    small_decoder: bool = False
    multiple: int = MULTIPLE

    @classmethod
    def asked(cls, options: DiffusionOptions, seed: int) -> How:
        """What a person's options mean."""
        rows = GUIDED if options.guidance > 1 else EMPTY
        small = options.decoder == "tiny"
        return cls(seed, options.steps, options.guidance, options.start, rows=rows, small_decoder=small)

    @classmethod
    def published(cls, script: Published, seed: int) -> How:
        """What a paper's own program does."""
        start: Start = "source" if script.strength < 1 else "noise"
        rows = GUIDED if script.guidance > 1 else POSITIVE if script.positive else EMPTY
        return cls(seed, script.steps, script.guidance, start, script.strength, rows, multiple=FACTOR)


def published_size(picture: np.ndarray, mask: np.ndarray, how: Published) -> tuple[np.ndarray, np.ndarray]:
    """Picture uint8 (h, w, 3) and mask bool (h, w) as the script makes them: resized with PIL's default filter, the
    mask cut at one half and dilated."""
    height, width = mask.shape
    size = how.side, how.side
    if how.keep_shape:
        short = min(height, width)
        size = int(width / short * how.side) // 8 * 8, int(height / short * how.side) // 8 * 8
    small = np.asarray(Image.fromarray(picture).resize(size))
    hole = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(size)) >= 128
    if how.kernel:
        hole = cv2.dilate(hole.astype(np.uint8), np.ones((how.kernel, how.kernel), np.uint8)) > 0
    return small, hole
