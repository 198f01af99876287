"""Looking at an object when its turn has come: is its photo known, its mask there, whole and of the right size?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from data_tools.openimages.candidate import Candidate, name_of
from data_tools.openimages.judging import LARGE, decode, fault, fitted
from data_tools.openimages.masks import Masks
from data_tools.openimages.photo_list import PhotoList
from data_tools.openimages.settings import SAME_THING, Settings
from data_tools.openimages.table import Instance, Table
from data_tools.parts import hash_of
from data_tools.tally import Tally
from rorem.errors import BadData, BadMask

UNKNOWN = "objects of photos that the list does not name"
MISSING, UNREADABLE = "masks that are not there", "masks that cannot be read"


@dataclass
class Looking:
    """What is needed for it. left, bad: are told what the rules leave out, and what is wrong with files."""

    table: Table
    photos: PhotoList
    masks: Masks
    settings: Settings
    left: Tally
    bad: Tally
    there: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # records of an earlier run, by name
    _used: set[str] = field(default_factory=set)  # names of masks that belong to a candidate already
    _refused: set[int] = field(default_factory=set)  # rows of the table that were looked at in vain
    _by_image: np.ndarray | None = None

    def __post_init__(self) -> None:
        for record in self.there.values():
            masks = record.get("masks")
            self._used.update(map(str, masks if isinstance(masks, list) else ()))

    def candidate(self, number: int) -> Candidate | str | None:
        """The candidate that begins with a row of the table, joined with others of its photo where that is wanted; its
        name alone if an earlier run made it. Each object is in one candidate at most. Raises OSError.
        """
        if number in self._refused:
            return None
        instance = self.table.read(number)
        if (name := name_of([instance])) in self.there:
            return name
        if instance.mask in self._used:
            return None
        photo = self.photos.find(instance.image)
        if photo is None:
            return self._refuse(number, self.bad, UNKNOWN, instance)
        seen = self._look(number, instance)
        if seen is None:
            return None
        mask, share = seen
        instances = [instance]
        if self._joins(instance):
            mask, share = self._join(number, instances, mask, share)
        self._used.update(one.mask for one in instances)
        return Candidate(instances, photo, mask, share)

    def _look(self, number: int, instance: Instance) -> tuple[np.ndarray | None, float] | None:
        """Its mask and how much of the photo that is; None if it cannot be taken."""
        if self.settings.table_only:
            if instance.share > self.settings.largest:
                return self._refuse(number, self.left, LARGE, instance)
            return None, instance.share
        try:
            data = self.masks.read(instance.mask)
            if data is None:
                return self._refuse(number, self.bad, MISSING, instance)
            mask = decode(data)
        except (BadMask, BadData) as error:
            return self._refuse(number, self.bad, UNREADABLE, instance, str(error))
        if kind := fault(mask, self.settings):
            return self._refuse(number, self.left, kind, instance)
        return mask, float(mask.mean())

    def _refuse(self, number: int, tally: Tally, kind: str, instance: Instance, reason: str = "") -> None:
        self._refused.add(number)
        tally.add(kind, instance.mask, reason)

    def _joins(self, instance: Instance) -> bool:
        """Whether it is one of those that are to have company; decided by its name alone."""
        chance = hash_of("several", str(self.settings.seed), instance.mask) / 2**64
        return chance < self.settings.several

    def _join(
        self, number: int, instances: list[Instance], mask: np.ndarray | None, share: float
    ) -> tuple[np.ndarray | None, float]:
        """Adds other objects of the photo to `instances`, two or more in all, as long as there are any that fit."""
        first = instances[0]
        wanted = 2 + hash_of("objects", str(self.settings.seed), first.mask) % (self.settings.objects - 1)
        for other in self._others(number):
            if len(instances) == wanted:
                break
            instance = self.table.read(other)
            if instance.mask in self._used or other in self._refused:
                continue
            seen = self._look(other, instance)
            if seen is None:
                continue
            joined = _joined((mask, share), seen, instances, instance)
            if joined is not None and joined[1] <= self.settings.largest:
                mask, share = joined
                instances.append(instance)
        return mask, share

    def _others(self, number: int) -> Sequence[int]:
        """The other rows of the same photo, in the order of their keys."""
        images = self.table.images
        if self._by_image is None:
            self._by_image = np.argsort(images, kind="stable")
        first = np.searchsorted(images, images[number], sorter=self._by_image)
        last = np.searchsorted(images, images[number], "right", sorter=self._by_image)
        return [int(row) for row in self._by_image[first:last] if row != number]


def _joined(
    one: tuple[np.ndarray | None, float],
    other: tuple[np.ndarray | None, float],
    instances: Sequence[Instance],
    instance: Instance,
) -> tuple[np.ndarray | None, float] | None:
    """Both masks as one, and its share; None if they are one thing that has two names."""
    mask, added = one[0], other[0]
    if mask is None or added is None:
        smaller = min(min(each.share for each in instances), instance.share)
        if max(_common(each, instance) for each in instances) > SAME_THING * smaller:
            return None
        return None, one[1] + other[1]
    added = fitted(added, *mask.shape)
    if (mask & added).sum() > SAME_THING * min(mask.sum(), added.sum()):
        return None
    whole = mask | added
    return whole, float(whole.mean())


def _common(one: Instance, other: Instance) -> float:
    """What two boxes have in common, as a share of the photo."""
    left, right = max(one.box[0], other.box[0]), min(one.box[1], other.box[1])
    top, bottom = max(one.box[2], other.box[2]), min(one.box[3], other.box[3])
    return max(0.0, right - left) * max(0.0, bottom - top)
