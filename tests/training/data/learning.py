"""A task that learns next to nothing, from real batches. With KILL_AT in the environment it dies at that loss."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rorem.nets.vae import Vae
from tests.checkpoints.full_size import SDXL_VAE
from tests.checkpoints.parts import seeded, tiny_vae, vae
from training import command
from training.data import DataSettings, DataSource
from training.task import Batch, Validation


class Learned(DataSettings):
    steps: int = 8
    size: int = 64
    batch: int = 2
    lr: float = 0.05
    workers: int = 0
    log_every: int = 1
    checkpoint_every: int = 2
    validate_every: int = 0


class Learning:
    best = "", 1

    def __init__(self, settings: Learned) -> None:
        self.settings = settings
        self._losses = 0

    def build(self, where: torch.device) -> nn.Module:
        torch.manual_seed(0)
        with seeded(0):
            self._vae = Vae(vae(tiny_vae(SDXL_VAE)), where, torch.float32)
        return nn.Conv2d(4 if self.settings.cache_latents else 3, 1, 1).to(where)

    def source(self) -> DataSource:
        return DataSource(self.settings, ("masked", "mask", "result"), self._vae)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        if str(self._losses) == os.environ.get("KILL_AT"):
            os.kill(os.getpid(), signal.SIGKILL)
        self._losses += 1
        shown, wanted = ("masked_mean", "target_mean") if self.settings.cache_latents else ("masked", "result")
        share = batch["mask"].mean(dim=(1, 2, 3), keepdim=True)
        return ((model(batch[shown]) - batch[wanted].mean(1, keepdim=True) - share) ** 2).mean()

    def validate(self, model: nn.Module, step: int) -> Validation:
        return Validation()

    def save(self, weights: Mapping[str, Tensor], folder: Path) -> None:
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "learned.safetensors")

    def about(self) -> Mapping[str, Any]:
        return {}

    def flops(self) -> float:
        return 0.0


if __name__ == "__main__":
    sys.exit(command.run(Learned, Learning, "Learns next to nothing."))
