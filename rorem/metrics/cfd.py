"""CFD: whether the filled hole fits to its surroundings, and holds no new thing.

Yu et al., "OmniPaint", ICCV 2025 (arXiv 2503.08677); the published program is cfd_score/main.py in
github.com/yeates/OmniPaint. Once as that program computes it, with its faults, and once without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw

from rorem.geometry import Box
from rorem.metrics import networks
from rorem.metrics.cells import around, bounds, cosine_torch, coverage, mostly
from rorem.metrics.contract import Measure, Metric, Seen
from rorem.metrics.sam import segments

if TYPE_CHECKING:
    from torch import Tensor

SIDE, CELLS = 224, 16  # px that DINOv2 is shown, and its patches on each side
OVERLAP, WITHIN = 0.8, 0.9  # a segment that overlaps this much with a larger one, or lies in it, is left out
TOUCH = 13  # px: two segments touch where one, grown by half of this, meets the other (5 x 5 three times)
WHITE = 255

Distance = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], float]  # picture, mask, picture, mask


def published() -> Measure:
    """`cfd/published`. Raises as `networks.sam`."""
    return partial(as_published, networks.sam(), networks.dinov2(networks.DINOV2_GIANT))


def fixed() -> Measure:
    """`cfd/fixed`. Raises as `networks.sam`."""
    return partial(as_meant, networks.sam(), networks.dinov2(networks.DINOV2_GIANT))


def as_published(sam: networks.Asked, dino: networks.Asked, seen: Seen) -> float:
    """The published program, fault by fault: the mean over connected parts of the mask of two terms; 0 is best.

    1. 1 - cosine of the mean of DINOv2-giant's tokens over the part and over the box around it, grown by a third of its
    sides, without the part. 2. For each of SAM's segments (of the result) that lies wholly in the part: its distance
    from what touches it of the segments that are partly in the part, by the same tokens, weighted by its share of the
    area of all such segments; each side cut out with white around it.

    Its faults, all kept. Tokens: the network's first token stands for the whole picture, but the mask has the cells
    first and an extra True last: every cell is asked one place too early, and the last cell is always in. View: the
    picture is squashed to 224 px, made 256 px and cut to its middle again, so that cells and mask do not lie on each
    other. Term 2: its masks are not yes or no but levels of 0 to 255, which then serve as *numbers* of tokens, so that
    mostly the first token (0) and the one of cell 254 (255) are compared. Ring: one pixel too far right and below, and
    it holds other parts of the mask.

    nan for an empty mask. SAM comes from transformers, whose masks may differ from segment-anything's by pixels; this
    was read, not run against the original. Raises OutOfMemory.
    """

    def apart(outer_cut: np.ndarray, outer: np.ndarray, inner_cut: np.ndarray, inner: np.ndarray) -> float:
        first, second = published_numbers(outer, smooth=False), published_numbers(inner, smooth=True)
        return _apart(published_tokens(dino, outer_cut)[first], published_tokens(dino, inner_cut)[second])

    def of_part(part: np.ndarray) -> float:
        tokens = published_tokens(dino, seen.result)
        return _apart(tokens[published_cells(part)], tokens[published_cells(published_ring(part))])

    return _mean_over_parts(sam, seen, of_part, apart)


def as_meant(sam: networks.Asked, dino: networks.Asked, seen: Seen) -> float:
    """CFD without those faults: tokens of the cells alone, nothing cut away, masks that are yes or no.

    The picture is squashed to 224 px as published. A cell belongs to a part or a segment that covers half of it; one
    too small for that has the cells that it covers most. The ring's cells are those of the grown box without the whole
    mask, and not the part's own; if there are none, the free cells next to the part. nan for an empty mask, and where
    no part has a cell around it. Raises OutOfMemory.
    """
    covered_by_mask = coverage(seen.mask, CELLS, CELLS)

    def apart(outer_cut: np.ndarray, outer: np.ndarray, inner_cut: np.ndarray, inner: np.ndarray) -> float:
        first, second = (mostly(coverage(mask, CELLS, CELLS)) for mask in (outer, inner))
        return _apart(_chosen(whole_tokens(dino, outer_cut), first), _chosen(whole_tokens(dino, inner_cut), second))

    def of_part(part: np.ndarray) -> float:
        inside = mostly(coverage(part, CELLS, CELLS))
        outside = mostly(coverage(ring(part) & ~seen.mask, CELLS, CELLS)) & ~inside
        if not outside.any():
            outside = around(covered_by_mask, 1) & around(coverage(part, CELLS, CELLS), 1)
        tokens = whole_tokens(dino, seen.result)
        return _apart(_chosen(tokens, inside), _chosen(tokens, outside))

    return _mean_over_parts(sam, seen, of_part, apart)


def _mean_over_parts(sam: networks.Asked, seen: Seen, of_part: Callable[[np.ndarray], float], apart: Distance) -> float:
    """The mean over the mask's parts of the first term and the second; parts without a value are left out."""
    if not seen.mask.any():
        return float("nan")
    found = segments(sam, seen.result)
    masks = found.masks[distinct(common(found.packed))]
    scores = [of_part(part) + new_things(seen.result, part, masks, apart) for part in parts_of(seen.mask)]
    known = [score for score in scores if not np.isnan(score)]
    return float(np.mean(known)) if known else float("nan")


def new_things(rgb: np.ndarray, part: np.ndarray, masks: np.ndarray, apart: Distance) -> float:
    """The second term: how far each segment inside the part is from those that touch it, weighted by area; 0 or more.

    rgb: uint8 (H, W, 3). part: bool (H, W). masks: bool (n, H, W). A segment that touches none adds nothing, but its
    area counts.
    """
    within = [mask for mask in masks if not (mask & ~part).any()]
    partly = [mask & part for mask in masks if (mask & part).any() and (mask & ~part).any()]
    total, score = sum(int(mask.sum()) for mask in within), 0.0
    for mask in within:
        near = cv2.dilate(mask.astype(np.uint8), np.ones((TOUCH, TOUCH), np.uint8)) > 0
        touching = [other for other in partly if (near & other).any()]
        if not touching:
            continue
        beside = np.any(touching, axis=0)
        score += mask.sum() / total * apart(*cut_out(rgb, beside), *cut_out(rgb, mask))
    return float(score)


def parts_of(mask: np.ndarray) -> Iterator[np.ndarray]:
    """The connected parts of a mask, bool (H, W) each; corners connect."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    yield from (labels == number for number in range(1, count))


def common(packed: np.ndarray) -> np.ndarray:
    """How many pixels each two masks share: int64 (n, n). packed: uint8 (n, bytes), a bit a pixel."""
    rows = [np.bitwise_count(packed & one).sum(1, dtype=np.int64) for one in packed]
    return np.array(rows, np.int64).reshape(len(packed), len(packed))


def distinct(shared: np.ndarray) -> list[int]:
    """The masks that stay, largest first: those that neither overlap by more than OVERLAP with a larger one that stayed
    nor lie in it by more than WITHIN. shared: of `common`."""
    areas = shared.diagonal()
    kept: list[int] = []
    for own in map(int, np.argsort(-areas, kind="stable")):
        both = shared[own, kept]
        union = areas[own] + areas[kept] - both
        if not ((both > OVERLAP * union) | (both > WITHIN * areas[own])).any():
            kept.append(own)
    return kept


def cut_out(rgb: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mask's box of a picture, white outside of the mask, and of the mask. mask: bool (H, W), not empty."""
    box = bounds(mask)
    assert box is not None
    inside = mask[box.slices]
    return np.where(inside[..., None], rgb[box.slices], np.uint8(WHITE)), inside


def grown(part: np.ndarray) -> Box:
    """The part's box, grown by a third of its width and height (whole px, rounded down), inside the picture."""
    box = bounds(part)
    assert box is not None
    across, down = box.width // 3, box.height // 3
    wider = Box(box.left - across, box.top - down, box.right + across, box.bottom + down)
    return wider.clipped(part.shape[1], part.shape[0])


def ring(part: np.ndarray) -> np.ndarray:
    """The grown box without the part: bool (H, W)."""
    found = np.zeros_like(part)
    found[grown(part).slices] = True
    return found & ~part


def published_ring(part: np.ndarray) -> np.ndarray:
    """As the published program draws it: with the column and the row after the box."""
    drawn = Image.new("1", part.shape[::-1], 0)
    ImageDraw.Draw(drawn).rectangle(list(grown(part)), fill=1)
    return np.array(drawn) ^ part


def published_cells(mask: np.ndarray) -> np.ndarray:
    """The tokens that the published program takes for a mask in the first term: bool (257,), a place too early."""
    small = Image.fromarray(mask).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    cells = np.array(small.resize((CELLS, CELLS), Image.Resampling.NEAREST)).flatten()
    return np.append(cells, True)


def published_numbers(mask: np.ndarray, smooth: bool) -> np.ndarray:
    """The tokens that it takes in the second term: their numbers, int64 (257,), which are levels of a grey picture.

    smooth: whether that is shrunk with a cubic filter, as it is for the segment inside.
    """
    first = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    small = Image.fromarray(mask).convert("L").resize((SIDE, SIDE), first)
    levels = np.array(small.resize((CELLS, CELLS), Image.Resampling.NEAREST)).flatten()
    return np.append(levels, 1).astype(np.int64)


def published_tokens(asked: networks.Asked, rgb: np.ndarray) -> Tensor:
    """All tokens of a picture, squashed and then cut, of length 1 each: float32 (257, D), that of the whole first."""
    import torch
    from torch.nn.functional import normalize

    from rorem.nets.dinov2 import published_view

    said = asked.of(rgb, "published", lambda: asked.net.tokens(published_view(_square(rgb))))
    return normalize(torch.cat([said.whole[None], said.cells.flatten(0, 1)]), dim=-1)


def whole_tokens(asked: networks.Asked, rgb: np.ndarray) -> Tensor:
    """The cells' tokens of a squashed picture, of length 1 each: float32 (16, 16, D)."""
    from torch.nn.functional import normalize

    return normalize(asked.of(rgb, "squashed", lambda: asked.net.tokens(_square(rgb))).cells, dim=-1)


def _square(rgb: np.ndarray) -> np.ndarray:
    return np.array(Image.fromarray(rgb).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _chosen(tokens: Tensor, cells: np.ndarray) -> Tensor:
    """The tokens (n, D) of some cells, bool (rows, columns)."""
    return tokens.flatten(0, 1)[np.flatnonzero(cells)]


def _apart(one: Tensor, other: Tensor) -> float:
    """1 - cosine of the means of two groups of tokens, (n, D) each; nan if one is empty."""
    return 1 - cosine_torch(one.mean(0), other.mean(0)) if len(one) and len(other) else float("nan")


METRICS: tuple[Metric, ...] = (
    Metric(
        id="cfd/published",
        title="CFD (published)",
        about=(
            "1 - cosine of DINOv2-giant's tokens in the hole and around it, plus the distance of SAM's segments inside "
            "the hole from those that touch them, as the published program computes it, with its wrong tokens."
        ),
        better="lower",
        load=published,
        parts=(networks.SAM_HUGE, networks.DINOV2_GIANT),
        packages=networks.PACKAGES,
    ),
    Metric(
        id="cfd/fixed",
        title="CFD (fixed)",
        about=(
            "1 - cosine of DINOv2-giant's tokens in the hole and around it, plus the distance of SAM's segments inside "
            "the hole from those that touch them. A flat fill has no segments and is not punished."
        ),
        better="lower",
        load=fixed,
        parts=(networks.SAM_HUGE, networks.DINOV2_GIANT),
        packages=networks.PACKAGES,
    ),
)
