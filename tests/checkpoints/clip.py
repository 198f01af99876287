"""CLIP with both sides tiny, in the layout of openai/clip-vit-large-patch14-336, whose weights are a pickle."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel

from tests.checkpoints.parts import (
    CONTEXT,
    VOCABULARY,
    seeded,
    write_json,
    write_pickle,
    write_tensors,
    write_tokenizer,
)

SIDE = 56  # px that it sees


def write_clip(folder: Path, seed: int = 0, safe: bool = False) -> Path:
    """Returns the folder. safe: as safetensors."""
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        # eos_token_id 2 is what the published file says; the end is then where the largest number stands.
        text_config={**sizes, "vocab_size": VOCABULARY, "eos_token_id": 2, "bos_token_id": 0},
        vision_config={**sizes, "image_size": SIDE, "patch_size": 14},
        projection_dim=12,
    )
    with seeded(seed):
        model = CLIPModel(config)
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.data.normal_(0, 0.3)
    write_json(folder / "config.json", {**config.to_dict(), "architectures": ["CLIPModel"]})
    tensors = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    tensors["text_model.embeddings.position_ids"] = torch.arange(CONTEXT)[None]  # buffers of old files
    tensors["vision_model.embeddings.position_ids"] = torch.arange((SIDE // 14) ** 2 + 1)[None]
    if safe:
        write_tensors(folder / "model.safetensors", tensors)
    else:
        write_pickle(folder / "pytorch_model.bin", tensors)
    write_tokenizer(folder)
    return folder
