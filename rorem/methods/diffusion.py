"""The road of the inpainting diffusion models: noise, mask and the picture without the hole go in, a fill comes out.

The networks are diffusers'; the road between them is ours, thin and with everything constant folded. With the starts
"noise" and "source" it equals the stock inpainting pipelines; the default, "masked", starts from the picture *without*
the hole, so that nothing of the removed thing is in it, and needs one encoding instead of two.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from rorem.errors import BadWeights, MissingWeights, OutOfMemory
from rorem.methods import ladder
from rorem.methods.how import How, published_size
from rorem.methods.ladder import Appetite, Rung
from rorem.methods.network import hidden, turn
from rorem.methods.recipe import DiffusionOptions, Published
from rorem.nets import sampling
from rorem.nets.compute import free_memory, out_of_memory
from rorem.nets.folded import FoldedUNet
from rorem.nets.runner import Runner
from rorem.nets.vae import FACTOR, TILE, TinyDecoder, Vae
from rorem.remover import Fill, Job, OnStep, Options, no_step
from rorem.weights import Part, locate

log = logging.getLogger(__name__)
LIGHTER = "A method such as the quick fill (patchmatch) needs little."
# Working memory at its highest, counted on SDXL (tests/methods/test_working_memory.py) and half as much again, as
# allocators keep more than they hand out: in the UNet 16.3 maps of its first width at latent size for each sample, in
# the decoder 3 maps of twice its first width at full size.
MAPS = 24
DECODER_MAPS = 4.5


@dataclass(frozen=True, eq=False)
class Shown:
    """What a network is shown of a picture and its hole.

    channels: (1, c, h, w), beside the noisy latents. grey: latents (1, 4, h, w) of the picture with mid-grey in the
    hole; None where the network has no need of them.
    """

    channels: Tensor
    grey: Tensor | None = None


def beside(model: Model, picture: Tensor, mask: Tensor, generator: torch.Generator) -> Shown:
    """Stable Diffusion for inpainting (Rombach et al. 2022): the mask, and the picture with mid-grey in the hole."""
    grey = model.vae.encode(greyed(picture, mask).to(model.dtype), generator)
    return Shown(torch.cat([shrunk(mask, grey), grey], dim=1), grey)


@dataclass(frozen=True, eq=False)
class Model:
    """Loaded networks. scheduler: its configuration. kind: the class that is made from it, "" = its own.

    size_told: whether the UNet wants to know the size of its picture. tiny: the part with the small decoder.
    show: makes what the network is shown; picture and mask are as in `Inpainter.latents`. maps: see MAPS.
    """

    unet: FoldedUNet
    vae: Vae
    scheduler: Mapping[str, Any]
    kind: str
    size_told: bool
    device: torch.device
    dtype: torch.dtype
    tiny: Part
    show: Callable[[Model, Tensor, Tensor, torch.Generator], Shown] = beside
    maps: int = MAPS


def untold(done: int) -> None:
    """Nobody wants to know how many calls were made."""


class Inpainter:
    """A diffusion model that fills a hole. One job at a time: the networks are large.

    options: the method's own, whose defaults `warm_up` runs with.
    """

    def __init__(self, model: Model, published: Published, options: type[DiffusionOptions] = DiffusionOptions) -> None:
        self._model = model
        self._published = published
        self._options = options
        self._lock = threading.Lock()
        self._runner = Runner(model.unet, model.device)
        self._small: TinyDecoder | None = None

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        options = job.options
        assert isinstance(options, DiffusionOptions)
        mask, notes = hidden(job)
        total = len(self._plan(options.steps, 1.0)) + 1  # the last for decoding
        with turn(self._lock, on_step, total):
            how = How.asked(options, job.seed)
            made, rung = self._on_some_rung(job.crop, mask, how, lambda done: on_step(done, total))
            on_step(total, total)
        notes += () if rung.name == "full" else (f"Memory was short, so this was done with: {rung.name}.",)
        return Fill(made.picture, made.calls, made.working, notes, rung.name)

    def fill_published(
        self, picture: np.ndarray, mask: np.ndarray, seed: int, options: Options, on_step: OnStep = no_step
    ) -> Fill:
        """As the paper's script does it: resized, no windows, nothing pasted back.

        picture: uint8 (H, W, 3). mask: bool (H, W). The result has the script's size.
        """
        small, hole = published_size(picture, mask, self._published)
        how = How.published(self._published, seed)
        total = len(self._plan(how.steps, how.strength)) + 1
        with turn(self._lock, on_step, total):
            self._runner.use(offload=False)
            self._model.vae.tiled(False)
            made = self._paint(small, hole, how, lambda done: on_step(done, total))
            on_step(total, total)
        heeded = self._options(steps=how.steps, guidance=how.guidance)
        return Fill(made.picture, made.calls, options=heeded)

    def place(self) -> None:
        """Puts the weights where they are used. Otherwise the first fill does."""
        self._runner.use(offload=False)

    def warm_up(self, side: int) -> None:
        """Pays before the first visitor what a first call costs, at the crop's size of `side` px."""
        crop = np.full((side, side, 3), 128, np.uint8)
        hole = np.zeros((side, side), bool)
        hole[side // 4 : side // 2, side // 4 : side // 2] = True
        self.fill(Job(crop, hole, np.zeros_like(hole), 0, self._options(steps=2)))

    def _on_some_rung(
        self, crop: np.ndarray, mask: np.ndarray, how: How, on_call: Callable[[int], None]
    ) -> tuple[_Made, Rung]:
        height, width = crop.shape[:2]
        every = ladder.rungs(max(height, width), self._model.device.type != "cpu")
        appetite = self.appetite(how.rows.stop - how.rows.start)
        tried = ladder.fitting(every, appetite, width, height, self._room())
        for rung in tried:
            try:
                return self._at(rung, crop, mask, how, on_call), rung
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                self._runner.forget()
        if tried:
            raise OutOfMemory("There was not enough memory for this method, whatever it did without.", LIGHTER)
        least = min(appetite.of(rung, ladder.pixels(rung, width, height)) for rung in every)
        raise OutOfMemory(f"This method needs at least {_amount(least)} of memory, and there is less.", LIGHTER)

    def _room(self) -> int | None:
        """Bytes for weights and work: what is free and what is ours already, but no more than is allowed."""
        allowed, free = ladder.limit(), free_memory(self._model.device)
        if free is None:
            return allowed
        ours = free + self._runner.held + self._model.vae.bytes
        return ours if allowed is None else min(allowed, ours)

    def _at(self, rung: Rung, crop: np.ndarray, mask: np.ndarray, how: How, on_call: Callable[[int], None]) -> _Made:
        """On one rung, with the crop shrunk and brought back where it says so."""
        self._runner.use(rung.offload)
        self._model.vae.tiled(rung.tiled)
        height, width = crop.shape[:2]
        scale = min(1.0, rung.side / max(height, width)) if rung.side else 1.0
        if scale == 1.0:
            return self._paint(crop, mask, how, on_call)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
        hole = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        made = self._paint(small, hole, how, on_call)
        large = cv2.resize(made.picture, (width, height), interpolation=cv2.INTER_CUBIC)
        return _Made(large, made.calls, size)

    def _paint(self, crop: np.ndarray, mask: np.ndarray, how: How, on_call: Callable[[int], None]) -> _Made:
        model = self._model
        height, width = crop.shape[:2]
        below, right = -height % how.multiple, -width % how.multiple
        padded = cv2.copyMakeBorder(crop, 0, below, 0, right, cv2.BORDER_REPLICATE)
        hole = cv2.copyMakeBorder(mask.astype(np.uint8), 0, below, 0, right, cv2.BORDER_REPLICATE)
        picture = torch.from_numpy(padded).to(model.device).permute(2, 0, 1)[None].float() / 127.5 - 1
        holes = torch.from_numpy(hole).to(model.device)[None, None].float()
        decode = self._decoder(how.small_decoder)  # before the long work: it may be missing
        latents, calls = self.latents(picture, holes, how, on_call)
        if not bool(latents.isfinite().all()) and model.dtype != torch.float32:
            self._widen()
            latents, calls = self.latents(picture, holes, how, on_call)
        if not bool(latents.isfinite().all()):
            raise BadWeights("The network made no numbers of this picture; its weights may be damaged.")
        decoded = decode(latents)[0]
        levels = ((decoded + 1) * 127.5).clamp(0, 255).round().to(torch.uint8)
        return _Made(levels.permute(1, 2, 0).cpu().numpy()[:height, :width], calls)

    def latents(
        self, picture: Tensor, mask: Tensor, how: How, on_call: Callable[[int], None] = untold
    ) -> tuple[Tensor, int]:
        """The filled picture's latents (1, 4, h, w), and the network calls made.

        picture: float32 (1, 3, H, W) in [-1, 1]; mask: (1, 1, H, W), 1 = hole. Random numbers are drawn in the order of
        the stock pipeline, on the CPU, so that every device gives the same picture.
        """
        model, rows, generator = self._model, how.rows, torch.Generator().manual_seed(how.seed)
        plan = self._plan(how.steps, how.strength)
        origin = shown = None
        if how.start == "source":
            origin = model.vae.encode(picture.to(model.dtype), generator)
        elif how.start == "masked":
            shown = model.show(model, picture, mask, generator)
            origin = shown.grey
            if origin is None:
                origin = model.vae.encode(greyed(picture, mask).to(model.dtype), None)
        shape = (1, 4, *(side // FACTOR for side in picture.shape[-2:]))
        noise = torch.randn(shape, generator=generator, dtype=torch.float32).to(model.device, model.dtype)
        channels = (shown or model.show(model, picture, mask, generator)).channels
        size = (picture.shape[-2], picture.shape[-1]) if model.size_told else None
        biases = model.unet.biases(plan.timesteps, rows, size).to(model.device)

        def predict(scaled: Tensor, index: int) -> Tensor:
            sample = torch.cat([scaled, channels], dim=1)
            told = self._runner(torch.cat([sample] * (rows.stop - rows.start)), biases[index], rows)
            return guided(told, how.guidance)

        first = sampling.start(plan, noise, origin)
        return sampling.denoise(plan, first, predict, generator, on_call), len(plan)

    def _plan(self, steps: int, strength: float) -> sampling.Schedule:
        return sampling.schedule(self._model.scheduler, steps, self._model.kind, strength)

    def _widen(self) -> None:
        """In float32 from now on: the network overflowed in half precision."""
        log.warning("a network overflowed in %s and goes on in float32", self._model.dtype)
        self._model = replace(self._model, dtype=torch.float32)
        self._runner.widen()

    def _decoder(self, small: bool) -> Callable[[Tensor], Tensor]:
        if not small:
            return self._model.vae.decode
        folder = locate(self._model.tiny)
        if folder is None:
            fix = f"Get it with: rorem weights pull {self._model.tiny.name}"
            raise MissingWeights("The small decoder is not on this machine.", fix)
        if self._small is None:
            self._small = TinyDecoder(folder, self._model.device, self._model.dtype)
        return self._small.decode

    @property
    def bytes(self) -> int:
        """Of all weights."""
        return self._runner.bytes + self._model.vae.bytes

    def appetite(self, samples: int = 1) -> Appetite:
        """Estimated from the networks as they are. samples: that go through the UNet at once; two under guidance."""
        unet, vae = self._model.unet, self._model.vae
        width = unet.unet.config.block_out_channels[0]
        network_pixel = samples * self._model.maps * width * self._model.dtype.itemsize / FACTOR**2
        decoder_pixel = DECODER_MAPS * 2 * vae.model.config.block_out_channels[0] * vae.dtype.itemsize
        return Appetite(vae.bytes, self._runner.bytes, self._runner.largest, network_pixel, decoder_pixel, TILE * TILE)


@dataclass(frozen=True, eq=False)
class _Made:
    """picture: uint8 (h, w, 3). working: width and height where the crop was shrunk."""

    picture: np.ndarray
    calls: int
    working: tuple[int, int] | None = None


def greyed(picture: Tensor, mask: Tensor) -> Tensor:
    """The picture with mid-grey in the hole."""
    return picture * (mask < 0.5)


def shrunk(mask: Tensor, latents: Tensor) -> Tensor:
    """The mask at the size of latents, each cell as the pixel at its corner, as the published pipelines take it."""
    return torch.nn.functional.interpolate(mask, size=latents.shape[-2:]).to(latents.dtype)


def guided(told: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance (Ho and Salimans 2022). told: (1 or 2, ...), the negative prompt's first."""
    if len(told) == 1:
        return told
    negative, positive = told.chunk(2)
    return negative + guidance * (positive - negative)


def _amount(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
