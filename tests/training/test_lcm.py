"""Latent consistency distillation against closed forms, and against the scheduler that runs the student."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from diffusers import DDIMScheduler, LCMScheduler
from torch import Tensor

from rorem.errors import BadOptions
from training.diffusion import Forward
from training.lcm import Consistency, boundary, distance, grid, nearer

BETAS = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
ALPHAS = torch.cumprod(1 - BETAS, 0)
LATENTS = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
SEEDS = (11, 12, 13)
MIDDLE, SPREAD = 0.7, 0.4  # of made-up pictures whose every number is normal
Ask = Callable[[Tensor, Tensor], Tensor]


def told_by_nature(noisy: Tensor, timesteps: Tensor, middle: float = MIDDLE) -> Tensor:
    """The noise in pictures with independent normal numbers, as a perfect network tells it."""
    alpha, sigma = shares(timesteps)
    return sigma * (noisy - alpha * middle) / (alpha**2 * SPREAD**2 + sigma**2)


@dataclass
class Asked:
    """Networks that are plain functions; what the teacher was asked is kept."""

    student_says: Ask
    guidance: Tensor | None = None

    def student(self, noisy: Tensor, timesteps: Tensor) -> Tensor:
        assert torch.is_grad_enabled()
        return self.student_says(noisy, timesteps)

    def target(self, noisy: Tensor, timesteps: Tensor) -> Tensor:
        assert not torch.is_grad_enabled()
        return self.student_says(noisy, timesteps)

    def teacher(self, noisy: Tensor, timesteps: Tensor, guidance: Tensor | None) -> Tensor:
        assert not torch.is_grad_enabled()
        self.guidance = guidance
        told = told_by_nature(noisy, timesteps)
        if guidance is None:
            return told
        return told + guidance.view(-1, 1, 1, 1) * (told - told_by_nature(noisy, timesteps, 0.0))


def objective(points: int = 10) -> Consistency:
    return Consistency(Forward(ALPHAS), grid(1000, points))


def perfect(wanted: Consistency) -> Ask:
    """A student that maps every point of the grid to where the teacher's DDIM steps end: their product, worked out."""
    apart, ends = wanted.apart, {0: (1.0, 0.0)}  # factor and summand of the whole way down
    for time in wanted.timesteps.tolist():
        below = max(time - apart, 0)
        alpha, sigma, next_alpha, next_sigma = (
            float(one) for at in (time, below) for one in shares(torch.tensor([at]))
        )
        slope = sigma / (alpha**2 * SPREAD**2 + sigma**2)  # noise = slope x + shift
        shift = -slope * alpha * MIDDLE
        factor = next_alpha * (1 - sigma * slope) / alpha + next_sigma * slope
        summand = -next_alpha * sigma * shift / alpha + next_sigma * shift
        ends[time] = ends[below][0] * factor, ends[below][0] * summand + ends[below][1]

    def says(noisy: Tensor, timesteps: Tensor) -> Tensor:
        alpha, sigma = shares(timesteps)
        factor, summand = (torch.tensor([ends[t][i] for t in timesteps.tolist()]).view(-1, 1, 1, 1) for i in (0, 1))
        skip, out = boundary(timesteps)
        picture = torch.where(out > 0, (factor * noisy + summand - skip * noisy) / out, noisy)
        return (noisy - alpha * picture) / sigma

    return says


def shares(timesteps: Tensor) -> tuple[Tensor, Tensor]:
    left = ALPHAS[timesteps].view(-1, 1, 1, 1)
    return left.sqrt(), (1 - left).sqrt()


def test_a_student_that_goes_where_the_teacher_goes_has_no_loss() -> None:
    wanted = objective()
    right = perfect(wanted)
    many = tuple(range(80))  # so that every point of the grid is drawn
    latents = MIDDLE + SPREAD * torch.randn(80, 4, 2, 2, generator=torch.Generator().manual_seed(1))
    assert set(wanted.ends(many, torch.device("cpu"))[0].tolist()) == set(wanted.timesteps.tolist())
    assert float(wanted.loss(Asked(right), latents, many)) < 1e-8
    assert float(wanted.loss(Asked(lambda noisy, at: right(noisy, at) + 0.05), latents, many)) > 1e-4
    assert float(wanted.loss(Asked(told_by_nature), latents, many)) > 1e-3  # the teacher itself does not do it


def test_only_the_student_gets_gradients() -> None:
    weight = torch.tensor(0.9, requires_grad=True)
    networks = Asked(lambda noisy, timesteps: weight * told_by_nature(noisy, timesteps))
    wanted = objective()
    wanted.loss(networks, LATENTS, SEEDS).backward()
    assert weight.grad is not None
    start, end = wanted.ends(SEEDS, LATENTS.device)
    noise = torch.stack([drawn_noise(seed) for seed in SEEDS])
    noisy = wanted.noising.noised(LATENTS, noise, start)
    with torch.no_grad():
        below = nearer(wanted.noising, noisy, told_by_nature(noisy, start), start, end)
        aim = wanted.mapped(networks.student_says, below, end)
        here = wanted.mapped(networks.student_says, noisy, start)
    alpha, sigma = shares(start)
    change = -boundary(start)[1] * sigma / alpha * told_by_nature(noisy, start)  # of f with the weight
    torch.testing.assert_close(weight.grad, (2 * (here - aim) * change).mean())


def test_a_student_learns_to_go_where_the_teacher_goes() -> None:
    """One that says slope x + shift, with its own pair for each timestep, and begins as its teacher."""
    wanted = objective()
    alpha, sigma = (part.flatten() for part in shares(wanted.timesteps))
    first = sigma / (alpha**2 * SPREAD**2 + sigma**2)
    slope, shift = first.clone().requires_grad_(), (-first * alpha * MIDDLE).requires_grad_()

    def says(noisy: Tensor, timesteps: Tensor) -> Tensor:
        at = (timesteps.clamp(min=wanted.apart - 1) - wanted.apart + 1) // wanted.apart
        return slope[at].view(-1, 1, 1, 1) * noisy + shift[at].view(-1, 1, 1, 1)

    def error() -> float:
        """Of what it says of points on the teacher's paths, against their ends."""
        points = wanted.timesteps.repeat_interleave(16)
        noise = torch.randn(len(points), 4, 2, 2, generator=torch.Generator().manual_seed(3))
        noisy = (
            shares(points)[0] * MIDDLE + (shares(points)[0] ** 2 * SPREAD**2 + shares(points)[1] ** 2).sqrt() * noise
        )
        ends = wanted.mapped(perfect(wanted), noisy, points)
        return (wanted.mapped(says, noisy, points) - ends).square().mean().sqrt().item()

    untaught = error()
    optimizer = torch.optim.Adam([slope, shift], 0.01)
    for step in range(400):
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - step / 400)
        seeds = range(32 * step, 32 * step + 32)
        latents = MIDDLE + SPREAD * torch.randn(32, 4, 2, 2, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        wanted.loss(Asked(says), latents, seeds).backward()
        optimizer.step()
    assert error() < 0.2 * untaught, (error(), untaught)


def drawn_noise(seed: int) -> Tensor:
    from training.noise import generator_of

    return torch.randn(LATENTS.shape[1:], generator=generator_of(seed, "noise"))


def test_a_sample_has_its_own_draws() -> None:
    wanted, networks = replace(objective(50), guidance=(3.0, 10.0)), Asked(told_by_nature)
    whole = wanted.loss(networks, LATENTS, SEEDS)
    parts = [wanted.loss(networks, LATENTS[i : i + 1], SEEDS[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(whole, torch.stack(parts).mean())


def test_guidance_lies_between_least_and_most() -> None:
    networks = Asked(told_by_nature)
    objective().loss(networks, LATENTS, SEEDS)
    assert networks.guidance is None
    given = replace(objective(), guidance=(3.0, 10.0)).weights(range(500), torch.device("cpu"))
    assert given is not None and float(given.min()) >= 3 and float(given.max()) <= 10
    assert float(given.mean()) == pytest.approx(6.5, abs=0.3)
    replace(objective(), guidance=(2.0, 2.0)).loss(networks, LATENTS, SEEDS)
    assert networks.guidance is not None and networks.guidance.tolist() == [2.0] * 3


@pytest.mark.parametrize("points", [50, 25, 7])
def test_one_step_of_the_teacher_is_one_of_ddim(points: int) -> None:
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False
    )
    scheduler.set_timesteps(points)
    wanted = objective(points)
    start = wanted.timesteps[-2:-1].repeat(3)
    told = torch.randn(LATENTS.shape, generator=torch.Generator().manual_seed(5))
    mine = nearer(wanted.noising, LATENTS, told, start, start - wanted.apart)
    theirs = scheduler.step(told, int(start[0]), LATENTS).prev_sample
    torch.testing.assert_close(mine, theirs)


def test_grid_and_scalings_are_those_of_the_scheduler_that_runs_the_student() -> None:
    scheduler = LCMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    points = grid(1000, 50)
    assert points.tolist() == list(range(19, 1000, 20))
    for steps in (1, 2, 4, 8):
        scheduler.set_timesteps(steps)
        assert set(scheduler.timesteps.tolist()) <= set(points.tolist())
    for time in (0, 19, 499, 999):
        theirs = scheduler.get_scalings_for_boundary_condition_discrete(torch.tensor(time))
        mine = boundary(torch.tensor([time]))
        assert [float(one) for one in mine] == pytest.approx([float(one) for one in theirs])
    skip, out = boundary(torch.tensor([0]))
    assert float(skip) == 1 and float(out) == 0


def test_the_last_point_leads_to_the_end() -> None:
    wanted = objective(50)
    start, end = wanted.ends(range(400), torch.device("cpu"))
    assert torch.equal(end, (start - 20).clamp(min=0)) and int(end.min()) == 0
    assert set(start.tolist()) == set(wanted.timesteps.tolist())


def test_noise_and_velocity_lead_to_the_same_place() -> None:
    noise = torch.randn(LATENTS.shape, generator=torch.Generator().manual_seed(2))
    start, end = torch.tensor([19, 499, 999]), torch.tensor([0, 479, 979])
    alpha, sigma = shares(start)
    noisy = alpha * LATENTS + sigma * noise
    below = shares(end)[0] * LATENTS + shares(end)[1] * noise
    velocity = alpha * noise - sigma * LATENTS
    for noising, told in ((Forward(ALPHAS), noise), (Forward(ALPHAS, "v_prediction"), velocity)):
        torch.testing.assert_close(nearer(noising, noisy, told, start, end), below, atol=1e-4, rtol=1e-4)


def test_distances() -> None:
    one, other = torch.tensor([1.0, 4.0]), torch.tensor([1.0, 1.0])
    assert float(distance(one, other, "l2")) == pytest.approx(4.5)
    assert float(distance(one, other, "huber", 4.0)) == pytest.approx(((9 + 16) ** 0.5 - 4) / 2)


def test_a_grid_that_cannot_be() -> None:
    for points in (0, 1001):
        with pytest.raises(BadOptions, match="do not fit"):
            grid(1000, points)
