"""DINOv2 with hardly any channels, in the layout of facebook/dinov2-base and dinov2-giant, with patches of 14 px."""

from __future__ import annotations

from pathlib import Path

from transformers import Dinov2Config, Dinov2Model

from tests.checkpoints.parts import seeded


def write_dinov2(folder: Path, seed: int = 0, giant: bool = False) -> Path:
    """Returns the folder. giant: with the gated layers that only the largest one has."""
    config = Dinov2Config(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        mlp_ratio=2,
        image_size=518,
        use_swiglu_ffn=giant,
        torch_dtype="float32",
    )
    with seeded(seed):
        model = Dinov2Model(config)
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.data.normal_(0, 0.2)
    model.save_pretrained(folder)
    return folder
