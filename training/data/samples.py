"""From a record to a sample: the view is chosen, the pictures cut, the mask changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from rorem.errors import BadData
from rorem.triplet.record import Triplet, sha256
from training.data import view
from training.data.mask_change import changed
from training.data.pictures import Pictures
from training.data.settings import DataSettings
from training.noise import seed_of


@dataclass(frozen=True)
class Look:
    """How a record is looked at. shape: height and width. flip: mirrored. variant: which of the record's fixed crops
    and mask changes, -1 for one that is made with `seed` and never again."""

    shape: tuple[int, int]
    flip: bool
    variant: int = 0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Seen:
    """source, result: uint8 (height, width, 3). mask: bool (height, width). size: see `View.told`."""

    source: np.ndarray
    mask: np.ndarray
    result: np.ndarray | None
    size: tuple[int, ...]


def look(seed: int, shape: tuple[int, int], settings: DataSettings) -> Look:
    """How a sample with this seed looks at its record."""
    flip = settings.flip and bool(np.random.default_rng(seed_of(seed, "flip")).random() < 0.5)
    if settings.variants or settings.cache_latents:
        return Look(shape, flip, int(np.random.default_rng(seed_of(seed, "variant")).integers(_variants(settings))))
    return Look(shape, flip, -1, seed_of(seed, "view"))


def looks(shape: tuple[int, int], settings: DataSettings) -> list[Look]:
    """All that `look` can come to where a record has a fixed number of variants."""
    flips = (False, True) if settings.flip else (False,)
    return [Look(shape, flip, variant) for variant in range(_variants(settings)) for flip in flips]


def seed_for(how: Look, triplet: Triplet) -> int:
    """Of the crop and the mask change. A variant's depends on the record's mask and not on the run, so that it can be
    kept, and other records have others."""
    return how.seed if how.variant < 0 else seed_of("variant", how.variant, sha256(triplet.mask))


def seen(pictures: Pictures, how: Look, seed: int, settings: DataSettings) -> Seen:
    """A record as it is looked at. seed: see `seed_for`. Raises BadData where the mask marks all that is seen."""
    chosen = view.choose(pictures.mask, how.shape, settings, np.random.default_rng(seed_of(seed, "crop")))
    chosen = replace(chosen, flip=how.flip)
    mask = view.cut_mask(pictures.mask, chosen)
    chance = np.random.default_rng(seed_of(seed, "mask"))
    if settings.mask_change and chance.random() < settings.mask_change:
        reach = max(1, round(settings.mask_reach * settings.size))
        mask = changed(mask, settings.mask_changes, reach, chance)
    if mask.all():
        raise BadData("its mask leaves nothing to go by at this size")
    result = None if pictures.result is None else view.cut(pictures.result, chosen)
    return Seen(view.cut(pictures.source, chosen), mask, result, chosen.told)


def tensors(told: Seen) -> Mapping[str, Tensor]:
    """Pictures float32 (3, H, W) in [-1, 1]; mask float32 (1, H, W), 0 or 1; size int64 (6,)."""
    made = {"source": levels(told.source), "mask": torch.from_numpy(told.mask)[None].float()}
    if told.result is not None:
        made["result"] = levels(told.result)
    return {**made, "size": torch.tensor(told.size)}


def masked(source: Tensor, mask: Tensor) -> Tensor:
    """The source with mid-grey in its hole: x (1 - m). source: (..., 3, H, W) in [-1, 1]."""
    return source * (1 - mask)


def levels(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1).float().div_(127.5).sub_(1).contiguous()


def _variants(settings: DataSettings) -> int:
    """One where nothing is left to chance."""
    return max(1, settings.variants) if settings.chance else 1
