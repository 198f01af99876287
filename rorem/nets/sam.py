"""The first SAM (Kirillov et al., ICCV 2023, arXiv 2304.02643), as transformers runs it, for metrics: its features of a
picture, and the masks that points mean. `rorem.segment` picks things for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from rorem.nets.compute import in_memory
from rorem.nets.pretrained import load_pretrained

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of segment-anything, in levels
SHORT = "There was not enough memory for SAM.", "Leave out the metrics that need it, or use a smaller picture."


@dataclass(frozen=True, eq=False)
class Features:
    """What SAM sees in a picture. cells: float32 (rows, columns, C), of the square that the picture was padded to,
    below and on the right. width, height: the picture's, px."""

    cells: Tensor
    width: int
    height: int

    @property
    def nbytes(self) -> int:
        return self.cells.nbytes


class Sam:
    """A loaded SAM. May be used from any thread."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        """folder: of facebook/sam-vit-huge and its like. Raises BadWeights."""
        self._model: Any = load_pretrained("SamModel", folder, device)
        self._device = device
        self.side: int = self._model.config.vision_config.image_size  # px of its square

    @torch.inference_mode()
    def features(self, rgb: np.ndarray) -> Features:
        """rgb: uint8 (h, w, 3). Raises OutOfMemory."""
        with in_memory(*SHORT):
            found = self._model.get_image_embeddings(self.pixels(rgb).to(self._device))[0]
        return Features(found.permute(1, 2, 0), rgb.shape[1], rgb.shape[0])

    @torch.inference_mode()
    def at(self, seen: Features, points: np.ndarray) -> tuple[Tensor, np.ndarray]:
        """Three masks for each of n points on its own: logits float32 (n, 3, h, w) of the padded square, on the device,
        and how well the network thinks each overlaps with a thing, float32 (n, 3).

        points: float (n, 2), px (x, y) in the picture. Raises OutOfMemory.
        """
        wide, high = self.shown(seen.width, seen.height)
        scaled = torch.tensor(points * (wide / seen.width, high / seen.height), dtype=torch.float32)
        with in_memory(*SHORT):
            told = self._model(
                image_embeddings=seen.cells.permute(2, 0, 1)[None],
                input_points=scaled[None, :, None].to(self._device),
                input_labels=torch.ones(1, len(points), 1, dtype=torch.long, device=self._device),
                multimask_output=True,
            )
        return told.pred_masks[0], told.iou_scores[0].float().cpu().numpy()

    @torch.inference_mode()
    def enlarged(self, logits: Tensor, seen: Features) -> Tensor:
        """Logits of the square at the picture's size: float32 (height, width). logits: (h, w). Raises OutOfMemory."""
        wide, high = self.shown(seen.width, seen.height)
        with in_memory(*SHORT):
            square = functional.interpolate(logits[None, None], (self.side, self.side), mode="bilinear")
            size = (seen.height, seen.width)
            return functional.interpolate(square[..., :high, :wide], size, mode="bilinear")[0, 0]

    def pixels(self, rgb: np.ndarray) -> Tensor:
        """What the network is shown: float32 (1, 3, side, side), the picture in the upper left, zeros elsewhere."""
        wide, high = self.shown(rgb.shape[1], rgb.shape[0])
        small = np.array(Image.fromarray(rgb).resize((wide, high), Image.Resampling.BILINEAR))
        mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
        levels = (torch.from_numpy(small).permute(2, 0, 1).float() - mean) / std
        return functional.pad(levels, (0, self.side - wide, 0, self.side - high))[None]

    def shown(self, width: int, height: int) -> tuple[int, int]:
        """The size (wide, high) at which a picture is shown to the network: its longer side fills the square."""
        scale = self.side / max(width, height)
        return max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))
