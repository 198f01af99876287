"""What a run can be told about its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from training.settings import LoopSettings

MaskChange = Literal["grow", "shrink", "shift", "scribble"]
LATENT = 8  # px of a picture for one of its latents


class DataSettings(LoopSettings):
    """What is trained on, and how a record becomes a sample."""

    data: tuple[str, ...] = Field(
        default=(), description="Sets: folders, Parquet shards, or owner/name on the Hub; one or more."
    )
    times: tuple[int, ...] = Field(
        default=(), description="How often each set is taken in an epoch; once, if not said."
    )
    validation: tuple[str, ...] = Field(default=(), description="Sets that validation uses, named likewise.")
    cache: Path = Field(
        default=Path("runs/cache"), description="Folder for what is worked out of sets once; runs may share it."
    )

    size: int = Field(default=512, ge=LATENT, description="px of a side; with buckets, the root of the area.")
    crop: Literal["random", "centre", "squash"] = Field(
        default="random",
        description="Which part is seen; random keeps the marked place inside, squash takes all of the photo.",
    )
    zoom: float = Field(
        default=1.0, ge=1, description="A random crop is down to so many times smaller than it could be."
    )
    flip: bool = Field(default=True, description="Half of the samples are mirrored.")
    buckets: bool = Field(
        default=False, description="Photos keep about their shape; a batch holds photos of one shape."
    )
    bucket_step: int = Field(default=64, ge=LATENT, description="px; the sides of all shapes are multiples of it.")
    bucket_ratio: float = Field(default=2.0, ge=1, description="The longest shape: its longer side by its shorter one.")
    bucket_run: int = Field(
        default=0,
        ge=0,
        description="Samples of one shape in a row, a multiple of batch; 0 = batch, so that the order depends on it.",
    )

    mask_change: float = Field(
        default=0.0, ge=0, le=1, description="Share of the samples whose mask is changed a little."
    )
    mask_changes: tuple[MaskChange, ...] = Field(
        default=("grow", "shrink", "shift", "scribble"), description="How; by chance."
    )
    mask_reach: float = Field(
        default=0.04, gt=0, le=0.5, description="How far a change goes at most, as a share of size."
    )
    variants: int = Field(
        default=0, ge=0, description="Different crops and mask changes of a record; 0 = new ones every time."
    )

    # Means alone take 65 kB for a pair at 512 px, 13 GB for 200,000; times the variants, and twice with flip.
    cache_latents: bool = Field(
        default=False, description="Encode all pictures once, before training, and keep that on the disk."
    )
    cache_spread: bool = Field(
        default=True, description="Keep the posteriors' spread, too: half as much again; else means alone."
    )
    cache_batch: int = Field(default=8, ge=1, description="Pictures that are encoded at once.")

    @field_validator("data", "validation", "mask_changes", mode="before")
    @classmethod
    def _as_several(cls, told: Any) -> Any:
        """One name, too, is several."""
        return (told,) if isinstance(told, str) else told

    @field_validator("size", "bucket_step")
    @classmethod
    def _fits_latents(cls, told: int) -> int:
        if told % LATENT:
            raise ValueError(f"it has to be a multiple of {LATENT}")
        return told

    @model_validator(mode="after")
    def _agrees(self) -> DataSettings:
        if self.times and (len(self.times) != len(self.data) or min(self.times) < 1):
            raise ValueError("times has to have a number from 1 for each set of data")
        if self.mask_change and not self.mask_changes:
            raise ValueError("with mask_change there has to be one of mask_changes")
        if self.buckets and self.run % self.batch:
            raise ValueError(f"bucket_run has to be a multiple of batch, {self.batch}")
        if self.buckets and self.size < self.bucket_step:
            raise ValueError("bucket_step cannot be larger than size")
        if self.cache_latents and self.chance and not self.variants:
            raise ValueError("cached latents need --variants 1 or more, or no random crop and no mask_change")
        return self

    @property
    def run(self) -> int:
        """Samples of one shape in a row."""
        return self.bucket_run or self.batch

    @property
    def chance(self) -> bool:
        """Whether a record looks different each time, apart from being mirrored."""
        return self.mask_change > 0 or self.crop == "random"
