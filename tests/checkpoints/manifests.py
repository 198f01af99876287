"""Names and shapes of all tensors in the published files, worked out from the configurations without any weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from math import prod

import torch
from torch import nn

Shapes = dict[str, tuple[int, ...]]

# What the LoRAs adapt: modules by the ends of their names.
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
OTHERS = (
    *("proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"),
    *("conv1", "conv2", "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv", "time_emb_proj"),
)
OLD, NEW = ("lora.down", "lora.up"), ("lora_A", "lora_B")  # how diffusers and how peft call the two factors
HEAD = (0, 1, 3, 4, 6, 7, 9)  # layers of the discriminator's head that have weights


def on_meta(build: Callable[[], nn.Module]) -> Shapes:
    """The state dict of a network that is built without memory."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in build().state_dict().items()}


def count(shapes: Shapes) -> int:
    """Numbers in all tensors."""
    return sum(map(prod, shapes.values()))


def adapted(unet: Shapes, targets: Iterable[str]) -> Shapes:
    """Weights, by the names of their modules, that a LoRA with these targets adapts, as peft matches them."""
    ends = tuple(f".{target}.weight" for target in targets)
    return {name.removesuffix(".weight"): shape for name, shape in unet.items() if name.endswith(ends)}


def lora(weights: Shapes, rank: int, factors: tuple[str, str]) -> Shapes:
    """The two factors of each weight: in x rank with the weight's kernel, and rank x out."""
    down, up = factors
    found: Shapes = {}
    for module, (out, inner, *kernel) in weights.items():
        found[f"unet.{module}.{down}.weight"] = (rank, inner, *kernel)
        found[f"unet.{module}.{up}.weight"] = (out, rank, *(1 for _ in kernel))
    return found


def lcm_lora(unet: Shapes, rank: int = 64) -> Shapes:
    """RORem-LCM: attention under the old names, all else under the new ones."""
    return lora(adapted(unet, ATTENTION), rank, OLD) | lora(adapted(unet, OTHERS), rank, NEW)


def discriminator_lora(unet: Shapes, rank: int = 4) -> Shapes:
    """RORem-Discriminator: attention only, and only as deep as its UNet goes."""
    kept = {name: shape for name, shape in unet.items() if name.startswith(("down_blocks.", "mid_block."))}
    return lora(adapted(kept, ATTENTION), rank, OLD)


def discriminator_head(width: int = 1280) -> Shapes:
    """Three convolutions with norms and one that makes a number."""
    found: Shapes = {}
    for layer in HEAD:
        name = f"cls_pred_branch.{layer}"
        norm, last = layer in (1, 4, 7), layer == HEAD[-1]
        weight = (width,) if norm else (1, width, 1, 1) if last else (width, width, 4, 4)
        found |= {f"{name}.weight": weight, f"{name}.bias": weight[:1]}
    return found


def brushnet(unet: Shapes, widths: tuple[int, ...], layers: int = 2) -> Shapes:
    """PowerPaint's BrushNet: a UNet of 9 input channels without its output, with a 1x1 convolution a residual."""
    kept = {
        name: shape for name, shape in unet.items() if not name.startswith(("conv_in.", "conv_norm_out.", "conv_out."))
    }
    kept |= {name.replace("conv_in.", "conv_in_condition."): unet[name] for name in ("conv_in.weight", "conv_in.bias")}
    for name, width in residuals(widths, layers):
        kept |= {f"{name}.weight": (width, width, 1, 1), f"{name}.bias": (width,)}
    return kept


def residuals(widths: tuple[int, ...], layers: int = 2) -> list[tuple[str, int]]:
    """The 1x1 convolutions of a BrushNet and their widths: input, layers and resamplers, down, middle and up."""
    last = len(widths) - 1
    down = [widths[0]]
    for level, width in enumerate(widths):
        down += [width] * (layers + (level < last))
    up = []
    for level, width in enumerate(reversed(widths)):
        up += [width] * (layers + 1 + (level < last))
    found = [(f"brushnet_down_blocks.{n}", width) for n, width in enumerate(down)]
    found.append(("brushnet_mid_block", widths[-1]))
    return found + [(f"brushnet_up_blocks.{n}", width) for n, width in enumerate(up)]


def safetensors_size(shapes: Shapes, number: int = 4) -> int:
    """Bytes of a safetensors file with these tensors, of so many bytes a number, written from torch."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in sorted(shapes):
        start, end = end, end + number * prod(shapes[name])
        kind = {2: "F16", 4: "F32"}[number]
        header[name] = {"dtype": kind, "shape": list(shapes[name]), "data_offsets": [start, end]}
    text = len(json.dumps(header, separators=(",", ":")).encode())
    return 8 + -(-text // 8) * 8 + end
