"""PowerPaint 2-1: the task words of PowerPaint in a network of their own beside Stable Diffusion."""

from __future__ import annotations

from dataclasses import replace

from rorem.methods import powerpaint_v1
from rorem.methods.powerpaint_parts import V2_1

ENTRY = replace(
    powerpaint_v1.ENTRY,
    traits=replace(powerpaint_v1.ENTRY.traits, id="powerpaint-v2-1"),
    title="PowerPaint 2",
    summary="PowerPaint on a better base, with a second network for the photo. Finer textures, twice the work.",
    paper=f"{powerpaint_v1.PAPER}; Ju et al., BrushNet, ECCV 2024",
    licence="Apache-2.0; the base is under CreativeML Open RAIL-M",
    memory=4_500_000_000,  # as PowerPaint, and a second network of 1.8 GB in half precision
    remover="rorem.methods.powerpaint:powerpaint_v2_1",
    ways=((V2_1,),),
)
