"""Batches for each process, in an order that depends on the seed and the position alone.

Every sample that is ever drawn has a number, counted over all processes and epochs; a run at update u begins with
number u * (samples of an update). So nothing has to be kept to go on from a checkpoint, and one process with a batch of
four sees the samples that two processes with two each see.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch.utils.data import DataLoader, Dataset

from rorem.errors import RoremError
from training.settings import LoopSettings
from training.task import Batch, Source

if TYPE_CHECKING:
    from accelerate import Accelerator

AHEAD = 4  # batches that each reading process prepares


def stream(source: Source, settings: LoopSettings, accelerator: Accelerator, update: int) -> Iterator[Batch]:
    """Endless batches for this process, from an update on. Raises what the source raises."""
    many = settings.workers > 0
    loader: DataLoader[Batch | RoremError] = DataLoader(
        _Batches(source, settings.batch),
        batch_size=None,
        sampler=_Numbers(settings, accelerator.process_index, accelerator.num_processes, update),
        num_workers=settings.workers,
        prefetch_factor=AHEAD if many else None,
        persistent_workers=many,
        pin_memory=accelerator.device.type == "cuda",
        worker_init_fn=_alone if many else None,
        generator=torch.Generator().manual_seed(settings.seed),  # else it takes a number from torch's own at its start
    )
    for one in loader:
        if isinstance(one, RoremError):
            raise one
        yield one


def draws_of(number: int, batch: int) -> range:
    """The samples of a batch; batches are numbered over all processes."""
    return range(number * batch, (number + 1) * batch)


class _Batches(Dataset["Batch | RoremError"]):
    """Batches by their number. An error is handed over: torch would put a traceback into its sentence."""

    def __init__(self, source: Source, batch: int) -> None:
        self._source, self._batch = source, batch

    def __getitem__(self, number: int) -> Batch | RoremError:
        try:
            return self._source.batch(draws_of(number, self._batch))
        except RoremError as error:
            return error


class _Numbers:
    """The numbers of one process's batches: those of an update lie side by side, each process takes its own."""

    def __init__(self, settings: LoopSettings, process: int, processes: int, update: int) -> None:
        self._settings, self._process, self._processes, self._update = settings, process, processes, update

    def __iter__(self) -> Iterator[int]:
        update, accumulate = self._update, self._settings.accumulate
        while True:
            for part in range(accumulate):
                yield (update * accumulate + part) * self._processes + self._process
            update += 1


def _alone(worker: int) -> None:
    """Reading processes share the cores with training: one thread each."""
    torch.set_num_threads(1)
