"""PowerPaint as published: version 1, the same packed into one folder, and versions 2 and 2-1 with their BrushNet."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import UNet2DConditionModel

from tests.checkpoints.full_size import SD15_UNET, SD15_VAE, Config
from tests.checkpoints.manifests import brushnet
from tests.checkpoints.parts import (
    POSITIONS,
    TINY_CLIP_L,
    VOCABULARY,
    Tensors,
    draw,
    save_network,
    seeded,
    text_encoder,
    tiny_vae,
    vae,
    write_model_index,
    write_pickle,
    write_scheduler,
    write_tensors,
    write_text_encoder,
    write_text_encoder_config,
    write_tokenizer,
)

TASKS = ("P_ctxt", "P_shape", "P_obj")
VECTORS = 10  # tokens a task
TASK_TOKENS = tuple(f"{task}_{n}" for task in TASKS for n in range(VECTORS))
TABLE = "text_model.embeddings.token_embedding"
WIDTHS = (8, 16, 16, 16)
TINY_UNET: Config = {
    **SD15_UNET,
    "block_out_channels": WIDTHS,
    "attention_head_dim": 2,
    "cross_attention_dim": TINY_CLIP_L["hidden_size"],
    "norm_num_groups": 8,
}
BASE_UNET: Config = {**TINY_UNET, "in_channels": 4}  # of version 2: BrushNet alone knows of the mask


def write_sd15_inpainting(folder: Path, *, added: tuple[str, ...] = (), variant: bool = False, seed: int = 10) -> None:
    """A diffusers folder of StableDiffusionInpaintPipeline, without a safety checker.

    added: tokens after the usual ones. variant: in half precision, under the names for that.
    """
    dtype = torch.float16 if variant else torch.float32
    config = {**TINY_CLIP_L, "vocab_size": VOCABULARY + len(added)}
    with seeded(seed):
        save_network(UNet2DConditionModel(**TINY_UNET), folder / "unet", variant=variant, dtype=dtype)
        save_network(vae(tiny_vae(SD15_VAE)), folder / "vae", variant=variant, dtype=dtype)
        write_text_encoder(folder / "text_encoder", config, variant=variant, dtype=dtype)
    write_tokenizer(folder / "tokenizer", added=added)
    write_scheduler(folder / "scheduler", "DDIMScheduler", clip_sample=False, set_alpha_to_one=False)
    write_model_index(
        folder,
        "StableDiffusionInpaintPipeline",
        feature_extractor=(None, None),
        requires_safety_checker=False,
        safety_checker=(None, None),
        scheduler=("diffusers", "DDIMScheduler"),
    )


def write_powerpaint_v1(folder: Path, *, variant: bool = False, seed: int = 11) -> None:
    """Sanster's re-pack: everything in one folder, with the task tokens where a stock pipeline looks for them."""
    write_sd15_inpainting(folder, added=TASK_TOKENS, variant=variant, seed=seed)


def write_powerpaint_v1_original(folder: Path, seed: int = 11) -> None:
    """The authors' two files, for a base as `write_sd15_inpainting` makes it. The same weights as in the re-pack."""
    with seeded(seed):
        unet = UNet2DConditionModel(**TINY_UNET)
        vae(tiny_vae(SD15_VAE))  # the re-pack draws it, too
        encoder = text_encoder(extended())
    write_tensors(folder / "unet/unet.safetensors", unet.state_dict())
    write_tensors(folder / "text_encoder/text_encoder.safetensors", wrapped(encoder))


def write_powerpaint_v2(folder: Path, *, fixed: bool = True, seed: int = 12) -> None:
    """JunhaoZhuang/PowerPaint-v2-1 (fixed) or PowerPaint_v2: a base, a BrushNet and the BrushNet's own text encoder.

    The base of 2-1 consists of pickles; in that of 2 the UNet has a name that no library looks for.
    """
    with seeded(seed):
        base = UNet2DConditionModel(**BASE_UNET)
        decoder = vae(tiny_vae(SD15_VAE))
        plain, own = text_encoder(TINY_CLIP_L), text_encoder(extended())
        net = UNet2DConditionModel(**TINY_UNET).state_dict()
        branch = brushnet_tensors(net)
    write_tensors(folder / "PowerPaint_Brushnet/diffusion_pytorch_model.safetensors", branch)
    write_pickle(folder / "PowerPaint_Brushnet/pytorch_model.bin", wrapped(own))
    inside = folder / "realisticVisionV60B1_v51VAE"
    write_text_encoder_config(inside / "text_encoder", TINY_CLIP_L, projected=False, dtype=torch.float32)
    save_network(base, inside / "unet", safe=not fixed)
    save_network(decoder, inside / "vae", safe=not fixed)
    if fixed:
        del plain[POSITIONS]  # saved by a newer transformers than the other encoder
        write_pickle(inside / "text_encoder/pytorch_model.bin", plain)
    else:
        write_tensors(inside / "text_encoder/model.safetensors", plain)
        unet = inside / "unet/diffusion_pytorch_model.safetensors"
        unet.rename(unet.with_stem(f"{unet.stem}-002"))
    write_tokenizer(inside / "tokenizer")
    write_scheduler(
        inside / "scheduler", "PNDMScheduler", clip_sample=False, set_alpha_to_one=False, skip_prk_steps=True
    )
    write_model_index(
        inside,
        "StableDiffusionPipeline",  # which does not load it as it is: two of the parts named here are not there
        feature_extractor=("transformers", "CLIPFeatureExtractor"),
        image_encoder=(None, None),
        requires_safety_checker=True,
        safety_checker=("stable_diffusion", "StableDiffusionSafetyChecker"),
        scheduler=("diffusers", "PNDMScheduler"),
    )


def extended() -> Config:
    """The text encoder's configuration with rows for the task tokens."""
    return {**TINY_CLIP_L, "vocab_size": VOCABULARY + len(TASK_TOKENS)}


def wrapped(encoder: Tensors) -> Tensors:
    """An encoder with an extended table as the authors save it: the table as it was, and the rows of each task."""
    table = encoder[f"{TABLE}.weight"]
    rest = {name: tensor for name, tensor in encoder.items() if name != f"{TABLE}.weight"}
    first, *rows = table.split([VOCABULARY, *[VECTORS] * len(TASKS)])
    named = {f"{TABLE}.trainable_embeddings.{task}": part.clone() for task, part in zip(TASKS, rows, strict=True)}
    return {**rest, f"{TABLE}.wrapped.weight": first.clone(), **named}


def brushnet_tensors(unet: Tensors) -> Tensors:
    """A BrushNet around a UNet, with random residuals: a trained one's are not zero."""
    shapes = {name: tuple(tensor.shape) for name, tensor in unet.items()}
    found: Tensors = {}
    for name, shape in brushnet(shapes, WIDTHS).items():
        source = name.replace("conv_in_condition.", "conv_in.")
        found[name] = unet[source] if source in unet else draw({name: shape}, 0.1)[name]
    return found
