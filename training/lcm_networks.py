"""Student, target and teacher in one: a UNet with adapters, which are the student, and without them, the teacher."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rorem.nets.folded import Prompt


@dataclass(frozen=True, eq=False)
class Prompts:
    """What the networks read, on their device. student: as it will be used. The teacher may be told more."""

    student: Prompt
    teacher: Prompt
    negative: Prompt


@dataclass(frozen=True, eq=False)
class Asked:
    """`lcm.Networks` for one batch.

    model: the UNet as the loop wrapped it, or bare. see: puts mask and photo beside noisy latents, float32 (b, 4, h, w)
    to (b, 9, h, w). sizes: int64 (b, 6), as SDXL is told them.
    """

    model: nn.Module
    see: Callable[[Tensor], Tensor]
    sizes: Tensor
    prompts: Prompts

    def student(self, noisy: Tensor, timesteps: Tensor) -> Tensor:
        return self._told(self.model, noisy, timesteps, (self.prompts.student,))

    def target(self, noisy: Tensor, timesteps: Tensor) -> Tensor:
        with torch.no_grad():
            return self._told(bare(self.model), noisy, timesteps, (self.prompts.student,))

    def teacher(self, noisy: Tensor, timesteps: Tensor, guidance: Tensor | None) -> Tensor:
        """Both passes of a guided teacher are one, of a batch of twice the size."""
        model = bare(self.model)
        with torch.no_grad(), without_adapters(model):
            if guidance is None:
                return self._told(model, noisy, timesteps, (self.prompts.teacher,))
            both = self._told(model, noisy, timesteps, (self.prompts.negative, self.prompts.teacher))
        negative, positive = both.chunk(2)
        return positive + guidance.view(-1, 1, 1, 1) * (positive - negative)

    def _told(self, model: nn.Module, noisy: Tensor, timesteps: Tensor, prompts: Sequence[Prompt]) -> Tensor:
        """float32 (prompts x b, 4, h, w), prompt by prompt."""
        times, count, dtype = len(prompts), len(noisy), _dtype(model)
        sample = self.see(noisy).to(dtype).repeat(times, 1, 1, 1)
        embeds = torch.cat([prompt.embeds.expand(count, -1, -1) for prompt in prompts]).to(dtype)
        pooled = torch.cat([prompt.pooled.expand(count, -1) for prompt in prompts if prompt.pooled is not None])
        conditions = {"text_embeds": pooled.to(dtype), "time_ids": self.sizes.repeat(times, 1)}
        told = model(sample, timesteps.repeat(times), embeds, added_cond_kwargs=conditions, return_dict=False)[0]
        return told.float()


def bare(model: nn.Module) -> nn.Module:
    """Without what distributes it: a pass without gradients needs nothing of that."""
    return getattr(model, "module", model)


@contextmanager
def without_adapters(model: nn.Module) -> Iterator[None]:
    """The network as it was before adapters were put on.

    peft's own switch also sets what trains and what does not, of which those who wrapped the network, and the compiler,
    must see nothing.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [layer for layer in model.modules() if isinstance(layer, BaseTunerLayer)]
    for layer in layers:
        layer._disable_adapters = True
    try:
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False


def _dtype(model: nn.Module) -> torch.dtype:
    """Of the UNet's first weight. Autocast takes any; what else computes in half precision wants its own."""
    first = bare(model).get_parameter("conv_in.weight")
    return first.dtype
