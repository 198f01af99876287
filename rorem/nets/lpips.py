"""LPIPS, the learned distance of two pictures (Zhang et al., CVPR 2018, arXiv 1801.03924), version 0.1.

A tower out of an ImageNet network (three to choose from) and a weight for each of its channels. The files are the
published ones: torchvision's for the towers, the authors' for the weights (github.com/richzhang/PerceptualSimilarity).
Neither package is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from rorem.nets.reading import fit, named, read_tensors

# The layers (of torchvision's `features`) whose outputs are compared, and how many channels each has.
TAPS = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29), "squeeze": (1, 4, 7, 9, 10, 11, 12)}
CHANNELS = {
    "alex": (64, 192, 384, 256, 256),
    "vgg": (64, 128, 256, 512, 512),
    "squeeze": (64, 128, 256, 384, 384, 512, 512),
}
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of pictures in [-1, 1]; the first release lacked it
SMALLEST = 32  # px of a side; less does not survive the towers' strides
# Bytes for each pixel that the comparison of two pictures takes at its peak, the maps of both and what is worked with:
# the growth of the resident memory over pictures of 0.25, 1 and 2 megapixels, on a CPU, rounded up.
PEAK_BYTES = {"alex": 200, "vgg": 2000, "squeeze": 600}
EPSILON = 1e-10  # keeps a place with no feature at all from dividing by zero
VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)  # channels; 0 is a pooling layer
TOWER = "features."  # how names begin in torchvision's files


@dataclass(frozen=True, eq=False)
class Features:
    """Of one picture, each place scaled to length 1. maps: float32 (1, C, h, w) each.
    width, height: the picture's, px, before it was filled up to SMALLEST."""

    maps: tuple[Tensor, ...]
    width: int
    height: int

    @property
    def nbytes(self) -> int:
        return sum(one.nbytes for one in self.maps)


class Lpips(nn.Module):
    """One tower and its weights."""

    shift: Tensor
    scale: Tensor

    def __init__(self, net: str) -> None:
        """net: "alex", "vgg" or "squeeze"."""
        super().__init__()
        self.features = {"alex": _alexnet, "vgg": _vgg16, "squeeze": _squeezenet}[net]()
        self.lins = nn.ModuleDict({f"lin{index}": _head(count) for index, count in enumerate(CHANNELS[net])})
        self._taps = TAPS[net]
        self._peak = PEAK_BYTES[net]
        self.register_buffer("shift", torch.tensor(SHIFT)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE)[:, None, None], persistent=False)

    @property
    def heads(self) -> list[Tensor]:
        """The weight of each channel at each tap: float32 (C,)."""
        return [weight.flatten() for weight in self.lins.parameters()]

    def peak_memory(self, height: int, width: int) -> int:
        """Bytes that comparing two pictures of this size takes, about."""
        return self._peak * max(height, SMALLEST) * max(width, SMALLEST)

    def forward(self, levels: Tensor) -> Features:
        """levels: float32 (1, 3, h, w) in [0, 255]. A side below 32 px is filled up with copies of the last row or
        column, which the published code cannot take."""
        height, width = levels.shape[-2:]
        below, right = max(0, SMALLEST - height), max(0, SMALLEST - width)
        seen = (functional.pad(levels / 127.5 - 1, (0, right, 0, below), mode="replicate") - self.shift) / self.scale
        maps = []
        for index, layer in enumerate(self.features):
            seen = layer(seen)
            if index in self._taps:
                maps.append(unit(seen))
        return Features(tuple(maps), width, height)


def load(net: str, tower: Path, head: Path) -> Lpips:
    """The published network on the CPU, in float32. tower: torchvision's file, whose classifier is not looked at.
    head: the authors'. Raises BadWeights."""
    model = Lpips(net)
    found = {name: tensor for name, tensor in read_tensors(tower).items() if name.startswith(TOWER)}
    fit(model.features, {name.removeprefix(TOWER): one for name, one in found.items()}, named(tower), torch.float32)
    fit(model.lins, read_tensors(head), named(head), torch.float32)
    return model.eval().requires_grad_(False)


def unit(maps: Tensor) -> Tensor:
    """Each place of (n, C, h, w) scaled to length 1."""
    return maps / (maps.square().sum(1, keepdim=True).sqrt() + EPSILON)


def layers(first: Features, second: Features, heads: Sequence[Tensor]) -> list[Tensor]:
    """How far two pictures of one size are apart, place by place, at each tap: float32 (1, 1, h, w) each."""
    pairs = zip(first.maps, second.maps, heads, strict=True)
    return [functional.conv2d((one - other).square(), head[None, :, None, None]) for one, other, head in pairs]


def distance(first: Features, second: Features, heads: Sequence[Tensor]) -> float:
    """LPIPS: the mean over places at each tap, added up."""
    return float(sum(one.mean() for one in layers(first, second, heads)))


def distance_map(first: Features, second: Features, heads: Sequence[Tensor]) -> Tensor:
    """LPIPS with spatial=True: float32 (height, width), each tap enlarged to the picture (linearly), added up."""
    size = max(first.height, SMALLEST), max(first.width, SMALLEST)
    grown = [functional.interpolate(one, size, mode="bilinear") for one in layers(first, second, heads)]
    return torch.stack(grown).sum(0)[0, 0, : first.height, : first.width]


def _head(count: int) -> nn.Module:
    """The weights of one tap, under the published names; before the layer lay a dropout."""
    return nn.ModuleDict({"model": nn.Sequential(nn.Identity(), nn.Conv2d(count, 1, 1, bias=False))})


class _Fire(nn.Module):
    """SqueezeNet's building block (Iandola et al. 2016, section 3.2)."""

    def __init__(self, given: int, squeezed: int, made: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(given, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, made, 1)
        self.expand3x3 = nn.Conv2d(squeezed, made, 3, padding=1)

    def forward(self, given: Tensor) -> Tensor:
        small = self.squeeze(given).relu()
        return torch.cat([self.expand1x1(small).relu(), self.expand3x3(small).relu()], 1)


def _alexnet() -> nn.Sequential:
    """Krizhevsky 2014, "One weird trick", as torchvision has it, up to its last convolution."""
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
    )


def _vgg16() -> nn.Sequential:
    """Simonyan and Zisserman 2014, configuration D, up to its last convolution."""
    parts: list[nn.Module] = []
    given = 3
    for made in VGG16:
        parts += [nn.Conv2d(given, made, 3, padding=1), nn.ReLU()] if made else [nn.MaxPool2d(2)]
        given = made or given
    return nn.Sequential(*parts)


def _squeezenet() -> nn.Sequential:
    """SqueezeNet 1.1."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    return nn.Sequential(
        *(nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool()),
        *(_Fire(64, 16, 64), _Fire(128, 16, 64), pool()),
        *(_Fire(128, 32, 128), _Fire(256, 32, 128), pool()),
        *(_Fire(256, 48, 192), _Fire(384, 48, 192), _Fire(384, 64, 256), _Fire(512, 64, 256)),
    )
