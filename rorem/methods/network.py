"""What all methods with a network share: one job at a time, no gradients, and a plain word when memory runs out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np

from rorem.methods.entry import READY, State
from rorem.remover import Job, OnStep

PATIENCE = 0.1  # s between two chances to stop while another job has the network
ALL_AVOIDED = "Everything around the marked area was to be left alone, so it was looked at all the same."


def needs(*packages: str) -> State:
    """READY if these packages are installed, else the sentence that says how to get them. Imports nothing."""
    missing = [name for name in packages if find_spec(name) is None]
    if not missing:
        return READY
    return State(
        "unavailable",
        f"It needs the package {missing[0]}, which `make demo-full` or pip install 'rorem[models]' brings.",
    )


@contextmanager
def turn(lock: threading.Lock, on_step: OnStep, steps: int) -> Iterator[None]:
    """Waits for the network and runs the block without gradients. A stop while waiting is heeded.

    Raises Cancelled, and OutOfMemory for a device or machine that has no more.
    """
    import torch

    from rorem.nets.compute import in_memory

    on_step(0, steps)
    while not lock.acquire(timeout=PATIENCE):
        on_step(0, steps)
    try:
        with torch.inference_mode(), in_memory("There was not enough memory for this method."):
            yield
    finally:
        lock.release()


def hidden(job: Job) -> tuple[np.ndarray, tuple[str, ...]]:
    """What the network may not see: the hole and what is to be avoided. bool (h, w), and notes for the person.

    A network has no way to look without copying, so what is to be avoided is hidden like the hole.
    """
    both = job.hole | job.avoid
    return (job.hole, (ALL_AVOIDED,)) if both.all() else (both, ())


def diffusion_packages() -> State:
    """Whether diffusion models could be loaded at all."""
    return needs("torch", "diffusers", "transformers", "safetensors", "accelerate")
