"""A diffusion UNet with everything constant worked out beforehand.

Removal always has the same few prompts, so the text never changes between calls, nor does the schedule. Folded here:

- keys and values of the cross-attention, for each prompt: the layers that make them go (13 % of SDXL's UNet),
- time and size embeddings with the projection of every residual block: one small table of biases for a schedule,
- the three projections of each self-attention: one product instead of three.

All of it is exact up to rounding. The rest is diffusers' own UNet2DConditionModel, block by block.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn

KEPT_TABLES = 8  # schedules whose biases are kept; a visitor who tries step counts makes a few


@dataclass(frozen=True, eq=False)
class Prompt:
    """A text as a UNet sees it. embeds: float (tokens, d). pooled: float (p,), None where the UNet takes none."""

    embeds: Tensor
    pooled: Tensor | None = None


class FoldedUNet(nn.Module):
    """A UNet for a fixed list of prompts. Takes over the weights of the one it is made from.

    rows, below, is the slice of that list which the batch uses, such as slice(0, 1) for one, slice(1, 3) for two
    samples under guidance.
    """

    def __init__(self, unet: UNet2DConditionModel, prompts: Sequence[Prompt]) -> None:
        """unet: on any device; its LoRAs are merged already. prompts: all that will ever be used."""
        super().__init__()
        self.steepness = 2 ** sum(block.upsamplers is not None for block in unet.up_blocks)
        self.embedding = _Embedding(unet, [prompt.pooled for prompt in prompts])
        self._tables: OrderedDict[Any, Tensor] = OrderedDict()
        fold_layers(unet, torch.stack([prompt.embeds for prompt in prompts]))
        self.unet = unet

    def biases(self, timesteps: Tensor, rows: slice, size: tuple[int, int] | None) -> Tensor:
        """What each residual block adds, for every step of a schedule: (steps, rows, all channels), as the weights are.

        timesteps: (steps,). size: height and width in px for UNets that were told their picture's size, else None.
        """
        key = (tuple(timesteps.tolist()), rows.start, rows.stop, size)
        if key not in self._tables:
            table = self.embedding.table(timesteps.cpu(), rows, size)
            weight = self.unet.conv_in.weight
            self._tables[key] = table.to(weight.device, weight.dtype)
            if len(self._tables) > KEPT_TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(key)
        return self._tables[key]

    def forget_tables(self) -> None:
        """After the weights were moved to another precision."""
        self._tables.clear()

    def forward(self, sample: Tensor, biases: Tensor, rows: slice) -> Tensor:
        """The predicted noise.

        sample: (b, channels, h, w), b a multiple of the rows, their samples side by side. biases: (rows, all channels),
        one step of `biases`.
        """
        unet = self.unet
        uneven = any(side % self.steepness for side in sample.shape[-2:])
        several = sample.shape[0] // biases.shape[0]
        bias = biases if several == 1 else biases.repeat_interleave(several, 0)
        hidden = unet.conv_in(sample)
        skips = [hidden]
        for block in unet.down_blocks:
            hidden, more = block(hidden_states=hidden, temb=bias, **_text(block, rows))
            skips += more
        if unet.mid_block is not None:
            hidden = unet.mid_block(hidden, bias, **_text(unet.mid_block, rows))
        for block in unet.up_blocks:
            count = len(block.resnets)
            size = skips[-count - 1].shape[-2:] if uneven and len(skips) > count else None
            hidden = block(
                hidden_states=hidden,
                temb=bias,
                res_hidden_states_tuple=tuple(skips[-count:]),
                upsample_size=size,
                **_text(block, rows),
            )
            del skips[-count:]
        if unet.conv_norm_out is not None:
            hidden = unet.conv_act(unet.conv_norm_out(hidden))
        return hidden if unet.conv_out is None else unet.conv_out(hidden)


def fold_layers(unet: UNet2DConditionModel, text: Tensor) -> None:
    """Takes out of a UNet what becomes constant. text: (prompts, tokens, d)."""
    _replace_time_projections(unet)
    for module in unet.modules():
        if isinstance(module, Attention):
            _fold_attention(module, text)
    unet.time_embedding = unet.add_embedding = None  # type: ignore[assignment]


def _text(block: nn.Module, rows: slice) -> dict[str, Any]:
    """Blocks with cross-attention are handed the rows where they expect the text; `_Cross` knows what to do with it."""
    return {"encoder_hidden_states": rows} if getattr(block, "has_cross_attention", False) else {}


class _Embedding:
    """The small networks for time, size and pooled text. They stay in main memory in float32: a table is made once."""

    def __init__(self, unet: UNet2DConditionModel, pooled: Sequence[Tensor | None]) -> None:
        self.time = unet.time_proj, _in_main_memory(unet.time_embedding)
        self.size: tuple[nn.Module, nn.Module] | None = None
        self.pooled: Tensor | None = None
        if unet.config.addition_embed_type == "text_time":
            self.size = unet.add_time_proj, _in_main_memory(unet.add_embedding)
            self.pooled = torch.stack([vector for vector in pooled if vector is not None]).cpu().float()
        blocks = [module for module in unet.modules() if isinstance(module, ResnetBlock2D)]
        self.projection = torch.cat([block.time_emb_proj.weight.detach().cpu().float() for block in blocks])
        self.offset = torch.cat([block.time_emb_proj.bias.detach().cpu().float() for block in blocks])

    @torch.inference_mode()
    def table(self, timesteps: Tensor, rows: slice, size: tuple[int, int] | None) -> Tensor:
        """float32 (steps, rows, all channels)."""
        sinusoids, network = self.time
        embedded = network(sinusoids(timesteps).float())[:, None].expand(-1, rows.stop - rows.start, -1)
        if self.size is not None and self.pooled is not None:
            if size is None:
                raise ValueError("this UNet has to be told the size of the picture")
            sinusoids, network = self.size
            ids = torch.tensor([*size, 0, 0, *size], dtype=torch.float32)  # original size, crop's corner, target size
            pooled = self.pooled[rows]
            sizes = sinusoids(ids).float().flatten().expand(len(pooled), -1)
            embedded = embedded + network(torch.cat([pooled, sizes], dim=1))
        return F.linear(F.silu(embedded), self.projection, self.offset)


def _in_main_memory(network: nn.Module) -> nn.Module:
    """In float32; untouched if it is so already."""
    there = all(weight.device.type == "cpu" and weight.dtype == torch.float32 for weight in network.parameters())
    return network if there else network.cpu().float()


class _Slice(nn.Module):
    """Stands where a residual block projected the time embedding: its part of the table of biases."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, biases: Tensor) -> Tensor:
        return biases[:, self.start : self.stop]


def _replace_time_projections(unet: UNet2DConditionModel) -> None:
    start = 0
    for module in unet.modules():
        if isinstance(module, ResnetBlock2D):
            stop = start + module.time_emb_proj.out_features
            module.time_emb_proj = _Slice(start, stop)  # type: ignore[assignment]
            module.skip_time_act = True  # the table has been through it
            start = stop


@torch.no_grad()
def _fold_attention(attention: Attention, text: Tensor) -> None:
    if attention.is_cross_attention:
        text = text.to(attention.to_k.weight)
        for name, layer in (("constant_key", attention.to_k), ("constant_value", attention.to_v)):
            attention.register_buffer(name, _heads(layer(text), attention.heads).contiguous(), persistent=False)
        attention.to_k = attention.to_v = None  # type: ignore[assignment]
        attention.set_processor(_Cross())  # type: ignore[arg-type]
        return
    parts = attention.to_q, attention.to_k, attention.to_v
    merged = nn.Linear(parts[0].in_features, sum(part.out_features for part in parts), bias=parts[0].bias is not None,
                       device="meta")  # fmt: skip
    merged.weight = nn.Parameter(torch.cat([part.weight for part in parts]), requires_grad=False)
    if parts[0].bias is not None:
        merged.bias = nn.Parameter(torch.cat([part.bias for part in parts]), requires_grad=False)
    attention.to_qkv = merged
    attention.to_q = attention.to_k = attention.to_v = None  # type: ignore[assignment]
    attention.set_processor(_Self())  # type: ignore[arg-type]


def _heads(tensor: Tensor, heads: int) -> Tensor:
    """(b, n, heads * d) -> (b, heads, n, d)"""
    return tensor.unflatten(-1, (heads, -1)).transpose(1, 2)


class _Cross:
    """Cross-attention to constant text. Vaswani et al. 2017; diffusers' processors say what it has to equal."""

    def __call__(self, attention: Any, hidden: Tensor, encoder_hidden_states: slice, **_: object) -> Tensor:
        query = _heads(attention.to_q(hidden), attention.heads)
        key, value = attention.constant_key[encoder_hidden_states], attention.constant_value[encoder_hidden_states]
        if key.shape[0] != query.shape[0]:
            key, value = (one.repeat_interleave(query.shape[0] // key.shape[0], 0) for one in (key, value))
        return _out(attention, F.scaled_dot_product_attention(query, key, value))


class _Self:
    def __call__(self, attention: Any, hidden: Tensor, **_: object) -> Tensor:
        query, key, value = (_heads(one, attention.heads) for one in attention.to_qkv(hidden).chunk(3, dim=-1))
        return _out(attention, F.scaled_dot_product_attention(query, key, value))


def _out(attention: Any, attended: Tensor) -> Tensor:
    return attention.to_out[0](attended.transpose(1, 2).flatten(2)) / attention.rescale_output_factor
