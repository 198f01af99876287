"""Samples for training, by the numbers of their draws."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from rorem.errors import BadData, RoremError
from rorem.nets.vae import Vae
from rorem.triplet import Triplet
from rorem.triplet.sets import shown
from training.data.buckets import nearest, shapes
from training.data.facts import Facts, facts_of
from training.data.kept import KeptLatents
from training.data.labels import Label, label_of
from training.data.order import BLOCK, InRuns, Order, Shuffled, Unshuffled
from training.data.pictures import target, unpacked
from training.data.samples import Look, look, masked, seed_for, seen, tensors
from training.data.sets import Sets
from training.data.settings import DataSettings
from training.noise import seed_of
from training.task import Batch

log = logging.getLogger(__name__)
PICTURES = ("source", "masked", "mask", "result")
LABELS = ("score", "weight")
TRIES = 20  # records in place of one that cannot be read
FIX = "`python -m data_tools.check SET` tells what is wrong with it."


class DataSource:
    """A `training.task.Source` over sets of triplets.

    A sample depends on the run's seed and the number of its draw: which record, which crop, mirrored or not.
    """

    def __init__(
        self,
        settings: DataSettings,
        wants: Iterable[str],
        vae: Vae | None = None,
        *,
        sets: Sets | None = None,
        records: Sequence[int] | None = None,
        label: Callable[[Triplet], Label | None] = label_of,
    ) -> None:
        """wants: names of the tensors that a batch should hold, of PICTURES and LABELS:

        - "source": the photo; "masked": the photo with mid-grey in its hole; "result": what it should become, the truth
          if there is one, else the result; but where "score" is wanted, the result that was judged. float32
          (b, 3, H, W) in [-1, 1]. With `cache_latents`, "result" comes as "target_mean" and "target_std", the others as
          NAME_mean and NAME_std: float32 (b, 4, h, w), not scaled; without `cache_spread` only the means.
        - "mask": float32 (b, 1, H, W), 0 or 1, 1 = removed.
        - "score", "weight": float32 (b,), what `label` says of a record.
        - With `buckets` also "size": int64 (b, 6), see `View.told`.

        vae: for `cache_latents`, which encodes all pictures here and now unless that is done; not kept afterwards.
        sets: opened already, else those of `settings.data`. records: only these, in this order of numbers.
        Raises BadOptions, BadData.
        """
        self.settings, self._label = settings, label
        self._wants = _checked(wants)
        self.sets = sets or Sets(settings.data)
        self._shapes = shapes(settings.size, settings.bucket_step, settings.bucket_ratio) if settings.buckets else []
        self._records = self.sets.records(settings.times) if records is None else np.asarray(records)
        if not len(self._records):
            raise BadData("There is no record to train on.", "Name another set.")
        self._order = self._ordered()
        self._kept: KeptLatents | None = None
        if settings.cache_latents:
            parts = frozenset({*self._wants} & {*PICTURES} | {"mask"})
            each: list[int] = np.unique(self._records).tolist()
            self._kept = KeptLatents.make(self.sets, each, self._shape_of, parts, self._judged, vae, settings)

    @classmethod
    def of_validation(cls, settings: DataSettings, wants: Iterable[str], **given: Any) -> DataSource | None:
        """The sets of `settings.validation`, in their own order and not augmented; None if there are none.

        Its draws 0, 1, ... are the sets' records. Pictures, not latents.
        """
        if not settings.validation:
            return None
        return cls(plain(settings), wants, sets=Sets(settings.validation), **given).unshuffled()

    def unshuffled(self) -> DataSource:
        """Itself, from now on with draw n taking record n."""
        self._order = Unshuffled(self._records)
        return self

    def __len__(self) -> int:
        return len(self._order)

    @cached_property
    def facts(self) -> Facts:
        """Of all records of the sets, by their numbers. Looks at every record, the first time. Raises BadData."""
        return facts_of(self.sets, self.settings.cache)

    @property
    def about(self) -> Mapping[str, str]:
        """For a model card: the sets, their fingerprint and, where there is one, their manifests' hashes."""
        told = {
            "data": self.sets.title,
            "data fingerprint": self.sets.fingerprint,
            "data revision": self.sets.revisions,
            "data manifest (SHA-256)": self.sets.manifests,
        }
        return {name: value for name, value in told.items() if value}

    def batch(self, draws: Sequence[int]) -> Batch:
        """See `Source.batch`. Raises BadData where hardly any record can be read."""
        if get_worker_info() is not None:
            cv2.setNumThreads(0)  # workers share the cores with training
        records = [self._order.at(draw) for draw in draws]
        made: dict[int, tuple[int, Mapping[str, Tensor]]] = {}
        bad: dict[int, list[str]] = {}
        for place in sorted(range(len(draws)), key=records.__getitem__):  # shards are read from front to back
            bad[place] = []
            made[place] = self._sample(draws[place], records[place], bad[place])
        samples = [made[place] for place in range(len(draws))]
        return Batch(
            {name: torch.stack([told[name] for _, told in samples]) for name in samples[0][1]},
            [self._seed(draw) for draw in draws],
            [self.sets.name(record) for record, _ in samples],
            [sentence for place in range(len(draws)) for sentence in bad[place]],
        )

    def _sample(self, draw: int, record: int, bad: list[str]) -> tuple[int, Mapping[str, Tensor]]:
        """The record that was taken, and its tensors. bad: gets a sentence for each that could not be."""
        how = look(self._seed(draw), self._shape(draw), self.settings)
        chance = np.random.default_rng(seed_of(self._seed(draw), "instead"))
        for _ in range(TRIES):
            try:
                return record, self._tensors(self.sets[record], how)
            except RoremError as error:
                bad.append(_sentence(self.sets.name(record), error))
            others = self._order.alike(draw)
            record = int(others[int(chance.integers(len(others)))])
        raise BadData(f"{TRIES} records in a row cannot be used, such as: {bad[-1]}", FIX)

    def _tensors(self, triplet: Triplet, how: Look) -> Mapping[str, Tensor]:
        """Raises BadData, BadPicture, BadMask."""
        wanted = target(triplet, self._judged) if "result" in self._wants else None
        if wanted is None and "result" in self._wants:
            raise BadData("it has no result" if self._judged else "it has neither a truth nor a result")
        told = self._labels(triplet)
        told |= self._kept.tensors(triplet, how) if self._kept else self._pictures(triplet, wanted, how)
        if not self.settings.buckets:
            told.pop("size", None)
        return told

    def _pictures(self, triplet: Triplet, wanted: bytes | None, how: Look) -> dict[str, Tensor]:
        pictures = unpacked(triplet, wanted, self.settings.crop == "squash")
        told = tensors(seen(pictures, how, seed_for(how, triplet), self.settings))
        found = {name: told[name] for name in (*PICTURES, "size") if name in told and name in {*self._wants, "size"}}
        if "masked" in self._wants:
            found["masked"] = masked(told["source"], told["mask"])
        return found

    def _labels(self, triplet: Triplet) -> dict[str, Tensor]:
        if not set(self._wants) & set(LABELS):
            return {}
        label = self._label(triplet)
        if label is None:
            raise BadData("nobody has said whether it is good")
        told = {"score": torch.tensor(label.score), "weight": torch.tensor(label.weight)}
        return {name: told[name].float() for name in self._wants if name in LABELS}

    @property
    def _judged(self) -> bool:
        return "score" in self._wants

    def _seed(self, draw: int) -> int:
        return seed_of(self.settings.seed, "sample", draw)

    def _shape(self, draw: int) -> tuple[int, int]:
        if isinstance(self._order, InRuns):
            return self._groups[self._order.group(draw)]
        if self.settings.buckets:
            return self._shape_of(self._order.at(draw))
        return self.settings.size, self.settings.size

    def _shape_of(self, record: int) -> tuple[int, int]:
        if not self.settings.buckets:
            return self.settings.size, self.settings.size
        return self._shapes[self._nearest[record]]

    @cached_property
    def _nearest(self) -> np.ndarray:
        """The number of each record's shape."""
        return nearest(self.facts.width, self.facts.height, self._shapes)

    def _ordered(self) -> Order:
        block = BLOCK if self.sets.in_turn else 1
        if not self.settings.buckets:
            return Shuffled(self._records, self.settings.seed, block)
        records = self._records
        sound = self.facts.sound[records]
        if not sound.any():
            raise BadData("No record of the set can be read.", FIX)
        if lost := [self.sets.name(int(record)) for record in records[~sound]]:
            log.warning(
                "%d records cannot be read and are left out, such as %s.", len(lost), shown(", ".join(lost[:5]))
            )
        records = records[sound]
        own = self._nearest[records]
        used = sorted(set(own.tolist()))
        self._groups = [self._shapes[number] for number in used]
        return InRuns([records[own == number] for number in used], self.settings.run, self.settings.seed, block)


def plain(settings: DataSettings) -> DataSettings:
    """Without anything that is left to chance, and without latents: for validation."""
    changes: dict[str, Any] = {
        "flip": False,
        "mask_change": 0.0,
        "variants": 0,
        "cache_latents": False,
        "buckets": False,
        "times": (),
    }
    return settings.model_copy(update={**changes, "crop": "centre" if settings.crop == "random" else settings.crop})


def _checked(wants: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(wants))
    if unknown := [name for name in found if name not in (*PICTURES, *LABELS)]:
        raise ValueError(f"a batch holds no {unknown[0]}")
    return found


def _sentence(name: str, error: RoremError) -> str:
    """What is wrong with a record, with its name."""
    told = str(error)
    return told if told.startswith("Record ") else f"Record {shown(name)}: {told}"
