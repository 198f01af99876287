"""RORem's discriminator (arXiv 2501.00740, section 3): a network learns what people think of removals.

From a triplet of source, mask and result, and what people say of it:

1. encode the result and the source, with the thing still in it,
2. show the network [result | mask | source] at timestep 0 and the one constant prompt,
3. the loss is the distance between what it says and what people say.
"""

from __future__ import annotations

import shutil
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
from training.data import DataSource, plain, posterior
from training.data.sets import Sets
from training.diffusion import Forward, drawn_noise, sampled
from training.discriminator_loss import EVEN, Balance, losses
from training.discriminator_net import TIMESTEP, DiscriminatorNet, build_net, flops
from training.discriminator_report import FILE
from training.discriminator_result import describe, save_result
from training.discriminator_settings import DiscriminatorSettings
from training.discriminator_validation import HeldOut, look
from training.labelled import Labelled, labelled, parted, share_of_yes, some, without_photos
from training.soft_labels import Labels, fingerprint, read_opinions, removals_of
from training.task import Batch, Validation

WANTS = "source", "mask", "result", "score", "weight"


class DiscriminatorTask:
    """See `training.task.Task`."""

    best = "auc", 1

    def __init__(self, settings: DiscriminatorSettings) -> None:
        self.settings = settings
        self.balance = EVEN
        self._held_out: HeldOut | None = None
        self._about: dict[str, Any] = {}

    def build(self, where: device) -> DiscriminatorNet:
        settings, self.device = self.settings, where
        self.noising = Forward.of(scheduler_config(settings.base), "epsilon")
        (prompt,) = kept_sdxl_prompts(settings.base, ("",))
        self.vae: Vae | None = Vae.load(settings.base / "vae", where, compute.dtype(where))
        self._scale = self.vae.scale
        net = build_net(prompt, settings)
        self._config = dict(net.unet.config)
        return net.to(where)

    def source(self) -> DataSource:
        settings = self.settings
        said = read_opinions(settings.labels, settings.verdicts, settings.public) if settings.labels else None
        sets = Sets(settings.data or removals_of(settings.labels))
        every = labelled(sets, settings.cache, labels := Labels(said))
        if settings.validation:
            theirs = Sets(settings.validation)
            held_out = labelled(theirs, settings.cache, labels)
            train = without_photos(every, held_out)
        else:
            theirs, (train, held_out) = sets, parted(every, settings.held_out)
        if settings.by_votes:
            labels = Labels(said, train.typical)
        records = sets.records(settings.times)
        records = records[train.there[records]]
        share = share_of_yes(train, records)
        self.balance = Balance.of(share) if settings.balance else EVEN
        if len(looked_at := some(held_out, settings.validate_samples)):
            plainly = DataSource(plain(settings), WANTS, sets=theirs, records=looked_at.tolist(), label=labels)
            self._held_out = HeldOut(plainly.unshuffled(), held_out, looked_at)
        data = DataSource(settings, WANTS, self.vae, sets=sets, records=records.tolist(), label=labels)
        if self._held_out is None:
            self.forget_vae()
        self._about = {**data.about, **_told(train, held_out, share)}
        if said is not None:
            self._about["labels fingerprint"] = fingerprint(said)
        return data

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        said = self.wanted(batch["score"])
        return (batch["weight"] * losses(model(self.shown(batch)), said, self.settings.loss, self.balance)).mean()

    def wanted(self, said: Tensor) -> Tensor:
        """What is taught of how likely a yes is, (b,): just that, or 0 and 1."""
        return said if self.settings.soft else (said > 0.5).to(said)

    def shown(self, batch: Batch, plain: bool = False) -> Tensor:
        """What the network is shown, float32 (b, 9, 64, 64). plain: nothing of it is drawn, as the judge does it."""
        result, source = self.latents(batch, plain or self.settings.posterior == "mean")
        if self.settings.noise and not plain:
            noise = drawn_noise(batch.seeds, result.shape[1:]).to(result)
            timesteps = torch.full((len(batch),), TIMESTEP, device=result.device)
            result = self.noising.noised(result, noise, timesteps)
        return torch.cat([result, shrunk(batch["mask"], result), source], dim=1)

    def latents(self, batch: Batch, means: bool) -> tuple[Tensor, Tensor]:
        """Of the removal and of the photo as it was: float32 (b, 4, 64, 64) each, scaled."""
        if "target_mean" in batch.tensors:
            found = [(batch[f"{name}_mean"], batch.tensors.get(f"{name}_std")) for name in ("target", "source")]
        else:
            assert self.vae is not None
            middles, spreads = posterior(self.vae, torch.cat([batch["result"], batch["source"]]))
            found = list(zip(middles.chunk(2), spreads.chunk(2), strict=True))
        purposes = ("target latents", "shown latents")
        result, source = (
            self._scale * sampled(mean, None if means else spread, batch.seeds, purpose)
            for (mean, spread), purpose in zip(found, purposes, strict=True)
        )
        return result, source

    def forget_vae(self) -> None:
        """All that will be asked for is encoded, if the training set is."""
        if self.settings.cache_latents:
            self.vae = None

    def validate(self, model: nn.Module, step: int) -> Validation:
        return Validation() if self._held_out is None else look(self, model, self._held_out, step)

    def save(self, weights: Mapping[str, Tensor], folder: Path) -> None:
        save_result(weights, self.settings, folder)
        if self.reported is not None:
            shutil.copyfile(self.reported, folder / FILE)

    def about(self) -> Mapping[str, Any]:
        return describe(self.settings, self._about, self.reported)

    def flops(self) -> float:
        return flops(self._config)

    @property
    def reported(self) -> Path | None:
        """What the last validation left, of this run or of the part of it before it was gone on with."""
        file = self.settings.out / FILE
        return file if self.settings.validate_every and file.is_file() else None


def _told(train: Labelled, held_out: Labelled, share: float) -> dict[str, str]:
    """For the model card."""
    parts = {"learned from": train, "held out, by photo": held_out}
    told = {
        name: f"{int(one.there.sum()):,} removals of {len(set(one.photo[one.there].tolist())):,} photos"
        for name, one in parts.items()
        if one.there.any()
    }
    return {**told, "share of yes": f"{100 * share:.1f} %"}
