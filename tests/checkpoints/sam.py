"""SAM 2 and the first SAM, a few kilobytes each, in the layout of facebook/sam2.1-hiera-tiny and facebook/sam-vit-base.

The former is published with the video side of SAM 2, as `sam2_video`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    Sam2HieraDetConfig,
    Sam2VideoConfig,
    Sam2VideoModel,
    Sam2VisionConfig,
    SamConfig,
    SamMaskDecoderConfig,
    SamModel,
    SamPromptEncoderConfig,
    SamVisionConfig,
)
from transformers.models.sam2_video import Sam2VideoMaskDecoderConfig, Sam2VideoPromptEncoderConfig

SIDE = 128  # px that the networks see
WIDTH = 16  # channels


def write_sam2(folder: Path, seed: int = 0) -> Path:
    """Returns the folder."""
    trunk = Sam2HieraDetConfig(
        hidden_size=8,
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 2],
        window_size_per_stage=[8, 4, 4, 2],
        global_attention_blocks=[3],
    )
    vision = Sam2VisionConfig(
        backbone_config=trunk,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[SIDE // 4] * 2, [SIDE // 8] * 2, [SIDE // 16] * 2],
        fpn_hidden_size=WIDTH,
    )
    config = Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(hidden_size=WIDTH, image_size=SIDE),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(
            hidden_size=WIDTH, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=WIDTH
        ),
        image_size=SIDE,
        memory_attention_hidden_size=WIDTH,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=32,
        memory_attention_rope_feat_sizes=[SIDE // 16] * 2,
        memory_encoder_hidden_size=WIDTH,
        memory_encoder_output_channels=8,
        mask_downsampler_embed_dim=WIDTH,
        memory_fuser_embed_dim=WIDTH,
        memory_fuser_intermediate_dim=32,
    )
    return _write(Sam2VideoModel, config, folder, seed)


def write_sam(folder: Path, seed: int = 0) -> Path:
    """Returns the folder."""
    vision = SamVisionConfig(
        hidden_size=32,
        output_channels=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE,
        window_size=4,
        global_attn_indexes=[1],
        num_pos_feats=WIDTH // 2,
        initializer_range=0.02,
    )
    config = SamConfig(
        vision_config=vision,
        prompt_encoder_config=SamPromptEncoderConfig(hidden_size=WIDTH, image_size=SIDE),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=WIDTH, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=WIDTH
        ),
    )
    return _write(SamModel, config, folder, seed)


def write_sure_sam(folder: Path, seed: int = 0) -> Path:
    """As `write_sam`, but sure of some of its masks, in the layout of facebook/sam-vit-huge. Returns the folder."""
    write_sam(folder, seed)
    tensors = load_file(folder / "model.safetensors")
    tensors["mask_decoder.iou_prediction_head.proj_out.weight"] *= 0.1
    tensors["mask_decoder.iou_prediction_head.proj_out.bias"] += 0.9  # the overlap that is asked for is 0.88
    for name in tensors:
        if "output_hypernetworks_mlps" in name and ".proj_out." in name:
            tensors[name] *= 3000.0  # steep edges, which stay where they are when the threshold moves
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _write(kind: type, config: object, folder: Path, seed: int) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config)
        with torch.no_grad():  # the usual start is near zero, where every mask is all or nothing
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.normal_(0, 0.2)
    model.save_pretrained(folder)
    return folder
