"""What train_discriminator leaves: the pair of files that the suite's judge loads, and what a reader should know."""

from __future__ import annotations

from collections.abc import Mapping
from math import log1p
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rorem.judge import DISCRIMINATOR
from training.discriminator_net import HEAD, UNET
from training.discriminator_report import read_rows, table
from training.discriminator_settings import DiscriminatorSettings
from training.lora import lora_tensors, write_lora
from training.output import RESULT

HEAD_FILE = DISCRIMINATOR.files[1].name


def save_result(weights: Mapping[str, Tensor], settings: DiscriminatorSettings, folder: Path) -> None:
    """weights: by the names of `DiscriminatorNet`. Raises OSError."""
    from safetensors.torch import save_file

    own = {name.removeprefix(UNET): tensor for name, tensor in weights.items() if name.startswith(UNET)}
    write_lora(lora_tensors({name: tensor.float() for name, tensor in own.items()}), folder)
    dtype = getattr(torch, settings.result_dtype)
    head = {name.removeprefix(HEAD): tensor for name, tensor in weights.items() if name.startswith(HEAD)}
    told = {name: tensor.detach().cpu().to(dtype).contiguous() for name, tensor in head.items()}
    save_file(told, folder / HEAD_FILE, metadata={"format": "pt"})


def describe(settings: DiscriminatorSettings, data: Mapping[str, Any], report: Path | None) -> dict[str, Any]:
    """For the model card. data: what is known of data and labels. report: the file of the last validation."""
    text = (
        "A LoRA and a head that make the way down of SDXL for inpainting a judge of removals. The suite runs them as "
        "its judge, in place of the published pair, in a folder `rorem-discriminator` under `ROREM_WEIGHTS`."
    )
    if settings.loss == "bce":
        raw = -log1p(-settings.threshold)
        text += (
            " It was taught probabilities: where the judge's raw score, a softplus, is r, people accept the removal "
            f"with a probability of 1 - exp(-r). So {settings.threshold:g} of it is a raw score of {raw:.3f}, and the "
            "published threshold of 0.9 on raw scores means another thing here: calibrate it, or compare probabilities."
        )
    if (found := read_rows(report) if report else None) is not None:
        text += f"\n\n## Removals of photos that it did not see\n\n{table(*found)}"
    return {
        "title": "A judge of object removals after RORem",
        "licence": "openrail++",  # of SDXL, whose weights these were
        "tags": ("rorem", "stable-diffusion-xl", "lora", "image-quality"),
        "text": text,
        "base": _name(settings.base),
        **({"started from": _name(settings.start)} if settings.start else {}),
        **data,
    }


def _name(folder: Path) -> str:
    """Of a model, without where it lies: owner/name in the Hub's cache, RUN/result of a run, else the folder's own."""
    for part in folder.parts:
        if part.startswith("models--"):
            return part.removeprefix("models--").replace("--", "/")
    return "/".join(folder.parts[-2:]) if folder.name == RESULT else folder.name
