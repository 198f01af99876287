"""What a run of train_discriminator can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from rorem.judge import PUBLISHED_THRESHOLD, SIDE
from training.data import DataSettings
from training.discriminator_loss import Kind
from training.soft_labels import Verdicts


class DiscriminatorSettings(DataSettings):
    """Who says what is good, what the network is shown, and how it is taught; data and loop are told in the records
    below."""

    base: Path = Field(description="diffusers folder of SDXL for inpainting, whose way down is the backbone.")
    start: Path | None = Field(
        default=None, description="Folder of a discriminator to start from, such as the last round's."
    )

    labels: tuple[str, ...] = Field(
        default=(),
        description="Where people's answers are: a data set of labels (a folder, or owner/name on the Hub), a file of "
        "`rorem labels export`, or sqlite:///FILE. Without any, what the sets' own records say.",
    )
    verdicts: Verdicts = Field(
        default="share",
        description="Of several answers: the share of yes; or Dawid and Skene's model, which weighs people.",
    )
    public: bool = Field(default=False, description="What visitors say of their own removals counts, too.")
    soft: bool = Field(
        default=True, description="Labels are how likely a yes is, 0 to 1; else 0 or 1, a tie being a no."
    )
    by_votes: bool = Field(
        default=False, description="A removal counts by the number of its answers; else all count alike."
    )
    held_out: float = Field(
        default=0.1, ge=0, lt=1, description="Share of the photos that validation keeps, unless it has sets of its own."
    )

    loss: Kind = Field(
        default="bce", description="bce: cross entropy of logits; mse: squared error of softplus, as published."
    )
    balance: bool = Field(default=True, description="Yes and no count alike together, however many there are of each.")
    posterior: Literal["mean", "sample"] = Field(
        default="mean", description="What is taken of the autoencoder's answer; the judge takes the mean, too."
    )
    noise: bool = Field(default=False, description="The faint noise of timestep 0 is put on the result, as published.")
    threshold: float = Field(
        default=PUBLISHED_THRESHOLD,
        gt=0,
        lt=1,
        description="From which score on validation counts a removal as accepted.",
    )

    lora_rank: int = Field(default=4, ge=1, description="Of the LoRA in the backbone's attention.")
    checkpointing: bool = Field(default=False, description="Less memory, about a quarter slower: work is done twice.")
    result_dtype: Literal["float32", "float16", "bfloat16"] = Field(
        default="float32", description="Precision of the head's file; published in float16. The LoRA's is float32."
    )

    size: int = Field(
        default=SIDE, description=f"px of a side; the head makes one number of {SIDE} and of nothing else."
    )
    crop: Literal["random", "centre", "squash"] = Field(
        default="squash", description="Which part is seen; the judge squashes all of a picture to a square."
    )
    validate_samples: int = Field(default=1000, ge=1, description="Removals of validation that are looked at.")

    @field_validator("labels", mode="before")
    @classmethod
    def _as_several_labels(cls, told: Any) -> Any:
        return (told,) if isinstance(told, str) else told

    @model_validator(mode="after")
    def _agrees_as_discriminator(self) -> DiscriminatorSettings:
        if self.size != SIDE or self.buckets:
            raise ValueError(f"a discriminator sees squares of {SIDE} px: no other size, and no buckets")
        if self.cache_latents and not self.cache_spread and self.posterior == "sample":
            raise ValueError("latents cached without their spread go with --posterior mean")
        return self
