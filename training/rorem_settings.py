"""What a run of train_rorem can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from training.data import DataSettings
from training.diffusion import Prediction

# Ends of the names of what a LoRA adapts: all layers of SDXL's transformers.
TRANSFORMERS = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2")


class RoremSettings(DataSettings):
    """The network, what it is shown and what it is taught; data and loop are told in the records below."""

    base: Path = Field(description="diffusers folder of SDXL for inpainting.")
    unet: Path | None = Field(
        default=None, description="Folder of the UNet to start from, such as a stage's; else the base's."
    )

    prediction: Prediction = Field(default="epsilon", description="What the network says: the noise, or the velocity.")
    shown: Literal["masked", "source"] = Field(
        default="masked",
        description="The photo beside the noise: with its hole at mid-grey, or with the thing still in it.",
    )
    mask_cells: Literal["binary", "grey"] = Field(
        default="binary",
        description="The mask at the size of latents: a pixel of each cell, as in use, or the cell's mean.",
    )
    posterior: Literal["sample", "mean"] = Field(
        default="sample", description="What is taken of the autoencoder's answer."
    )
    min_snr: float = Field(
        default=0.0, ge=0, description="Gamma of min-SNR weights, often 5; 0 = all timesteps count alike."
    )
    noise_offset: float = Field(default=0.0, ge=0, description="Noise of a whole channel that is added, often 0.05.")
    tell_size: Literal["sample", "photo"] = Field(
        default="sample",
        description="The size that the network is told: the sample's, as in use; with buckets, the photo's.",
    )
    learn_prompt: bool = Field(
        default=False, description="The constant prompt trains, too; it starts as the empty one."
    )

    lora_rank: int = Field(
        default=0, ge=0, description="Of a LoRA that trains in place of the network; 0 = all of it trains."
    )
    lora_alpha: float = Field(default=0.0, ge=0, description="The LoRA counts alpha / rank; 0 = once.")
    lora_targets: tuple[str, ...] = Field(
        default=TRANSFORMERS, description="Ends of the names of the layers it adapts."
    )
    checkpointing: bool = Field(default=False, description="Less memory, about a quarter slower: work is done twice.")
    result_dtype: Literal["float32", "float16", "bfloat16"] = Field(
        default="float32", description="Precision of the result; float32 for a stage that another one starts from."
    )

    validate_samples: int = Field(default=8, ge=1, description="Validation records that are looked at.")
    validate_steps: int = Field(default=20, ge=1, description="Denoising steps of a validation picture.")

    @model_validator(mode="after")
    def _goes_together(self) -> RoremSettings:
        if self.tell_size == "photo" and not self.buckets:
            raise ValueError("tell_size photo goes with buckets")
        if self.cache_latents and not self.cache_spread and self.posterior == "sample":
            raise ValueError("latents cached without their spread go with --posterior mean")
        return self

    @property
    def lora_scale(self) -> float:
        return self.lora_alpha / self.lora_rank if self.lora_alpha and self.lora_rank else 1.0
