"""Which records of a set somebody has judged, and which photos are kept for validation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rorem.errors import BadData, RoremError
from training.data.facts import facts_of
from training.data.sets import Sets
from training.noise import seed_of
from training.soft_labels import Labels

log = logging.getLogger(__name__)
WHOLE = float(2**63)  # `seed_of` is below
LABEL = "Answers come from --labels, or from p_yes, votes_yes and votes_no, or score in the records."


@dataclass(frozen=True, eq=False)
class Labelled:
    """One entry a record of the sets, in their order.

    p_yes: float64, how likely a yes is, nan where nobody has said or where the same removal stands before. votes:
    int64. photo: SHA-256 of its file, which is the same for all removals from it. method: what made the result.
    """

    p_yes: np.ndarray
    votes: np.ndarray
    photo: np.ndarray
    method: np.ndarray

    def __len__(self) -> int:
        return len(self.p_yes)

    @property
    def there(self) -> np.ndarray:
        """bool, whether a record has a label."""
        return ~np.isnan(self.p_yes)

    @property
    def typical(self) -> float:
        """Mean of the votes."""
        return float(self.votes[self.there].mean())

    def only(self, chosen: np.ndarray) -> Labelled:
        """The others lose their labels. chosen: bool."""
        return replace(self, p_yes=np.where(chosen, self.p_yes, np.nan))


def labelled(sets: Sets, cache: Path, labels: Labels) -> Labelled:
    """Raises BadData for a set without any label.

    Where the records tell the labels themselves, each is read once, by all processes together.
    """
    facts = facts_of(sets, cache)
    if labels.said is None:
        told = _read(sets, labels)
    else:
        told = [(one.p_yes, one.votes) if (one := labels.said.get(id)) else None for id in facts.id.tolist()]
    p_yes = np.array([np.nan if one is None else one[0] for one in told])
    p_yes[~facts.sound] = np.nan
    _, first = np.unique(facts.id, return_index=True)
    doubles = np.ones(len(told), bool)
    doubles[first] = False  # two writers may have shared one removal
    p_yes[doubles] = np.nan
    found = Labelled(
        p_yes, np.array([0 if one is None else one[1] for one in told], np.int64), facts.source, facts.method
    )
    if not found.there.any():
        raise BadData(f"Nobody has said of any removal of {sets.title} whether it is good.", LABEL)
    return found


def is_held_out(photo: str, share: float) -> bool:
    """Whether validation keeps a photo with all of its removals.

    By a hash of the photo alone: as a set grows from round to round, what was held out stays so, whatever the seed.
    """
    return seed_of("held out", photo) < share * WHOLE


def parted(every: Labelled, share: float) -> tuple[Labelled, Labelled]:
    """What is learned from, and what is held out; no photo is in both. Raises BadData where nothing is left."""
    photos, which = np.unique(every.photo, return_inverse=True)
    kept = np.array([is_held_out(photo, share) for photo in photos.tolist()], bool)[which]
    train, held_out = every.only(~kept), every.only(kept)
    if not train.there.any():
        raise BadData("All labelled photos are held out.", "Name a smaller --held_out.")
    if share and not held_out.there.any():
        log.warning("So few photos are labelled that none is held out: there is no validation.")
    return train, held_out


def without_photos(every: Labelled, of: Labelled) -> Labelled:
    """Without photos that have a label there. Raises BadData where nothing is left."""
    found = every.only(~np.isin(every.photo, of.photo[of.there]))
    if lost := int(every.there.sum() - found.there.sum()):
        log.warning("%d removals are left out, since their photos are in the validation sets, too.", lost)
    if not found.there.any():
        raise BadData("All labelled photos are in the validation sets, too.", "Name other sets for validation.")
    return found


def share_of_yes(of: Labelled, records: Sequence[int] | np.ndarray) -> float:
    """Of these records, by how likely each is. Raises BadData where all say the same: nothing could be learned."""
    share = float(of.p_yes[records].mean())
    if share <= 0 or share >= 1:
        raise BadData(f"People say {'yes' if share else 'no'} to all of these removals, so there is nothing to tell.")
    return share


def some(of: Labelled, most: int) -> np.ndarray:
    """Numbers of labelled records, rising: all, or so many, photo by photo in an order that only a hash knows."""
    found = np.flatnonzero(of.there)
    if len(found) > most:
        order = sorted(found.tolist(), key=lambda number: (seed_of("looked at", str(of.photo[number])), number))
        found = np.array(sorted(order[:most]))
    return found


def _read(sets: Sets, labels: Labels) -> list[tuple[float, int] | None]:
    rank, processes = _world()
    mine = range(rank * len(sets) // processes, (rank + 1) * len(sets) // processes)
    found: list[tuple[float, int] | None] = []
    for record in mine:
        try:
            one = labels.opinion(sets[record])
        except RoremError:
            one = None
        found.append(None if one is None else (one.p_yes, one.votes))
    if processes == 1:
        return found
    from torch import distributed

    every: list[Any] = [None] * processes
    distributed.all_gather_object(every, found)
    return [one for part in every for one in part]


def _world() -> tuple[int, int]:
    """This process's number and how many there are."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()
