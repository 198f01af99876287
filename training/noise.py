"""Random numbers of a sample, from its own seed: the same whoever draws them, on whatever device."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor


def seed_of(*parts: int | str) -> int:
    """63 bits that depend on all of the parts and their order."""
    told = ":".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:8], "big") >> 1


def generator_of(seed: int, purpose: str) -> Generator:
    """For one purpose of one sample: a purpose that is added later leaves the others' numbers as they were."""
    return torch.Generator().manual_seed(seed_of(seed, purpose))


def drawn(seeds: Sequence[int], purpose: str, draw: Callable[[Generator], Tensor]) -> Tensor:
    """`draw` for each sample, stacked, on the CPU: noise, timesteps, whatever a loss needs."""
    return torch.stack([draw(generator_of(seed, purpose)) for seed in seeds])
