"""How quick a run is: samples a second, the share of time spent waiting for data, memory, and MFU."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

# Floating-point operations a second in bfloat16 without sparsity, from the makers' data sheets; by part of the name.
PEAK = (
    *(("H200", 989e12), ("H100 PCIe", 756e12), ("H100", 989e12), ("B200", 2250e12), ("A100", 312e12)),
    *(("L40S", 362e12), ("RTX 4090", 165e12), ("RTX 3090", 71e12), ("A10G", 70e12)),
)


@dataclass(frozen=True)
class Speed:
    """samples: a second, over all processes. waiting: 0 to 1. mfu: model FLOPs utilisation, None where unknown.

    memory: bytes at most, of the device that this process uses; 0 on a CPU."""

    samples: float
    waiting: float
    step_seconds: float
    mfu: float | None
    memory: int


class Meter:
    """Counts from one `read` to the next."""

    def __init__(
        self, device: torch.device, processes: int, flops: float, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """flops: of one sample's step."""
        self._device, self._processes, self._flops, self._clock = device, processes, flops, clock
        self._start()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Time until a batch is there."""
        began = self._clock()
        yield
        self._waited += self._clock() - began

    def count(self, samples: int) -> None:
        """One update with so many samples in this process."""
        self._samples += samples
        self._steps += 1

    def read(self) -> Speed:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        seconds = max(self._clock() - self._began, 1e-9)
        rate = self._samples * self._processes / seconds
        peak = peak_flops(self._device)
        mfu = rate * self._flops / (peak * self._processes) if peak and self._flops else None
        memory = torch.cuda.max_memory_allocated(self._device) if self._device.type == "cuda" else 0
        told = Speed(rate, self._waited / seconds, seconds / max(1, self._steps), mfu, memory)
        self._start()
        return told

    def _start(self) -> None:
        self._began, self._waited, self._samples, self._steps = self._clock(), 0.0, 0, 0


def peak_flops(device: torch.device) -> float:
    """0 where the device is not known."""
    if device.type != "cuda":
        return 0.0
    name = torch.cuda.get_device_name(device)
    return next((flops for part, flops in PEAK if part in name), 0.0)
