"""Loading PowerPaint, the first with its task words in the prompt and 2-1 with a BrushNet that gets them.

What a visitor would type is empty here, so the prompts are always those of the authors' demo for removal.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel

from rorem.errors import BadWeights
from rorem.methods.diffusion import MAPS, Inpainter, Model, Shown, shrunk
from rorem.methods.powerpaint_parts import (
    BASE_FOLDER,
    BRUSHNET_FILE,
    BRUSHNET_FOLDER,
    ENCODER_FILE,
    SD_INPAINTING,
    TASK_ENCODER_FILE,
    TINY,
    UNET_FILE,
    V1,
    V1_ORIGINAL,
    V2_1,
)
from rorem.methods.powerpaint_v1 import PowerPaintOptions
from rorem.methods.recipe import Published
from rorem.nets import brushnet, compute, prompts
from rorem.nets.brushnet import BrushedUNet
from rorem.nets.folded import FoldedUNet, Prompt
from rorem.nets.folder import load_model, scheduler_config, unreadable
from rorem.nets.reading import fit, named, read_tensors
from rorem.nets.task_prompts import task_encoder, task_prompts
from rorem.nets.vae import Vae

# The demo writes "empty scene blur  P_ctxt" and " P_obj": CLIP drops the spaces, and each task is its ten vectors.
# Rows as rorem.methods.diffusion asks for them: alone, negative, positive.
TASKS_V1 = (("empty scene blur", "P_ctxt"), ("", "P_obj"), ("empty scene blur", "P_ctxt"))
# In 2-1 BrushNet sees the task and the base the words.
TASKS_V2 = (("", "P_ctxt"), ("", "P_obj"), ("", "P_ctxt"))
TEXTS_V2 = (" empty scene blur", "", " empty scene blur")
V2_SCHEDULER = "UniPCMultistepScheduler"  # made from the settings of the base's own
# The demo: short side 640 px, nothing dilated, pure noise at the start, and guidance 7.5 as long as nobody moves it.
PUBLISHED = Published(steps=45, guidance=7.5, strength=1.0, side=640, keep_shape=True)


def powerpaint_v1(folders: Mapping[str, Path]) -> Inpainter:
    """From the re-pack in one folder, or from the authors' files beside a base. Raises BadWeights, as all of these."""
    device = compute.device()
    dtype = compute.dtype(device)
    if V1.name in folders:
        base = folders[V1.name]
        unet = load_model(UNet2DConditionModel, base / "unet", dtype)
        sources = [base / "text_encoder", base / "tokenizer"]
    else:
        base, original = folders[SD_INPAINTING.name], folders[V1_ORIGINAL.name]
        unet = _unet_like(base / "unet", original / UNET_FILE, dtype)
        sources = [original / "text_encoder", base / "text_encoder", base / "tokenizer"]
    if unet.config.in_channels != brushnet.CHANNELS:
        raise BadWeights(f"The UNet in {base} is not one of Stable Diffusion for inpainting.")
    words = prompts.kept(sources, _key(TASKS_V1), lambda: _prompts_v1(folders), prompts.spare())
    folded = FoldedUNet(unet.to(memory_format=torch.channels_last), words).eval()
    return Inpainter(_model(folded, base, device, dtype), PUBLISHED, PowerPaintOptions)


def powerpaint_v2_1(folders: Mapping[str, Path]) -> Inpainter:
    device = compute.device()
    dtype = compute.dtype(device)
    whole = folders[V2_1.name]
    base, brush = whole / BASE_FOLDER, whole / BRUSHNET_FILE
    unet = load_model(UNet2DConditionModel, base / "unet", dtype)
    if unet.config.in_channels != 4:
        raise BadWeights(f"The UNet in {base} is not one of plain Stable Diffusion.")
    branch = brushnet.brushnet(unet.config, read_tensors(brush), named(brush), dtype)
    encoder, tokenizer = base / "text_encoder", base / "tokenizer"
    words = prompts.kept([encoder, tokenizer], TEXTS_V2, lambda: prompts.sd_prompts(base, TEXTS_V2), prompts.spare())
    tasks = prompts.kept(
        [whole / BRUSHNET_FOLDER, encoder, tokenizer],
        _key(TASKS_V2),
        lambda: task_prompts(task_encoder(encoder, whole / TASK_ENCODER_FILE), tokenizer, TASKS_V2),
        prompts.spare(),
    )
    for one in (unet, branch):
        one.to(memory_format=torch.channels_last)
    folded = BrushedUNet(unet, words, branch, tasks).eval()
    more = {"kind": V2_SCHEDULER, "show": to_brushnet, "maps": MAPS + brushnet.MAPS}
    return Inpainter(_model(folded, base, device, dtype, **more), PUBLISHED, PowerPaintOptions)


def to_brushnet(model: Model, picture: Tensor, mask: Tensor, generator: torch.Generator) -> Shown:
    """The picture with black in the hole, and the mask the other way round: 1 = keep.

    Latents are the posterior's mean: the published pipeline draws them, anew for each half under guidance. There is no
    picture with grey in the hole among them, so a start from one encodes it; black latents under noise would make the
    fill too dark, as the first steps keep the mean brightness they start from.
    """
    black = torch.where(mask < 0.5, picture, -1.0)
    known = model.vae.encode(black.to(model.dtype), None)
    return Shown(torch.cat([known, 1 - shrunk(mask, known)], dim=1))


def _model(unet: FoldedUNet, base: Path, device: torch.device, dtype: torch.dtype, **more: Any) -> Model:
    """base: the diffusers folder with autoencoder and scheduler. more: other fields of `Model`."""
    return Model(
        unet=unet,
        vae=Vae.load(base / "vae", device, dtype),
        scheduler=scheduler_config(base),
        size_told=False,
        device=device,
        dtype=dtype,
        tiny=TINY,
        **{"kind": "", **more},
    )


def _unet_like(folder: Path, file: Path, dtype: torch.dtype) -> Any:
    """The UNet in a bare file. folder: where its configuration lies."""
    try:
        with torch.device("meta"):
            unet: Any = UNet2DConditionModel.from_config(
                UNet2DConditionModel.load_config(folder, local_files_only=True)
            )
    except Exception as error:
        raise unreadable(error, f"The UNet's configuration in {folder}") from error
    fit(unet, read_tensors(file), named(file), dtype)
    return unet.eval().requires_grad_(False)


def _prompts_v1(folders: Mapping[str, Path]) -> list[Prompt]:
    if V1.name in folders:
        base = folders[V1.name]
        encoder = prompts.text_encoder(base / "text_encoder", CLIPTextModel)
    else:
        base = folders[SD_INPAINTING.name]
        encoder = task_encoder(base / "text_encoder", folders[V1_ORIGINAL.name] / ENCODER_FILE)
    return task_prompts(encoder, base / "tokenizer", TASKS_V1)


def _key(texts: tuple[tuple[str, str], ...]) -> list[str]:
    """What kept prompts are known by."""
    return [f"{text} {task}" for text, task in texts]
