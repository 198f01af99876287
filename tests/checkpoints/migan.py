"""A tiny MI-GAN checkpoint: a TorchScript archive that takes and gives what the published one does."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

NAME = "migan_traced.pt"
SIDE = 512


class TinyMigan(nn.Module):
    """(B, 4, 512, 512) to (B, 3, 512, 512) around 0, which is mid grey. As in the real one, a fixed noise of that size
    is added, so that no other size will do."""

    noise: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 8, 9, stride=4, padding=4)
        self.last = nn.ConvTranspose2d(8, 3, 4, stride=4)
        self.register_buffer("noise", 0.05 * torch.randn(1, 1, SIDE, SIDE))

    def forward(self, x: Tensor) -> Tensor:
        return 0.3 * torch.tanh(self.last(torch.relu(self.first(x)))) + self.noise


def tiny_migan(seed: int = 0) -> TinyMigan:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TinyMigan().eval().requires_grad_(False)


def write_migan(folder: Path, seed: int = 0) -> Path:
    """Writes the archive into a folder, which is made, and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated
        script = torch.jit.trace(tiny_migan(seed), torch.zeros(1, 4, SIDE, SIDE))
    assert isinstance(script, torch.jit.ScriptModule)
    script.save(str(path))
    return path
