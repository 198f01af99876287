"""What diffusion methods let a person choose, and how their papers ran them. Light: the catalog reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from rorem.remover import Options

# RORem's prompts "with CFG" (its README and scripts). Without guidance the prompt is empty, as it was in training.
POSITIVE = "4K, high quality, masterpiece, Highly detailed, Sharp focus, Professional, photorealistic, realistic"
NEGATIVE = "low quality, worst, bad proportions, blurry, extra finger, Deformed, disfigured, unclear background"


class DiffusionOptions(Options):
    """Settings of the diffusion methods."""

    steps: int = Field(
        default=50, ge=1, le=100, title="Steps", description="Passes through the network. Fewer is quicker."
    )
    guidance: float = Field(
        default=1.0,
        ge=1.0,
        le=15.0,
        title="Guidance",
        description="Above 1 the network runs twice a step and is pulled towards a sharp, clean picture.",
    )
    start: Literal["masked", "noise"] = Field(
        default="masked",
        title="Start from",
        description="masked: the photo without the marked thing, under noise. noise: nothing but noise.",
    )
    decoder: Literal["full", "tiny"] = Field(
        default="full", title="Decoder", description="tiny is quicker and makes fine detail up roughly."
    )


class FewStepOptions(DiffusionOptions):
    """Settings of distilled models."""

    steps: int = Field(default=4, ge=1, le=16, title="Steps", description="Passes through the network. Made for 4.")


@dataclass(frozen=True)
class Published:
    """How a paper's own script runs its model. side: px of the square, or of the short side where `keep_shape`.

    kernel: px of the square that the mask is dilated with, after resizing. positive: without guidance the prompt is the
    positive one instead of the empty one.
    """

    steps: int
    guidance: float
    strength: float
    side: int
    kernel: int = 0
    keep_shape: bool = False
    positive: bool = False
