"""Picking a thing with a network: SAM 2 (Ravi et al. 2024, arXiv 2408.00714), or the first SAM (Kirillov et al., ICCV
2023, arXiv 2304.02643), both as transformers runs them.

The photo is looked at once, which takes seconds without a GPU; each set of clicks is then answered in a fraction of
one. Optional: without packages or weights `load` gives None, and `rorem.selection` picks by colour.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from rorem.errors import BadOptions, BadWeights
from rorem.geometry import Box
from rorem.hosting import gpu_is_lent
from rorem.weights import Hub, Part, WeightFile, locate

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)
FILES = (WeightFile("config.json"), WeightFile("model.safetensors"))
# The first that is on this machine is used. SAM 2 is the better one and the smaller.
PARTS = (
    Part("sam2-hiera-tiny", "SAM 2.1 (tiny)", Hub("facebook/sam2.1-hiera-tiny"), FILES, 156_000_000),
    Part("sam-vit-base", "the first SAM (base)", Hub("facebook/sam-vit-base"), FILES, 375_000_000),
)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which both were trained with
SPECK = 0.02  # parts and gaps smaller than this share of the largest part are slips of the network
SMALLEST_BOX = 3  # px

Point = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Embedding:
    """What the network sees in a photo. maps: float32 (1, C, h, w), the finest first. width, height: the photo's."""

    maps: tuple[torch.Tensor, ...]
    width: int
    height: int

    @property
    def nbytes(self) -> int:
        return sum(one.nbytes for one in self.maps)


def load(environment: Mapping[str, str] = os.environ) -> Segmenter | None:
    """The first network whose weights are on this machine and whole, or None. Nothing is fetched."""
    for part in PARTS:
        folder = locate(part, environment)
        if folder is None:
            continue
        try:
            return Segmenter(folder, environment)
        except (BadWeights, BadOptions) as error:
            log.warning("Things are not picked with %s: %s", part.about, error)
    return None


class Segmenter:
    """A loaded network. Its methods may be called from any thread."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        """folder: as `save_pretrained` writes it, of SAM, SAM 2 or SAM 2 for video.

        Raises BadWeights for anything else, for missing packages too; BadOptions for a device that is not here.
        """
        if not (find_spec("torch") and find_spec("transformers")):
            raise BadWeights("It needs the packages torch and transformers.", "pip install 'rorem[models]'")
        import torch

        from rorem.nets.compute import device

        self._device = (
            torch.device("cpu") if gpu_is_lent(environment) else device(environment)
        )  # a click is no queued call
        self._model: Any = _model(folder).to(self._device)
        self._side: int = self._model.config.prompt_encoder_config.image_size
        self._stretches: bool = self._model.config.model_type != "sam"  # SAM 2 sees a square, SAM pads to one

    def embed(self, rgb: np.ndarray) -> Embedding:
        """Looks at a photo. rgb: uint8 (h, w, 3). Raises OutOfMemory."""
        import torch

        height, width = rgb.shape[:2]
        with torch.inference_mode():
            seen = self._run(self._model.get_image_embeddings, pixel_values=self.pixels(rgb).to(self._device))
        return Embedding(tuple(seen) if self._stretches else (seen,), width, height)

    def select(
        self, embedding: Embedding, plus: Sequence[Point] = (), minus: Sequence[Point] = (), box: Box | None = None
    ) -> np.ndarray:
        """The thing that clicks and a box mean.

        plus, minus: places that belong to it and that do not, px (x, y) in the photo; box: px, around it.
        Returns bool (h, w), without specks; empty where there is neither a plus nor a box. Raises OutOfMemory.
        """
        import torch

        box = box.clipped(embedding.width, embedding.height) if box else None
        if box and min(box.width, box.height) < SMALLEST_BOX:
            box = None
        if not plus and box is None:
            return np.zeros((embedding.height, embedding.width), bool)
        with torch.inference_mode():
            logits = self._best(embedding, [*plus, *minus], [1] * len(plus) + [0] * len(minus), box)
        return cleaned(logits.numpy() > 0, plus, minus)

    def pixels(self, rgb: np.ndarray) -> torch.Tensor:
        """What the network is shown: float32 (1, 3, side, side). rgb: uint8 (h, w, 3).

        transformers' own preparation for SAM 2 needs torchvision; this is the same (bilinear, antialiased).
        """
        import torch
        from torch.nn import functional

        wide, high = self._shown(rgb.shape[1], rgb.shape[0])
        picture = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].float()
        small = functional.interpolate(picture, (high, wide), mode="bilinear", antialias=True, align_corners=False)
        mean, std = (torch.tensor(values)[:, None, None] * 255 for values in (MEAN, STD))
        return functional.pad((small - mean) / std, (0, self._side - wide, 0, self._side - high))

    def _shown(self, width: int, height: int) -> tuple[int, int]:
        """The size at which a photo is shown to the network, before padding."""
        if self._stretches:
            return self._side, self._side
        scale = self._side / max(width, height)
        return max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))

    def _best(
        self, embedding: Embedding, points: Sequence[Point], labels: Sequence[int], box: Box | None
    ) -> torch.Tensor:
        """The mask that the network itself thinks best; float32 (h, w) on the CPU, > 0 inside.

        A single click or box can mean a part, a thing or a group, so three masks are asked for and the one with the
        best predicted overlap is taken. More clicks say which is meant: then the network has one answer (SAM, appendix
        A; SAM 2's settings for images do the same).
        """
        import torch
        from torch.nn import functional

        width, height = embedding.width, embedding.height
        wide, high = self._shown(width, height)
        scale = torch.tensor([wide / width, high / height])
        asked: dict[str, torch.Tensor] = {}
        if points:
            asked["input_points"] = (torch.tensor(points, dtype=torch.float32) * scale)[None, None].to(self._device)
            asked["input_labels"] = torch.tensor(labels)[None, None].to(self._device)
        if box:
            corners = torch.tensor(tuple(box), dtype=torch.float32).reshape(2, 2) * scale
            asked["input_boxes"] = corners.reshape(1, 1, 4).to(self._device)
        maps = list(embedding.maps) if self._stretches else embedding.maps[0]
        several = len(points) + bool(box) == 1
        told = self._run(self._model, image_embeddings=maps, multimask_output=several, **asked)
        best = int(told.iou_scores[0, 0].argmax())
        logits = told.pred_masks[:, 0, best : best + 1].float().cpu()
        if not self._stretches:
            square = (self._side, self._side)
            logits = functional.interpolate(logits, square, mode="bilinear", align_corners=False)[..., :high, :wide]
        return functional.interpolate(logits, (height, width), mode="bilinear", align_corners=False)[0, 0]

    def _run(self, work: Any, **given: Any) -> Any:
        from rorem.nets.compute import in_memory

        with in_memory("There was not enough memory to pick a thing.", "Use the brush."):
            return work(**given)


def cleaned(found: np.ndarray, plus: Sequence[Point] = (), minus: Sequence[Point] = ()) -> np.ndarray:
    """A mask without specks, and without small gaps; places that were clicked on stay as they are. bool (h, w)."""
    largest = _areas(found)[1].max(initial=0)
    solid = _without_small(found, SPECK * largest, plus)
    return ~_without_small(~solid, SPECK * largest, minus)


def _without_small(found: np.ndarray, least: float, kept: Sequence[Point]) -> np.ndarray:
    """Only the connected parts of at least that many px, and those that hold one of the points (x, y)."""
    labels, areas = _areas(found)
    large = np.concatenate([[False], areas >= least])
    for x, y in kept:
        large[labels[y, x]] |= labels[y, x] > 0
    return large[labels]


def _areas(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Connected parts, numbered from 1, and their areas in px."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=8)
    return labels, stats[1:, cv2.CC_STAT_AREA]


def _model(folder: Path) -> torch.nn.Module:
    """The network in a folder, on the CPU. Raises BadWeights."""
    import torch
    import transformers

    try:
        given = transformers.PreTrainedConfig.get_config_dict(folder, local_files_only=True)[0]
        # SAM 2 is published with its video side, as sam2_video; single pictures do not need that.
        kinds: Any = {
            "sam": transformers.SamModel,
            "sam2": transformers.Sam2Model,
            "sam2_video": transformers.Sam2Model,
        }
        kind = kinds[given.pop("model_type")]
        model, told = kind.from_pretrained(
            folder,
            config=kind.config_class.from_dict(given),
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # safetensors, json and transformers each have their own
        raise BadWeights(f"What lies in {folder} cannot be read as SAM: {_first_line(error)}") from error
    missing = sorted(told["missing_keys"])  # transformers would go on with random numbers
    if missing:
        raise BadWeights(f"The SAM in {folder} lacks {missing[0]} ({len(missing)} in all).")
    return model.eval().requires_grad_(False)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0]
