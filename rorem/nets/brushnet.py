"""BrushNet: a second UNet that sees the photo and tells the first, layer by layer, what belongs there.

Ju et al., BrushNet, ECCV 2024, in the form of PowerPaint 2, which keeps the cross-attention. After each of its layers
a 1x1 convolution makes a residual that is added to what the same layer of the base gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from rorem.errors import BadWeights
from rorem.nets.folded import FoldedUNet, Prompt
from rorem.nets.reading import fit

CHANNELS = 9  # noisy latents 4, latents of the picture without the hole 4, mask 1
FIRST = ("conv_in_condition.", "conv_in.")  # how the published file and how diffusers call the first layer
TAPS = ("brushnet_down_blocks", "brushnet_mid_block", "brushnet_up_blocks")
MAPS = 14  # of the first width at latent size hold all residuals of Stable Diffusion 1.5

Site = Callable[[Tensor], Tensor]  # is handed what a layer gives; its answer goes on in its place


class BrushedUNet(FoldedUNet):
    """A UNet and the BrushNet beside it as one folded network. Takes over the weights of both.

    A sample holds the channels of BrushNet, of which the base sees the first: the noisy latents.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        prompts: Sequence[Prompt],
        branch: UNet2DConditionModel,
        tasks: Sequence[Prompt],
    ) -> None:
        """branch: as `brushnet` makes it. tasks: the prompts that BrushNet sees beside each of the base's."""
        super().__init__(unet, prompts)
        self.branch = FoldedUNet(branch, tasks)
        self.taps = nn.ModuleList(taps(branch))
        for one in (unet, branch):
            one.down_blocks = nn.ModuleList(_Stage(block) for block in one.down_blocks)
            one.up_blocks = nn.ModuleList(_Stage(block) for block in one.up_blocks)
        stages = [branch.conv_in, *branch.down_blocks, branch.mid_block, *branch.up_blocks]
        unet.add_module("branch", nn.ModuleList([*stages, *self.taps]))  # a runner looks for parts in the UNet only
        self._own = self.embedding.offset.numel()

    def biases(self, timesteps: Tensor, rows: slice, size: tuple[int, int] | None) -> Tensor:
        """As a folded UNet's, the base's channels before BrushNet's."""
        return torch.cat([super().biases(timesteps, rows, size), self.branch.biases(timesteps, rows, size)], dim=-1)

    def forward(self, sample: Tensor, biases: Tensor, rows: slice) -> Tensor:
        """As a folded UNet's. The residuals live in this call alone."""
        biases = biases.repeat_interleave(sample.shape[0] // biases.shape[0], 0)
        own, theirs = biases[:, : self._own], biases[:, self._own :]
        residuals: list[Tensor] = []

        def tap(hidden: Tensor) -> Tensor:
            residuals.append(self.taps[len(residuals)](hidden))
            return hidden

        _walk(self.branch.unet, sample, theirs, rows, tap)
        residuals.reverse()
        noisy = sample[:, : self.unet.config.in_channels]
        hidden = _walk(self.unet, noisy, own, rows, lambda hidden: hidden + residuals.pop())
        return self.unet.conv_out(self.unet.conv_act(self.unet.conv_norm_out(hidden)))


def brushnet(config: Mapping[str, Any], tensors: Mapping[str, Tensor], what: str, dtype: torch.dtype) -> Any:
    """The BrushNet in a published file, as `blank` makes it.

    config: of the base's UNet; no configuration of its own is published. what: says in an error which file it was.
    Raises BadWeights.
    """
    theirs, ours = FIRST
    if not any(name.startswith(theirs) for name in tensors):
        raise BadWeights(f"{what} is not a BrushNet: it lacks {theirs}weight.")
    renamed = {
        ours + name.removeprefix(theirs) if name.startswith(theirs) else name: tensor
        for name, tensor in tensors.items()
    }
    net = blank(config)
    fit(net, renamed, what, dtype)
    return net.eval().requires_grad_(False)


def blank(config: Mapping[str, Any]) -> Any:
    """A UNet of diffusers without an output but with the convolutions in TAPS, on the meta device."""
    with torch.device("meta"):
        net: Any = UNet2DConditionModel.from_config({**config, "in_channels": CHANNELS})
        net.conv_norm_out = net.conv_act = net.conv_out = None
        net.brushnet_down_blocks = _convolutions([net.conv_in.out_channels, *_widths(net.down_blocks)])
        net.brushnet_mid_block = _convolution(net.mid_block.resnets[-1].out_channels)
        net.brushnet_up_blocks = _convolutions(_widths(net.up_blocks))
    return net


def taps(branch: nn.Module) -> list[nn.Module]:
    """Its 1x1 convolutions in the order of the layers they follow."""
    down, middle, up = (branch.get_submodule(name) for name in TAPS)
    return [*down.children(), middle, *up.children()]


def _walk(unet: Any, sample: Tensor, bias: Tensor, rows: slice, site: Site) -> Tensor:
    """Through a UNet of stages up to its output layers, with a call of `site` after each of its layers."""
    hidden = unet.conv_in(sample)
    skips = [hidden]  # what goes across from the first layer stays as it is; only what goes down is changed
    hidden = site(hidden)
    for stage in unet.down_blocks:
        hidden = stage(hidden, bias, rows, skips, site)
    hidden = site(unet.mid_block(hidden, bias, encoder_hidden_states=rows))
    for stage in unet.up_blocks:
        hidden = stage(hidden, bias, rows, skips, site)
    return hidden


class _Stage(nn.Module):
    """A down or up block of diffusers, taken apart. On the way down it lays skips on the pile, on the way up it takes
    them off again."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.rising = hasattr(block, "upsamplers")
        self.resnets = block.resnets
        self.attentions = getattr(block, "attentions", None)
        self.resamplers = nn.ModuleList(_resamplers(block))

    def forward(self, hidden: Tensor, bias: Tensor, rows: slice, skips: list[Tensor], site: Site) -> Tensor:
        for index, resnet in enumerate(self.resnets):
            if self.rising:
                hidden = torch.cat([hidden, skips.pop()], dim=1)
            hidden = resnet(hidden, bias)
            if self.attentions is not None:
                hidden = self.attentions[index](hidden, encoder_hidden_states=rows, return_dict=False)[0]
            hidden = site(hidden)
            if not self.rising:
                skips.append(hidden)
        for resampler in self.resamplers:
            if self.rising:
                hidden = site(resampler(hidden, skips[-1].shape[-2:]))
            else:
                hidden = site(resampler(hidden))
                skips.append(hidden)
        return hidden


def _resamplers(block: Any) -> list[Any]:
    found = block.upsamplers if hasattr(block, "upsamplers") else block.downsamplers
    return list(found or ())


def _widths(blocks: Any) -> list[int]:
    """Channels after each layer."""
    return [layer.out_channels for block in blocks for layer in (*block.resnets, *_resamplers(block))]


def _convolutions(widths: Sequence[int]) -> nn.ModuleList:
    return nn.ModuleList(map(_convolution, widths))


def _convolution(width: int) -> nn.Conv2d:
    return nn.Conv2d(width, width, 1)
