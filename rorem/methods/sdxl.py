"""Loading the models of the SDXL-inpainting family: the base, RORem, and RORem in four steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel

from rorem.errors import BadWeights
from rorem.methods.diffusion import Inpainter, Model
from rorem.methods.recipe import NEGATIVE, POSITIVE, Published
from rorem.methods.sdxl_parts import BASE, LCM_LORA, MIXED_UNET, ROREM, ROREM_UNET, TINY
from rorem.nets import compute, prompts
from rorem.nets.folded import FoldedUNet, Prompt
from rorem.nets.folder import load_model, scheduler_config
from rorem.nets.lora import merge
from rorem.nets.reading import named, read_tensors
from rorem.nets.vae import Vae

TEXTS = ("", NEGATIVE, POSITIVE)  # the rows that rorem.methods.diffusion asks for
CHANNELS = 9  # noise 4, mask 1, picture without the hole 4
# The layers that the four-step LoRA adapts, 788 of them in SDXL (RORem's distillation script).
LCM_TARGETS = (
    *("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "time_emb_proj"),
    *("conv1", "conv2", "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv"),
)
USE = "use.json"  # what training leaves beside a network that is shown other things, or predicts others
LORA_FILE = "pytorch_lora_weights.safetensors"
# RORem's inference scripts: everything at 512 x 512, 50 or 4 steps at strength 0.99 (so 49 or 3 calls), guidance 1,
# and a 20 x 20 kernel, the scripts' default, for the mask.
ROREM_PUBLISHED = Published(steps=50, guidance=1.0, strength=0.99, side=512, kernel=20)
# The four-step script has the positive prompt as its default, though the student was trained on the empty one.
FOUR_PUBLISHED = Published(steps=4, guidance=1.0, strength=0.99, side=512, kernel=20, positive=True)
# The example on the model's card; a removal has no prompt of its own, so it gets RORem's.
SDXL_PUBLISHED = Published(steps=20, guidance=8.0, strength=0.99, side=1024)


def sdxl_inpainting(folders: Mapping[str, Path]) -> Inpainter:
    """Raises BadWeights, as all of these."""
    base = folders[BASE.name]
    return Inpainter(model(base, base / "unet"), SDXL_PUBLISHED)


def rorem(folders: Mapping[str, Path]) -> Inpainter:
    return Inpainter(model(*_base_and_unet(folders)), ROREM_PUBLISHED)


def rorem_4s(folders: Mapping[str, Path]) -> Inpainter:
    lora = folders[LCM_LORA.name] / LORA_FILE
    return Inpainter(model(*_base_and_unet(folders), lora=lora, kind="LCMScheduler"), FOUR_PUBLISHED)


def model(base: Path, unet_folder: Path, lora: Path | None = None, kind: str = "") -> Model:
    """Networks ready to run. base: a diffusers SDXL folder. lora: merged into the UNet. kind: of scheduler."""
    device = compute.device()
    dtype = compute.dtype(device)
    unet = load_model(UNet2DConditionModel, unet_folder, dtype)
    if unet.config.in_channels != CHANNELS or unet.config.addition_embed_type != "text_time":
        raise BadWeights(f"The UNet in {unet_folder} is not one of SDXL for inpainting.")
    if (unet_folder / USE).is_file():
        raise BadWeights(f"The UNet in {unet_folder} was trained to be used in another way than RORem; see its {USE}.")
    if lora is not None:
        merge(unet, read_tensors(lora), named(lora), LCM_TARGETS)
    unet = unet.to(memory_format=torch.channels_last)
    return Model(
        unet=FoldedUNet(unet, constant_prompts(base)).eval(),
        vae=Vae.load(base / "vae", device, dtype),
        scheduler=scheduler_config(base),
        kind=kind,
        size_told=True,
        device=device,
        dtype=dtype,
        tiny=TINY,
    )


def constant_prompts(base: Path) -> list[Prompt]:
    """The empty, the negative and the positive prompt. The text encoders are loaded only the first time."""
    return prompts.kept_sdxl_prompts(base, TEXTS)


def _base_and_unet(folders: Mapping[str, Path]) -> tuple[Path, Path]:
    """RORem comes as a whole diffusers folder, or as a UNet beside the base."""
    if ROREM.name in folders:
        return folders[ROREM.name], folders[ROREM.name] / "unet"
    unet = folders.get(ROREM_UNET.name) or folders[MIXED_UNET.name]
    return folders[BASE.name], unet
