"""What a training script is made of: a task says what is learned, the loop does the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from torch import Tensor, device, nn

from training.settings import LoopSettings

Settings = TypeVar("Settings", bound=LoopSettings, covariant=True)


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples side by side. tensors: by name, the first axis is the sample, on the loop's device when a task sees it.

    seeds: one a sample, for all that is drawn for it (see `noise.drawn`): a sample's noise does not depend on who
    computes it, with whom or when. names: of the records. bad: a sentence for each that could not be read and was
    replaced.
    """

    tensors: Mapping[str, Tensor]
    seeds: Sequence[int]
    names: Sequence[str] = ()
    bad: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def to(self, where: device) -> Batch:
        moved = {name: tensor.to(where, non_blocking=True) for name, tensor in self.tensors.items()}
        return Batch(moved, self.seeds, self.names, self.bad)

    def pin_memory(self) -> Batch:
        """Where a GPU can fetch it while it works on another; torch's loader asks for that."""
        return Batch({name: one.pin_memory() for name, one in self.tensors.items()}, self.seeds, self.names, self.bad)


class Source(Protocol):
    """Samples by the number of their draw. The same number gives the same sample, in any process, at any time."""

    def __len__(self) -> int:
        """Samples of one epoch."""
        ...

    def batch(self, draws: Sequence[int]) -> Batch:
        """The samples of these draws: 0, 1, ... over all epochs. Called in worker processes; on the CPU.

        A record that cannot be read is replaced by another and named in `bad`.
        """
        ...


@dataclass(frozen=True, eq=False)
class Validation:
    """metrics: by name. picture: uint8 (H, W, 3), a grid to look at, or None."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    picture: np.ndarray | None = None


class Task(Protocol[Settings]):
    """One training script. The loop calls build, then train_on, then loss again and again."""

    @property
    def settings(self) -> Settings: ...

    @property
    def best(self) -> tuple[str, int]:
        """The metric that chooses the best checkpoint, and 1 if more is better or -1 if less is; ("", 1) = none."""
        ...

    def build(self, where: device) -> nn.Module:
        """The module that trains, on the device. What is frozen beside it (a VAE, a teacher) stays with the task.

        Raises BadWeights, BadOptions.
        """
        ...

    def source(self) -> Source:
        """What it is trained on. After `build`. Raises BadData."""
        ...

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The mean loss of a batch, one number; it calls `model`, the module of `build` as it was wrapped, once."""
        ...

    def validate(self, model: nn.Module, step: int) -> Validation:
        """On fixed seeds, in the main process alone; model: unwrapped, in evaluation mode, without gradients."""
        ...

    def save(self, weights: Mapping[str, Tensor], folder: Path) -> None:
        """Writes what the suite loads. weights: all of the module's, by its own names; averaged if the run averages."""
        ...

    def about(self) -> Mapping[str, Any]:
        """For the model card: base, data with its fingerprint, whatever a reader should know; see `output.card`."""
        ...

    def flops(self) -> float:
        """Floating-point operations of one sample's step, forward and backward; 0 = not known."""
        ...
