"""How a folded UNet is run on its device: wholly there, block by block from main memory, or as a CUDA graph.

At 512 px and one sample a GPU finishes the small products of a UNet faster than Python can ask for them. A CUDA graph
asks for all of them at once.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rorem.hosting import gpu_is_lent
from rorem.nets.compute import bytes_of
from rorem.nets.folded import FoldedUNet

COMPILE = "ROREM_COMPILE"  # 1: torch.compile the network; minutes at the start, then faster still on most GPUs
KEPT_GRAPHS = 4  # shapes that have one; each holds its own working memory
RECORDING = threading.Lock()  # one recording at a time in this process
ROUNDS = 3  # before a graph is recorded, so that libraries have chosen their kernels


class Runner:
    """Runs a UNet. Not for two threads at once."""

    def __init__(self, unet: FoldedUNet, device: torch.device, environment: Mapping[str, str] = os.environ) -> None:
        self.unet = unet
        self.device = device
        self._hooks: list[Any] = []
        self._graphs: OrderedDict[Any, _Graph] = OrderedDict()
        self._call: Any = torch.compile(unet) if environment.get(COMPILE) == "1" else unet
        self._graphed = device.type == "cuda" and not gpu_is_lent(environment)
        self._there = False

    @property
    def bytes(self) -> int:
        """Of all weights."""
        return bytes_of(self.unet)

    @property
    def largest(self) -> int:
        """Bytes of the largest block: what has to be on the device when the rest is not."""
        return max(bytes_of(block) for block in _blocks(self.unet))

    @property
    def held(self) -> int:
        """Bytes of weights on the device now."""
        return self.bytes if self._there or self.device.type == "cpu" else 0

    def use(self, offload: bool) -> None:
        """Puts the weights onto the device, or keeps them in main memory, from where each block comes when due."""
        if offload == bool(self._hooks) and (self._there or offload):
            return
        self._place(offload)

    def widen(self) -> None:
        """Weights and tables in float32 from now on."""
        offload = bool(self._hooks)
        self.unet.float()
        self.unet.forget_tables()
        self._place(offload)

    def _place(self, offload: bool) -> None:
        self.forget()
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self.unet.to("cpu" if offload else self.device)
        self._there = not offload
        for block in _blocks(self.unet) if offload else ():
            visit = _Visit(block, self.device)
            self._hooks.append(block.register_forward_pre_hook(visit.come))
            self._hooks.append(block.register_forward_hook(visit.leave))

    def forget(self) -> None:
        """Gives working memory back to the device."""
        self._graphs.clear()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def __call__(self, sample: Tensor, biases: Tensor, rows: slice) -> Tensor:
        """As the UNet's own call."""
        if not self._graphed or self._hooks:
            return self._call(sample, biases, rows)
        key = (tuple(sample.shape), sample.dtype, rows.start, rows.stop)
        if key not in self._graphs:
            with RECORDING, torch.cuda.device(self.device):
                self._graphs[key] = _Graph(self._call, sample, biases, rows)
            if len(self._graphs) > KEPT_GRAPHS:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(key)
        return self._graphs[key](sample, biases)


class _Graph:
    """A recorded call for one shape. https://pytorch.org/docs/stable/notes/cuda.html#cuda-graphs"""

    def __init__(self, call: Any, sample: Tensor, biases: Tensor, rows: slice) -> None:
        self.sample, self.biases = sample.clone(), biases.clone()
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(ROUNDS):
                call(self.sample, self.biases, rows)
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        # Other threads go on with their own work on the GPU meanwhile: only what this one asks for is recorded.
        with torch.cuda.graph(self.graph, stream=aside, capture_error_mode="thread_local"):
            self.result = call(self.sample, self.biases, rows)

    def __call__(self, sample: Tensor, biases: Tensor) -> Tensor:
        self.sample.copy_(sample)
        self.biases.copy_(biases)
        self.graph.replay()
        return self.result.clone()  # some schedules keep it, and the next replay writes over it


class _Visit:
    """Lends a block's weights to the device for one pass. What lies in main memory stays there."""

    def __init__(self, block: nn.Module, device: torch.device) -> None:
        self._device = device
        self._home = [(tensor, tensor.data) for tensor in (*block.parameters(), *block.buffers())]

    def come(self, block: nn.Module, _: object) -> None:
        for tensor, home in self._home:
            tensor.data = home.to(self._device, non_blocking=True)

    def leave(self, block: nn.Module, _: object, __: object) -> None:
        for tensor, home in self._home:
            tensor.data = home


def _blocks(unet: FoldedUNet) -> Iterator[nn.Module]:
    """The parts with weights that a forward pass goes through one after the other."""
    for child in unet.unet.children():
        parts = child if isinstance(child, nn.ModuleList) else [child]
        yield from (part for part in parts if bytes_of(part))
