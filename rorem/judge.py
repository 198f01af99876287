"""The judge: RORem's discriminator asked how good a removal is, and which of several is the best.

Importing this is light; the networks are loaded with the first question.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from rorem.errors import BadMask, BadPicture, Cancelled, MissingWeights, RoremError, Unavailable
from rorem.geometry import Box
from rorem.hosting import gpu_is_lent
from rorem.picture import crop, to_rgb
from rorem.remover import OnStep, Removal, no_step
from rorem.weights import Hub, Part, WeightFile, locate, names
from rorem.weights.sdxl import BASE
from rorem.window import plan

if TYPE_CHECKING:
    from torch import Generator, Tensor

DISCRIMINATOR = Part(
    "rorem-discriminator",
    "the discriminator of RORem",
    Hub("eerie-road/rorem-discriminator"),
    (
        WeightFile("pytorch_lora_weights.safetensors", bytes=11_483_632),
        # The authors' own file is the .pt; how the mirror calls its safetensors is not known for sure.
        WeightFile(
            "cls_pred_branch.safetensors",
            alternatives=("cls_pred_branch.pt", "head.safetensors", "discriminator.safetensors", "model.safetensors"),
        ),
    ),
)
PARTS = (DISCRIMINATOR, BASE)  # its backbone is SDXL-inpainting, not RORem
PACKAGES = ("torch", "diffusers", "transformers", "safetensors", "accelerate")
STEERING = ("ROREM_DEVICE", "ROREM_DTYPE")  # what a loaded judge depends on
PULL = "Get them with: rorem weights pull judge"
UNTOUCHED = "The judge's last layers look as if they had never been trained, so its scores may tell little."
UNRANKED = "The versions are in the order of their seeds."

SHORT = "There was not enough memory for the judge.", "It needs 4 to 7 GB."
PUBLISHED_THRESHOLD = 0.9  # of raw: what the paper asks of a pair for its data set. Its code has 0.5.
SIDE = 512  # px; everything is squashed to this square, as published
LATENT = 8  # px for one of the latents
# Standard deviation of the noise that the published code adds at timestep 0: SDXL's first beta, as Euler's sigma.
NOISE = math.sqrt(0.00085 / (1 - 0.00085))
BATCH = 4
WORK_SHARE = 0.9  # of the progress told; the rest is for the judging

# Source uint8 RGB (H, W, 3), mask bool (H, W) with True = removed, result like the source.
Triplet = tuple[np.ndarray, np.ndarray, np.ndarray]

_judges: dict[object, Judge] = {}  # one at most: its networks are large
_lock = threading.Lock()


@dataclass(frozen=True)
class Score:
    """What the judge thinks of a removal; more is better.

    raw: 0 or more. It was trained towards 1 for good removals and 0 for bad ones, but it is no probability and can
    exceed 1. probability: that a person would accept it, None where no calibration says. calibration: the id of that.
    """

    raw: float
    probability: float | None = None
    calibration: str | None = None

    def accepts(self, threshold: float = PUBLISHED_THRESHOLD) -> bool:
        """Whether it is good enough. threshold: of the probability; where there is none, the published one of raw
        stands in, whatever was asked for, and `rule` says so."""
        return self.raw >= PUBLISHED_THRESHOLD if self.probability is None else self.probability >= threshold

    def rule(self, threshold: float = PUBLISHED_THRESHOLD) -> str:
        """What `accepts` goes by, for the record."""
        if self.probability is None:
            return f"raw >= {PUBLISHED_THRESHOLD} (published, not calibrated)"
        return f"probability >= {threshold} (calibration {self.calibration})"


def shared(environment: Mapping[str, str] = os.environ) -> Judge:
    """The judge of this process, loaded when first asked for. Raises as `load`."""
    folders = _folders(environment)
    key = (*folders.values(), *map(environment.get, STEERING))
    with _lock:
        if key not in _judges:
            _judges.clear()
            _judges[key] = Judge(folders[BASE.name], folders[DISCRIMINATOR.name], environment)
        return _judges[key]


def load(environment: Mapping[str, str] = os.environ) -> Judge:
    """A judge of one's own. Raises MissingWeights, BadWeights, Unavailable without the packages for networks."""
    folders = _folders(environment)
    return Judge(folders[BASE.name], folders[DISCRIMINATOR.name], environment)


def quick(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a judge is here that answers in less than a second: its weights, and a GPU of this process's own."""
    if gpu_is_lent(environment) or find_spec("torch") is None or not all(map(locate, PARTS)):
        return False
    from rorem.nets import compute

    return compute.device(environment).type != "cpu"


def obstacle(environment: Mapping[str, str] = os.environ) -> str:
    """Why the judge cannot be asked here, in one sentence; "" if it can. Loads nothing."""
    try:
        _folders(environment)
    except RoremError as error:
        return error.advice
    return ""


def before(on_step: OnStep) -> OnStep:
    """For the work that comes before the judging: its progress, with a share left for that."""
    return lambda done, total: on_step(round(1000 * WORK_SHARE * done / max(1, total)), 1000)


def best_first(
    removals: Sequence[Removal], on_step: OnStep = no_step, environment: Mapping[str, str] = os.environ
) -> list[Removal]:
    """The removals with scores and in their order; as they were, with a note that says why, where there is no judge.

    on_step is told the last part of the progress; see `before`. Raises what it raises.
    """

    def after(done: int, total: int) -> None:
        on_step(round(1000 * (WORK_SHARE + (1 - WORK_SHARE) * done / max(1, total))), 1000)

    try:
        scores = shared(environment).rank(removals, after)
    except Cancelled:
        raise
    except RoremError as error:
        after(1, 1)
        note = f"{UNRANKED} {error.advice}"
        return [replace(one, notes=(*one.notes, note)) for one in removals]
    after(1, 1)
    order = sorted(range(len(removals)), key=lambda index: scores[index], reverse=True)
    return [replace(removals[index], score=scores[index]) for index in order]


class Judge:
    """A loaded discriminator. May be used from any thread; one question is answered at a time.

    notes: plain sentences on what to know of these weights.
    """

    def __init__(self, base: Path, weights: Path, environment: Mapping[str, str] = os.environ) -> None:
        """base: a diffusers folder of SDXL-inpainting. weights: a folder with the LoRA and the head.

        Raises BadWeights, BadOptions for a device that is not here, OutOfMemory.
        """
        from rorem.nets import compute, discriminator, prompts
        from rorem.nets.vae import Vae

        self._lock = threading.Lock()
        self._device = compute.device(environment)
        dtype = compute.dtype(self._device, environment)
        lora, head = (weights / name for name, _ in names(weights, DISCRIMINATOR))
        with compute.in_memory(*SHORT):
            (empty,) = prompts.kept_sdxl_prompts(base, ("",), environment)
            made = discriminator.load(base / "unet", lora, head, empty, dtype)
            self.notes = (UNTOUCHED,) if discriminator.untouched(made.head) else ()
            self._network = made.to(self._device)
            self._vae = Vae.load(base / "vae", self._device, dtype)

    def score(self, source: np.ndarray, mask: np.ndarray, result: np.ndarray, noise_seed: int | None = None) -> Score:
        """How good a removal is. See `scores`."""
        (score,) = self.scores([(source, mask, result)], noise_seed=noise_seed)
        return score

    def scores(self, triplets: Iterable[Triplet], batch: int = BATCH, noise_seed: int | None = None) -> list[Score]:
        """A score for each triplet, whatever its size: all is squashed to 512 x 512, as published.

        The same triplet has the same score each time, alone or, up to rounding, in company. batch: how many go through
        the network at once. noise_seed: judges as the published code does, which draws the latents and adds faint
        noise; that code has no seed, here each triplet has this one.
        Raises BadPicture, BadMask, OutOfMemory, Unavailable.
        """
        seen = (_Seen.of(*_checked(*triplet)) for triplet in triplets)
        return [Score(raw) for raw in self._raw(seen, batch, noise_seed)]

    def rank(self, removals: Sequence[Removal], on_step: OnStep = no_step) -> list[float]:
        """A number for each removal, more is better; a `rorem.remover.Rank`.

        Each window is judged on a square around its hole, as the method saw it: in the whole photo at 512 px the place
        may be too small to be seen. The lowest counts, since a removal is as good as its worst place.
        """
        views = [list(_views(removal)) for removal in removals]
        every = [view for several in views for view in several]
        raw = iter(self._raw(every, BATCH, on_done=lambda done: on_step(done, len(every))))
        return [min(next(raw) for _ in several) for several in views]

    def _raw(
        self,
        views: Iterable[_Seen],
        batch: int,
        noise_seed: int | None = None,
        on_done: Callable[[int], None] = lambda done: None,
    ) -> list[float]:
        import torch

        from rorem.nets.compute import in_memory

        found: list[float] = []
        known: dict[bytes, Tensor] = {}  # latents of sources: all candidates for a photo share theirs
        waiting = iter(views)
        while chunk := list(islice(waiting, max(1, batch))):
            on_done(len(found))
            with self._lock, torch.inference_mode(), in_memory(*SHORT):
                inputs = [self._input(view, noise_seed, known) for view in chunk]
                found += self._network(*map(torch.cat, zip(*inputs, strict=True))).tolist()
        if not all(map(math.isfinite, found)):
            raise Unavailable("The judge's network overflowed.", "Set ROREM_DTYPE=float32 and try again.")
        return found

    def _input(self, view: _Seen, noise_seed: int | None, known: dict[bytes, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Result, mask and source as the network takes them, (1, channels, 64, 64)."""
        import torch

        mask = torch.from_numpy(view.mask[::LATENT, ::LATENT].copy())[None, None].float().to(self._device)  # nearest
        if noise_seed is None:
            digest = hashlib.sha256(view.source.tobytes()).digest()
            if digest not in known:
                known[digest] = self._latents(view.source)
            return self._latents(view.result), mask, known[digest]
        generator = torch.Generator().manual_seed(noise_seed)
        result = self._latents(view.result, generator)
        noise = torch.randn(result.shape, generator=generator).to(result)
        return result + NOISE * noise, mask, self._latents(view.source, generator)

    def _latents(self, picture: np.ndarray, generator: Generator | None = None) -> Tensor:
        """float32 (1, 4, 64, 64): the posterior's mean, or a sample of it."""
        import torch

        levels = torch.from_numpy(picture).to(self._device).permute(2, 0, 1)[None].float()
        return self._vae.encode(levels / 127.5 - 1, generator)


@dataclass(frozen=True, eq=False)
class _Seen:
    """A triplet as the judge sees it: uint8 (512, 512, 3), bool (512, 512), uint8 (512, 512, 3)."""

    source: np.ndarray
    mask: np.ndarray
    result: np.ndarray

    @classmethod
    def of(cls, source: np.ndarray, mask: np.ndarray, result: np.ndarray) -> _Seen:
        levels = mask.astype(np.uint8) * 255
        return cls(_squashed(source), _squashed(levels) >= 128, _squashed(result))


def _squashed(picture: np.ndarray) -> np.ndarray:
    """To the square of the published code, with PIL's own filter for resizing."""
    return np.array(Image.fromarray(picture).resize((SIDE, SIDE)))


def _checked(source: np.ndarray, mask: np.ndarray, result: np.ndarray) -> Triplet:
    for picture in (source, result):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise BadPicture("The judge takes photos of 8 bits a colour.", "Give uint8 RGB arrays of (H, W, 3).")
    (high, wide), (height, width) = result.shape[:2], source.shape[:2]
    if (high, wide) != (height, width):
        raise BadPicture(
            f"The result is {wide} x {high} pixels and the photo {width} x {height}.", "Give a result of this photo."
        )
    if mask.shape != (height, width) or mask.dtype != np.bool_:
        raise BadMask("The mask does not fit the photo.", "Give a yes-or-no mask of the photo's size.")
    return source, mask, result


def _views(removal: Removal) -> Iterator[_Seen]:
    """Each window of a removal; the whole picture where the method worked on that."""
    before = removal.before
    if removal.published is not None:
        yield _Seen.of(to_rgb(before), removal.hole, removal.published)
        return
    hole = removal.hole
    for window in removal.windows:
        marked = _bounds(window.hole).moved(window.box.left, window.box.top)
        box = plan(marked, before.width, before.height, (SIDE,)).box
        after = to_rgb(crop(before, box, removal.patches))
        yield _Seen.of(to_rgb(crop(before, box)), hole[box.slices], after)


def _bounds(hole: np.ndarray) -> Box:
    """The smallest box around all of a hole."""
    rows, columns = (np.flatnonzero(hole.any(axis)) for axis in (1, 0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _folders(environment: Mapping[str, str]) -> dict[str, Path]:
    """Where the parts lie, by their names. Raises Unavailable, MissingWeights."""
    if absent := [name for name in PACKAGES if find_spec(name) is None]:
        raise Unavailable(f"The judge needs the package {absent[0]}.", "pip install 'rorem[models]' brings it.")
    folders = {part.name: folder for part in PARTS if (folder := locate(part, environment)) is not None}
    if missing := [part.about for part in PARTS if part.name not in folders]:
        raise MissingWeights(f"The judge's weights are not on this machine ({' and '.join(missing)}).", PULL)
    return folders
