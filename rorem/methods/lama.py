"""LaMa: one pass of a network that sees the whole crop at once, in a second or a few on a CPU.

Suvorov et al., "Resolution-robust Large Mask Inpainting with Fourier Convolutions", WACV 2022. It carries on textures
and lines over large holes, but invents no objects.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rorem.methods.entry import Entry
from rorem.methods.network import hidden, needs, turn
from rorem.remover import Fill, Job, OnStep, Options, Traits, no_step
from rorem.weights import Hub, Part, WeightFile, names

PART = Part(
    name="big-lama",
    about="the LaMa generator",
    source=Hub("JosephCatrambone/big-lama-torchscript"),
    files=(
        WeightFile(
            "lama.pt",
            bytes=206_134_115,
            sha256="79ed9fa1",
            alternatives=("big-lama.pt", "best.ckpt", "models/best.ckpt", "model.safetensors", "big-lama.safetensors"),
        ),
    ),
)


class LamaOptions(Options):
    """LaMa has no settings."""


class Lama:
    """The generator of LaMa. folders: where the part "big-lama" lies. Raises BadWeights."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        from rorem.nets.compute import device
        from rorem.nets.lama import build
        from rorem.nets.lama_fast import FastGenerator
        from rorem.nets.reading import named, read_tensors

        name, _ = next(names(folders[PART.name], PART))
        path = folders[PART.name] / name
        plain = build(read_tensors(path), named(path))
        self._device = device()
        self._generator = FastGenerator(plain) if self._device.type == "cpu" else plain.to(self._device)
        self._lock = threading.Lock()

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        unseen, notes = hidden(job)
        with turn(self._lock, on_step, 1):
            painted = self._paint(job.crop.astype(np.float32) / 255, unseen)
        on_step(1, 1)
        levels = np.clip(np.rint(painted * 255), 0, 255).astype(np.uint8)
        return Fill(np.where(job.hole[..., None], levels, job.crop), network_calls=1, notes=notes)

    def fill_published(
        self, picture: np.ndarray, mask: np.ndarray, seed: int, options: Options, on_step: OnStep = no_step
    ) -> Fill:
        """As upstream's bin/predict.py does it: the whole picture, and the result cut to whole levels, not rounded.

        picture uint8 RGB (H, W, 3), mask bool (H, W). A side below 9 px, which upstream cannot take, is padded to 16.
        """
        image = picture.astype(np.float32) / 255
        with turn(self._lock, on_step, 1):
            painted = self._paint(image, mask)
        on_step(1, 1)
        hole = mask[..., None].astype(np.float32)
        composed = hole * painted + (1 - hole) * image
        return Fill(np.clip(composed * 255, 0, 255).astype(np.uint8), network_calls=1)

    def _paint(self, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """What the network paints, float32 RGB (h, w, 3) in [0, 1], of use only inside the hole.

        image float32 (h, w, 3) in [0, 1], hole bool (h, w).
        """
        import torch

        from rorem.nets.lama import MULTIPLE, SMALLEST

        high, wide = hole.shape
        below, right = (max(-side % MULTIPLE, SMALLEST - side) for side in (high, wide))
        image = np.pad(image, ((0, below), (0, right), (0, 0)), mode="symmetric")
        hole = np.pad(hole, ((0, below), (0, right)), mode="symmetric").astype(np.float32)
        seen = torch.from_numpy(image).permute(2, 0, 1)[None].to(self._device)
        painted = self._generator(seen, torch.from_numpy(hole)[None, None].to(self._device))
        return painted[0].permute(1, 2, 0).cpu().numpy()[:high, :wide]


ENTRY = Entry(
    traits=Traits(
        id="lama",
        revision="big-lama",
        native=(512,),
        multiple=8,
        grow=0.01,  # a rim of the thing that stays visible is carried on into the hole; more would cost detail
        seeded=False,
        generative=True,
    ),
    title="LaMa",
    summary="Carries on textures and lines over large areas. A few seconds without a GPU; always the same result.",
    paper="Suvorov et al., Resolution-robust Large Mask Inpainting with Fourier Convolutions, WACV 2022",
    licence="Apache-2.0",
    memory=1_300_000_000,
    devices=("cpu", "cuda", "mps"),
    options=LamaOptions,
    remover="rorem.methods.lama:Lama",
    probe=lambda: needs("torch", "safetensors"),
    ways=((PART,),),
)
