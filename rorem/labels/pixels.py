"""A visitor's photo as a plain PNG: what can be seen of it and nothing else, so no date, no place, no camera.

The same pixels always give the same file, and so the same hash, whether the photo is shared or not.
"""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from rorem.opacity import opacity_of
from rorem.picture import Picture, to_rgb, to_srgb

MOST_PIXELS = 12_000_000  # of a kept photo, as most phones make them; larger ones are made smaller
QUICK = 1  # of 9: a photo hardly packs better, and the visitor waits


def plain_size(width: int, height: int) -> tuple[int, int]:
    """Width and height at which a photo of this size is kept."""
    scale = min(1.0, math.sqrt(MOST_PIXELS / (width * height)))
    return max(1, int(width * scale)), max(1, int(height * scale))


def plain(picture: Picture) -> bytes:
    """The picture as an 8-bit RGB PNG in sRGB, at `plain_size`, without metadata; what is transparent becomes white."""
    return _png(_rgb(picture, plain_size(picture.width, picture.height))[..., ::-1], [])


def plain_mask(mask: np.ndarray) -> bytes:
    """A mask, bool (H, W), as a 1-bit PNG at `plain_size`, white = remove; whatever is marked leaves a trace."""
    high, wide = mask.shape
    size = plain_size(wide, high)
    if size != (wide, high):
        small = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        mask = (small >= 0.5) if (small >= 0.5).any() else (small > 0)
    return _png(mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])


def _rgb(picture: Picture, size: tuple[int, int]) -> np.ndarray:
    """uint8 (h, w, 3) of this size."""
    opacity = opacity_of(picture)
    if opacity is None and picture.space not in ("palette", "bilevel"):  # small first: conversion takes its time
        return to_srgb(replace(picture, colour=_sized(np.ascontiguousarray(picture.colour), size), alpha=None))
    rgb = to_rgb(picture) if picture.space in ("palette", "bilevel") else to_srgb(picture)
    if opacity is not None:  # what nobody could see must not come to light here
        share = opacity[..., None].astype(np.uint16)
        rgb = ((rgb * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)
    return _sized(rgb, size)


def _sized(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    same = (array.shape[1], array.shape[0]) == size
    return array if same else cv2.resize(array, size, interpolation=cv2.INTER_AREA)


def _png(array: np.ndarray, how: list[int]) -> bytes:
    done, data = cv2.imencode(".png", np.ascontiguousarray(array), [cv2.IMWRITE_PNG_COMPRESSION, QUICK, *how])
    if not done:
        raise ValueError(f"a picture of shape {array.shape} could not be encoded")
    return data.tobytes()
