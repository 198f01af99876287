"""SDXL for inpainting: the model that RORem starts from, and a baseline."""

from __future__ import annotations

from rorem.methods.entry import Entry
from rorem.methods.network import diffusion_packages
from rorem.methods.recipe import DiffusionOptions
from rorem.methods.sdxl_parts import BASE
from rorem.remover import Traits

ENTRY = Entry(
    traits=Traits(id="sdxl-inp", revision="published", native=(1024,), multiple=64, grow=0.02, generative=True),
    title="SDXL inpainting",
    summary="Invents what could be there. Made to add things, so it often puts something new in the place.",
    paper="Podell et al., SDXL, ICLR 2024",
    licence="CreativeML Open RAIL++-M",
    memory=6_000_000_000,
    devices=("cuda", "mps", "cpu"),
    options=DiffusionOptions,
    remover="rorem.methods.sdxl:sdxl_inpainting",
    probe=diffusion_packages,
    ways=((BASE,),),
)
