"""The memory ladder: what a diffusion method does without, step by step, when memory is short.

The figures are estimates on the safe side; a rung that turns out too high all the same is left for the next one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rorem.errors import BadOptions

MEMORY = "ROREM_MEMORY"  # what networks may use, such as 8GB; without it, what is free
UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
SMALLEST = 256  # px: below, these networks make no pictures any more
SHRINK = 0.75  # from one working size to the next


@dataclass(frozen=True)
class Rung:
    """One way to run. side: px, the longer side of the crop is shrunk to it; 0 = as it comes."""

    name: str
    tiled: bool = False
    side: int = 0
    offload: bool = False


@dataclass(frozen=True)
class Appetite:
    """What a method needs, in bytes. fixed: weights that have to be there, whatever it does. network: weights that can
    be fetched block by block. block: the largest of these. network_pixel, decoder_pixel: working memory for a pixel of
    the crop. tile: pixels of a tile."""

    fixed: int
    network: int
    block: int
    network_pixel: float
    decoder_pixel: float
    tile: int

    def of(self, rung: Rung, pixels: int) -> int:
        """Bytes for a crop of so many pixels, after shrinking."""
        weights = self.fixed + (self.block if rung.offload else self.network)
        decoder = self.decoder_pixel * (min(self.tile, pixels) if rung.tiled else pixels)
        return round(weights + max(self.network_pixel * pixels, decoder))


def rungs(side: int, can_offload: bool) -> list[Rung]:
    """From the highest down, for a crop whose longer side is `side` px."""
    ladder = [Rung("full"), Rung("autoencoder in tiles", tiled=True)]
    smaller = [round(side * SHRINK**power / 64) * 64 for power in (1, 2)]
    sizes = [size for size in dict.fromkeys(smaller) if SMALLEST <= size < side]
    ladder += [Rung(f"working size {size}", tiled=True, side=size) for size in sizes]
    if can_offload:
        ladder.append(Rung("network in main memory", tiled=True, offload=True))
        ladder += [Rung(f"network in main memory, working size {size}", True, size, True) for size in sizes]
    return ladder


def fitting(ladder: Sequence[Rung], appetite: Appetite, width: int, height: int, limit: int | None) -> list[Rung]:
    """The rungs that should fit into `limit` bytes, highest first. None = no limit is known."""
    if limit is None:
        return list(ladder)
    return [rung for rung in ladder if appetite.of(rung, pixels(rung, width, height)) <= limit]


def pixels(rung: Rung, width: int, height: int) -> int:
    """Of a crop of that size on that rung."""
    scale = min(1.0, rung.side / max(width, height)) if rung.side else 1.0
    return round(width * scale) * round(height * scale)


def limit(environment: Mapping[str, str] = os.environ) -> int | None:
    """Bytes that ROREM_MEMORY allows, None if it is not set. Raises BadOptions for what is no amount."""
    text = environment.get(MEMORY, "").strip()
    if not text:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text)
    if not found or found[2].upper() not in UNITS:
        raise BadOptions(f"{MEMORY}={text} is not an amount of memory.", "Write it like 8GB or 500MB.")
    return round(float(found[1]) * UNITS[found[2].upper()])
