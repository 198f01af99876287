"""Methods that are made to be difficult, and small pictures in every mode to try them on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from rorem.picture import Picture
from rorem.remover import Fill, Job, Method, OnStep, Options, Remover, Traits, no_step


def method(remover: Remover, *, grow: float = 0.02, seeded: bool = True, **traits: object) -> Method:
    """A method around a stub. traits: as in `Traits`."""
    return Method(Traits(id="stub", revision="1", grow=grow, seeded=seeded, **traits), remover)  # type: ignore[arg-type]


@dataclass
class Stub:
    """Keeps the jobs it was given, holds each against the contract, and returns the crop as it is."""

    jobs: list[Job] = field(default_factory=list)
    multiple: int = 1

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        held_against_the_contract(job, self.multiple)
        self.jobs.append(Job(job.crop.copy(), job.hole.copy(), job.avoid.copy(), job.seed, job.options))
        on_step(0, 2)
        painted = self.paint(job)
        on_step(2, 2)
        return Fill(painted, network_calls=2)

    def paint(self, job: Job) -> np.ndarray:
        return job.crop


class Noise(Stub):
    """Paints noise over its whole crop: whatever of it shows outside the hole is a fault of the stitching."""

    def paint(self, job: Job) -> np.ndarray:
        return np.random.default_rng(job.seed).integers(0, 256, job.crop.shape, np.uint8)


class InPlace(Stub):
    """Paints noise into the very array that it was given."""

    def paint(self, job: Job) -> np.ndarray:
        job.crop[:] = np.random.default_rng(job.seed).integers(0, 256, job.crop.shape, np.uint8)
        return job.crop


class Flat(Stub):
    """Fills the n-th hole it gets with the grey level 40 n and leaves the rest alone."""

    def paint(self, job: Job) -> np.ndarray:
        return np.where(job.hole[..., None], np.uint8(40 * len(self.jobs)), job.crop)


class Shifted(Stub):
    """Fills with grey 120 and makes everything darker, much as a VAE shifts the tone of all that goes through it."""

    def paint(self, job: Job) -> np.ndarray:
        flat = np.where(job.hole[..., None], 120.0, job.crop)
        return np.clip(flat - np.array([14, 9, 4]), 0, 255).astype(np.uint8)


@dataclass
class Steps:
    """Does nothing but tell its progress in many steps."""

    total: int = 50
    done: int = 0

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        for step in range(self.total + 1):
            on_step(step, self.total)
            self.done = step
        return Fill(job.crop)


class Flooding:
    """Tells more steps than it said there would be."""

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        for step in range(5):
            on_step(step, 2)
        return Fill(job.crop)


@dataclass
class Gives:
    """Returns whatever it is told to make of the job."""

    make: Callable[[Job], object]

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        return Fill(self.make(job))  # type: ignore[arg-type]


def held_against_the_contract(job: Job, multiple: int = 1) -> None:
    """Fails where a job is not what `Job` promises."""
    shape = job.crop.shape[:2]
    assert job.crop.dtype == np.uint8 and job.crop.shape == (*shape, 3)
    assert job.hole.dtype == job.avoid.dtype == np.bool_ and job.hole.shape == job.avoid.shape == shape
    assert shape[0] % multiple == shape[1] % multiple == 0
    assert job.hole.any() and not job.hole.all()
    assert job.seed >= 0 and isinstance(job.options, Options)


def pictures(width: int = 48, height: int = 36, seed: int = 0) -> dict[str, Picture]:
    """A picture of each mode, of random pixels; every kind of alpha is there, too."""
    random = np.random.default_rng(seed)

    def levels(dtype: type, *channels: int) -> np.ndarray:
        return random.integers(0, np.iinfo(dtype).max, (height, width, *channels), dtype, endpoint=True)

    def palette(*opacity: int) -> np.ndarray:
        return np.hstack([random.integers(0, 256, (8, 3), np.uint8), np.array([opacity], np.uint8).T])

    return {
        "bilevel": Picture(levels(np.uint8) > 127, space="bilevel"),
        "bilevel with alpha": Picture(levels(np.uint8) > 127, levels(np.uint8) > 99, space="bilevel"),
        "grey": Picture(levels(np.uint8), space="grey"),
        "grey with alpha": Picture(levels(np.uint8), levels(np.uint8), space="grey"),
        "grey 16": Picture(levels(np.uint16), space="grey"),
        "palette": Picture(levels(np.uint8) % 8, space="palette", palette=palette(*[255] * 8)),
        "palette with alpha": Picture(levels(np.uint8) % 8, space="palette", palette=palette(0, 99, *[255] * 6)),
        "rgb": Picture(levels(np.uint8, 3)),
        "rgb with alpha": Picture(levels(np.uint8, 3), levels(np.uint8)),
        "rgb 16": Picture(levels(np.uint16, 3)),
        "rgb 16 with alpha": Picture(levels(np.uint16, 3), levels(np.uint16)),
        "cmyk": Picture(levels(np.uint8, 4), space="cmyk"),
    }


MODES = tuple(pictures(1, 1))


def changed(before: Picture, after: Picture) -> np.ndarray:
    """Where any native value differs: bool (H, W)."""
    assert (before.size, before.space) == (after.size, after.space)
    assert before.colour.dtype == after.colour.dtype and before.colour.shape == after.colour.shape
    different = before.colour != after.colour
    if different.ndim == 3:
        different = different.any(axis=2)
    if before.alpha is None or after.alpha is None:
        assert before.alpha is after.alpha is None
        return different
    assert before.alpha.dtype == after.alpha.dtype
    return different | (before.alpha != after.alpha)
