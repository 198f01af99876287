"""From native colours to what methods and screens see, and back without touching what was not painted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import profiles
from .indexed import dithered, nearest
from .pixels import bands
from .record import Picture

# 16 to 8 bit, rounded: 0 -> 0, 65535 -> 255, and v * 257 -> v.
_TO_8 = ((np.arange(65536, dtype=np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def to_rgb(picture: Picture) -> np.ndarray:
    """uint8 RGB (H, W, 3) as methods see it: native values of RGB, grey and palette pictures, 16 bit rounded to 8.

    CMYK goes to sRGB through its profile, or by the plain formula without one. Alpha is left aside.
    """
    if picture.space == "cmyk":
        converted = profiles.to_srgb(picture)
        return _plain_rgb(picture.colour) if converted is None else converted
    if picture.space == "palette":
        return _table(picture)[:, :3][picture.colour]
    if picture.space == "bilevel":
        return _three(np.where(picture.colour, np.uint8(255), np.uint8(0)))
    colour = to_8(picture.colour)
    return _three(colour) if picture.space == "grey" else np.array(colour)


def to_srgb(picture: Picture) -> np.ndarray:
    """uint8 RGB (H, W, 3) as a screen shows it: the picture's own profile applied, if it has one that works."""
    if picture.space == "grey" and profiles.matches(picture.file.icc, "grey"):
        seen = profiles.to_srgb(replace(picture, colour=to_8(picture.colour)))
    elif picture.space in ("rgb", "palette") and profiles.matches(picture.file.icc, "rgb"):
        seen = profiles.to_srgb(replace(picture, colour=to_rgb(picture), alpha=None, palette=None, space="rgb"))
    else:
        seen = None
    return to_rgb(picture) if seen is None else seen


def to_8(colour: np.ndarray) -> np.ndarray:
    """uint16 rounded to uint8; anything else as it is."""
    return _TO_8[colour] if colour.dtype == np.uint16 else colour


def blend(picture: Picture, rgb: np.ndarray, weight: np.ndarray, alpha: np.ndarray | None = None) -> Picture:
    """The picture with `rgb` laid over it by `weight`, in the picture's own colours.

    rgb: uint8 (H, W, 3), in the colours of `to_rgb`. weight: float (H, W), 0 = the picture, 1 = `rgb`.
    alpha: uint8 (H, W), the new opacity, or None to leave it; pictures without alpha stay opaque.
    Where the weight is 0 every native value stays bit for bit. Mode, dtype and size never change: a palette picture
    takes its nearest opaque colour, a bilevel one is dithered, 16 bit is mixed in 16 bit.
    Raises ValueError if the sizes differ.
    """
    shape = picture.colour.shape[:2]
    if rgb.shape != (*shape, 3) or weight.shape != shape or (alpha is not None and alpha.shape != shape):
        raise ValueError(f"expected arrays of {shape}, got rgb {rgb.shape} and weight {weight.shape}")
    colour = np.array(picture.colour)
    plane = None if picture.alpha is None else np.array(picture.alpha)
    for part in _painted(weight):
        share = np.clip(np.nan_to_num(weight[part].astype(np.float32)), 0, 1)
        on = share > 0
        opacity = None if alpha is None else alpha[part]
        window = replace(picture, colour=colour[part], alpha=None)
        mixed = _mixed(window, rgb[part], share, opacity)
        np.copyto(colour[part], mixed, where=on if mixed.ndim == 2 else on[..., None])
        if plane is not None and opacity is not None:
            np.copyto(plane[part], _mix(plane[part], _as(opacity, plane.dtype), share), where=on)
    return replace(picture, colour=colour, alpha=plane)


def _mixed(window: Picture, rgb: np.ndarray, share: np.ndarray, opacity: np.ndarray | None) -> np.ndarray:
    """Native colours of a window after the mix, in every pixel."""
    native = window.colour
    if window.space == "rgb":
        return _mix(native, _as(rgb, native.dtype), share[..., None])
    if window.space == "grey":
        return _mix(native, _as(luma(rgb), native.dtype), share)
    if window.space == "cmyk":
        inks = profiles.to_cmyk(rgb, window.file.icc)
        return _mix(native, _plain_cmyk(rgb) if inks is None else inks, share[..., None])
    if window.space == "bilevel":
        grey = np.where(native, np.uint8(255), np.uint8(0))
        return dithered(_mix(grey, luma(rgb), share))
    table = _table(window)
    seen = table[native]
    wanted = np.array(seen)
    wanted[..., :3] = _mix(seen[..., :3], rgb, share[..., None])
    if opacity is not None:
        wanted[..., 3] = _mix(seen[..., 3], opacity, share)
    on = share > 0
    result = np.array(native)
    result[on] = nearest(wanted[on], table, native[on])
    return result


def luma(rgb: np.ndarray) -> np.ndarray:
    """uint8 (H, W): BT.601 brightness, exact for greys."""
    weights = np.array([19595, 38470, 7471], np.uint32)  # of 65536
    return ((rgb.astype(np.uint32) @ weights + 32768) >> 16).astype(np.uint8)


def _mix(before: np.ndarray, after: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Rounded to the nearest whole number. float32 holds every 16-bit number exactly."""
    start = before.astype(np.float32)
    mixed = np.rint(start + share * (after.astype(np.float32) - start))
    return (mixed >= 0.5) if before.dtype == np.bool_ else mixed.astype(before.dtype)


def _as(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """uint8 values on the scale of another dtype."""
    if dtype == np.uint16:
        return values.astype(np.uint16) * np.uint16(257)
    return values >= 128 if dtype == np.bool_ else values


def _painted(weight: np.ndarray) -> list[tuple[slice, slice]]:
    """The windows, in bands of whole multiples of the dither's 8 rows, that together hold all weights above 0."""
    windows = []
    height, width = weight.shape
    step = max(8, bands(height, width)[0].stop // 8 * 8)
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        columns = np.flatnonzero((weight[rows] > 0).any(axis=0))
        if len(columns):
            windows.append((rows, slice(int(columns[0]) // 8 * 8, int(columns[-1]) + 1)))
    return windows


def _table(picture: Picture) -> np.ndarray:
    if picture.palette is None:
        raise ValueError("a palette picture needs its palette")
    return picture.palette


def _three(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def _plain_rgb(cmyk: np.ndarray) -> np.ndarray:
    """Each ink takes its share of the light: what is shown when nobody says which inks they are."""
    rgb = np.empty((*cmyk.shape[:2], 3), np.uint8)
    for rows in bands(*cmyk.shape[:2]):
        paper = 255 - cmyk[rows].astype(np.uint16)
        rgb[rows] = (paper[..., :3] * paper[..., 3:] + 127) // 255
    return rgb


def _plain_cmyk(rgb: np.ndarray) -> np.ndarray:
    """The inverse of `_plain_rgb` with as much black ink as possible."""
    light = rgb.astype(np.float32)
    most = light.max(axis=2, keepdims=True)
    inks = np.rint(255 * (1 - light / np.maximum(most, 1)))
    inks[np.broadcast_to(most == 0, inks.shape)] = 0
    return np.concatenate([inks, 255 - most], axis=2).astype(np.uint8)
