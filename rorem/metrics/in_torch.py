"""The metrics that need no network once more, in torch: many pictures at once, on any device.

Written in other ways than the numpy ones, so that the two check each other; the definitions stand there. Pictures are
(B, 3, H, W), uint8, or float32 in [-1, 1], which is not rounded to levels; masks bool (B, 1, H, W). All return float64
(B,), float32 on devices that know nothing longer. Values are as in numpy: infinite means equal, nan that there was
nothing to measure.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from rorem.metrics.psnr import PEAK, ring_of
from rorem.metrics.rorem_style import SIDE
from rorem.metrics.seam import EDGE, INNER, OUTER, REACH, UNSEEN
from rorem.metrics.ssim import C1, C2, RADIUS, SIGMA
from rorem.metrics.texture import BANK, FLOOR, SPREAD


def psnr(one: Tensor, other: Tensor, where: Tensor | None = None) -> Tensor:
    """See `rorem.metrics.psnr.psnr`."""
    squares = (levels(one) - levels(other)).square().mean(1, keepdim=True)
    inside = torch.ones_like(squares, dtype=torch.bool) if where is None else where
    error = (squares * inside).sum((1, 2, 3)) / inside.sum((1, 2, 3))  # 0 / 0 is nan
    return 10 * torch.log10(PEAK**2 / error)


def psnr_bg_raw(source: Tensor, result: Tensor, hole: Tensor) -> Tensor:
    """See `rorem.metrics.psnr.psnr_bg_raw`."""
    return psnr(source, result, ~grown(hole, ring_of(*hole.shape[-2:])))


def psnr_bg_composite(source: Tensor, result: Tensor, hole: Tensor) -> Tensor:
    """See `rorem.metrics.psnr.psnr_bg_composite`."""
    return psnr_bg_raw(source, torch.where(hole, result, source), hole)


def psnr_hole_gt(truth: Tensor, result: Tensor, mask: Tensor) -> Tensor:
    """See `rorem.metrics.psnr.psnr_hole_gt`."""
    return psnr(truth, result, mask)


def psnr_full_gt(truth: Tensor, result: Tensor) -> Tensor:
    """See `rorem.metrics.psnr.psnr_full_gt`."""
    return psnr(truth, result)


def rorem_style_psnr(source: Tensor, raw: Tensor) -> Tensor:
    """See `rorem.metrics.rorem_style.rorem_style_psnr`. raw: of any size.

    Pillow resizes in whole numbers, so here a pixel in ten thousand is one level off.
    """
    return psnr(_squashed(source), _squashed(raw))


def ssim_full_gt(truth: Tensor, result: Tensor) -> Tensor:
    """See `rorem.metrics.ssim.ssim`."""
    a, b = levels(truth), levels(result)
    if min(a.shape[-2:]) <= 2 * RADIUS:
        return a.new_full((len(a),), torch.nan)
    sums, apart = a + b, a - b  # their variances hold all that is needed
    mean_sum, mean_apart = _windowed(sums), _windowed(apart)
    spread_sum = _windowed(sums.square()) - mean_sum.square()
    spread_apart = _windowed(apart.square()) - mean_apart.square()
    brightness = (mean_sum.square() - mean_apart.square() + 2 * C1) / (mean_sum.square() + mean_apart.square() + 2 * C1)
    structure = (spread_sum - spread_apart + 2 * C2) / (spread_sum + spread_apart + 2 * C2)
    return (brightness * structure).mean((1, 2, 3))


def seam(result: Tensor, hole: Tensor) -> Tensor:
    """See `rorem.metrics.seam.seam`."""
    picture = levels(result)
    outlines = [_outline(picture, _resized(hole, by)) for by in range(-REACH, REACH + 1)]
    energy, pairs = (torch.stack(parts) for parts in zip(*outlines, strict=True))  # (17, B)

    def mean(which: tuple[int, ...]) -> Tensor:
        chosen = [by + REACH for by in which]
        return energy[chosen].sum(0) / pairs[chosen].sum(0)  # 0 / 0 is nan

    near = torch.stack([mean(INNER), mean(OUTER)]).nanmean(0)
    return torch.log((mean(EDGE) + UNSEEN) / (near + UNSEEN))


def texture_hole_gt(truth: Tensor, result: Tensor, mask: Tensor) -> Tensor:
    """See `rorem.metrics.texture.texture_hole_gt`, for pictures that need not be shrunk, of more than 16 px a side."""
    a, b = _energies(truth), _energies(result)  # (B, 8, H, W)
    apart = ((a - b).abs() / (a + b + FLOOR)).mean(1, keepdim=True)
    return (apart * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))  # 0 / 0 is nan


def grown(mask: Tensor, reach: int) -> Tensor:
    """The mask grown by so many px in rows and columns, bool (B, 1, H, W) like the mask."""
    wide = functional.max_pool2d(mask.float(), (1, 2 * reach + 1), 1, (0, reach))
    return functional.max_pool2d(wide, (2 * reach + 1, 1), 1, (reach, 0)) > 0


def levels(picture: Tensor) -> Tensor:
    """In levels from 0 to 255, in the longest numbers of the device."""
    longest = torch.float32 if picture.device.type == "mps" else torch.float64
    return picture.to(longest) if picture.dtype == torch.uint8 else (picture.to(longest) + 1) * 127.5


def _outline(picture: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over the pairs of the mask's outline of the mean squared step, and the number of pairs, (B,) each."""
    energy, pairs = picture.new_zeros(len(picture)), picture.new_zeros(len(picture))
    for axis in (2, 3):
        length = picture.shape[axis] - 1
        first, second = (mask.narrow(axis, start, length) for start in (0, 1))
        steps = (picture.narrow(axis, 0, length) - picture.narrow(axis, 1, length)).square().mean(1, keepdim=True)
        energy = energy + (steps * (first ^ second)).sum((1, 2, 3))
        pairs = pairs + (first ^ second).sum((1, 2, 3))
    return energy, pairs


def _resized(mask: Tensor, by: int) -> Tensor:
    """The mask grown, or shrunk where `by` < 0; the border of the picture does neither."""
    return grown(mask, by) if by > 0 else ~grown(~mask, -by) if by < 0 else mask


def _windowed(values: Tensor) -> Tensor:
    """The gaussian mean of every window inside: (B, 3, H, W) to (B, 3, H - 10, W - 10)."""
    away = torch.arange(-RADIUS, RADIUS + 1, device=values.device, dtype=values.dtype)
    weights = torch.exp(-(away**2) / (2 * SIGMA**2))
    kernel = (weights / weights.sum()).expand(3, 1, 1, -1)
    across = functional.conv2d(values, kernel, groups=3)
    return functional.conv2d(across, kernel.transpose(2, 3), groups=3)


GREY = (0.299, 0.587, 0.114)
BLUR_RADIUS = 16  # px, where OpenCV cuts off a blur of SPREAD


def _energies(picture: Tensor) -> Tensor:
    """Gathered magnitudes of all filters, (B, 8, H, W)."""
    channels = levels(picture)
    # Rounded as OpenCV does: the pictures are of whole levels, and so is their grey.
    grey = (channels * channels.new_tensor(GREY)[:, None, None]).sum(1, keepdim=True).round()
    filtered = [_filtered(grey, torch.from_numpy(kernel).to(grey)).abs() for kernel in BANK]
    reach = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, device=grey.device, dtype=grey.dtype)
    bell = torch.exp(-(reach**2) / (2 * SPREAD**2))
    bell = bell / bell.sum()
    gathered = [_filtered(_filtered(one, bell[None]), bell[:, None]) for one in filtered]
    return torch.cat(gathered, 1)


def _filtered(values: Tensor, kernel: Tensor) -> Tensor:
    """Correlated with a kernel (h, w); mirrored at the border, whose pixels are not doubled."""
    high, wide = (size // 2 for size in kernel.shape)
    padded = functional.pad(values, (wide, wide, high, high), mode="reflect")
    return functional.conv2d(padded, kernel[None, None])


def _squashed(picture: Tensor) -> Tensor:
    """To 512 x 512 as Pillow does it: first across, then down, rounded to uint8 after each."""
    if picture.shape[-2:] == (SIDE, SIDE):
        return picture
    made = levels(picture).float()
    for size in ((made.shape[2], SIDE), (SIDE, SIDE)):
        made = functional.interpolate(made, size, mode="bicubic", antialias=True, align_corners=False)
        made = made.round().clamp(0, 255)
    return made.to(torch.uint8)
