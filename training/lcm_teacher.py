"""What a teacher's folder says of how it wants to be used, and what student and teacher read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch

from rorem.errors import BadOptions, BadWeights
from rorem.nets.folded import Prompt
from rorem.nets.prompts import kept_sdxl_prompts
from rorem.nets.reading import read_tensors
from training.lcm_networks import Prompts
from training.lcm_settings import LcmSettings
from training.rorem_result import PROMPT, USE

TOLD = ("prediction", "shown", "mask_cells", "tell_size")


def check_use(unet: Path, settings: LcmSettings) -> None:
    """Raises BadOptions where the teacher would be used otherwise than it was trained, which nothing else would show.

    unet: its folder; one without a note of that is taken as it is.
    """
    if not (unet / USE).is_file():
        return
    try:
        told = json.loads((unet / USE).read_text("utf-8"))
        wanted = {name: told[name] for name in TOLD if name in told}
    except (OSError, ValueError, TypeError) as error:
        raise BadWeights(f"{unet / USE} cannot be read.") from error
    for name, value in wanted.items():
        if value != getattr(settings, name):
            raise BadOptions(f"The UNet in {unet} was trained with {name} {value}.", f"Say --{name} {value}.")


def prompts_for(unet: Path, settings: LcmSettings, where: torch.device) -> Prompts:
    """The student reads nothing, or the prompt that its teacher learned in place of that. Raises BadWeights."""
    texts = "", settings.teacher_prompt, settings.teacher_negative
    empty, *told = kept_sdxl_prompts(settings.base, texts)
    if (unet / PROMPT).is_file():
        empty = _learned(unet / PROMPT)
    of_teacher = [prompt if text else empty for text, prompt in zip(texts[1:], told, strict=True)]
    return Prompts(*(_on(where, prompt) for prompt in (empty, *of_teacher)))


def _learned(file: Path) -> Prompt:
    tensors = read_tensors(file)
    try:
        return Prompt(tensors["embeds.0"], tensors["pooled.0"])
    except KeyError as error:
        raise BadWeights(f"{file} holds no prompt.") from error


def _on(where: torch.device, prompt: Prompt) -> Prompt:
    pooled = None if prompt.pooled is None else prompt.pooled.to(where)
    return replace(prompt, embeds=prompt.embeds.to(where), pooled=pooled)
