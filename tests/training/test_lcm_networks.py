"""One UNet as student and teacher."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from rorem.methods.sdxl import LCM_TARGETS
from rorem.nets.folded import Prompt
from rorem.nets.folder import load_model
from tests.checkpoints.sdxl import TINY_UNET, write_unet
from training.lcm_networks import Asked, Prompts, without_adapters
from training.lora import adapter_weights, add_lora

COUNT, SIDE = 2, 8
POOLED = TINY_UNET["projection_class_embeddings_input_dim"] - 6 * TINY_UNET["addition_time_embed_dim"]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def prompt(seed: int) -> Prompt:
    return Prompt(normal(77, TINY_UNET["cross_attention_dim"], seed=seed), normal(POOLED, seed=seed))


PROMPTS = Prompts(prompt(1), prompt(2), prompt(3))
NOISY, TIMES = normal(COUNT, 4, SIDE, SIDE), torch.tensor([19, 999])
CHANNELS, SIZES = normal(COUNT, 5, SIDE, SIDE, seed=4), torch.tensor([[64, 64, 0, 0, 64, 64]] * COUNT)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> UNet2DConditionModel:
    folder = tmp_path_factory.mktemp("unet")
    write_unet(folder)
    return load_model(UNet2DConditionModel, folder, torch.float32)


@pytest.fixture
def adapted(original: UNet2DConditionModel) -> UNet2DConditionModel:
    """A copy with adapters that already say something."""
    unet = UNet2DConditionModel(**TINY_UNET)
    unet.load_state_dict(original.state_dict())
    add_lora(unet, 4, LCM_TARGETS, seed=0)
    with torch.no_grad():
        for seed, (_, weight) in enumerate(adapter_weights(unet)):
            weight.copy_(0.05 * normal(*weight.shape, seed=seed))
    return unet


def asked(model: nn.Module) -> Asked:
    return Asked(model, lambda noisy: torch.cat([noisy, CHANNELS], dim=1), SIZES, PROMPTS)


def by_hand(unet: Any, prompt: Prompt) -> Tensor:
    told = [
        unet(
            torch.cat([NOISY[i : i + 1], CHANNELS[i : i + 1]], 1),
            TIMES[i],
            prompt.embeds[None],
            added_cond_kwargs={"text_embeds": prompt.pooled[None], "time_ids": SIZES[i : i + 1]},  # type: ignore[index]
        ).sample
        for i in range(COUNT)
    ]
    return torch.cat(told)


def test_the_teacher_is_the_network_before(original: Any, adapted: Any) -> None:
    trains = {name: weight.requires_grad for name, weight in adapted.named_parameters()}
    with torch.no_grad():
        wanted, positive, negative = (by_hand(original, one) for one in (prompt(1), prompt(2), prompt(3)))
    networks = asked(adapted)
    torch.testing.assert_close(networks.teacher(NOISY, TIMES, None), positive, atol=1e-5, rtol=1e-4)
    guided = networks.teacher(NOISY, TIMES, torch.tensor([3.0, 7.0]))
    by = torch.tensor([3.0, 7.0]).view(-1, 1, 1, 1)
    torch.testing.assert_close(guided, positive + by * (positive - negative), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(networks.target(NOISY, TIMES), wanted, atol=1e-2)
    assert trains == {name: weight.requires_grad for name, weight in adapted.named_parameters()}


def test_a_guided_teacher_is_one_pass(adapted: Any) -> None:
    passes: list[int] = []
    adapted.register_forward_hook(lambda module, given, told: passes.append(len(told[0])))
    networks = asked(adapted)
    networks.teacher(NOISY, TIMES, torch.tensor([3.0, 7.0]))
    networks.teacher(NOISY, TIMES, None)
    networks.target(NOISY, TIMES)
    assert passes == [2 * COUNT, COUNT, COUNT]


def test_only_the_student_has_gradients_and_only_for_adapters(adapted: Any) -> None:
    networks = asked(adapted)
    assert not networks.target(NOISY, TIMES).requires_grad
    student = networks.student(NOISY, TIMES)
    torch.testing.assert_close(student.detach(), networks.target(NOISY, TIMES))
    student.square().mean().backward()
    with_gradients = {name for name, weight in adapted.named_parameters() if weight.grad is not None}
    assert with_gradients == {name for name, _ in adapter_weights(adapted)}


def test_recomputed_activations_are_the_students(adapted: Any) -> None:
    """Gradient checkpointing runs the network again in the backward pass, after the teacher was asked."""

    def gradients() -> list[Tensor]:
        adapted.zero_grad()
        networks = asked(adapted.train())
        aim = networks.teacher(NOISY, TIMES, None)
        (networks.student(NOISY, TIMES) - aim).square().mean().backward()
        return [weight.grad.clone() for _, weight in adapter_weights(adapted) if weight.grad is not None]

    plain = gradients()
    adapted.enable_gradient_checkpointing()
    again = gradients()
    assert len(plain) == len(again) > 0
    for one, other in zip(plain, again, strict=True):
        torch.testing.assert_close(one, other)


def test_adapters_are_back_after_a_failure(adapted: Any) -> None:
    networks = asked(adapted)
    before = networks.target(NOISY, TIMES)
    with pytest.raises(RuntimeError), without_adapters(adapted):
        raise RuntimeError
    torch.testing.assert_close(networks.target(NOISY, TIMES), before)


def test_half_precision_for_what_does_not_train(adapted: Any, original: Any) -> None:
    for name, weight in adapted.named_parameters():
        if ".lora_" not in name:
            weight.data = weight.data.bfloat16()
    networks = asked(adapted)
    with torch.autocast("cpu", torch.bfloat16):
        told = networks.teacher(NOISY, TIMES, None)
    with torch.no_grad():
        wanted = by_hand(original, prompt(2))
    assert told.dtype == torch.float32
    assert float((told - wanted).abs().mean()) < 0.05 * float(wanted.abs().mean())
