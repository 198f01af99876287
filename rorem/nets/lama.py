"""The generator of LaMa, written so that its state dict has the published names.

Suvorov et al., "Resolution-robust Large Mask Inpainting with Fourier Convolutions", WACV 2022; layout as in the
configuration big-lama of advimman/lama (Apache-2.0). Features travel in two groups of channels: local ones, made by 3x3
convolutions, and global ones, made by a convolution of the Fourier spectrum, which sees the whole picture at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rorem.errors import BadWeights
from rorem.nets.reading import fit

MULTIPLE = 8  # both sides of the input: it is halved three times
SMALLEST = 16  # px; below, the innermost features are 1 px and cannot be padded by reflection
PREFIXES = ("", "generator.", "model.generator.")  # safetensors, Lightning, TorchScript
FIRST = "model.1.ffc.convl2l.weight"


class Generator(nn.Module):
    """Fills the hole of a picture.

    width: channels after the first convolution (64 in big-lama). blocks: residual blocks (18 in big-lama).
    """

    def __init__(self, width: int = 64, blocks: int = 18) -> None:
        super().__init__()
        inner = 8 * width
        self.model = nn.Sequential(
            nn.ReflectionPad2d(3),
            ConvolutionNormReLU(4, width, 7, padding=0),
            ConvolutionNormReLU(width, 2 * width, stride=2),
            ConvolutionNormReLU(2 * width, 4 * width, stride=2),
            ConvolutionNormReLU(4 * width, inner, stride=2, splits=True),
            *(Block(inner) for _ in range(blocks)),
            Join(),
            *(layer for double in (8, 4, 2) for layer in upsampling(double * width)),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, 3, 7),
            nn.Sigmoid(),
        )

    def forward(self, picture: Tensor, hole: Tensor) -> Tensor:
        """picture float32 (B, 3, H, W) in [0, 1]; hole float32 (B, 1, H, W), 1 = fill. Both sides multiples of 8, at
        least 16. Returns what the network paints everywhere, (B, 3, H, W) in [0, 1]."""
        return self.model(torch.cat((picture * (1 - hole), hole), 1))


class ConvolutionNormReLU(nn.Module):
    """The way in: only local features, of which the last makes local and global ones (1 : 3)."""

    def __init__(
        self, given: int, made: int, side: int = 3, stride: int = 1, padding: int = 1, splits: bool = False
    ) -> None:
        super().__init__()
        local = made // 4 if splits else made
        self.ffc: Any = nn.Module()
        self.ffc.convl2l = convolution(given, local, side, stride, padding)
        self.bn_l = nn.BatchNorm2d(local)
        self.splits = splits
        if splits:
            self.ffc.convl2g = convolution(given, made - local, side, stride, padding)
            self.bn_g = nn.BatchNorm2d(made - local)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        local = F.relu(self.bn_l(self.ffc.convl2l(x)))
        return (local, F.relu(self.bn_g(self.ffc.convl2g(x)))) if self.splits else local


class Block(nn.Module):
    """Two Fourier convolutions with a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = FourierConvolutionNormReLU(channels)
        self.conv2 = FourierConvolutionNormReLU(channels)

    def forward(self, x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        local, wide = self.conv2(self.conv1(x))
        return x[0] + local, x[1] + wide


class FourierConvolutionNormReLU(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        local = channels // 4
        self.ffc = FourierConvolution(local, channels - local)
        self.bn_l = nn.BatchNorm2d(local)
        self.bn_g = nn.BatchNorm2d(channels - local)

    def forward(self, x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        local, wide = self.ffc(x)
        return F.relu(self.bn_l(local)), F.relu(self.bn_g(wide))


class FourierConvolution(nn.Module):
    def __init__(self, local: int, wide: int) -> None:
        super().__init__()
        self.convl2l = convolution(local, local)
        self.convl2g = convolution(local, wide)
        self.convg2l = convolution(wide, local)
        self.convg2g = SpectralTransform(wide)

    def forward(self, x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        local, wide = x
        return self.convl2l(local) + self.convg2l(wide), self.convl2g(local) + self.convg2g(wide)


class SpectralTransform(nn.Module):
    """Global to global: the spectrum is convolved at half the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Sequential(nn.Conv2d(channels, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU())
        self.fu = FourierUnit(half)
        self.conv2 = nn.Conv2d(half, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        return self.conv2(x + self.fu(x))


class FourierUnit(nn.Module):
    """A 1x1 convolution of the spectrum. Channels 2c and 2c + 1 are the real and imaginary part of channel c."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.view_as_real(torch.fft.rfftn(x, dim=(-2, -1), norm="ortho"))
        parts = spectrum.permute(0, 1, 4, 2, 3).flatten(1, 2)
        parts = F.relu(self.bn(self.conv_layer(parts)))
        spectrum = parts.unflatten(1, (-1, 2)).permute(0, 1, 3, 4, 2).contiguous()
        return torch.fft.irfftn(torch.view_as_complex(spectrum), s=x.shape[-2:], dim=(-2, -1), norm="ortho")


class Join(nn.Module):
    """Local and global features as one tensor, local first."""

    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:
        return torch.cat(x, 1)


def convolution(given: int, made: int, side: int = 3, stride: int = 1, padding: int = 1) -> nn.Conv2d:
    return nn.Conv2d(given, made, side, stride, padding, bias=False, padding_mode="reflect")


def upsampling(channels: int) -> tuple[nn.Module, ...]:
    half = channels // 2
    up = nn.ConvTranspose2d(channels, half, 3, stride=2, padding=1, output_padding=1)
    return up, nn.BatchNorm2d(half), nn.ReLU()


def build(tensors: Mapping[str, Tensor], what: str) -> Generator:
    """The generator with the weights of a published file, ready to use.

    tensors: of the whole file, as `read_tensors` gives them; its size is seen from them, and what belongs to no
    generator (discriminators, losses) is left out. what: names the file in errors. Raises BadWeights.
    """
    prefix = next((prefix for prefix in PREFIXES if prefix + FIRST in tensors), None)
    if prefix is None or tensors[prefix + FIRST].shape[1:] != (4, 7, 7):
        raise BadWeights(f"{what} holds other weights than this method needs: it has no {FIRST} of 4 channels.")
    own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}model.")}
    blocks = sum(name.endswith(".conv1.ffc.convl2l.weight") for name in own)
    with torch.device("meta"):
        generator = Generator(own[FIRST].shape[0], blocks)
    fit(generator, own, what, torch.float32)
    return generator.eval().requires_grad_(False)
