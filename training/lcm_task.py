"""RORem in four steps (arXiv 2501.00740, section 3.4): a LoRA learns to go where RORem goes in fifty.

From a triplet, as RORem's own training, but the network is taught by itself:

1. put noise on the result's latents: a point on a path to a picture,
2. the teacher, which is the UNet without the LoRA, goes one step of fifty along it,
3. the student says of both points where the path ends; only of the first with gradients,
4. the loss is the distance between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, device, nn

from training.diffusion import Forward
from training.flops import unet_flops
from training.lcm import Consistency, Objective, grid
from training.lcm_networks import Asked
from training.lcm_settings import LcmSettings
from training.lcm_teacher import check_use, prompts_for
from training.lcm_validation import Paths, look
from training.lora import lora_tensors, write_lora
from training.rorem_result import describe
from training.rorem_task import RoremTask
from training.task import Batch, Validation


def consistency(settings: LcmSettings, noising: Forward) -> Consistency:
    """Raises BadOptions."""
    guidance = settings.w_min, settings.w_max
    return Consistency(noising, grid(len(noising), settings.grid), guidance, settings.distance, settings.huber)


OBJECTIVES: Mapping[str, Callable[[LcmSettings, Forward], Objective]] = {"consistency": consistency}


class LcmTask(RoremTask):
    """See `training.task.Task`. What the network is shown is as in `RoremTask`."""

    settings: LcmSettings
    best = "error", -1

    def __init__(self, settings: LcmSettings) -> None:
        super().__init__(settings)
        self._paths = Paths()

    def build(self, where: device) -> nn.Module:
        settings = self.settings
        check_use(self.start, settings)
        net: Any = super().build(where)
        self.prompts = prompts_for(self.start, settings, where)
        self.objective = OBJECTIVES[settings.objective](settings, self.noising)
        return net.unet

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        wanted, shown = self.latents(batch)
        return self.objective.loss(self.networks(model, batch, shown), wanted, batch.seeds)

    def networks(self, model: nn.Module, batch: Batch, shown: Tensor) -> Asked:
        """shown: latents of the photo as it is shown, float32 (b, 4, h, w), scaled."""
        return Asked(model, lambda noisy: self.sample(noisy, batch["mask"], shown), self.sizes(batch), self.prompts)

    def validate(self, model: nn.Module, step: int) -> Validation:
        return Validation() if self._held_out is None else look(self, model, self._held_out, self._paths)

    def save(self, weights: Mapping[str, Tensor], folder: Path) -> None:
        dtype = getattr(torch, self.settings.result_dtype)
        told = lora_tensors(weights, self.settings.lora_scale)
        write_lora({name: tensor.to(dtype) for name, tensor in told.items()}, folder)

    def about(self) -> Mapping[str, Any]:
        text = (
            "A LoRA that makes RORem's UNet remove what is marked in four steps. The suite runs it as `rorem-4s`, in "
            "place of its LoRA, on the UNet that it was distilled from."
        )
        told = describe(self.settings, {} if self._data is None else self._data.about)
        tags = "rorem", "stable-diffusion-xl", "lora", "lcm"
        return {**told, "title": "An object remover in four steps, after RORem", "text": text, "tags": tags}

    def flops(self) -> float:
        """The student forward and backward to the adapters, the target, and the teacher, once or twice."""
        side = self.settings.size
        return (4 if self.settings.w_max == 0 else 5) * unet_flops(self._config, side, side)
