"""MI-GAN: a network small enough for phones, at 512 x 512 px.

Sargsyan et al., "MI-GAN: A Simple Baseline for Image Inpainting on Mobile Devices", ICCV 2023. Its weights come as a
TorchScript archive that takes nothing but 512 x 512 px: (0.5 - mask, picture in [-1, 1] with the hole zeroed) to the
picture in [-1, 1].
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from rorem.errors import BadWeights
from rorem.methods.entry import Entry
from rorem.methods.network import hidden, needs, turn
from rorem.remover import Fill, Job, OnStep, Options, Traits, no_step
from rorem.weights import Part, Url, WeightFile

SIDE = 512  # px: of the network's input, always
MARGIN = 128  # px: around a mark, in IOPaint
SURELY = 120  # of 255: above this a shrunk mask counts, in IOPaint
PART = Part(
    name="migan",
    about="the MI-GAN generator",
    source=Url("https://github.com/Sanster/models/releases/download/migan"),
    files=(WeightFile("migan_traced.pt", md5="76eb3b1a71c400ee3290524f7a11b89c"),),
)


class MiganOptions(Options):
    """MI-GAN has no settings."""


class Migan:
    """The generator of MI-GAN. folders: where the part "migan" lies. Raises BadWeights.

    Its archive holds the network itself, not only numbers, and torch runs it, in TorchScript's own small language. Its
    checksum is compared when it is fetched, and by `rorem weights verify`.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        import torch

        from rorem.nets.compute import device
        from rorem.nets.reading import named

        path = folders[PART.name] / PART.files[0].name
        self._device = device()
        self._lock = threading.Lock()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit is deprecated, but published
                self._generator = torch.jit.load(path, map_location=self._device).eval()
        except (RuntimeError, ValueError) as error:
            raise BadWeights(f"{named(path)} is damaged, or no TorchScript archive.") from error

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        high, wide = job.hole.shape
        unseen, notes = hidden(job)
        scale = min(1.0, SIDE / max(high, wide))
        size = max(1, round(wide * scale)), max(1, round(high * scale))
        picture, hole = job.crop, unseen
        if scale < 1:
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            hole = cv2.resize(unseen.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        with turn(self._lock, on_step, 1):
            painted = self._paint(picture, hole)
        on_step(1, 1)
        if scale < 1:
            painted = cv2.resize(painted, (wide, high), interpolation=cv2.INTER_CUBIC)
        return Fill(np.where(job.hole[..., None], painted, job.crop), network_calls=1, working=size, notes=notes)

    def fill_published(
        self, picture: np.ndarray, mask: np.ndarray, seed: int, options: Options, on_step: OnStep = no_step
    ) -> Fill:
        """As IOPaint runs it: a crop around every mark, shrunk to 512 px where larger, only the mark pasted back.

        picture uint8 RGB (H, W, 3), mask bool (H, W).
        """
        height, width = mask.shape
        grey = mask.astype(np.uint8) * 255
        boxes = [(0, 0, width, height)] if (height, width) == (SIDE, SIDE) else published_boxes(grey)
        filled = picture.copy()
        for index, (left, top, right, bottom) in enumerate(boxes):
            place = np.s_[top:bottom, left:right]
            small, small_mask = (shrunk(array[place]) for array in (picture, grey))
            with turn(self._lock, lambda _, __, done=index: on_step(done, len(boxes)), 1):
                painted = self._paint(small, small_mask > SURELY)
            share = small_mask[..., None] / 255
            composed = painted * share + small * (1 - share)
            composed = cv2.resize(composed, (right - left, bottom - top), interpolation=cv2.INTER_CUBIC)
            levels = np.clip(composed, 0, 255).astype(np.uint8)
            filled[place] = np.where(mask[place][..., None], levels, picture[place])
        on_step(len(boxes), len(boxes))
        return Fill(filled, network_calls=len(boxes))

    def _paint(self, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """What the network paints, uint8 RGB (h, w, 3). picture uint8 RGB (h, w, 3), hole bool (h, w), up to 512 px."""
        import torch

        high, wide = hole.shape
        margins = (0, SIDE - high), (0, SIDE - wide)
        picture = np.pad(picture, (*margins, (0, 0)), mode="symmetric")
        hole = np.pad(hole, margins, mode="symmetric")
        image = torch.from_numpy(picture.astype(np.float32) / 255 * 2 - 1).permute(2, 0, 1)[None].to(self._device)
        mask = torch.from_numpy(hole.astype(np.float32))[None, None].to(self._device)
        painted = self._generator(torch.cat((0.5 - mask, image * (1 - mask)), 1))
        levels = (painted[0].permute(1, 2, 0) * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)
        return levels.cpu().numpy()[:high, :wide]


def published_boxes(grey: np.ndarray) -> list[tuple[int, int, int, int]]:
    """IOPaint's crops: each mark's box with a margin, shifted into the picture. Left, top, right, bottom in px.

    grey: uint8 (H, W), 255 = remove.
    """
    contours, _ = cv2.findContours(grey, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    height, width = grey.shape
    boxes = []
    for left, top, wide, high in map(cv2.boundingRect, contours):
        columns = published_span(left, left + wide, width)
        rows = published_span(top, top + high, height)
        boxes.append((columns[0], rows[0], columns[1], rows[1]))
    return boxes


def published_span(start: int, end: int, limit: int) -> tuple[int, int]:
    """A span with its margin within 0 and `limit`; what is cut off on one side is added on the other."""
    middle, half = (start + end) // 2, (end - start + 2 * MARGIN) // 2
    low, high = middle - half, middle + half
    return max(0, min(low, low - (high - limit))), min(limit, max(high, high - low))


def shrunk(array: np.ndarray) -> np.ndarray:
    """IOPaint's resize_max_size to 512 px."""
    high, wide = array.shape[:2]
    scale = SIDE / max(high, wide)
    if scale >= 1:
        return array
    return cv2.resize(array, (int(wide * scale + 0.5), int(high * scale + 0.5)), interpolation=cv2.INTER_CUBIC)


ENTRY = Entry(
    traits=Traits(
        id="migan",
        revision="migan_traced",
        native=(SIDE,),
        grow=0.01,  # as LaMa: a rim of the thing that stays visible is carried on into the hole
        seeded=False,
        generative=True,
    ),
    title="MI-GAN",
    summary="A small network, made for phones. Quick without a GPU; best for small things.",
    paper="Sargsyan et al., MI-GAN: A Simple Baseline for Image Inpainting on Mobile Devices, ICCV 2023",
    licence="MIT",
    memory=600_000_000,
    devices=("cpu", "cuda", "mps"),
    options=MiganOptions,
    remover="rorem.methods.migan:Migan",
    probe=lambda: needs("torch"),
    ways=((PART,),),
)
