"""PowerPaint: Stable Diffusion for inpainting, taught by learned words what is empty ground and what is an object."""

from __future__ import annotations

from pydantic import Field

from rorem.methods.entry import Entry
from rorem.methods.network import diffusion_packages
from rorem.methods.powerpaint_parts import SD_INPAINTING, V1, V1_ORIGINAL
from rorem.methods.recipe import DiffusionOptions
from rorem.remover import Traits

PAPER = "Zhuang et al., A Task is Worth One Word: Learning with Task Prompts, ECCV 2024"
# Nothing is dilated as published, with masks painted generously by hand. 2 % are 10 px of 512: a cell of the latents
# is 8 px wide, so the rim of the thing is not left in a cell that counts as known.
GROW = 0.02


class PowerPaintOptions(DiffusionOptions):
    """Settings of PowerPaint. Its task words only work under guidance, which pulls away from objects."""

    steps: int = Field(
        default=45, ge=1, le=100, title="Steps", description="Passes through the network. Fewer is quicker."
    )
    guidance: float = Field(
        default=10.0,  # the authors' advice for removal is 10 or more
        ge=1.0,
        le=15.0,
        title="Guidance",
        description="How strongly it is pulled towards empty ground and away from things. At 1 it is not.",
    )


ENTRY = Entry(
    traits=Traits(id="powerpaint-v1", revision="published", native=(512,), multiple=64, grow=GROW, generative=True),
    title="PowerPaint",
    summary="Pulls the fill towards empty ground and away from things. Lighter than RORem.",
    paper=PAPER,
    licence="MIT; the base is under CreativeML Open RAIL-M",
    # Half precision: UNet 1.7 GB and autoencoder 0.2 GB; for a crop of 512 px under guidance 0.3 GB in the UNet or,
    # after it, 0.4 GB in the decoder.
    memory=2_500_000_000,
    devices=("cuda", "mps", "cpu"),
    options=PowerPaintOptions,
    remover="rorem.methods.powerpaint:powerpaint_v1",
    probe=diffusion_packages,
    ways=((V1,), (SD_INPAINTING, V1_ORIGINAL)),
)
