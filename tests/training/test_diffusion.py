"""The forward process against closed forms and against diffusers' own."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_snr
from torch import Tensor

from rorem.errors import BadWeights
from tests.checkpoints.parts import write_scheduler
from training.diffusion import Forward, Prediction, drawn_noise, drawn_timesteps, sampled

STEPS = torch.tensor([0, 1, 250, 500, 998, 999])


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of SDXL's own scheduler, which is not the one of training."""
    folder = tmp_path_factory.mktemp("scheduler")
    write_scheduler(folder, "EulerDiscreteScheduler")
    return json.loads((folder / "scheduler_config.json").read_text())


def some(seed: int) -> Tensor:
    return torch.randn(len(STEPS), 4, 3, 5, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_it_is_the_process_of_ddpm(config: dict[str, Any], prediction: Prediction) -> None:
    ours, theirs = Forward.of(config, prediction), DDPMScheduler.from_config(config)
    clean, noise = some(1), some(2)
    noisy = ours.noised(clean, noise, STEPS)
    torch.testing.assert_close(noisy, theirs.add_noise(clean, noise, STEPS))  # type: ignore[arg-type]
    wanted = noise if prediction == "epsilon" else theirs.get_velocity(clean, noise, STEPS)  # type: ignore[arg-type]
    torch.testing.assert_close(ours.wanted(clean, noise, STEPS), wanted)
    back = ours.picture(noisy, ours.wanted(clean, noise, STEPS), STEPS)
    torch.testing.assert_close(back, clean, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(ours.snr(STEPS), compute_snr(theirs, STEPS))


def test_the_schedule_is_the_closed_form(config: dict[str, Any]) -> None:
    left = 1.0
    for step in range(1000):
        root = math.sqrt(0.00085) + (math.sqrt(0.012) - math.sqrt(0.00085)) * step / 999
        left *= 1 - root**2
    alphas = Forward.of(config, "epsilon").alphas
    assert alphas.shape == (1000,) and float(alphas[999]) == pytest.approx(left, rel=1e-3)
    assert float(alphas[0]) == pytest.approx(1 - 0.00085, rel=1e-6)


def test_min_snr_weights_against_the_formulas() -> None:
    snrs = [100.0, 5.0, 2.0, 0.5]
    alphas, steps = torch.tensor([snr / (1 + snr) for snr in snrs]), torch.arange(4)
    noise, velocity = (Forward(alphas, prediction).weights(steps, 5.0) for prediction in ("epsilon", "v_prediction"))
    torch.testing.assert_close(noise, torch.tensor([0.05, 1.0, 1.0, 1.0]), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(velocity, torch.tensor([5 / 101, 5 / 6, 2 / 3, 1 / 3]), atol=1e-5, rtol=1e-4)
    assert Forward(alphas).weights(steps, 0.0).tolist() == [1, 1, 1, 1]


def test_either_prediction_is_the_same_error_of_the_picture_under_min_snr() -> None:
    """Both are weights of the error of x_0; so one error of x_0 costs the same, whatever the network says."""
    alphas, steps = torch.tensor([0.99, 0.7, 0.2]), torch.arange(3)
    clean, noise = some(3)[:3], some(4)[:3]
    costs = []
    for prediction in ("epsilon", "v_prediction"):
        process = Forward(alphas, prediction)
        noisy = process.noised(clean, noise, steps)
        told = process.wanted(clean, noise, steps) + some(5)[:3]
        error = ((process.picture(noisy, told, steps) - clean) ** 2).mean(dim=(1, 2, 3))
        cost = ((told - process.wanted(clean, noise, steps)) ** 2).mean(dim=(1, 2, 3)) * process.weights(steps, 2.0)
        costs.append(cost / error)
    torch.testing.assert_close(costs[0], costs[1])
    torch.testing.assert_close(costs[0], process.snr(steps).clamp(max=2.0))


def test_a_timestep_without_any_signal_has_finite_weights(config: dict[str, Any]) -> None:
    process = Forward.of({**config, "rescale_betas_zero_snr": True}, "v_prediction")
    last = torch.tensor([999])
    assert float(process.alphas[999]) < 1e-6
    assert process.weights(last, 5.0).isfinite().all()
    assert Forward(process.alphas, "epsilon").weights(last, 5.0).tolist() == [1.0]


def test_what_is_drawn_depends_on_the_sample_alone() -> None:
    together, alone = drawn_noise([3, 8, 5], (4, 2, 2)), drawn_noise([8], (4, 2, 2))
    assert torch.equal(together[1], alone[0]) and not torch.equal(together[0], together[1])
    assert torch.equal(drawn_timesteps([3, 8, 5], 1000)[1:2], drawn_timesteps([8], 1000))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    drawn_noise([1], (4, 2, 2), 0.1)
    assert torch.equal(torch.get_rng_state(), before)


def test_timesteps_are_even() -> None:
    drawn = drawn_timesteps(range(4000), 10)
    counts = torch.bincount(drawn, minlength=10)
    assert len(counts) == 10 and int((counts - 400).abs().max()) < 100  # 5 standard deviations


def test_noise_offset_moves_whole_channels() -> None:
    plain, moved = drawn_noise([1, 2], (4, 6, 6)), drawn_noise([1, 2], (4, 6, 6), 0.5)
    added = moved - plain
    assert added.std(dim=(2, 3)).max() < 1e-6 and added.std() > 0.1
    many = drawn_noise(range(500), (4, 1, 1), 0.5) - drawn_noise(range(500), (4, 1, 1))
    assert float(many.std()) == pytest.approx(0.5, rel=0.1)


def test_a_sample_of_the_posterior() -> None:
    mean, spread = some(6), some(7).abs()
    assert sampled(mean, None, range(6), "x") is mean
    drawn = sampled(mean, spread, range(6), "x")
    torch.testing.assert_close(
        (drawn - mean) / spread, drawn_noise(range(6), (4, 3, 5), purpose="x"), rtol=1e-3, atol=1e-3
    )
    assert not torch.equal(drawn, sampled(mean, spread, range(6), "y"))


def test_a_configuration_that_is_none() -> None:
    with pytest.raises(BadWeights, match="cannot be read"):
        Forward.of({"beta_schedule": "of my own"}, "epsilon")


def test_a_written_configuration_is_what_is_read(tmp_path: Path) -> None:
    write_scheduler(tmp_path, "DDPMScheduler", num_train_timesteps=100)
    told = json.loads((tmp_path / "scheduler_config.json").read_text())
    assert len(Forward.of(told, "epsilon")) == 100
