"""How a UNet is run: on its device, by visits of its blocks, or from recordings."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel

from rorem.nets import runner as module
from rorem.nets import sampling
from rorem.nets.folded import FoldedUNet, Prompt
from rorem.nets.runner import Runner

ROW = slice(0, 1)
CPU = torch.device("cpu")


@pytest.fixture
def unet() -> FoldedUNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        stock = UNet2DConditionModel(
            in_channels=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            block_out_channels=(32, 64),
            layers_per_block=1,
            attention_head_dim=4,
            cross_attention_dim=16,
            norm_num_groups=8,
        ).eval()
        return FoldedUNet(stock, [Prompt(torch.randn(7, 16))]).requires_grad_(False)


def call(runner: Runner, seed: int = 0) -> torch.Tensor:
    sample = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        return runner(sample, runner.unet.biases(torch.tensor([500]), ROW, None)[0], ROW)


def test_blocks_that_only_visit_the_device_make_the_same(unet: FoldedUNet, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Runner(unet, CPU)
    runner.use(offload=False)
    expected = call(runner)
    visits: list[str] = []
    for name in ("come", "leave"):
        original = getattr(module._Visit, name)

        def noted(self: Any, *arguments: Any, name: str = name, original: Any = original) -> None:
            visits.append(name)
            original(self, *arguments)

        monkeypatch.setattr(module._Visit, name, noted)
    homes = [parameter.data_ptr() for parameter in unet.parameters()]
    runner.use(offload=True)
    assert torch.equal(call(runner), expected)
    assert visits.count("come") == visits.count("leave") == len(list(module._blocks(unet))) > 4
    assert [parameter.data_ptr() for parameter in unet.parameters()] == homes  # nothing is copied back
    visits.clear()
    runner.use(offload=False)
    assert torch.equal(call(runner), expected) and visits == []
    assert 0 < runner.largest < runner.bytes


@pytest.mark.parametrize("offload", [False, True])
def test_it_goes_on_in_float32(unet: FoldedUNet, offload: bool) -> None:
    runner = Runner(unet.bfloat16(), CPU)
    runner.use(offload)
    sample = torch.zeros(1, 4, 8, 8)
    with torch.inference_mode():
        biases = unet.biases(torch.tensor([500]), ROW, None)[0]
        assert runner(sample.bfloat16(), biases, ROW).dtype == torch.bfloat16
        runner.widen()
        made = runner(sample, unet.biases(torch.tensor([500]), ROW, None)[0], ROW)
    assert made.dtype == torch.float32 and bool(runner._hooks) == offload


def test_every_weight_is_in_a_block_that_visits(unet: FoldedUNet) -> None:
    visiting = {id(t) for block in module._blocks(unet) for t in (*block.parameters(), *block.buffers())}
    assert {id(t) for t in (*unet.parameters(), *unet.buffers())} <= visiting


class Recorded:
    """Stands for a CUDA graph on a machine without one: it answers out of one buffer, as a graph does."""

    made = 0

    def __init__(self, call: Any, sample: torch.Tensor, biases: torch.Tensor, rows: slice) -> None:
        Recorded.made += 1
        self.call, self.rows = call, rows
        self.result = call(sample, biases, rows).clone()

    def __call__(self, sample: torch.Tensor, biases: torch.Tensor) -> torch.Tensor:
        self.result.copy_(self.call(sample, biases, self.rows))
        return self.result.clone()


@pytest.fixture
def graphed(unet: FoldedUNet, monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.setattr(module, "_Graph", Recorded)
    monkeypatch.setattr(torch.cuda, "device", lambda device: torch.no_grad())
    monkeypatch.setattr(Recorded, "made", 0)
    runner = Runner(unet, CPU)
    runner._graphed = True
    return runner


def test_each_shape_is_recorded_once_and_the_oldest_is_let_go(graphed: Runner) -> None:
    biases = graphed.unet.biases(torch.tensor([500]), ROW, None)[0]
    with torch.inference_mode():
        for side in (8, 8, 10, 8, 12, 14, 16, 8):
            graphed(torch.zeros(1, 4, side, side), biases, ROW)
    assert Recorded.made == 5 and len(graphed._graphs) == module.KEPT_GRAPHS
    graphed.forget()
    assert not graphed._graphs


@pytest.mark.parametrize("kind", sorted(sampling.KINDS))
def test_schedules_that_keep_predictions_are_not_overwritten(graphed: Runner, kind: str) -> None:
    config = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "skip_prk_steps": True}
    config = config if kind == "PNDMScheduler" else {k: v for k, v in config.items() if k != "skip_prk_steps"}

    def sampled(run: Any) -> torch.Tensor:
        plan = sampling.schedule({**config, "_class_name": kind}, 6)
        table = graphed.unet.biases(plan.timesteps.float(), ROW, None)
        noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
        with torch.inference_mode():
            return sampling.denoise(
                plan,
                sampling.start(plan, noise, None),
                lambda latents, index: run(latents, table[index], ROW),
                torch.Generator().manual_seed(1),
                lambda done: None,
            )

    assert torch.equal(sampled(graphed), sampled(graphed.unet))
