"""How a cut-out is drawn at its place: as it was photographed, or fitted to the place, with a shadow or without."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data_tools.synthesize.composing import Layer, Look, as_it_is
from data_tools.synthesize.light import AROUND, light_of, lit
from data_tools.synthesize.optics import blur_for, blurred, grainy, optics_of
from data_tools.synthesize.shadow import shadow_of
from rorem.geometry import Box


def look_of(matched: bool, shadow: bool) -> Look:
    """The look that these settings stand for."""
    if not shadow:
        return _matched if matched else as_it_is
    return _matched_with_shadow if matched else _with_shadow


def fitted_to(ground: np.ndarray, layer: Layer) -> Layer:
    """A cut-out with the light, the blur and the grain of its place. ground: uint8 RGB (H, W, 3).

    The same ground and layer give the same. A thing that is softer or grainier than its place is left so.
    """
    box = Box(layer.left, layer.top, layer.left + layer.rgba.shape[1], layer.top + layer.rgba.shape[0])
    rgba, pad = layer.rgba, 0
    if light := light_of(ground, rgba, box):
        rgba = lit(rgba, light)
    whole = optics_of(ground)
    place = optics_of(ground[box.grown(round(box.side * AROUND)).clipped(ground.shape[1], ground.shape[0]).slices])
    if whole is None or place is None:
        return replace(layer, rgba=rgba)
    # A place without an edge says nothing of sharpness: there the photo as a whole does.
    detail = place.detail if place.detail is not None else whole.detail
    if detail is not None:
        rgba, pad = blurred(rgba, blur_for(rgba, detail))
    own = optics_of(rgba[..., :3], rgba[..., 3] > 250)
    if own:
        more = max(0.0, place.grain**2 - own.grain**2) ** 0.5
        rgba = grainy(rgba, more, np.random.default_rng(_seed(layer)))
    return replace(layer, rgba=rgba, left=layer.left - pad, top=layer.top - pad)


def _matched(ground: np.ndarray, layer: Layer) -> Sequence[Layer]:
    return (fitted_to(ground, layer),)


def _with_shadow(ground: np.ndarray, layer: Layer) -> Sequence[Layer]:
    shadow = shadow_of(layer)
    return (shadow, layer) if shadow else (layer,)


def _matched_with_shadow(ground: np.ndarray, layer: Layer) -> Sequence[Layer]:
    return _with_shadow(ground, fitted_to(ground, layer))


def _seed(layer: Layer) -> int:
    """Of a layer's grain: by what it shows and where."""
    told = f"{layer.left},{layer.top},{layer.rgba.shape}".encode() + np.ascontiguousarray(layer.rgba).tobytes()
    return int.from_bytes(hashlib.sha256(told).digest()[:8], "big")
