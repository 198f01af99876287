"""What train_rorem leaves: a UNet folder that the suite loads; with a LoRA also that, by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from rorem.nets.folder import quiet
from rorem.nets.lora import merge
from training.lora import lora_tensors, write_lora
from training.rorem_net import UNET, load_unet
from training.rorem_settings import RoremSettings

PROMPT = "prompt.safetensors"  # the learned constant prompt, with the names of rorem.nets.prompts
USE = "use.json"  # how the network wants to be used, where that is not as RORem is
LORA = "lora"


def save_result(
    weights: Mapping[str, Tensor], config: Mapping[str, Any], start: Path, settings: RoremSettings, folder: Path
) -> None:
    """Writes the UNet into the folder itself. weights: by the names of `RoremNet`. start: the UNet a LoRA lies on.

    A LoRA is added to the weights as they lie on the disk, not as they were rounded for training. Raises OSError.
    """
    quiet()
    own = {name.removeprefix(UNET): tensor for name, tensor in weights.items() if name.startswith(UNET)}
    dtype = getattr(torch, settings.result_dtype)
    if settings.lora_rank:
        tensors = lora_tensors(own, settings.lora_scale)
        unet: Any = load_unet(start, torch.float32)
        merge(unet, tensors, "the trained LoRA")
        (folder / LORA).mkdir()
        write_lora(tensors, folder / LORA)
    else:
        with torch.device("meta"):
            unet = UNet2DConditionModel.from_config(dict(config))
        unet.load_state_dict({name: tensor.detach().cpu().to(dtype) for name, tensor in own.items()}, assign=True)
    unet.register_to_config(_name_or_path="")  # a place on the machine that trained it
    unet.to(dtype).save_pretrained(folder)
    if settings.learn_prompt:
        from safetensors.torch import save_file

        told = {f"{name}.0": weights[name].detach().float().cpu().contiguous() for name in ("embeds", "pooled")}
        save_file(told, folder / PROMPT)
    if use := use_of(settings):
        (folder / USE).write_text(json.dumps(use, indent=2) + "\n", "utf-8")


def use_of(settings: RoremSettings) -> dict[str, Any]:
    """In what its use differs from RORem's; empty if in nothing."""
    usual = {"prediction": "epsilon", "shown": "masked", "mask_cells": "binary", "tell_size": "sample"}
    found = {name: getattr(settings, name) for name, value in usual.items() if getattr(settings, name) != value}
    return found | ({"prompt": PROMPT} if settings.learn_prompt else {})


def describe(settings: RoremSettings, data: Mapping[str, Any]) -> dict[str, Any]:
    """For the model card. data: what the data say of themselves."""
    text = (
        "A UNet of SDXL for inpainting that removes what is marked. The suite runs it as `rorem`, in place of its UNet."
    )
    if settings.lora_rank:
        text += f" It was trained as a LoRA, which lies in `{LORA}/` by itself."
    if use := use_of(settings):
        text += (
            f" It wants to be used otherwise than RORem: {', '.join(f'{name} {value}' for name, value in use.items())}."
        )
    return {
        "title": "An object remover after RORem",
        "licence": "openrail++",  # of SDXL, whose weights these were
        "tags": ("rorem", "stable-diffusion-xl", *(("lora",) if settings.lora_rank else ())),
        "text": text,
        "base": _name(settings.base),
        **({"started from": _name(settings.unet)} if settings.unet else {}),
        **data,
    }


def _name(folder: Path) -> str:
    """Of a model: owner/name where the folder lies in the Hub's cache, else the folder's end, without where it lies."""
    kept = next((part for part in folder.parts if part.startswith("models--")), "")
    if kept:
        return kept.removeprefix("models--").replace("--", "/")
    return "/".join(folder.parts[-2:]) if folder.name == "result" else folder.name
