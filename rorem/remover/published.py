"""The other road: a method as its own paper's program runs it, for those who compare."""

from __future__ import annotations

import time

import cv2
import numpy as np

from rorem.geometry import Box
from rorem.memory import peak_memory, reset_peak_memory
from rorem.picture import Picture, to_rgb
from rorem.remover.contract import AS_PUBLISHED, Method, OnStep, Options, Published
from rorem.remover.removal import Removal, WindowReport


def as_published(
    picture: Picture, mask: np.ndarray, method: Method, options: Options, seed: int, on_step: OnStep
) -> Removal:
    """The whole picture as the method's own program makes it: nothing planned, nothing stitched."""
    assert isinstance(method.remover, Published)
    started = time.perf_counter()
    reset_peak_memory()
    rgb = to_rgb(picture)
    fill = method.remover.fill_published(rgb, mask, seed, options, on_step)
    height, width = fill.crop.shape[:2]
    whole = Box(0, 0, picture.width, picture.height)
    return Removal(
        before=picture,
        patches=(),
        windows=(WindowReport(whole, (width, height), 0, mask),),
        method=method.traits.id,
        revision=method.traits.revision,
        options=fill.options or options,
        seed=seed,
        protocol=AS_PUBLISHED,
        network_calls=fill.network_calls,
        seconds=time.perf_counter() - started,
        peak_memory=peak_memory(),
        generative=method.traits.generative,
        notes=(*method.notes, *fill.notes),
        published=fill.crop,
        drift=_drift(rgb, mask, fill.crop),
        rung=fill.rung,
    )


def _drift(rgb: np.ndarray, mask: np.ndarray, made: np.ndarray) -> float | None:
    """Mean difference in levels where nothing was marked, at the size of what was made."""
    size = made.shape[1], made.shape[0]
    if made.shape != rgb.shape:
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    free = ~mask
    return float(cv2.absdiff(rgb, made)[free].mean()) if free.any() else None
