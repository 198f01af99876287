"""How train_rorem looks at its network: on records that it does not learn from, with the same random numbers always."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Generator, Tensor, nn

from rorem.metrics.psnr import psnr
from rorem.nets import sampling
from training.data import DataSource
from training.noise import seed_of
from training.task import Batch, Validation

if TYPE_CHECKING:
    from training.rorem_task import RoremTask

TIMESTEPS = 4  # at which a record's loss is measured, evenly over all of them
CELL = 256  # px of a picture in the grid, at most
EQUAL = 100.0  # dB for pictures without any difference


def look(task: RoremTask, net: nn.Module, held_out: DataSource) -> Validation:
    """Metrics: `loss`, the mean of the training loss; `psnr_hole`, dB of fill against what was wanted, in the hole.

    The picture has a row a record: the photo, what the network is shown of it, the fill, what was wanted.
    """
    losses, ratios, rows = [], [], []
    for draw in range(min(task.settings.validate_samples, len(held_out))):
        device = next(net.parameters()).device
        batch = held_out.batch([draw]).to(device)
        losses.append(_loss(task, net, batch, draw))
        fill = levels(_fill(task, net, batch, seed_of("validation picture", draw)))
        wanted = levels(batch["result"])
        ratios.append(min(EQUAL, psnr(wanted, fill, batch["mask"][0, 0].cpu().numpy() > 0)))
        rows.append([levels(batch["source"]), levels(batch[task.settings.shown]), fill, wanted])
    return Validation({"loss": fmean(losses), "psnr_hole": fmean(ratios)}, grid(rows))


def levels(picture: Tensor) -> np.ndarray:
    """uint8 (H, W, 3). picture: float (1, 3, H, W), about [-1, 1]."""
    told = ((picture[0].float() + 1) * 127.5).clamp(0, 255).round().to(torch.uint8)
    return told.permute(1, 2, 0).cpu().numpy()


def grid(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Pictures uint8 (H, W, 3) side by side, rows one below the other; large ones are shrunk to CELL."""
    made = [np.hstack([_cell(picture) for picture in row]) for row in rows]
    wide = max(row.shape[1] for row in made)
    return np.vstack([np.pad(row, ((0, 0), (0, wide - row.shape[1]), (0, 0))) for row in made])


def _loss(task: RoremTask, net: nn.Module, batch: Batch, draw: int) -> float:
    repeated = {name: tensor.repeat_interleave(TIMESTEPS, 0) for name, tensor in batch.tensors.items()}
    seeds = [seed_of("validation loss", draw, part) for part in range(TIMESTEPS)]
    timesteps = torch.tensor([(2 * part + 1) * len(task.noising) // (2 * TIMESTEPS) for part in range(TIMESTEPS)])
    return float(task.errors(net, Batch(repeated, seeds), timesteps).mean())


def _fill(task: RoremTask, net: nn.Module, batch: Batch, seed: int) -> Tensor:
    """The photo without the thing, float32 (1, 3, H, W), as the suite makes it with the base's scheduler."""
    assert task.vae is not None
    settings, generator = task.settings, Generator().manual_seed(seed)
    plan = sampling.schedule({**task.schedule, "prediction_type": settings.prediction}, settings.validate_steps)
    shown = task.vae.encode(batch[settings.shown], None)
    noise = torch.randn(shown.shape, generator=generator).to(shown)
    sizes = task.sizes(batch)

    def predict(scaled: Tensor, index: int) -> Tensor:
        timesteps = plan.timesteps[index : index + 1].to(scaled.device)
        return net(task.sample(scaled, batch["mask"], shown), timesteps, sizes).float()

    first = sampling.start(plan, noise, shown if settings.shown == "masked" else None)
    return task.vae.decode(sampling.denoise(plan, first, predict, generator, lambda done: None))


def _cell(picture: np.ndarray) -> np.ndarray:
    scale = CELL / max(picture.shape[:2])
    return picture if scale >= 1 else cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
