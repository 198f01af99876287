"""RORem: SDXL for inpainting, trained by people's yes and no to remove and not to invent."""

from __future__ import annotations

from rorem.methods.entry import Entry
from rorem.methods.network import diffusion_packages
from rorem.methods.recipe import DiffusionOptions
from rorem.methods.sdxl_parts import BASE, ROREM, ROREM_UNET
from rorem.remover import Traits

PAPER = "Li et al., RORem: Training a Robust Object Remover with Human-in-the-Loop, CVPR 2025"
GROW = 0.02  # about half of the 20 x 20 px kernel that RORem's scripts dilate a 512 px mask with

ENTRY = Entry(
    traits=Traits(id="rorem", revision="published", native=(512,), multiple=64, grow=GROW, generative=True),
    title="RORem",
    summary="Removes and leaves a plausible background, even where the photo shows nothing like it. Best with a GPU.",
    paper=PAPER,
    licence="Apache-2.0; the base is under CreativeML Open RAIL++-M",
    memory=5_000_000_000,
    devices=("cuda", "mps", "cpu"),
    options=DiffusionOptions,
    remover="rorem.methods.sdxl:rorem",
    probe=diffusion_packages,
    # The repository on the Hub is said to hold RORem-mixed; who has the UNet of the paper's RORem gets that one.
    ways=((BASE, ROREM_UNET), (ROREM,)),
)
