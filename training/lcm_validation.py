"""How distill_lcm looks at its student: against the teacher's fifty steps, on records that it does not learn from.

Both begin at the same noise, over the latents of the photo as it is shown, where the suite begins, too.

Four steps draw new noise between them, so a student that is exactly right still ends at another fill than its teacher
wherever there is more than one good fill; a blurred mean of them would come nearer. So what is measured first is free
of chance: at each of the four timesteps that the student is used at, what it says of the very point that the teacher
passes there, against the place where the teacher ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rorem.metrics.psnr import psnr
from rorem.nets import sampling
from training.data import DataSource
from training.lcm import end_of, grid, nearer
from training.lcm_networks import Asked, bare, without_adapters
from training.noise import generator_of, seed_of
from training.rorem_validation import EQUAL, levels
from training.rorem_validation import grid as rows_of
from training.task import Validation

if TYPE_CHECKING:
    from training.lcm_task import LcmTask

STEPS = 4  # of a student, as it will be used
LCM = "LCMScheduler"
LEAST = 1e-12  # error that is divided by
Ask = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Path:
    """The teacher's, with one record. passed: timestep and latents at the beginning of each quarter. end: its last
    latents, (b, 4, h, w). untaught: `error` and `error_fill` that the teacher has as its own student."""

    passed: Sequence[tuple[int, Tensor]]
    end: Tensor
    untaught: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Paths:
    """By the number of the record. The teacher never changes, so it is asked once."""

    known: dict[int, Path] = field(default_factory=dict)


def look(task: LcmTask, unet: nn.Module, held_out: DataSource, paths: Paths) -> Validation:
    """Metrics, means over the records; errors are roots of mean squares of scaled latents:

    - `error`: see above, the mean over the four timesteps; `error_share`: as a share of the untaught teacher's;
    - `error_fill`: after four steps as they are used, against where the teacher ends; `error_fill_share`: likewise;
    - `psnr_hole`, `psnr_hole_teacher`: dB of each one's fill against what was wanted, in the hole.

    The picture has a row a record: the photo, what the networks are shown of it, the teacher's fill, the student's,
    what was wanted.
    """
    found: dict[str, list[float]] = {}
    rows = []
    vae = task.vae
    assert vae is not None
    for draw in range(min(task.settings.validate_samples, len(held_out))):
        batch = held_out.batch([draw]).to(next(unet.parameters()).device)
        shown = vae.encode(batch[task.settings.shown], None)
        networks, seed = task.networks(unet, batch, shown), seed_of("validation picture", draw)
        if draw not in paths.known:
            paths.known[draw] = _first_look(task, networks, shown, seed)
        path = paths.known[draw]
        fill = student(task, networks.target, shown, seed)
        errors = error(task, networks.target, path), rms(fill, path.end)
        for name, mine, untaught in zip(("error", "error_fill"), errors, path.untaught, strict=True):
            found.setdefault(name, []).append(mine)
            found.setdefault(f"{name}_share", []).append(mine / max(untaught, LEAST))
        wanted, hole = levels(batch["result"]), batch["mask"][0, 0].cpu().numpy() > 0
        fills = [levels(vae.decode(latents)) for latents in (path.end, fill)]
        for name, seen in zip(("psnr_hole_teacher", "psnr_hole"), fills, strict=True):
            found.setdefault(name, []).append(min(EQUAL, psnr(wanted, seen, hole)))
        rows.append([levels(batch["source"]), levels(batch[task.settings.shown]), *fills, wanted])
    return Validation({name: fmean(values) for name, values in found.items()}, rows_of(rows))


def teacher(task: LcmTask, networks: Asked, shown: Tensor, seed: int) -> Path:
    """All steps of DDIM, guided as strongly as on the average in training. shown: (b, 4, h, w)."""
    settings, noising, count = task.settings, task.noising, len(shown)
    guidance = torch.full((count,), (settings.w_min + settings.w_max) / 2, device=shown.device)
    points = grid(len(noising), settings.validate_steps).flip(0).tolist()
    kept = {points[part * len(points) // STEPS] for part in range(STEPS)}  # where LCMScheduler has its steps
    noisy, passed = noising.noised(shown, _noise(shown, seed), _all(points[0], shown)), []
    for point, after in zip(points, [*points[1:], 0], strict=True):
        if point in kept:
            passed.append((point, noisy))
        start, end = _all(point, shown), _all(after, shown)
        noisy = nearer(noising, noisy, networks.teacher(noisy, start, guidance if settings.w_max else None), start, end)
    return Path(passed, noisy)


def student(task: LcmTask, network: Ask, shown: Tensor, seed: int) -> Tensor:
    """Latents (b, 4, h, w) after four steps, on the road that the suite takes with `rorem-4s`."""
    plan = sampling.schedule({**task.schedule, "prediction_type": task.settings.prediction}, STEPS, LCM)

    def predict(scaled: Tensor, index: int) -> Tensor:
        return network(scaled, _all(int(plan.timesteps[index]), scaled))

    first = sampling.start(plan, _noise(shown, seed), shown)
    return sampling.denoise(plan, first, predict, generator_of(seed, "steps"), lambda done: None)


def error(task: LcmTask, network: Ask, path: Path) -> float:
    """Of what a network says of points on the teacher's path."""
    told = [
        end_of(task.noising, noisy, network(noisy, at), at)
        for noisy, at in ((noisy, _all(time, noisy)) for time, noisy in path.passed)
    ]
    return fmean(rms(end, path.end) for end in told)


def rms(one: Tensor, other: Tensor) -> float:
    return float((one - other).square().mean().sqrt())


def _first_look(task: LcmTask, networks: Asked, shown: Tensor, seed: int) -> Path:
    path = teacher(task, networks, shown, seed)
    with without_adapters(bare(networks.model)):
        untaught = error(task, networks.target, path), rms(student(task, networks.target, shown, seed), path.end)
    return Path(path.passed, path.end, untaught)


def _all(timestep: int, like: Tensor) -> Tensor:
    """The same one for each sample, int64 (b,)."""
    return torch.full((len(like),), timestep, device=like.device)


def _noise(like: Tensor, seed: int) -> Tensor:
    return torch.randn(like.shape, generator=generator_of(seed, "noise")).to(like)
