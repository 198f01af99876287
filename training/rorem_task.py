"""RORem's training (arXiv 2501.00740, section 3): SDXL-inpainting learns to remove what is marked, and nothing else.

From a triplet of source, mask and result:

1. encode the result and the source without its hole,
2. put noise on the result's latents,
3. show the network [noisy result | mask | source without its hole] and the one constant prompt,
4. the loss is the squared error of the noise that it says was put on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, device, nn

from rorem.methods.diffusion import shrunk
from rorem.nets import compute
from rorem.nets.folder import scheduler_config
from rorem.nets.prompts import kept_sdxl_prompts
from rorem.nets.vae import Vae
from training.data import DataSource, posterior
from training.diffusion import Forward, drawn_noise, drawn_timesteps, sampled
from training.flops import BACKWARD, unet_flops
from training.rorem_net import build_net
from training.rorem_result import describe, save_result
from training.rorem_settings import RoremSettings
from training.rorem_validation import look
from training.task import Batch, Validation


class RoremTask:
    """See `training.task.Task`."""

    best = "loss", -1

    def __init__(self, settings: RoremSettings) -> None:
        self.settings = settings
        self._data: DataSource | None = None
        self._held_out: DataSource | None = None

    def build(self, where: device) -> nn.Module:
        settings = self.settings
        self.schedule = scheduler_config(settings.base)
        self.noising = Forward.of(self.schedule, settings.prediction)
        (prompt,) = kept_sdxl_prompts(settings.base, ("",))
        self.vae: Vae | None = Vae.load(settings.base / "vae", where, compute.dtype(where))
        self._scale = self.vae.scale
        net = build_net(self.start, prompt, settings)
        self._config = dict(net.unet.config)
        return net.to(where)

    @property
    def start(self) -> Path:
        """The folder of the UNet that training starts from."""
        return self.settings.unet or self.settings.base / "unet"

    def source(self) -> DataSource:
        settings = self.settings
        self._data = DataSource(settings, ("result", "mask", settings.shown), self.vae)
        self._held_out = DataSource.of_validation(settings, ("source", "masked", "mask", "result"))
        if settings.cache_latents and self._held_out is None:
            self.vae = None  # all is encoded
        return self._data

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        timesteps = drawn_timesteps(batch.seeds, len(self.noising))
        return self.errors(model, batch, timesteps).mean()

    def errors(self, model: nn.Module, batch: Batch, timesteps: Tensor) -> Tensor:
        """The weighted squared error of each sample, float32 (b,). timesteps: int64 (b,)."""
        settings, noising = self.settings, self.noising
        clean, shown = self.latents(batch)
        timesteps = timesteps.to(clean.device)
        noise = drawn_noise(batch.seeds, clean.shape[1:], settings.noise_offset).to(clean)
        noisy = noising.noised(clean, noise, timesteps)
        told = model(self.sample(noisy, batch["mask"], shown), timesteps, self.sizes(batch))
        squared = (told.float() - noising.wanted(clean, noise, timesteps)) ** 2
        return squared.mean(dim=(1, 2, 3)) * noising.weights(timesteps, settings.min_snr)

    def latents(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Of what the photo should become, and of the photo as it is shown: float32 (b, 4, h, w) each, scaled."""
        shown = self.settings.shown
        if "target_mean" in batch.tensors:
            found = [(batch[f"{name}_mean"], batch.tensors.get(f"{name}_std")) for name in ("target", shown)]
        else:
            assert self.vae is not None
            means, spreads = posterior(self.vae, torch.cat([batch["result"], batch[shown]]))
            found = list(zip(means.chunk(2), spreads.chunk(2), strict=True))
        if self.settings.posterior == "mean":
            found = [(mean, None) for mean, _ in found]
        purposes = ("target latents", "shown latents")
        target, seen = (
            self._scale * sampled(mean, spread, batch.seeds, purpose)
            for (mean, spread), purpose in zip(found, purposes, strict=True)
        )
        return target, seen

    def sample(self, noisy: Tensor, mask: Tensor, shown: Tensor) -> Tensor:
        """What the network is shown, (b, 9, h, w). mask: float32 (b, 1, H, W), 1 = removed."""
        if self.settings.mask_cells == "grey":
            cells = nn.functional.interpolate(mask, size=noisy.shape[-2:], mode="area")
        else:
            cells = shrunk(mask, noisy)
        return torch.cat([noisy, cells, shown], dim=1)

    def sizes(self, batch: Batch) -> Tensor:
        """int64 (b, 6): original height and width, top and left of the crop, height and width of the sample."""
        mask = batch["mask"]
        if self.settings.tell_size == "photo" and "size" in batch.tensors:
            return batch["size"]
        high, wide = mask.shape[-2:]
        return torch.tensor([high, wide, 0, 0, high, wide], device=mask.device).expand(len(mask), 6)

    def validate(self, model: nn.Module, step: int) -> Validation:
        return Validation() if self._held_out is None else look(self, model, self._held_out)

    def save(self, weights: Mapping[str, Tensor], folder: Path) -> None:
        save_result(weights, self._config, self.start, self.settings, folder)

    def about(self) -> Mapping[str, Any]:
        return describe(self.settings, {} if self._data is None else self._data.about)

    def flops(self) -> float:
        """Of the UNet: the autoencoder's work is none where latents are cached, and needless else."""
        side = self.settings.size
        backward = 1 if self.settings.lora_rank else BACKWARD
        return (1 + backward) * unet_flops(self._config, side, side)
