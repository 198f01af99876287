"""How good a removal is said to be, from its record."""

from __future__ import annotations

from typing import NamedTuple

from rorem.triplet import Triplet

PEOPLE, TRUTH = "human", "truth"  # who accepted a removal, of those that stand for a yes


class Label(NamedTuple):
    """score: how likely a person says yes, 0 to 1. weight: how much the sample counts, 0 or more."""

    score: float
    weight: float = 1.0


def label_of(triplet: Triplet) -> Label | None:
    """What a record says of its removal, None if nothing.

    In this order: `p_yes`; the share of yes among its votes; a `score` from 0 to 1; whether people accepted it.
    """
    if triplet.p_yes is not None:
        return Label(min(1.0, max(0.0, triplet.p_yes)))
    if votes := triplet.votes_yes + triplet.votes_no:
        return Label(triplet.votes_yes / votes)
    told = triplet.extra.get("score")
    if isinstance(told, (int, float)) and not isinstance(told, bool) and 0 <= told <= 1:
        return Label(float(told))
    return Label(1.0) if triplet.accepted_by in (PEOPLE, TRUTH) else None
