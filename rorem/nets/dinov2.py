"""DINOv2 (Oquab et al. 2023, arXiv 2304.07193), as transformers runs it: what lies where in a picture, as vectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rorem.nets.compute import in_memory
from rorem.nets.pretrained import load_pretrained

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, in [0, 1]
SHORTER, MIDDLE = 256, 224  # px: the shorter side of what the published preparation makes, and what it cuts out
SHORT = "There was not enough memory for DINOv2.", "Leave out the metrics that need it, or use a smaller picture."


@dataclass(frozen=True, eq=False)
class Tokens:
    """What the network says of a picture, after its last norm. whole: float32 (D,), of all of it.
    cells: float32 (rows, columns, D), of one patch each."""

    whole: Tensor
    cells: Tensor

    @property
    def nbytes(self) -> int:
        return self.whole.nbytes + self.cells.nbytes


class Dinov2:
    """A loaded DINOv2 of any size. May be used from any thread."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        """folder: of facebook/dinov2-base and its like. Raises BadWeights."""
        self._model: Any = load_pretrained("Dinov2Model", folder, device)
        self._device = device
        self.patch: int = self._model.config.patch_size

    @torch.inference_mode()
    def tokens(self, rgb: np.ndarray) -> Tokens:
        """Of a picture as it is. rgb: uint8 (h, w, 3); both sides multiples of the patch's. Raises OutOfMemory."""
        height, width = rgb.shape[:2]
        if height % self.patch or width % self.patch:
            raise ValueError(f"{width} x {height} px cannot be cut into patches of {self.patch} px")
        levels = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].float() / 255
        mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
        with in_memory(*SHORT):
            told = self._model(((levels - mean) / std).to(self._device)).last_hidden_state[0]
        return Tokens(told[0], told[1:].reshape(height // self.patch, width // self.patch, -1))


def published_view(rgb: np.ndarray) -> np.ndarray:
    """What the published preparation shows the network: uint8 (224, 224, 3), the middle of the picture at 256 px.

    The shorter side becomes 256 px (cubic, as PIL does it) and the square in the middle is cut out: of a square picture
    the outer sixteenth on each side is not seen. rgb: uint8 (h, w, 3). Source: preprocessor_config.json beside the
    weights, a BitImageProcessor.
    """
    height, width = rgb.shape[:2]
    longer = int(SHORTER * max(height, width) / min(height, width))
    wide, high = (SHORTER, longer) if width <= height else (longer, SHORTER)
    small = np.asarray(Image.fromarray(rgb).resize((wide, high), Image.Resampling.BICUBIC))
    top, left = (high - MIDDLE) // 2, (wide - MIDDLE) // 2
    return small[top : top + MIDDLE, left : left + MIDDLE]
