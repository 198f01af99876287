"""Adding a LoRA to the weights of a network, for good.

The published RORem-LCM file names its tensors in two styles at once, `.lora.down/.up` and `.lora_A/.lora_B`. diffusers
0.42 looks at the first name only and then drops 560 of 788 adapters with nothing but a warning; here both are read, and
every one must find its layer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rorem.errors import BadWeights

PREFIX = "unet."
DOWN = (".lora.down.weight", ".lora_A.weight", ".lora_A.default.weight")
UP = (".lora.up.weight", ".lora_B.weight", ".lora_B.default.weight")
ALPHA = ".alpha"


@dataclass(frozen=True, eq=False)
class Adapter:
    """One layer's LoRA: weight += scale * up @ down. down: (rank, in, ...). up: (out, rank, ...)."""

    down: Tensor
    up: Tensor
    scale: float

    def delta(self, shape: torch.Size) -> Tensor:
        """What is added to a weight of that shape, float32."""
        return self.scale * (self.up.float().flatten(1) @ self.down.float().flatten(1)).reshape(shape)


def adapters(tensors: Mapping[str, Tensor], what: str) -> dict[str, Adapter]:
    """The adapters of a LoRA file by the name of their layer. what: says in an error which file it was.

    Raises BadWeights for a name that is neither style's, and for one half without the other.
    """
    downs, ups, alphas = {}, {}, {}
    for name, tensor in tensors.items():
        bare = name.removeprefix(PREFIX)
        for suffixes, kind in ((DOWN, downs), (UP, ups), ((ALPHA,), alphas)):
            suffix = next((one for one in suffixes if bare.endswith(one)), None)
            if suffix:
                kind[bare.removesuffix(suffix)] = tensor
                break
        else:
            raise BadWeights(f"{what} holds {name}, which is no part of a LoRA as it is known here.")
    if lonely := sorted(downs.keys() ^ ups.keys()):
        raise BadWeights(f"{what} holds only one half of the LoRA of {lonely[0]}.")
    if not downs:
        raise BadWeights(f"{what} holds no LoRA.")
    return {
        layer: Adapter(down, ups[layer], float(alphas.get(layer, down.shape[0])) / down.shape[0])
        for layer, down in downs.items()
    }


@torch.no_grad()
def merge(network: nn.Module, tensors: Mapping[str, Tensor], what: str, targets: Collection[str] = ()) -> int:
    """Adds a LoRA to the network's weights and returns how many layers it changed. All of them or, on an error, none.

    Hu et al. 2021, section 4.1. targets: endings of the names of all layers that it has to change; () = no matter.
    Raises BadWeights where the LoRA is for another network or another purpose.
    """
    found = adapters(tensors, what)
    layers = dict(network.named_modules())
    for name, adapter in found.items():
        weight = getattr(layers.get(name), "weight", None)
        if weight is None:
            raise BadWeights(f"{what} is a LoRA for another network: there is no {name} in this one.")
        wanted = weight.shape[0], weight.shape[1:].numel()
        given = adapter.up.shape[0], adapter.down.shape[1:].numel()
        if wanted != given or adapter.up.flatten(1).shape[1] != adapter.down.shape[0]:
            raise BadWeights(f"{what} is a LoRA for another network: {name} is {wanted} here, {given} there.")
        if not bool(adapter.up.isfinite().all() and adapter.down.isfinite().all()):
            raise BadWeights(f"{what} is damaged: {name} holds values that are no numbers.")
    wanted_layers = {name for name in layers if name.endswith(tuple(f".{target}" for target in targets))}
    if targets and (lacking := sorted(wanted_layers - found.keys())):
        raise BadWeights(
            f"{what} is another LoRA than the one that is needed: it has nothing for {lacking[0]} and "
            f"{len(lacking) - 1} more of {len(wanted_layers)} layers."
        )
    for name, adapter in found.items():
        weight = layers[name].weight
        assert isinstance(weight, Tensor)
        weight.copy_(weight.float() + adapter.delta(weight.shape).to(weight.device))
    return len(found)
