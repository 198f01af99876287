"""RORem-4S: RORem distilled into four steps (latent consistency models, Luo et al. 2023)."""

from __future__ import annotations

from dataclasses import replace

from rorem.methods import rorem
from rorem.methods.recipe import FewStepOptions
from rorem.methods.sdxl_parts import BASE, LCM_LORA, ROREM, ROREM_UNET

ENTRY = replace(
    rorem.ENTRY,
    traits=replace(rorem.ENTRY.traits, id="rorem-4s"),
    title="RORem in four steps",
    summary="RORem with a twelfth of the work; nearly as good, says its paper.",
    paper=f"{rorem.PAPER}; Luo et al., LCM-LoRA, 2023",
    options=FewStepOptions,
    remover="rorem.methods.sdxl:rorem_4s",
    ways=((BASE, ROREM_UNET, LCM_LORA), (ROREM, LCM_LORA)),
)
