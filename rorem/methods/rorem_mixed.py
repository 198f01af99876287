"""RORem-mixed: RORem trained at 512 and 1024 px."""

from __future__ import annotations

from dataclasses import replace

from rorem.methods import rorem
from rorem.methods.sdxl_parts import BASE, MIXED_UNET, ROREM

ENTRY = replace(
    rorem.ENTRY,
    traits=replace(rorem.ENTRY.traits, id="rorem-mixed", native=(512, 1024)),
    title="RORem-mixed",
    summary="RORem for larger places: it also knows pictures of 1024 pixels.",
    memory=6_000_000_000,
    ways=((BASE, MIXED_UNET), (ROREM,)),
)
