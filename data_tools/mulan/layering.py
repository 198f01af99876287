"""Layers laid over each other, and what of each of them can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from rorem.mask import grow_or_shrink


@dataclass(frozen=True, eq=False)
class Stack:
    """A decomposed photo. ground: uint8 RGB (H, W, 3). layers: uint8 RGBA (H, W, 4), from the back to the front.

    Colours are as they are, not weighted by the coverage ("straight"); 255 covers all that lies behind.
    """

    ground: np.ndarray
    layers: Sequence[np.ndarray]


@dataclass(frozen=True, eq=False)
class Pair:
    """source, truth: uint8 RGB (H, W, 3), equal wherever the mask is False. mask: bool (H, W), True = remove."""

    source: np.ndarray
    truth: np.ndarray
    mask: np.ndarray


def composite(stack: Stack, without: int | None = None) -> np.ndarray:
    """The layers over the ground, without one of them, by its place in `layers`. uint8 RGB (H, W, 3).

    Porter and Duff's "over" (SIGGRAPH 1984), with straight colours, rounded to whole levels after each layer.
    """
    picture = stack.ground
    for number, layer in enumerate(stack.layers):
        if number != without:
            picture = _over(picture, layer)
    return picture


def seen(stack: Stack, threshold: float, smallest: float) -> list[np.ndarray]:
    """Where each layer can be seen: bool (H, W) each.

    A pixel is seen if what the layer covers there, less what those above it hide, is at least `threshold`, 0 to 1.
    Parts that do not touch and have less than `smallest` of the picture are no part of the thing.
    """
    through = np.ones(stack.ground.shape[:2], np.float32)
    found: list[np.ndarray] = []
    for layer in reversed(stack.layers):
        covers = layer[..., 3].astype(np.float32) / 255
        found.append(_large_parts((covers * through) >= max(threshold, 1 / 255), smallest))
        through *= 1 - covers
    return found[::-1]


def pair_without(stack: Stack, number: int, visible: np.ndarray, margin: int) -> Pair:
    """The photo with and without a layer; the mask is what is seen of it, and all within `margin` px.

    Where the layer is there but not counted as seen (a breath of coverage, specks) it is left out of both pictures. So
    they are equal outside the mask, to the last bit, and no trace of the thing stays in the truth.
    """
    layer = stack.layers[number].copy()
    layer[..., 3][~visible] = 0
    whole = Stack(stack.ground, [*stack.layers[:number], layer, *stack.layers[number + 1 :]])
    return Pair(composite(whole), composite(whole, number), grow_or_shrink(visible, margin))


def hidden_share(stack: Stack, number: int, visible: np.ndarray, threshold: float) -> float:
    """How much of a layer lies behind others, 0 to 1."""
    covers = stack.layers[number][..., 3] >= max(threshold, 1 / 255) * 255
    return 1 - float((visible & covers).sum()) / max(1, int(covers.sum()))


def _over(picture: np.ndarray, layer: np.ndarray) -> np.ndarray:
    coverage = layer[..., 3:].astype(np.uint16)
    mixed = picture.astype(np.uint16) * (255 - coverage) + layer[..., :3].astype(np.uint16) * coverage
    return ((mixed + 127) // 255).astype(np.uint8)


def _large_parts(mask: np.ndarray, smallest: float) -> np.ndarray:
    """Without the parts that are smaller than that share of the picture."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= smallest * mask.size
    large[0] = False  # what is not marked at all
    return large[np.asarray(labels, np.int32)]
