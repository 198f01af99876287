"""How train_discriminator looks at its network: on removals of photos that it does not learn from, always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from training.data import DataSource
from training.discriminator_loss import likely, losses
from training.discriminator_report import FILE, Seen, metrics, rows, write_report
from training.labelled import Labelled
from training.rorem_validation import grid, levels
from training.task import Batch, Validation

if TYPE_CHECKING:
    from training.discriminator_task import DiscriminatorTask

READ = 8  # removals that are read and encoded at once
WORST = 6  # mistakes in the picture


class HeldOut:
    """Removals that validation looks at. What the network is shown of them is made once and kept, in main memory: 0.15
    MB each."""

    def __init__(self, source: DataSource, labelled: Labelled, records: np.ndarray) -> None:
        """source: its draw n is the record records[n]."""
        self.source, self._labelled, self._records = source, labelled, records
        self._kept: tuple[Tensor, np.ndarray] | None = None

    def inputs(self, task: DiscriminatorTask) -> tuple[Tensor, np.ndarray]:
        """What the network is shown, float32 (n, 9, 64, 64) on the CPU, and which draws these are.

        What cannot be read is left out.
        """
        if self._kept is None:
            parts, draws = [], []
            for start in range(0, len(self._records), READ):
                wanted = range(start, min(start + READ, len(self._records)))
                batch = self.source.batch(wanted)
                names = [self.source.sets.name(int(self._records[draw])) for draw in wanted]
                right = [place for place, name in enumerate(names) if batch.names[place] == name]  # not replaced
                parts.append(task.shown(batch.to(task.device), plain=True)[right].cpu())
                draws += [wanted[place] for place in right]
            self._kept = torch.cat(parts), np.array(draws, np.int64)
            task.forget_vae()
        return self._kept

    def seen(self, draws: np.ndarray, told: np.ndarray) -> Seen:
        """told: float64 (n,), what the network says of these draws."""
        which = self._records[draws]
        of = self._labelled
        return Seen(told, of.p_yes[which], of.photo[which], of.method[which])


def look(task: DiscriminatorTask, net: nn.Module, held_out: HeldOut, step: int) -> Validation:
    """Metrics: see `discriminator_report`; `loss`, the mean of the training loss. Leaves OUT/report.json.

    The picture has a row for each of the worst mistakes: the photo with its mark in grey, and the removal.
    """
    settings = task.settings
    samples, draws = held_out.inputs(task)
    if not len(draws):
        return Validation()
    parts = [net(part.to(task.device)).float().cpu() for part in samples.split(settings.batch)]
    logits = torch.cat(parts)
    seen = held_out.seen(draws, likely(logits, settings.loss).double().numpy())
    found = rows(seen, settings.threshold)
    write_report(seen, found, settings.threshold, step, settings.out / FILE)
    loss = losses(logits, task.wanted(torch.from_numpy(seen.said)), settings.loss, task.balance).mean()
    return Validation({"loss": float(loss), **metrics(found)}, _mistakes(held_out, seen, draws))


def _mistakes(held_out: HeldOut, seen: Seen, draws: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3). The removals whose score is furthest from what people say, the worst first."""
    worst = np.argsort(-np.abs(seen.likely - seen.said), kind="stable")[:WORST]
    return grid([_pair(held_out.source.batch([int(draws[one])])) for one in worst])


def _pair(batch: Batch) -> list[np.ndarray]:
    marked = batch["source"] * (1 - 0.7 * batch["mask"])
    return [levels(marked), levels(batch["result"])]
