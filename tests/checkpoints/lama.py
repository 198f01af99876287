"""Tiny LaMa checkpoints with random weights, in every layout in which the real ones are published."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rorem.nets.lama import Generator

NAMES = {"lightning": "best.ckpt", "torchscript": "big-lama.pt", "safetensors": "model.safetensors"}
WIDTH, BLOCKS = 4, 2  # the published one has 64 and 18


class Wrapper(nn.Module):
    """The names of upstream's bin/to_jit.py: model.generator.model.N..."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.model = nn.Module()
        self.model.generator = generator

    def forward(self, picture: Tensor, hole: Tensor) -> Tensor:
        """Composited like the published archive. hole: 1 = fill."""
        hole = (hole > 0).to(picture.dtype)
        return hole * self.model.generator(picture, hole) + (1 - hole) * picture  # type: ignore[operator]


class Callback:
    """Something of the training's that lies in the Lightning checkpoint and that no reader may need."""


def random_generator(width: int = WIDTH, blocks: int = BLOCKS, seed: int = 0, contrast: float = 0.1) -> Generator:
    """A generator whose features have natural sizes everywhere, painting around mid grey.

    contrast: spread of the last layer before its sigmoid; 0.1 is about 6 grey levels.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _random_generator(width, blocks, contrast)


def _random_generator(width: int, blocks: int, contrast: float) -> Generator:
    generator = Generator(width, blocks)
    norms = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0  # one pass in training mode sets the statistics to what is really there
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0, 0.3)
    for block in generator.model[5 : 5 + blocks]:  # type: ignore[attr-defined]
        for norm in (block.conv2.bn_l, block.conv2.bn_g):  # type: ignore[union-attr]
            norm.weight.data /= blocks**0.5  # else what the shortcuts add up grows from block to block
    picture = torch.rand(2, 3, 8, 8)
    picture = nn.functional.interpolate(picture, size=(64, 64), mode="bicubic").clamp(0, 1)
    hole = torch.zeros(2, 1, 64, 64)
    hole[..., 20:40, 24:50] = 1
    last = generator.model[-2]
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    with torch.no_grad():
        generator.train()(picture, hole)
        painted = generator.eval()(picture, hole).logit()
        last.weight.data *= contrast / painted.std()
        last.bias.data.zero_()
        last.bias.data -= generator(picture, hole).logit().mean((0, 2, 3))
    return generator.requires_grad_(False)


def write_lama(folder: Path, layout: str, generator: Generator | None = None) -> Path:
    """Writes the file of a layout (a key of NAMES) into a folder, which is made, and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = generator or random_generator()
    path = folder / NAMES[layout]
    weights = {name: tensor.contiguous() for name, tensor in generator.state_dict().items()}
    if layout == "lightning":
        foreign = {"discriminator.model0.0.weight": torch.ones(3), "loss_resnet_pl.impl.conv1.weight": torch.ones(2)}
        own = {f"generator.{name}": tensor for name, tensor in weights.items()}
        torch.save({"epoch": 39, "callbacks": {Callback: Callback()}, "state_dict": {**own, **foreign}}, path)
    elif layout == "torchscript":
        traced(generator).save(str(path))
    else:
        save_file(weights, path)
    return path


def traced(generator: Generator) -> torch.jit.ScriptModule:
    """The generator as upstream publishes it for users: a TorchScript archive that takes any size."""
    example = torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated, and tracing is told of sizes
        script = torch.jit.trace(Wrapper(generator), example, strict=False)
    assert isinstance(script, torch.jit.ScriptModule)
    return script
