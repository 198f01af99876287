"""The discriminator of RORem (arXiv 2501.00740): a network that tells good removals from bad ones.

It is the way down of SDXL-inpainting's UNet with a LoRA in its attention, and a few convolutions that make one number
of what comes out of the middle. Prompt, timestep and sizes never change, so all of that is folded.
"""

from __future__ import annotations

import math
from functools import wraps
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from rorem.errors import BadWeights
from rorem.nets.folded import FoldedUNet, Prompt
from rorem.nets.folder import load_model
from rorem.nets.lora import merge
from rorem.nets.reading import fit, named, read_tensors

SIDE = 512  # px of the pictures that it was trained on
LATENT = SIDE // 8  # the head makes one number of these and a map of larger ones, so nothing else is taken
CHANNELS = 9  # the result's latents 4, mask 1, the source's latents 4
GROUPS = 32
BRANCH = "cls_pred_branch."
PROJECTIONS = 4  # layers of an attention that the LoRA adapts: query, key, value and output
ONLY = slice(0, 1)  # the one prompt, which is empty


class Discriminator(nn.Module):
    """Scores removals of 512 x 512 px."""

    def __init__(self, unet: FoldedUNet, head: Head) -> None:
        """unet: the way down, folded with the empty prompt alone."""
        super().__init__()
        self.unet = unet
        self.head = head

    def forward(self, result: Tensor, mask: Tensor, source: Tensor) -> Tensor:
        """Raw scores, float32 (b,), 0 or more; near 1 for good removals, and sometimes above it.

        result: latents (b, 4, 64, 64) of the edited picture. mask: (b, 1, 64, 64), 1 = removed. source: latents
        (b, 4, 64, 64) of the picture as it was, with the thing in it: this is not the inpainting models' input.
        """
        sample = torch.cat([result, mask, source], dim=1).to(self.head.dtype)
        if sample.shape[1:] != (CHANNELS, LATENT, LATENT):
            raise ValueError(f"the discriminator takes latents of {LATENT} x {LATENT}, not {tuple(sample.shape)}")
        biases = self.unet.biases(torch.zeros(1), ONLY, (SIDE, SIDE))[0]
        return F.softplus(self.head(self.unet(sample, biases, ONLY)).flatten(1)[:, 0].float())


class Head(nn.Module):
    """From the middle of the UNet, (b, width, 16, 16), to a number before the softplus, (b, 1, 1, 1)."""

    def __init__(self, width: int) -> None:
        """width: channels of the UNet's middle, 1280 for SDXL."""
        super().__init__()
        groups = math.gcd(GROUPS, width)
        self.cls_pred_branch = nn.Sequential(
            *(nn.Conv2d(width, width, 4, stride=2, padding=1), nn.GroupNorm(groups, width), nn.SiLU()),
            *(nn.Conv2d(width, width, 4, stride=2, padding=1), nn.GroupNorm(groups, width), nn.SiLU()),
            *(nn.Conv2d(width, width, 4, stride=4), nn.GroupNorm(groups, width), nn.SiLU()),
            nn.Conv2d(width, 1, 1),
        )

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    def forward(self, features: Tensor) -> Tensor:
        return self.cls_pred_branch(features)


class WayDown(UNet2DConditionModel):
    """A UNet without its way up, loaded from the folder of a whole one: half of the weights are never read."""

    @wraps(UNet2DConditionModel.__init__)
    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.up_blocks = nn.ModuleList()
        self.conv_norm_out = self.conv_out = None  # type: ignore[assignment]


def load(unet_folder: Path, lora: Path, head: Path, empty: Prompt, dtype: torch.dtype) -> Discriminator:
    """The published discriminator, on the CPU. unet_folder: of SDXL-inpainting, whole. empty: the prompt "", encoded.

    Raises BadWeights in one sentence, for a LoRA or a head of another network too.
    """
    unet: Any = load_model(WayDown, unet_folder, dtype)
    if unet.config.in_channels != CHANNELS or unet.config.addition_embed_type != "text_time":
        raise BadWeights(f"The UNet in {unet_folder} is not one of SDXL for inpainting.")
    merged = merge(unet, read_tensors(lora), named(lora))
    if merged != (wanted := adaptable(unet)):
        raise BadWeights(f"{named(lora)} is a LoRA for {merged} layers, and the discriminator has {wanted}.")
    unet = unet.to(memory_format=torch.channels_last)
    with torch.device("meta"):
        made = Head(unet.config.block_out_channels[-1])
    fit(made, head_tensors(read_tensors(head)), named(head), dtype)
    return Discriminator(FoldedUNet(unet, [empty]), made).eval().requires_grad_(False)


def adaptable(unet: nn.Module) -> int:
    """How many layers the LoRA has to reach: 272 for SDXL."""
    return PROJECTIONS * sum(isinstance(module, Attention) for module in unet.modules())


def head_tensors(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The head's tensors under the names that `Head` has.

    Files of distributed training put "module." before the names; the mirror's size says that its file is one of them.
    What else lies in the file is left out. A file without any such name is taken as the bare Sequential.
    """
    own = {name: tensor for name, tensor in tensors.items() if BRANCH in name} or tensors
    return {BRANCH + name.rpartition(BRANCH)[2]: tensor for name, tensor in own.items()}


def untouched(head: Head) -> bool:
    """Whether the head looks as if it had never been trained: its first norm is as it was made."""
    norm = head.cls_pred_branch[1]
    assert isinstance(norm, nn.GroupNorm)
    return bool((norm.weight == 1).all() and (norm.bias == 0).all())
