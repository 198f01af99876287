"""SDXL-inpainting as published, a RORem UNet beside it, and the LCM LoRA that makes it quick."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel

from tests.checkpoints.full_size import SDXL_UNET, SDXL_VAE, Config
from tests.checkpoints.manifests import lcm_lora
from tests.checkpoints.parts import (
    TINY_CLIP_BIGG,
    TINY_CLIP_L,
    draw,
    save_network,
    seeded,
    shapes_in,
    tiny_vae,
    vae,
    write_model_index,
    write_scheduler,
    write_tensors,
    write_text_encoder,
    write_tokenizer,
)

# The same blocks as in full size with few channels. The deepest level has 64, which the discriminator's head needs.
TINY_UNET: Config = {
    **SDXL_UNET,
    "block_out_channels": (16, 32, 64),
    "transformer_layers_per_block": (1, 1, 2),
    "attention_head_dim": (2, 4, 8),
    "cross_attention_dim": TINY_CLIP_L["hidden_size"] + TINY_CLIP_BIGG["hidden_size"],
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 6 * 8 + TINY_CLIP_BIGG["projection_dim"],
    "norm_num_groups": 16,
}
RANK = 4


def write_sdxl(folder: Path, *, variant: bool = False, dtype: torch.dtype = torch.float32, seed: int = 0) -> None:
    """A diffusers folder of StableDiffusionXLInpaintPipeline.

    The base model: variant=True, dtype=torch.float16. LetsThink/RORem: dtype=torch.float16, which has plain names.
    """
    with seeded(seed):
        save_network(UNet2DConditionModel(**TINY_UNET), folder / "unet", variant=variant, dtype=dtype)
        save_network(vae(tiny_vae(SDXL_VAE)), folder / "vae", variant=variant, dtype=dtype)
        write_text_encoder(folder / "text_encoder", TINY_CLIP_L, variant=variant, dtype=dtype)
        second = folder / "text_encoder_2"
        write_text_encoder(second, TINY_CLIP_BIGG, projected=True, variant=variant, dtype=dtype)
    write_tokenizer(folder / "tokenizer")
    write_tokenizer(folder / "tokenizer_2", pad="!")
    write_scheduler(folder / "scheduler", "EulerDiscreteScheduler")
    write_model_index(
        folder,
        "StableDiffusionXLInpaintPipeline",
        force_zeros_for_empty_prompt=True,
        requires_aesthetics_score=False,
        scheduler=("diffusers", "EulerDiscreteScheduler"),
        text_encoder_2=("transformers", "CLIPTextModelWithProjection"),
        tokenizer_2=("transformers", "CLIPTokenizer"),
    )


def write_unet(folder: Path, sharded: bool = False, seed: int = 1, dtype: torch.dtype = torch.float32) -> None:
    """A folder with nothing but a UNet, as RORem's own weights come; in shards as where float32 exceeds 10 GB."""
    with seeded(seed):
        unet = UNet2DConditionModel(**TINY_UNET)
    save_network(unet, folder, dtype=dtype, shard="2MB" if sharded else "10GB")


def write_lcm_lora(folder: Path, unet_folder: Path, seed: int = 2) -> None:
    """RORem-LCM for the UNet in that folder, in the two styles of names that the published one mixes."""
    with seeded(seed):
        tensors = draw(lcm_lora(shapes_in(unet_folder), RANK), scale=0.1)
    write_tensors(folder / "pytorch_lora_weights.safetensors", tensors)


def write_tiny_decoder(folder: Path, seed: int = 6) -> None:
    """AutoencoderTiny as madebyollin publishes it, with fewer channels."""
    with seeded(seed):
        model = AutoencoderTiny(
            encoder_block_out_channels=(8, 8, 8, 8),
            decoder_block_out_channels=(8, 8, 8, 8),
            num_encoder_blocks=(1, 1, 1, 1),
            num_decoder_blocks=(1, 1, 1, 1),
        )
    model.save_pretrained(folder)
