"""LoRA adapters (Hu et al. 2021, arXiv 2106.09685) to train: put on a network, and written to a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from rorem.errors import BadOptions
from rorem.nets.folder import quiet

FILE = "pytorch_lora_weights.safetensors"
PREFIX = "unet."
ADAPTER = "default"  # peft's name of it
HALVES = {f".lora_A.{ADAPTER}.weight": ".lora_A.weight", f".lora_B.{ADAPTER}.weight": ".lora_B.weight"}
BELOW = ".base_layer."  # stands in the names of the weights that an adapter lies on


def add_lora(
    unet: Any,
    rank: int,
    targets: Sequence[str],
    seed: int,
    *,
    alpha: float | None = None,
    start: Literal["uniform", "normal"] = "uniform",
) -> list[str]:
    """Puts adapters on a diffusers UNet and lets them train, and nothing else; the names of their weights.

    targets: ends of the layers' names. alpha: the adapter counts alpha / rank; None = rank. The adapters are float32,
    whatever the network is, and change nothing yet: A is drawn from the seed, uniform as peft or normal as diffusers
    does, and B is 0. Raises BadOptions where no layer has such a name.
    """
    from peft import LoraConfig

    quiet()
    found = [name for name, _ in unet.named_modules() if name.endswith(tuple(f".{target}" for target in targets))]
    if not targets or not found:
        raise BadOptions(
            f"No layer of the network is called {', '.join(targets) or 'anything'}.", "See --lora_targets."
        )
    config = LoraConfig(
        r=rank,
        lora_alpha=rank if alpha is None else alpha,  # type: ignore[arg-type]
        target_modules=list(targets),
        init_lora_weights=True if start == "uniform" else "gaussian",
    )
    with torch.random.fork_rng(devices=[]):  # peft takes its numbers from torch's own
        torch.manual_seed(seed)
        unet.add_adapter(config, ADAPTER)
    trained = [name for name, _ in adapter_weights(unet)]
    unet.requires_grad_(False)
    for _, weight in adapter_weights(unet):
        weight.data = weight.data.float()
        weight.requires_grad_(True)
    return trained


def adapter_weights(unet: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The weights of all adapters, by their names in the network."""
    return ((name, weight) for name, weight in unet.named_parameters() if name.endswith(tuple(HALVES)))


def lora_tensors(weights: Mapping[str, Tensor], scale: float = 1.0) -> dict[str, Tensor]:
    """The adapters among a network's weights under the names of a file: unet.LAYER.lora_A.weight and lora_B.weight.

    scale: alpha / rank in training. It goes into B, for a file without alphas is read as 1 everywhere.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        for own, in_file in HALVES.items():
            if name.endswith(own):
                tensor = tensor * scale if "lora_B" in own and scale != 1 else tensor
                found[f"{PREFIX}{name.removesuffix(own)}{in_file}"] = tensor.detach().cpu().contiguous()
    return found


def bare(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network's weights under the names they had before adapters were put on, without those."""
    return {name.replace(BELOW, "."): tensor for name, tensor in weights.items() if not name.endswith(tuple(HALVES))}


def write_lora(tensors: Mapping[str, Tensor], folder: Path) -> Path:
    """The file with the name that loaders look for. tensors: see `lora_tensors`. Raises OSError."""
    from safetensors.torch import save_file

    file = folder / FILE
    save_file(dict(tensors), file, metadata={"format": "pt"})
    return file
