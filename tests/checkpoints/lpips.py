"""The files of LPIPS with random weights, in full size, which is small: towers as torchvision publishes them and the
authors' heads."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch

from rorem.metrics.networks import HEADS, TOWERS
from rorem.nets.lpips import CHANNELS, Lpips
from tests.checkpoints.parts import Tensors, seeded


def write_lpips(folder: Path, net: str, seed: int = 0) -> tuple[Path, Path]:
    """Writes a folder for the tower and one for the head, as their parts are called. Returns both files.

    The tower has what classifiers leave in such a file, which nobody needs, and is in the form that torch wrote before
    1.6: the published ones are that old.
    """
    tower, head = (folder / parts[net].name / parts[net].files[0].name for parts in (TOWERS, HEADS))
    for file in (tower, head):
        file.parent.mkdir(parents=True, exist_ok=True)
    rest = {"classifier.1.weight": torch.ones(4, 8), "classifier.1.bias": torch.ones(4)}
    weights = OrderedDict({**tower_weights(net, seed), **rest})
    torch.save(weights, tower, _use_new_zipfile_serialization=False)
    torch.save(OrderedDict(head_weights(net, seed)), head, _use_new_zipfile_serialization=False)
    return tower, head


def tower_weights(net: str, seed: int = 0) -> Tensors:
    """Of natural size at every layer, under torchvision's names: features.0.weight and so on."""
    with seeded(seed):
        model = Lpips(net)
        for tensor in model.features.parameters():
            if tensor.ndim > 1:
                torch.nn.init.kaiming_normal_(tensor)
            else:
                torch.nn.init.normal_(tensor, std=0.05)
    return {f"features.{name}": tensor.detach().clone() for name, tensor in model.features.state_dict().items()}


def head_weights(net: str, seed: int = 0) -> Tensors:
    """Never negative, as the published ones: lin0.model.1.weight and so on, (1, C, 1, 1)."""
    with seeded(seed):
        return {f"lin{index}.model.1.weight": torch.rand(1, n, 1, 1) for index, n in enumerate(CHANNELS[net])}
