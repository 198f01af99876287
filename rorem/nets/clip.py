"""CLIP (Radford et al. 2021, arXiv 2103.00020), as transformers runs it: one vector for a picture, one for a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rorem.errors import BadWeights
from rorem.nets.compute import in_memory
from rorem.nets.folder import unreadable
from rorem.nets.pretrained import load_pretrained

MEAN = (0.48145466, 0.4578275, 0.40821073)  # of what it was trained with, in [0, 1]
STD = (0.26862954, 0.26130258, 0.27577711)
LENGTH = 77  # tokens that it reads
BYTES = 256  # the letters of every such tokenizer, beside its words
SHORT = "There was not enough memory for CLIP.", "Leave out the metrics that need it."


class Clip:
    """A loaded CLIP with both sides and its tokenizer. May be used from any thread."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        """folder: of openai/clip-vit-large-patch14-336 and its like. Raises BadWeights."""
        from transformers import CLIPTokenizer

        self._model: Any = load_pretrained("CLIPModel", folder, device)
        self._device = device
        self.side: int = self._model.config.vision_config.image_size  # px
        try:
            self._tokenizer: Any = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:
            raise unreadable(error, f"The tokenizer in {folder}") from error
        # Without its files transformers makes an empty one, and texts would all mean the same.
        if not BYTES < len(self._tokenizer) <= self._model.config.text_config.vocab_size:
            raise BadWeights(
                f"The tokenizer in {folder} does not fit its CLIP: it knows {len(self._tokenizer)} tokens."
            )

    @torch.inference_mode()
    def picture(self, rgb: np.ndarray) -> Tensor:
        """The vector of a picture, float32 (D,) of length 1. rgb: uint8 (h, w, 3) of any size and shape: it is squashed
        to the network's square (cubic, as PIL does it) and nothing is cut off. Raises OutOfMemory."""
        size = (self.side, self.side)
        small = np.array(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))
        levels = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
        mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
        with in_memory(*SHORT):
            seen = ((levels - mean) / std).to(self._device)
            found = self._model.get_image_features(pixel_values=seen).pooler_output[0]
        return found / found.norm()

    @torch.inference_mode()
    def text(self, words: str) -> Tensor:
        """The vector of a text, float32 (D,) of length 1. What exceeds 77 tokens is left out. Raises OutOfMemory."""
        length = min(self._tokenizer.model_max_length, LENGTH)
        ids = self._tokenizer([words], truncation=True, max_length=length, return_tensors="pt").input_ids
        with in_memory(*SHORT):
            found = self._model.get_text_features(input_ids=ids.to(self._device)).pooler_output[0]
        return found / found.norm()
