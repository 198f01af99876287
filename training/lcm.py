"""Latent consistency distillation: a network learns to go in one step where its teacher goes in many.

Luo et al. 2023 (arXiv 2310.04378), which rests on Song et al. 2023 (arXiv 2303.01469). Along one path of the teacher's
probability-flow ODE all points should be mapped to the same end: the student at one point is pulled towards what it
says itself of the next point, k timesteps nearer to the picture, which one DDIM step of the teacher leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from rorem.errors import BadOptions
from training.diffusion import Forward, drawn_noise
from training.noise import drawn

Distance = Literal["l2", "huber"]
SIGMA_DATA = 0.5  # with SCALING in the boundary scalings; LCMScheduler, which runs the student, has the same two
SCALING = 10.0


class Networks(Protocol):
    """What an objective may ask of one batch; its mask, masked photo and prompts are in there already.

    noisy: float32 (b, 4, h, w). timesteps: int64 (b,). The answers are what the network predicts, noise or velocity,
    float32 (b, 4, h, w). An objective asks `student` once: that is the pass which gradients go through.
    """

    def student(self, noisy: Tensor, timesteps: Tensor) -> Tensor: ...

    def target(self, noisy: Tensor, timesteps: Tensor) -> Tensor:
        """The student as it stands, without gradients."""
        ...

    def teacher(self, noisy: Tensor, timesteps: Tensor, guidance: Tensor | None) -> Tensor:
        """Without the adapters and without gradients. guidance: (b,), w in c + w (c - u); None = no guidance."""
        ...


class Objective(Protocol):
    """What a student is taught by. Another one, such as distribution matching (Yin et al. 2024, arXiv 2405.14867), is
    another class with this method, and a line in `lcm_task.OBJECTIVES`."""

    def loss(self, networks: Networks, latents: Tensor, seeds: Sequence[int]) -> Tensor:
        """The mean loss, one number. latents: of the wanted results, float32 (b, 4, h, w), scaled. seeds: one a sample,
        for all that is drawn for it."""
        ...


def grid(timesteps: int, points: int) -> Tensor:
    """The timesteps a student is trained at, int64 (points,), rising, and evenly k = timesteps // points apart.

    1000 and 50 give 19, 39, ..., 999. LCMScheduler takes its steps from the same ones. Raises BadOptions.
    """
    if not 1 <= points <= timesteps:
        raise BadOptions(f"{points} points do not fit into {timesteps} timesteps.", "Set grid to 50, say.")
    apart = timesteps // points
    return torch.arange(1, points + 1) * apart - 1


def boundary(timesteps: Tensor) -> tuple[Tensor, Tensor]:
    """c_skip and c_out, float32 (b, 1, 1, 1): f(x, t) = c_skip x + c_out x0, which at t = 0 is x, whatever the network.

    Song et al. 2023, appendix C, with the timestep times SCALING in place of the noise level.
    """
    scaled = SCALING * timesteps.float().view(-1, 1, 1, 1)
    whole = scaled**2 + SIGMA_DATA**2
    return SIGMA_DATA**2 / whole, scaled / whole.sqrt()


def end_of(noising: Forward, noisy: Tensor, told: Tensor, timesteps: Tensor) -> Tensor:
    """f(x, t): where the path through `noisy` ends, by what a network told of it. (b, 4, h, w) each."""
    skip, out = boundary(timesteps)
    return skip * noisy + out * noising.picture(noisy, told, timesteps)


def nearer(noising: Forward, noisy: Tensor, told: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """One step of DDIM (Song et al. 2021, arXiv 2010.02502) from timesteps `start` to `end`, (b,) each.

    told: what a network says of `noisy`, (b, 4, h, w) each.
    """
    picture = noising.picture(noisy, told, start)
    left = noising.alphas.to(noisy.device)[start].view(-1, 1, 1, 1)
    noise = (noisy - left.sqrt() * picture) / (1 - left).sqrt()
    return noising.noised(picture, noise, end)


def distance(one: Tensor, other: Tensor, kind: Distance, c: float = 0.001) -> Tensor:
    """Mean over everything. huber: sqrt(d^2 + c^2) - c, the pseudo-Huber distance (Song & Dhariwal 2023)."""
    squared = (one.float() - other.float()) ** 2
    if kind == "l2":
        return squared.mean()
    return ((squared + c**2).sqrt() - c).mean()


@dataclass(frozen=True, eq=False)
class Consistency:
    """Algorithm 1 of the paper. The target is the student itself, not an average of it, as in RORem's own script and
    as Song & Dhariwal 2023 (arXiv 2310.14189, section 3.2) found to be right.

    guidance: least and most w; (0, 0) = the teacher is not guided.
    """

    noising: Forward
    timesteps: Tensor
    guidance: tuple[float, float] = (0.0, 0.0)
    kind: Distance = "l2"
    huber: float = 0.001

    @property
    def apart(self) -> int:
        """k, timesteps from one point of the grid to the next."""
        return int(self.timesteps[0]) + 1

    def loss(self, networks: Networks, latents: Tensor, seeds: Sequence[int]) -> Tensor:
        start, end = self.ends(seeds, latents.device)
        noise = drawn_noise(seeds, latents.shape[1:]).to(latents)
        noisy = self.noising.noised(latents, noise, start)
        with torch.no_grad():
            told = networks.teacher(noisy, start, self.weights(seeds, latents.device))
            target = self.mapped(networks.target, nearer(self.noising, noisy, told, start, end), end)
        return distance(self.mapped(networks.student, noisy, start), target, self.kind, self.huber)

    def ends(self, seeds: Sequence[int], where: torch.device) -> tuple[Tensor, Tensor]:
        """A point of the grid for each sample, and the next one, k nearer to the picture; the last one leads to 0."""
        count = len(self.timesteps)
        which = drawn(seeds, "point", lambda generator: torch.randint(count, (), generator=generator))
        start = self.timesteps[which]
        return start.to(where), (start - self.apart).clamp(min=0).to(where)

    def weights(self, seeds: Sequence[int], where: torch.device) -> Tensor | None:
        """w for each sample, even between least and most; None without guidance."""
        least, most = self.guidance
        if most == 0:
            return None
        even = drawn(seeds, "guidance", lambda generator: torch.rand((), generator=generator))
        return (least + (most - least) * even).to(where)

    def mapped(self, network: Callable[[Tensor, Tensor], Tensor], noisy: Tensor, timesteps: Tensor) -> Tensor:
        """What a network says of `noisy`, as the end of its path."""
        return end_of(self.noising, noisy, network(noisy, timesteps), timesteps)
