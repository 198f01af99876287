"""The exponential moving average of the weights that train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from training.schedule import ema_decay


class Ema:
    """Averages in float32 beside the weights, on their device; under FSDP each process averages its own part."""

    def __init__(self, model: nn.Module, most: float, power: float) -> None:
        """Starts at the weights as they are. most, power: see `schedule.ema_decay`."""
        self._weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self._most, self._power = most, power
        self.updates = 0
        self.average = {name: weight.detach().float().clone() for name, weight in self._weights.items()}

    @torch.no_grad()
    def update(self) -> None:
        """After an update of the weights: average = decay * average + (1 - decay) * weight."""
        kept = ema_decay(self.updates, self._most, self._power)
        self.updates += 1
        for name, average in self.average.items():
            average.lerp_(self._weights[name].detach().float(), 1 - kept)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model has the averaged weights meanwhile."""
        own = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self._put(self.average)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def restore(self, average: Mapping[str, Tensor], updates: int) -> None:
        """From a checkpoint. Raises KeyError for an average that is missing."""
        for name, mine in self.average.items():
            mine.copy_(average[name])
        self.updates = updates

    @torch.no_grad()
    def _put(self, tensors: Mapping[str, Tensor]) -> None:
        for name, weight in self._weights.items():
            weight.copy_(tensors[name])
