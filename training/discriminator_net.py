"""The module that train_discriminator trains: a UNet's way down with a LoRA, and a head that makes a number.

In use prompt, timestep and sizes are folded away (`rorem.nets.discriminator`); here they are constants, since the LoRA
trains in layers that would be folded. The weights are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rorem.errors import BadOptions, BadWeights
from rorem.judge import DISCRIMINATOR, SIDE
from rorem.nets.discriminator import CHANNELS, LATENT, Head, WayDown, adaptable, head_tensors
from rorem.nets.folded import Prompt
from rorem.nets.folder import load_model
from rorem.nets.lora import adapters
from rorem.nets.reading import fit, named, read_tensors
from rorem.weights import names
from training.discriminator_settings import DiscriminatorSettings
from training.flops import BACKWARD, TOKENS
from training.lora import add_lora
from training.noise import seed_of
from training.rorem_net import frozen_dtype

TARGETS = "to_q", "to_k", "to_v", "to_out.0"  # of attention to the picture itself and to the text
UNET, HEAD = "unet.", "head."  # what the names of the weights begin with
SIZES = (SIDE, SIDE, 0, 0, SIDE, SIDE)  # as SDXL is told them: original, corner of the crop, target
TIMESTEP = 0


class DiscriminatorNet(nn.Module):
    """Says of removals how good they are."""

    embedding: Tensor
    text: Tensor

    def __init__(self, unet: Any, head: Head, prompt: Prompt) -> None:
        """unet: the way down, in float32 until here. prompt: the empty one. Takes out of the UNet what is constant."""
        super().__init__()
        self.head = head
        self.register_buffer("embedding", embedding_of(unet, prompt), persistent=False)
        self.register_buffer("text", prompt.embeds.detach().float().clone(), persistent=False)
        unet.time_embedding = unet.add_embedding = None
        self.unet = unet

    def forward(self, sample: Tensor) -> Tensor:
        """Logits, float32 (b,), before the softplus. sample: (b, 9, 64, 64): the result's latents, the mask, those of
        the photo as it was."""
        dtype, count = self.unet.conv_in.weight.dtype, len(sample)
        embedding = self.embedding.to(dtype).expand(count, -1)
        text = self.text.to(dtype).expand(count, -1, -1)
        hidden = self.unet.conv_in(sample.to(dtype))
        for block in (*self.unet.down_blocks, self.unet.mid_block):
            reads = {"encoder_hidden_states": text} if getattr(block, "has_cross_attention", False) else {}
            made = block(hidden, embedding, **reads)
            hidden = made[0] if isinstance(made, tuple) else made  # those on the way down give what they skip, too
        return self.head(hidden.to(self.head.dtype)).flatten(1)[:, 0].float()


def build_net(prompt: Prompt, settings: DiscriminatorSettings) -> DiscriminatorNet:
    """The network on the CPU. The LoRA and the head train, in float32, and nothing else does.

    The LoRA comes first: putting adapters on a network freezes all of it, so a head that was there before would never
    learn anything. Raises BadWeights, BadOptions.
    """
    folder = settings.base / "unet"
    unet: Any = load_model(WayDown, folder, torch.float32)
    if unet.config.in_channels != CHANNELS or unet.config.addition_embed_type != "text_time":
        raise BadWeights(f"The UNet in {folder} is not one of SDXL for inpainting.", "--base names its folder.")
    dtype = frozen_dtype(settings)  # type: ignore[arg-type]
    with torch.random.fork_rng(devices=[]):  # layers take their first numbers from torch's own
        torch.manual_seed(seed_of(settings.seed, "head"))
        head = Head(unet.config.block_out_channels[-1])
    net = DiscriminatorNet(unet, head, prompt)
    unet.to(dtype)
    add_lora(unet, settings.lora_rank, TARGETS, seed_of(settings.seed, "lora"), start="normal")
    head.requires_grad_(True)
    if settings.start is not None:
        begin_from(net, settings.start, settings.lora_rank)
    if settings.checkpointing:
        unet.enable_gradient_checkpointing()
    if settings.compile:
        unet.compile_repeated_blocks()
    unet.to(memory_format=torch.channels_last)
    return net


@torch.no_grad()
def embedding_of(unet: Any, prompt: Prompt) -> Tensor:
    """What timestep, sizes and pooled text come to: float32 (1, d)."""
    assert prompt.pooled is not None
    pooled = prompt.pooled.detach().float()[None]
    time = unet.time_embedding(unet.time_proj(torch.tensor([TIMESTEP])).float())
    sizes = unet.add_time_proj(torch.tensor(SIZES)).float().reshape(1, -1)
    return time + unet.add_embedding(torch.cat([pooled, sizes], dim=1))


@torch.no_grad()
def begin_from(net: DiscriminatorNet, folder: Path, rank: int) -> None:
    """Takes over a discriminator, published or trained here.

    Raises BadWeights; BadOptions for a LoRA of another rank.
    """
    there = [name for name, _ in names(folder, DISCRIMINATOR)]
    if len(there) != len(DISCRIMINATOR.files):
        wanted = " and ".join(file.name for file in DISCRIMINATOR.files)
        raise BadWeights(f"{folder} should hold a discriminator: {wanted}.", "--start names its folder.")
    lora, head = (folder / name for name in there)
    found = adapters(read_tensors(lora), named(lora))
    layers: dict[str, Any] = dict(net.unet.named_modules())
    if len(found) != adaptable(net.unet) or not found.keys() <= layers.keys():
        raise BadWeights(f"{named(lora)} is a LoRA for another network.")
    for layer, one in found.items():
        if (given := one.down.shape[0]) != rank:
            raise BadOptions(f"{named(lora)} has rank {given} and not {rank}.", f"Say --lora_rank {given}.")
        for part, tensor in (("lora_A", one.down), ("lora_B", one.up * one.scale)):
            weight = getattr(layers[layer], part)["default"].weight
            if weight.shape != tensor.shape:
                raise BadWeights(f"{named(lora)} is a LoRA for another network.")
            weight.copy_(tensor)
    fit(net.head, head_tensors(read_tensors(head)), named(head), torch.float32)
    net.head.requires_grad_(True)


def flops(config: Mapping[str, Any]) -> float:
    """Floating-point operations of one sample's step: forward, back through the frozen layers to the LoRA, and through
    the head and to its weights. config: of the UNet."""
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"), torch.no_grad():
        unet: Any = WayDown.from_config(dict(config))
        head = Head(unet.config.block_out_channels[-1])
        sizes = len(SIZES) * unet.config.addition_time_embed_dim
        pooled = torch.empty(unet.config.projection_class_embeddings_input_dim - sizes)
        net = DiscriminatorNet(unet, head, Prompt(torch.empty(TOKENS, unet.config.cross_attention_dim), pooled))
        sample = torch.empty(1, CHANNELS, LATENT, LATENT)
        with FlopCounterMode(display=False) as counter:
            net(sample)
    every = counter.get_flop_counts()
    whole = float(counter.get_total_flops())
    heads = float(sum(every.get("DiscriminatorNet.head", {}).values()))
    return 2 * (whole - heads) + (1 + BACKWARD) * heads
