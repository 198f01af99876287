"""The safety checker that is published with Stable Diffusion: how near a picture comes to concepts that nobody named.

CompVis/stable-diffusion-safety-checker: CLIP L/14's vector of the picture is held to 17 stored vectors, each with a
threshold for the cosine, and to 3 of "special care" that lower all thresholds by 0.01 when one of them is met. What the
vectors stand for was never told; Rando et al. 2022 (arXiv 2210.04610) found out most of it, and how it fails.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from rorem.errors import BadWeights, MissingWeights, Unavailable
from rorem.weights import Hub, Part, WeightFile, require

PACKAGES = ("torch", "transformers", "safetensors")
CHECKER = Part(
    "stable-diffusion-safety-checker",
    "the safety checker of Stable Diffusion",
    Hub("CompVis/stable-diffusion-safety-checker"),
    (WeightFile("config.json"), WeightFile("model.safetensors", alternatives=("pytorch_model.bin",))),
    1_216_000_000,
)
PARTS = (CHECKER,)
CARE = 0.01  # by which the thresholds are lowered where special care is due; of the published program
DIGITS = 3  # to which it rounds before it compares
TOWER = "vision_model."  # before the names of CLIP's tensors; published twice, by newer programs once
OWN = ("concept_embeds", "concept_embeds_weights", "special_care_embeds", "special_care_embeds_weights")
SHORT = "There was not enough memory for the safety checker.", "Close other programs, or use another machine."


class Checker:
    """A loaded checker."""

    def __init__(self, folder: Path, device: Any) -> None:
        """folder: of CompVis/stable-diffusion-safety-checker and its like. Raises BadWeights."""
        import torch

        from rorem.nets.reading import read_tensors

        self.device = device
        file = next((folder / name for name in CHECKER.files[1].names if (folder / name).is_file()), None)
        if file is None:
            raise BadWeights(f"{folder} holds no {' or '.join(CHECKER.files[1].names)}.")
        tensors = {name: tensor.to(torch.float32) for name, tensor in read_tensors(file).items()}
        try:
            self._own = {name: tensors[name].to(device) for name in OWN}
            projection = tensors["visual_projection.weight"].to(device)
        except KeyError as error:
            raise BadWeights(f"{file} lacks {error.args[0]} of a safety checker.") from error
        self._tower, self.side = _tower(folder, file, tensors, device)
        self._projection = projection
        _check_shapes(file, self._own, projection, self._tower.config.hidden_size)

    def scores(self, rgb: np.ndarray, adjustment: float = 0.0) -> tuple[float, ...]:
        """How far a picture lies beyond the threshold of each concept, as the published program counts it: above 0 it
        is taken for unsafe. rgb: uint8 (h, w, 3). adjustment: is added to every score. Raises OutOfMemory."""
        import torch

        from rorem.nets.compute import in_memory

        with in_memory(*SHORT), torch.inference_mode():
            pooled = self._tower(pixel_values=self._seen(rgb)).pooler_output
            vector = torch.nn.functional.normalize(pooled @ self._projection.T)
            care = self._beyond(vector, "special_care_embeds")
            concepts = self._beyond(vector, "concept_embeds")
        # Each met one raises those after it, too, which comes to the same: one is enough.
        for distance in care:
            if round(distance + adjustment, DIGITS) > 0:
                adjustment += CARE
                break
        return tuple(round(distance + adjustment, DIGITS) for distance in concepts)

    def _beyond(self, vector: Any, name: str) -> list[float]:
        """Cosines less their thresholds."""
        import torch

        cosines = (vector @ torch.nn.functional.normalize(self._own[name]).T)[0]
        return (cosines - self._own[f"{name}_weights"]).double().cpu().tolist()

    def _seen(self, rgb: np.ndarray) -> Any:
        """As CLIP's own program prepares it: the shorter side to the network's, cubic, and the middle of it."""
        import torch
        from PIL import Image

        from rorem.nets.clip import MEAN, STD

        height, width = rgb.shape[:2]
        short = min(height, width)
        size = (max(self.side, int(width * self.side / short)), max(self.side, int(height * self.side / short)))
        small = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))
        top, left = (small.shape[0] - self.side) // 2, (small.shape[1] - self.side) // 2
        square = small[top : top + self.side, left : left + self.side].copy()
        levels = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
        mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
        return ((levels - mean) / std).to(self.device)


def load(environment: Mapping[str, str] = os.environ) -> Checker:
    """Raises Unavailable without its packages, MissingWeights, BadWeights, BadOptions."""
    if absent := [one for one in PACKAGES if find_spec(one) is None]:
        raise Unavailable(
            f"The safety checker needs the package {absent[0]}.", "pip install 'rorem[models]' brings it."
        )
    from rorem.nets.compute import device

    try:
        folder = require(CHECKER, environment)
    except MissingWeights as error:
        raise MissingWeights(str(error), "Say --pull to fetch it.") from error
    return Checker(folder, device(environment))


def _tower(folder: Path, file: Path, tensors: Mapping[str, Any], device: Any) -> tuple[Any, int]:
    """CLIP's side for pictures, and the pixels of a side that it sees."""
    import json

    import torch
    import transformers.utils.logging as chatter
    from transformers import CLIPVisionConfig, CLIPVisionModel

    from rorem.nets.folder import check_finite, unreadable

    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
    own = {_stripped(name): one for name, one in tensors.items() if name.startswith(TOWER)}
    own = {name: one for name, one in own.items() if not name.endswith("position_ids")}
    try:
        told = json.loads((folder / "config.json").read_text("utf-8"))
        vision = told.get("vision_config") or told.get("vision_config_dict") or {}
        config = CLIPVisionConfig.from_dict(vision)
        with torch.device("meta"):
            model: Any = CLIPVisionModel(config)
        names = {_stripped(name): name for name in model.state_dict()}
        missing = sorted(set(names) - set(own))
        if missing:
            raise BadWeights(f"{file} lacks {missing[0]} of a safety checker ({len(missing)} in all).")
        model = CLIPVisionModel(config)
        model.load_state_dict({name: own[short] for short, name in names.items()}, strict=False)
    except BadWeights:
        raise
    except Exception as error:
        raise unreadable(error, f"The safety checker in {folder}") from error
    check_finite(model, folder)
    return model.eval().requires_grad_(False).to(device), config.image_size


def _stripped(name: str) -> str:
    while name.startswith(TOWER):
        name = name[len(TOWER) :]
    return name


def _check_shapes(file: Path, own: Mapping[str, Any], projection: Any, width: int) -> None:
    """Raises BadWeights."""
    import torch

    wanted = {}
    for name in ("concept_embeds", "special_care_embeds"):
        count = own[name].shape[0] if own[name].ndim else 0
        wanted |= {name: (count, projection.shape[0]), f"{name}_weights": (count,)}
    fits = projection.ndim == 2 and projection.shape[1] == width
    fits = fits and all(tuple(own[name].shape) == shape and shape[0] for name, shape in wanted.items())
    if not fits or not all(torch.isfinite(one).all() for one in (*own.values(), projection)):
        raise BadWeights(f"{file} holds something else than a safety checker.")
