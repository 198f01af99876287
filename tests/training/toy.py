"""A task as small as can be, to try the loop with: `accelerate launch tests/training/toy.py --out FOLDER`."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Generator, Tensor, nn

from training import command
from training.noise import drawn, generator_of, seed_of
from training.settings import LoopSettings
from training.task import Batch, Validation

WIDTH = 6


class ToySettings(LoopSettings):
    """nan_at: steps whose loss is no number. bad_at: draws that cannot be read. kill_at: dies by SIGKILL in the midst
    of this update. slow: s a batch."""

    steps: int = 12
    lr: float = 0.05
    workers: int = 0
    log_every: int = 1
    checkpoint_every: int = 4
    validate_every: int = 4
    kill_at: int = -1
    slow: float = 0.0
    nan_at: tuple[int, ...] = ()
    bad_at: tuple[int, ...] = ()
    frozen: bool = Field(default=False, description="Whether the first layer is.")
    drop: float = 0.2


class ToyModel(nn.Module):
    def __init__(self, drop: float) -> None:
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(WIDTH, WIDTH), nn.Dropout(drop), nn.Linear(WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.drop(torch.tanh(self.first(x))))


class ToySource:
    def __init__(self, settings: ToySettings) -> None:
        self._settings = settings

    def __len__(self) -> int:
        return 32

    def batch(self, draws: Sequence[int]) -> Batch:
        time.sleep(self._settings.slow)
        seeds = [seed_of(self._settings.seed, draw) for draw in draws]
        x = torch.stack([torch.randn(WIDTH, generator=generator_of(seed, "x")) for seed in seeds])
        bad = [f"Record {draw} cannot be read." for draw in draws if draw in self._settings.bad_at]
        return Batch({"x": x, "draw": torch.tensor(list(draws))}, seeds, [str(draw) for draw in draws], bad)


class ToyTask:
    best = "error", -1

    def __init__(self, settings: ToySettings) -> None:
        self.settings = settings
        self._batches = 0

    def build(self, where: torch.device) -> nn.Module:
        torch.manual_seed(self.settings.seed)
        self._model = ToyModel(self.settings.drop).to(where)
        if self.settings.frozen:
            self._model.first.requires_grad_(False)
        return self._model

    def source(self) -> ToySource:
        return ToySource(self.settings)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        x = batch["x"]
        noise = drawn(batch.seeds, "noise", lambda generator: torch.randn(1, generator=generator)).to(x)
        step = int(batch["draw"][0]) // (self.settings.batch * self.settings.accumulate * world())
        if step == self.settings.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        wrong = float("nan") if step in self.settings.nan_at else 1.0
        return ((model(x) - x.sum(1, keepdim=True) - 0.1 * noise) ** 2).mean() * wrong

    def validate(self, model: nn.Module, step: int) -> Validation:
        x = torch.randn(64, WIDTH, generator=Generator().manual_seed(1))
        error = float(((model(x) - x.sum(1, keepdim=True)) ** 2).mean())
        return Validation({"error": error}, np.full((4, 4, 3), step % 256, np.uint8))

    def save(self, weights: Mapping[str, Tensor], folder: Path) -> None:
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "toy.safetensors")

    def about(self) -> Mapping[str, Any]:
        return {"title": "Toy", "tags": ("toy",), "data": "made up"}

    def flops(self) -> float:
        return 0.0


def world() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


if __name__ == "__main__":
    sys.exit(command.run(ToySettings, ToyTask, "A toy."))
