"""What a run of distill_lcm can be told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rorem.methods.sdxl import LCM_TARGETS
from training.lcm import Distance
from training.rorem_settings import RoremSettings

TOO_MUCH = ("min_snr", "noise_offset", "learn_prompt")  # these train a network on pictures; a student has its teacher


class LcmSettings(RoremSettings):
    """How a student is taught; what the teacher is shown has to be told as it was in its own training."""

    objective: Literal["consistency"] = Field(default="consistency", description="What the student is taught by.")
    grid: int = Field(default=50, ge=1, description="Steps of the teacher; the suite runs students of 50.")
    distance: Distance = Field(default="l2", description="Between what the student says of two points of a path.")
    huber: float = Field(
        default=0.001, gt=0, description="c of the huber distance, from where on it is no longer squared."
    )
    teacher_prompt: str = Field(default="", description="What the teacher reads. The student reads nothing, as in use.")
    teacher_negative: str = Field(default="", description="What a guided teacher is led away from.")
    w_min: float = Field(
        default=0.0, ge=0, description="Least guidance w of the teacher, in c + w (c - u); a sample has its own."
    )
    w_max: float = Field(
        default=0.0, ge=0, description="Most guidance; 0 = the teacher is not guided and works half as much."
    )

    lora_rank: int = Field(default=64, ge=1, description="Of the student, a LoRA on its teacher.")
    lora_targets: tuple[str, ...] = Field(default=LCM_TARGETS, description="Ends of the names of the layers it adapts.")
    validate_steps: int = Field(
        default=50, ge=1, description="Steps of the teacher that the student's four are held against."
    )

    @model_validator(mode="after")
    def _agrees_as_student(self) -> LcmSettings:
        if self.w_min > self.w_max:
            raise ValueError("w_min cannot be more than w_max")
        if meant := [name for name in TOO_MUCH if getattr(self, name)]:
            raise ValueError(f"{meant[0]} means nothing here: a student is taught by its teacher")
        if lacking := [name for name in LCM_TARGETS if name not in self.lora_targets]:
            raise ValueError(f"lora_targets lacks {lacking[0]}, without which the suite does not take the LoRA")
        return self
