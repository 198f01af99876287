"""A tiny safety checker as CompVis/stable-diffusion-safety-checker is laid out: an old CLIP's names, twice prefixed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import CLIPConfig

from tests.checkpoints.parts import Tensors, seeded, write_json, write_pickle, write_tensors

SIDE, CONCEPTS, CARES, WIDTH = 28, 17, 3, 12
OLD, NEW = "vision_model.vision_model.", "vision_model."


def make(seed: int = 0) -> Any:
    """The network of diffusers, whose thresholds some pictures exceed and some do not."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker

    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config=sizes, vision_config={**sizes, "image_size": SIDE, "patch_size": 14}, projection_dim=WIDTH
    )
    with seeded(seed):
        model: Any = StableDiffusionSafetyChecker(config)
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.data.normal_(0, 0.5)
        model.concept_embeds_weights.data.fill_(0.5)
        model.special_care_embeds_weights.data.fill_(0.3)
    return model.eval()


def write(folder: Path, seed: int = 0, old: bool = True, safe: bool = False, without: str = "") -> Path:
    """Returns the folder. old: with the names that the published file has. without: a tensor that is missing."""
    model = make(seed)
    write_json(folder / "config.json", {**model.config.to_dict(), "architectures": ["StableDiffusionSafetyChecker"]})
    tensors: Tensors = {}
    for name, tensor in model.state_dict().items():
        inner = name.removeprefix("vision_model.").removeprefix("vision_model.")
        tower = name.startswith("vision_model.")
        tensors[f"{OLD if old else NEW}{inner}" if tower else name] = tensor.detach()
    tensors[f"{OLD if old else NEW}embeddings.position_ids"] = torch.arange((SIDE // 14) ** 2 + 1)[None]
    tensors = {name: tensor for name, tensor in tensors.items() if not without or without not in name}
    if safe:
        write_tensors(folder / "model.safetensors", tensors)
    else:
        write_pickle(folder / "pytorch_model.bin", tensors)
    return folder
