"""Candidates: one object of a photo, or several, and what is known of them before the photo is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from data_tools.openimages.classes import Classes
from data_tools.openimages.photo_list import PhotoRow
from data_tools.openimages.table import Instance


@dataclass(frozen=True, eq=False)
class Candidate:
    """instances: the object whose turn it was, then those that were joined to it. photo: what the list says.

    mask: of all of them, bool (H, W), in the size that masks have; None where only the table was read. share: of the
    photo that is marked, 0 to 1; of the boxes where there is no mask.
    """

    instances: Sequence[Instance]
    photo: PhotoRow
    mask: np.ndarray | None
    share: float

    @property
    def name(self) -> str:
        return name_of(self.instances)


def name_of(instances: Sequence[Instance]) -> str:
    """As the first mask's file, without the suffix."""
    return PurePosixPath(instances[0].mask).stem


def facts(candidate: Candidate, classes: Classes) -> dict[str, object]:
    """What is told of it beside licence and author: for a line of a list, and for a record of a set."""
    photo, instances = candidate.photo, candidate.instances
    return {
        "image": photo.image,
        "subset": photo.subset,
        "objects": len(instances),
        "labels": [one.label for one in instances],
        "categories": [classes.name(one.label) for one in instances],
        "masks": [one.mask for one in instances],
        "box_ids": [one.box_id for one in instances],
        "predicted_iou": [one.iou for one in instances],
        "rotation": photo.rotation,
        "title": photo.title,
        "landing": photo.landing,
        "author_profile": photo.profile,
        "original_url": photo.url,
    }
