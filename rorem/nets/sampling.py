"""From noise to latents: a schedule of steps, and the loop over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
    UniPCMultistepScheduler,
)
from torch import Tensor

from rorem.errors import BadWeights

KINDS = {
    kind.__name__: kind
    for kind in (
        DDIMScheduler,
        DPMSolverMultistepScheduler,
        EulerDiscreteScheduler,
        LCMScheduler,
        PNDMScheduler,
        UniPCMultistepScheduler,
    )
}
Start = Literal["masked", "noise", "source"]
Predict = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True, eq=False)
class Schedule:
    """A scheduler of diffusers for one run (it counts its steps), and the timesteps that are really made."""

    scheduler: Any
    timesteps: Tensor

    def __len__(self) -> int:
        return len(self.timesteps)


def schedule(config: Mapping[str, Any], steps: int, kind: str = "", strength: float = 1.0) -> Schedule:
    """A fresh schedule. config: a scheduler's own, as in scheduler_config.json; kind: another class made from it.

    strength: below 1 the first steps are left out, int(steps * strength) remain: what the published pipelines do.
    Raises BadWeights for a scheduler that is not known.
    """
    name = kind or str(config.get("_class_name"))
    if name not in KINDS:
        raise BadWeights(f"The folder asks for a scheduler called {name}, which is not known here.")
    scheduler: Any = KINDS[name].from_config(dict(config))
    scheduler.set_timesteps(steps)
    skipped = max(steps - int(steps * strength), 0) * scheduler.order
    timesteps = scheduler.timesteps[skipped:]
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    return Schedule(scheduler, timesteps)


def start(plan: Schedule, noise: Tensor, picture: Tensor | None) -> Tensor:
    """The latents that the loop starts from: noise alone, or latents of a picture under as much noise as belongs to the
    first step. noise, picture: (b, 4, h, w)."""
    if picture is None:
        return noise * plan.scheduler.init_noise_sigma
    return plan.scheduler.add_noise(picture, noise, plan.timesteps[:1].repeat(len(noise)))


def denoise(
    plan: Schedule,
    latents: Tensor,
    predict: Predict,
    generator: torch.Generator,
    on_step: Callable[[int], None],
) -> Tensor:
    """The loop. predict(latents as the network wants them, index of the step) -> noise; on_step is told the calls made.

    latents: (b, 4, h, w), kept in their dtype. generator: for schedules that draw noise between steps (LCM).
    """
    scheduler = plan.scheduler
    extra = {"generator": generator} if isinstance(scheduler, (EulerDiscreteScheduler, LCMScheduler)) else {}
    for index, timestep in enumerate(plan.timesteps):
        noise = predict(scheduler.scale_model_input(latents, timestep), index)
        latents = scheduler.step(noise, timestep, latents, return_dict=False, **extra)[0].to(latents.dtype)
        on_step(index + 1)
    return latents
