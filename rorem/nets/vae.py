"""The autoencoder of a latent diffusion model: pictures to latents and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from torch import Tensor

from rorem.nets.compute import bytes_of
from rorem.nets.folder import load_model

TILE = 256  # px: side of the parts that a picture is taken through one by one when memory is short
FACTOR = 8  # px of picture for one of latent


class Vae:
    """An AutoencoderKL, with the larger precision at hand where the smaller one overflows."""

    def __init__(self, model: AutoencoderKL, device: torch.device, dtype: torch.dtype) -> None:
        # SDXL's own autoencoder overflows in float16 (its config says so); bfloat16 has the range of float32.
        upcast = dtype == torch.float16 and model.config.force_upcast
        self.model = model.to(device, torch.float32 if upcast else dtype, memory_format=torch.channels_last).eval()
        self.scale = float(model.config.scaling_factor)

    @classmethod
    def load(cls, folder: Path, device: torch.device, dtype: torch.dtype) -> Vae:
        """folder: of a diffusers AutoencoderKL. Raises BadWeights."""
        return cls(load_model(AutoencoderKL, folder, dtype), device, dtype)

    @property
    def bytes(self) -> int:
        """Of its weights."""
        return bytes_of(self.model)

    @property
    def dtype(self) -> torch.dtype:
        return self.model.dtype

    def encode(self, picture: Tensor, generator: torch.Generator | None) -> Tensor:
        """Latents (b, 4, h, w) in the picture's dtype, scaled. picture: (b, 3, H, W) in [-1, 1], sides multiples of 8.

        generator: samples the posterior, as the published pipelines do; None takes its mean.
        """
        posterior = self._run(lambda: self.model.encode(picture.to(self.dtype)).latent_dist.parameters)
        mean, log_variance = posterior.chunk(2, dim=1)
        if generator is not None:
            deviation = torch.exp(0.5 * log_variance.clamp(-30, 20))
            noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype).to(mean.device)
            mean = mean + deviation * noise
        return (mean * self.scale).to(picture.dtype)

    def decode(self, latents: Tensor) -> Tensor:
        """float32 (b, 3, H, W), about [-1, 1]. latents: (b, 4, h, w), scaled."""
        return self._run(lambda: self.model.decode((latents / self.scale).to(self.dtype)).sample).float()

    def tiled(self, wanted: bool) -> None:
        """Whether to go part by part: less memory, a little slower, faint differences where parts meet."""
        if wanted:
            self.model.tile_sample_min_size = TILE
            self.model.tile_latent_min_size = TILE // FACTOR
            self.model.enable_tiling()
        else:
            self.model.disable_tiling()

    def _run(self, call: Callable[[], Tensor]) -> Tensor:
        """In the precision at hand; where that overflows, in float32 from now on."""
        made = call()
        if self.dtype == torch.float32 or bool(made.isfinite().all()):
            return made
        self.model.to(torch.float32)
        return call()


class TinyDecoder:
    """AutoencoderTiny: a small decoder; fine detail is made up roughly (github.com/madebyollin/taesd)."""

    def __init__(self, folder: Path, device: torch.device, dtype: torch.dtype) -> None:
        """folder: of a diffusers AutoencoderTiny. Raises BadWeights."""
        self.model = load_model(AutoencoderTiny, folder, dtype).to(device)

    def decode(self, latents: Tensor) -> Tensor:
        """float32 (b, 3, H, W), about [-1, 1]. latents: (b, 4, h, w), scaled as the large one's."""
        return self.model.decode(latents.to(self.model.dtype)).sample.float()
