"""Peak signal-to-noise ratio of whole pictures and of parts of them; one formula, and who is compared where.

PSNR = 10 log10(255^2 / MSE), in dB, on the 8-bit values as they are; infinite means equal. The MSE is the mean over all
pixels of the part and over all three channels. BrushBench's program divides the error of three channels by the number
of pixels instead, which makes the MSE three times as large and takes 4.77 dB off every picture; such numbers do not
compare with these.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from rorem.metrics.contract import Metric, Seen

PEAK = 255
# What is left out around the hole by the metrics of the background. Diffusion methods work on cells of 8 px in a square
# of 512 px, and a cell that the hole only touches is theirs to change; so this much is not background yet.
RING = 8  # px
RING_AT = 512  # px: the longer side of a picture with this ring; on larger ones it is wider in proportion


def psnr_bg_raw(seen: Seen) -> float:
    """`psnr_bg/raw`: how well the background was kept, result against source.

    Over the pixels outside the hole grown by a ring (`ring_of`), of the result as the method left it: nothing is pasted
    back first. Tells what the autoencoder, a resize or a JPEG did to the rest of the photo. Says nothing about the
    removal: giving back the photo as it was is infinite. nan where hole and ring cover everything.
    """
    return psnr(seen.source, seen.result, background(seen.hole))


def psnr_bg_composite(seen: Seen) -> float:
    """`psnr_bg/composite`: as `psnr_bg/raw`, but the result is first pasted into the source, inside the hole.

    Infinite by construction, whatever the method did: a check of the programs, and a warning about tables that paste
    first. nan where hole and ring cover everything.
    """
    pasted = cv2.copyTo(seen.result, seen.hole.astype(np.uint8), seen.source.copy())
    return psnr(seen.source, pasted, background(seen.hole))


def psnr_hole_gt(seen: Seen) -> float:
    """`psnr_hole/gt`: how near the fill is to the truth, result against truth inside the mask.

    nan where the truth is not known, or the mask is empty. Punishes every honest invention that is not the true one.
    """
    return math.nan if seen.truth is None else psnr(seen.truth, seen.result, seen.mask)


def psnr_full_gt(seen: Seen) -> float:
    """`psnr_full/gt`: result against truth over the whole picture. nan where the truth is not known.

    Depends on how much of the picture the mask covers; compare it on one set only.
    """
    return math.nan if seen.truth is None else psnr(seen.truth, seen.result)


def psnr(one: np.ndarray, other: np.ndarray, where: np.ndarray | None = None) -> float:
    """In dB, over all three channels. one, other: uint8 (H, W, 3); where: bool (H, W), None = everywhere.

    inf if they are equal there, nan if there is no pixel.
    """
    pixels = one.shape[0] * one.shape[1] if where is None else int(np.count_nonzero(where))
    if not pixels:
        return math.nan
    bits = None if where is None else where.astype(np.uint8)
    squares = cv2.norm(one, other, cv2.NORM_L2SQR, bits)  # a whole number, exact
    return 10 * math.log10(PEAK**2 * 3 * pixels / squares) if squares else math.inf


def background(hole: np.ndarray) -> np.ndarray:
    """The pixels outside the hole and its ring, bool (H, W) like the hole."""
    reach = ring_of(*hole.shape)
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return cv2.dilate(hole.astype(np.uint8), square) == 0


def ring_of(height: int, width: int) -> int:
    """How wide the ring is in a picture of this size, px: `RING` at `RING_AT`, never less than 1.

    Counted in rows and columns, so the hole grows by a square.
    """
    return max(1, (2 * RING * max(height, width) + RING_AT) // (2 * RING_AT))  # rounded


METRICS: tuple[Metric, ...] = (
    Metric(
        id="psnr_bg/raw",
        title="PSNR background",
        about=f"PSNR of result against source outside the hole and a ring of {RING} px (at {RING_AT} px; wider on "
        "larger photos), on the result as the method left it, nothing pasted back. Infinite = untouched.",
        better="higher",
        load=lambda: psnr_bg_raw,
        unit="dB",
    ),
    Metric(
        id="psnr_bg/composite",
        title="PSNR background, pasted",
        about="As psnr_bg/raw after pasting the result into the source inside the hole. A sanity check: infinite by "
        "construction.",
        better="",
        load=lambda: psnr_bg_composite,
        unit="dB",
    ),
    Metric(
        id="psnr_hole/gt",
        title="PSNR hole",
        about="PSNR of result against truth inside the given mask.",
        better="higher",
        load=lambda: psnr_hole_gt,
        unit="dB",
        needs_truth=True,
    ),
    Metric(
        id="psnr_full/gt",
        title="PSNR",
        about="PSNR of result against truth over the whole picture, on 8-bit values and all three channels.",
        better="higher",
        load=lambda: psnr_full_gt,
        unit="dB",
        needs_truth=True,
    ),
)
