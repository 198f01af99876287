"""The forward process of a diffusion model, and what a network is taught of it.

Ho et al. 2020 (arXiv 2006.11239): x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e, where a_t, alpha-bar in the paper, is the
share of the picture's variance that is left at timestep t.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from rorem.nets.folder import unreadable
from training.noise import drawn

Prediction = Literal["epsilon", "v_prediction"]


@dataclass(frozen=True, eq=False)
class Forward:
    """alphas: float32 (timesteps,), falling from about 1 to about 0. prediction: what the network tells of x_t."""

    alphas: Tensor
    prediction: Prediction = "epsilon"

    def __len__(self) -> int:
        return len(self.alphas)

    @classmethod
    def of(cls, config: Mapping[str, Any], prediction: Prediction) -> Forward:
        """As a scheduler's configuration says, whatever its class. Raises BadWeights."""
        from diffusers import DDPMScheduler

        names = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas")
        told = {name: config[name] for name in (*names, "rescale_betas_zero_snr") if name in config}
        try:
            return cls(DDPMScheduler(**told).alphas_cumprod.float(), prediction)
        except Exception as error:
            raise unreadable(error, "The scheduler's configuration") from error

    def noised(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """x_t. clean, noise: float32 (b, c, h, w). timesteps: int64 (b,)."""
        signal, sigma = self._shares(timesteps, clean)
        return signal * clean + sigma * noise

    def wanted(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the network should say: the noise e, or v = sqrt(a) e - sqrt(1 - a) x_0 (Salimans & Ho 2022, 2.4)."""
        if self.prediction == "epsilon":
            return noise
        signal, sigma = self._shares(timesteps, clean)
        return signal * noise - sigma * clean

    def picture(self, noisy: Tensor, told: Tensor, timesteps: Tensor) -> Tensor:
        """The x_0 that a network means which says `told` of x_t. The noise alone says nothing of it where a_t is 0."""
        signal, sigma = self._shares(timesteps, noisy)
        if self.prediction == "epsilon":
            return (noisy - sigma * told) / signal
        return signal * noisy - sigma * told

    def snr(self, timesteps: Tensor) -> Tensor:
        """a / (1 - a), float32 (b,)."""
        left = self.alphas.to(timesteps.device)[timesteps]
        return left / (1 - left)

    def weights(self, timesteps: Tensor, gamma: float) -> Tensor:
        """Min-SNR weights, float32 (b,), of the squared error of what the network says; gamma 0 weights nothing.

        Hang et al. 2023 (arXiv 2303.09556), section 3.4: min(SNR, gamma) on the error of x_0, which is
        min(SNR, gamma) / SNR on that of the noise and min(SNR, gamma) / (SNR + 1) on that of v.
        """
        if gamma == 0:
            return torch.ones(timesteps.shape, device=timesteps.device)
        snr = self.snr(timesteps)
        if self.prediction == "epsilon":
            return gamma / snr.clamp(min=gamma)
        return snr.clamp(max=gamma) / (snr + 1)

    def _shares(self, timesteps: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(a) and sqrt(1 - a), each (b, 1, 1, 1)."""
        left = self.alphas.to(like.device)[timesteps].view(-1, 1, 1, 1)
        return left.sqrt(), (1 - left).sqrt()


def drawn_timesteps(seeds: Sequence[int], count: int) -> Tensor:
    """int64 (b,) on the CPU, each of 0 ... count - 1 as likely."""
    return drawn(seeds, "timestep", lambda generator: torch.randint(count, (), generator=generator))


def drawn_noise(seeds: Sequence[int], shape: Sequence[int], offset: float = 0.0, purpose: str = "noise") -> Tensor:
    """Normal noise, float32 (b, *shape) on the CPU. shape: (c, h, w).

    offset: strength of what is added to a whole channel at once, so that a network learns of a picture's mean
    brightness (Guttenberg 2023, crosslabs.org/blog/diffusion-with-offset-noise).
    """
    noise = drawn(seeds, purpose, lambda generator: torch.randn(tuple(shape), generator=generator))
    if not offset:
        return noise
    whole = drawn(seeds, f"{purpose} offset", lambda generator: torch.randn((shape[0], 1, 1), generator=generator))
    return noise + offset * whole


def sampled(mean: Tensor, spread: Tensor | None, seeds: Sequence[int], purpose: str) -> Tensor:
    """A sample of an autoencoder's posterior for each; its mean where there is no spread. (b, c, h, w)."""
    if spread is None:
        return mean
    return mean + spread * drawn_noise(seeds, mean.shape[1:], purpose=purpose).to(mean)
