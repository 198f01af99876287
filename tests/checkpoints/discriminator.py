"""RORem-Discriminator as published: a LoRA for the UNet's way down, and a head in a file of its own."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.checkpoints.manifests import discriminator_head, discriminator_lora
from tests.checkpoints.parts import draw, seeded, shapes_in, write_pickle, write_tensors

RANK = 4
NORMS = (1, 4, 7)  # layers of the head


def write_discriminator(
    folder: Path, unet_folder: Path, *, mirror: bool = False, trained: bool = True, seed: int = 3
) -> None:
    """For the UNet in that folder; LoRA in float32 and head in float16, which is how the published pair was left.

    mirror: the head as safetensors, as the mirror on the Hub has it. trained: False leaves the head's norms as they are
    made, which is suspected of the published ones.
    """
    unet = shapes_in(unet_folder)
    (width,) = unet["mid_block.resnets.0.conv1.bias"]
    with seeded(seed):
        write_tensors(folder / "pytorch_lora_weights.safetensors", draw(discriminator_lora(unet, RANK), 0.1))
        head = draw(discriminator_head(width), 0.05)
    for layer in NORMS:
        weight, bias = (head[f"cls_pred_branch.{layer}.{name}"] for name in ("weight", "bias"))
        weight.mul_(trained).add_(1)
        bias.mul_(trained)
    if mirror:
        write_tensors(folder / "cls_pred_branch.safetensors", head, torch.float16)
    else:
        write_pickle(folder / "cls_pred_branch.pt", head, torch.float16)
