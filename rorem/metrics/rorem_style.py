"""PSNR as RORem's table may have it: our reading of a protocol that nobody has published.

The paper's test photos have no truth, so its PSNR, LPIPS and DINO can only compare the result with the photo that still
holds the thing. Neither paper nor code says whether the hole is left out, at which size, or whether anything is pasted
first. What can be read from the code is this: photos are squashed to a square of 512 px with Pillow's default filter,
whatever their shape, and the network's picture is saved as it is. So these metrics take the whole square, and paste
nothing. They are here to stand beside the published columns, not to choose a method by: giving back the photo as it was
is the best one can do.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from rorem.metrics.contract import Metric, Seen
from rorem.metrics.psnr import psnr

SIDE = 512  # px


def rorem_style_psnr(seen: Seen) -> float:
    """`rorem_style/psnr`: PSNR between source and result, the whole of both, each squashed to 512 x 512.

    The result in its own size, where the method's program gave it another than the source's. inf = equal.
    """
    return psnr(*squares(seen))


def squares(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Source and result as every metric of this set sees them: uint8 (512, 512, 3) each."""
    return squashed(seen.source), squashed(raw(seen))


def raw(seen: Seen) -> np.ndarray:
    """The result before it was fitted to the photo, uint8 (h, w, 3)."""
    return seen.result if seen.raw is None else seen.raw


def squashed(picture: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) to (512, 512, 3) with Pillow's own filter, its shape not kept; one of that size as it is."""
    if picture.shape[:2] == (SIDE, SIDE):
        return picture
    return np.array(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


METRICS: tuple[Metric, ...] = (
    Metric(
        id="rorem_style/psnr",
        title="PSNR (RORem-style)",
        about="Our reading of an undefined protocol: PSNR of the result against the source, which still holds the "
        "thing, both squashed to 512 x 512, the whole picture, nothing pasted. Returning the input is best.",
        better="higher",
        load=lambda: rorem_style_psnr,
        unit="dB",
    ),
)
