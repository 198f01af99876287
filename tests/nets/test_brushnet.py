"""BrushNet beside its base, folded and taken apart, against stock networks with hooks on their layers."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from rorem.errors import BadWeights
from rorem.nets.brushnet import BrushedUNet, blank, brushnet, taps
from rorem.nets.compute import bytes_of
from rorem.nets.folded import Prompt
from rorem.nets.runner import Runner, _blocks
from tests.checkpoints.full_size import SD15_UNET
from tests.checkpoints.manifests import brushnet as manifest
from tests.checkpoints.manifests import on_meta, residuals
from tests.checkpoints.powerpaint import BASE_UNET, TINY_UNET, WIDTHS, brushnet_tensors

TIMESTEPS = torch.tensor([981, 501, 1])
ROUNDING = 1e-4  # of the largest value
TAPS = [name for name, _ in residuals(WIDTHS)]


@dataclass(frozen=True)
class Nets:
    base: UNet2DConditionModel
    seeing: UNet2DConditionModel
    tensors: dict[str, Tensor]
    prompts: list[Prompt]
    tasks: list[Prompt]

    def brushed(self) -> BrushedUNet:
        branch = brushnet(self.base.config, self.tensors, "a file", torch.float32)
        return BrushedUNet(copy.deepcopy(self.base), self.prompts, branch, self.tasks).eval()


@pytest.fixture(scope="module")
def nets() -> Nets:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        base, seeing = UNet2DConditionModel(**BASE_UNET).eval(), UNet2DConditionModel(**TINY_UNET).eval()
        tensors = brushnet_tensors(seeing.state_dict())
        width = TINY_UNET["cross_attention_dim"]
        prompts, tasks = ([Prompt(torch.randn(77, width)) for _ in range(3)] for _ in range(2))
    return Nets(base, seeing, tensors, prompts, tasks)


@pytest.fixture(scope="module")
def brushed(nets: Nets) -> BrushedUNet:
    return nets.brushed()


def layers(unet: Any) -> Iterator[nn.Module]:
    """The 28 places in order, as modules of a stock network."""
    yield unet.conv_in
    for block in unet.down_blocks:
        yield from getattr(block, "attentions", block.resnets)
        yield from block.downsamplers or ()
    yield unet.mid_block
    for block in unet.up_blocks:
        yield from getattr(block, "attentions", block.resnets)
        yield from block.upsamplers or ()


@torch.inference_mode()
def expected(nets: Nets, sample: Tensor, step: int, rows: slice) -> Tensor:
    """By hooks: what each layer of the network that sees gives is added to what the base's gives, after a 1x1
    convolution; at the first layer, to what the first block receives, as the skip beside it stays as it is."""
    count = len(sample) // (rows.stop - rows.start)
    texts = [
        torch.stack([p.embeds for p in many[rows]]).repeat_interleave(count, 0) for many in (nets.prompts, nets.tasks)
    ]
    found: list[Tensor] = []

    def take(_: Any, __: Any, out: Any) -> None:
        hidden = out[0] if isinstance(out, tuple) else out
        name = TAPS[len(found)]
        found.append(F.conv2d(hidden, nets.tensors[f"{name}.weight"], nets.tensors[f"{name}.bias"]))

    def adding(residual: Tensor) -> Any:
        return lambda _, __, out: (out[0] + residual, *out[1:]) if isinstance(out, tuple) else out + residual

    hooks = [layer.register_forward_hook(take) for layer in layers(nets.seeing)]
    nets.seeing(sample, TIMESTEPS[step], encoder_hidden_states=texts[1])
    first: Any = nets.base.down_blocks[0]
    hooks.append(
        first.register_forward_pre_hook(
            lambda _, args, kwargs: (args, {**kwargs, "hidden_states": kwargs["hidden_states"] + found[0]}),
            with_kwargs=True,
        )
    )
    places = list(layers(nets.base))
    assert len(places) == len(found) == 28
    hooks += [
        layer.register_forward_hook(adding(residual)) for layer, residual in zip(places[1:], found[1:], strict=True)
    ]
    try:
        return nets.base(sample[:, :4], TIMESTEPS[step], encoder_hidden_states=texts[0]).sample
    finally:
        for hook in hooks:
            hook.remove()


@torch.inference_mode()
def got(brushed: BrushedUNet, sample: Tensor, step: int, rows: slice) -> Tensor:
    return brushed(sample, brushed.biases(TIMESTEPS, rows, None)[step], rows)


def noise(count: int, height: int = 16, width: int = 8, seed: int = 1) -> Tensor:
    return torch.randn(count, 9, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(16, 24), (10, 14), (9, 13), (1, 8)], ids=str)
@pytest.mark.parametrize(("rows", "count"), [(slice(0, 1), 1), (slice(1, 3), 2), (slice(1, 3), 4)])
def test_it_predicts_what_stock_networks_with_hooks_predict(
    nets: Nets, brushed: BrushedUNet, shape: tuple[int, int], rows: slice, count: int
) -> None:
    sample = noise(count, *shape)
    for step in range(len(TIMESTEPS)):
        wanted = expected(nets, sample, step, rows)
        assert wanted.std() > 0.1
        assert (wanted - got(brushed, sample, step, rows)).abs().max() < ROUNDING * wanted.abs().max()


def test_there_are_28_residuals_and_each_one_counts(nets: Nets, brushed: BrushedUNet) -> None:
    assert len(taps(brushed.branch.unet)) == len(brushed.taps) == 28
    whole = got(brushed, noise(1), 0, slice(0, 1))
    for tap in brushed.taps:
        assert isinstance(tap, nn.Conv2d)
        before = tap.weight.clone()
        with torch.inference_mode():
            tap.weight *= -3
            assert (got(brushed, noise(1), 0, slice(0, 1)) - whole).abs().max() > 1e-4
            tap.weight.copy_(before)
    assert torch.equal(got(brushed, noise(1), 0, slice(0, 1)), whole)


def test_tasks_mask_and_step_make_a_difference(brushed: BrushedUNet) -> None:
    sample, rows = noise(1), slice(0, 1)
    whole = got(brushed, sample, 0, rows)
    inverted = torch.cat([sample[:, :8], 1 - sample[:, 8:]], dim=1)
    for other in (got(brushed, inverted, 0, rows), got(brushed, sample, 2, rows), got(brushed, sample, 0, slice(1, 2))):
        assert (whole - other).abs().max() > 1e-3


class Stop(Exception): ...


@pytest.mark.parametrize("where", [0, 13, 27])
def test_nothing_is_left_behind_by_a_call_that_failed(
    brushed: BrushedUNet, where: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = got(brushed, noise(2), 0, slice(1, 3))

    def fail(_: Tensor) -> Tensor:
        raise Stop

    with monkeypatch.context() as patched:
        patched.setattr(brushed.taps[where], "forward", fail)
        with pytest.raises(Stop):
            got(brushed, noise(1, 8, 8, seed=2), 1, slice(0, 1))
    assert torch.equal(got(brushed, noise(2), 0, slice(1, 3)), before)


def test_calls_of_other_sizes_do_not_mix(nets: Nets, brushed: BrushedUNet) -> None:
    fresh = got(nets.brushed(), noise(1, 9, 13), 1, slice(0, 1))
    got(brushed, noise(4), 0, slice(1, 3))
    assert torch.equal(got(brushed, noise(1, 9, 13), 1, slice(0, 1)), fresh)


def test_every_weight_lies_in_a_part_that_a_runner_brings(brushed: BrushedUNet) -> None:
    runner = Runner(brushed, torch.device("cpu"), {})
    parts = nn.ModuleList(_blocks(brushed))
    assert bytes_of(parts) == runner.bytes == bytes_of(brushed)
    assert runner.largest < runner.bytes / 4
    sample, rows = noise(1), slice(0, 1)
    whole = got(brushed, sample, 0, rows)
    runner.use(offload=True)  # on a CPU nothing moves, but every part has to be called as a module to be brought
    called = set()
    hooks = [part.register_forward_hook(lambda part, *_: called.add(id(part)) and None) for part in parts]
    assert torch.equal(runner(sample, brushed.biases(TIMESTEPS, rows, None)[0], rows), whole)
    for hook in hooks:
        hook.remove()
    runner.use(offload=False)
    assert called == {id(part) for part in parts}


def test_at_full_size_names_and_shapes_are_those_that_were_published() -> None:
    unet = on_meta(lambda: UNet2DConditionModel(**SD15_UNET))
    published = manifest(unet, SD15_UNET["block_out_channels"])
    plain = {**SD15_UNET, "in_channels": 4}
    made = {name: tuple(tensor.shape) for name, tensor in blank(plain).state_dict().items()}
    assert made == {name.replace("conv_in_condition.", "conv_in."): shape for name, shape in published.items()}


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda t: t.pop("brushnet_mid_block.weight"), "lacks 1 of .* first brushnet_mid_block.weight"),
        (
            lambda t: t.pop("down_blocks.0.resnets.0.conv1.bias"),
            "lacks 1 of .* first down_blocks.0.resnets.0.conv1.bias",
        ),
        (lambda t: t.update(odd=torch.zeros(1)), "first odd"),
        (lambda t: t.update({"brushnet_up_blocks.3.bias": torch.zeros(3)}), r"brushnet_up_blocks.3.bias is \(3,\)"),
        (lambda t: t["brushnet_up_blocks.3.bias"].fill_(float("nan")), "no numbers"),
        (
            lambda t: t.update(
                {"conv_in.weight": t.pop("conv_in_condition.weight"), "conv_in.bias": t.pop("conv_in_condition.bias")}
            ),
            "not a BrushNet",
        ),
    ],
)
def test_another_file_is_refused_in_one_sentence(nets: Nets, spoil: Any, sentence: str) -> None:
    tensors = {name: tensor.clone() for name, tensor in nets.tensors.items()}
    spoil(tensors)
    with pytest.raises(BadWeights, match=f"brush/file.*{sentence}") as refused:
        brushnet(nets.base.config, tensors, "brush/file", torch.float32)
    assert "\n" not in str(refused.value)
