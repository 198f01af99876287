"""Adapters that are put on a network, and the file that they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel

from rorem.errors import BadOptions
from rorem.nets.lora import adapters, merge
from rorem.nets.reading import read_tensors
from tests.checkpoints.parts import seeded
from tests.checkpoints.sdxl import TINY_UNET
from training.lora import adapter_weights, add_lora, bare, lora_tensors, write_lora

TARGETS = ("to_q", "to_out.0", "conv1")


def unet() -> Any:
    with seeded(1):
        return UNet2DConditionModel(**TINY_UNET).eval()


def told(network: Any) -> torch.Tensor:
    with seeded(2):
        sample, text, pooled = torch.randn(1, 9, 8, 8), torch.randn(1, 77, 48), torch.randn(1, 32)
    conditions = {"text_embeds": pooled, "time_ids": torch.tensor([[64, 64, 0, 0, 64, 64]])}
    with torch.no_grad():
        return network(sample, torch.tensor([500]), text, added_cond_kwargs=conditions).sample


def test_only_the_adapters_train_and_nothing_changes_yet() -> None:
    network = unet()
    before = told(network)
    named = {name for name, _ in network.named_modules() if name.endswith(tuple(f".{one}" for one in TARGETS))}
    names = add_lora(network, 4, TARGETS, seed=7)
    wanted = {f"{name}.lora_{half}.default.weight" for name in named for half in "AB"}
    assert set(names) == wanted and len(named) > 30
    assert {name for name, weight in network.named_parameters() if weight.requires_grad} == wanted
    assert torch.equal(told(network), before)


@pytest.mark.parametrize("start", ["uniform", "normal"])
def test_the_seed_alone_makes_them(start: Any) -> None:
    made = []
    for seed, disturbance in ((7, 0), (7, 1), (8, 0)):
        network = unet()
        torch.manual_seed(disturbance)
        add_lora(network, 4, ("to_q",), seed, start=start)
        made.append(torch.cat([weight.flatten() for _, weight in adapter_weights(network)]))
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


def test_they_are_float32_on_a_network_that_is_not() -> None:
    network = unet().to(torch.bfloat16)
    add_lora(network, 4, ("to_q",), 0)
    assert {weight.dtype for _, weight in adapter_weights(network)} == {torch.float32}


@pytest.mark.parametrize("alpha", [None, 2.0])
def test_the_file_is_what_was_trained(tmp_path: Path, alpha: float | None) -> None:
    network, plain = unet(), unet()
    add_lora(network, 4, TARGETS, 0, alpha=alpha)
    with seeded(3), torch.no_grad():
        for _, weight in adapter_weights(network):
            weight.normal_(std=0.2)
    trained = told(network)
    file = write_lora(lora_tensors(network.state_dict(), 1.0 if alpha is None else alpha / 4), tmp_path)
    tensors = read_tensors(file)
    assert all(name.startswith("unet.") and name.endswith((".lora_A.weight", ".lora_B.weight")) for name in tensors)
    assert len(adapters(tensors, "it")) * 2 == len(tensors) == len(list(adapter_weights(network)))
    assert (told(plain) - trained).abs().max() > 1e-3
    merge(plain, tensors, "it", TARGETS)
    torch.testing.assert_close(told(plain), trained, atol=1e-5, rtol=1e-4)


def test_the_weights_below_have_their_names_back() -> None:
    network, plain = unet(), unet().state_dict()
    add_lora(network, 4, TARGETS, 0)
    found = bare(network.state_dict())
    assert found.keys() == plain.keys() and all(torch.equal(found[name], plain[name]) for name in plain)


@pytest.mark.parametrize("targets", [("to_nothing",), ()])
def test_layers_that_are_not_there(targets: tuple[str, ...]) -> None:
    with pytest.raises(BadOptions, match="No layer"):
        add_lora(unet(), 4, targets, 0)
