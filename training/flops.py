"""What one pass of a network takes, counted on a copy without weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

TOKENS = 77  # of a prompt
FACTOR = 8  # px of a picture for one of its latents
BACKWARD = 2  # times as much as forward: towards the input, and towards the weights


def unet_flops(config: Mapping[str, Any], height: int, width: int) -> float:
    """Floating-point operations, two for each multiplication with its addition, of one sample's pass forward.

    config: of a diffusers UNet2DConditionModel. height, width: px of the picture. SDXL's at 512 px: 1.589e12.
    """
    from diffusers import UNet2DConditionModel
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        unet: Any = UNet2DConditionModel.from_config(dict(config))
        sample = torch.empty(1, unet.config.in_channels, height // FACTOR, width // FACTOR)
        text = torch.empty(1, TOKENS, unet.config.cross_attention_dim)
        conditions = {}
        if unet.config.addition_embed_type == "text_time":
            sizes = 6 * unet.config.addition_time_embed_dim
            pooled = unet.config.projection_class_embeddings_input_dim - sizes
            conditions = {"text_embeds": torch.empty(1, pooled), "time_ids": torch.empty(1, 6)}
        unet(sample, torch.zeros(1, dtype=torch.int64), text, added_cond_kwargs=conditions)
    return float(counter.get_total_flops())
