"""The module that train_rorem trains: a UNet and its one constant prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from rorem.errors import BadWeights
from rorem.nets.folded import Prompt
from rorem.nets.folder import load_model
from training.lora import add_lora
from training.rorem_settings import RoremSettings

CHANNELS = 9  # noise 4, mask 1, latents of the photo 4
UNET = "unet."  # what the names of the UNet's weights begin with
DTYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class RoremNet(nn.Module):
    """What SDXL-inpainting says of latents, with the same prompt for all of them."""

    embeds: Tensor
    pooled: Tensor

    def __init__(self, unet: Any, prompt: Prompt, learned: bool = False) -> None:
        """prompt: embeds (tokens, d), pooled (p,); its weights, `embeds` and `pooled`, train where it is learned."""
        super().__init__()
        self.unet = unet
        assert prompt.pooled is not None
        for name, tensor in (("embeds", prompt.embeds), ("pooled", prompt.pooled)):
            told = tensor.detach().float().clone()
            if learned:
                self.register_parameter(name, nn.Parameter(told))
            else:
                self.register_buffer(name, told, persistent=False)
        self.register_state_dict_post_hook(_packed)

    def forward(self, sample: Tensor, timesteps: Tensor, sizes: Tensor) -> Tensor:
        """(b, 4, h, w). sample: float (b, 9, h, w). timesteps: (b,). sizes: int64 (b, 6), px, as SDXL is told them."""
        count = len(sample)
        conditions = {"text_embeds": self.pooled.expand(count, -1), "time_ids": sizes}
        text = self.embeds.expand(count, -1, -1)
        return self.unet(sample, timesteps, text, added_cond_kwargs=conditions, return_dict=False)[0]


def _packed(module: nn.Module, weights: dict[str, Any], prefix: str, more: Any) -> None:
    """Convolutions are channels_last, which is quicker and which safetensors does not take."""
    for name, tensor in weights.items():
        weights[name] = tensor.contiguous()


def build_net(folder: Path, prompt: Prompt, settings: RoremSettings) -> RoremNet:
    """The network on the CPU, with exactly what should train set to do so. folder: of its UNet.

    What trains is float32, and autocast does the rest; what does not, has the precision of the run.
    Raises BadWeights, BadOptions.
    """
    unet = load_unet(folder, frozen_dtype(settings) if settings.lora_rank else torch.float32)
    unet.requires_grad_(not settings.lora_rank)
    if settings.lora_rank:
        rank = settings.lora_rank
        add_lora(unet, rank, settings.lora_targets, settings.seed, alpha=settings.lora_scale * rank)
    if settings.checkpointing:
        unet.enable_gradient_checkpointing()
    if settings.compile:
        unet.compile_repeated_blocks()
    if not spread():  # FSDP takes no other layout than torch's usual one
        unet = unet.to(memory_format=torch.channels_last)
    return RoremNet(unet, prompt, settings.learn_prompt)


def load_unet(folder: Path, dtype: torch.dtype) -> Any:
    """A UNet of SDXL for inpainting. Raises BadWeights for any other."""
    unet: Any = load_model(UNet2DConditionModel, folder, dtype)
    if unet.config.in_channels != CHANNELS or unet.config.addition_embed_type != "text_time":
        raise BadWeights(f"The UNet in {folder} is not one of SDXL for inpainting.", "--base and --unet name folders.")
    return unet


def frozen_dtype(settings: RoremSettings) -> torch.dtype:
    """For weights that do not train: as accelerate computes. But float32 where weights are spread over processes, which
    wants one precision for all that lie together."""
    from accelerate.state import AcceleratorState

    if spread():
        return torch.float32
    told = AcceleratorState().mixed_precision if AcceleratorState._shared_state else settings.precision
    return DTYPES.get(told, torch.float32)


def spread() -> bool:
    """Whether the weights will be spread over processes, by FSDP or DeepSpeed."""
    from accelerate.state import AcceleratorState
    from accelerate.utils import DistributedType

    if not AcceleratorState._shared_state:
        return False
    return AcceleratorState().distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)
