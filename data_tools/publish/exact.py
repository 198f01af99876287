"""What a column of a shard cannot hold as it is: kept beside, and put back by whoever makes a folder again."""

from __future__ import annotations

import struct
from dataclasses import replace

from rorem.triplet import Triplet

KEY = "rorem:p_yes"  # in `extra`: the 64-bit number of which `p_yes` holds 32


def packed(triplet: Triplet) -> Triplet:
    """As it may go into a shard; `unpacked` undoes it. What is packed already stays as it is."""
    if KEY in triplet.extra or triplet.p_yes is None or triplet.p_yes != triplet.p_yes:  # nan stays nan
        return triplet
    if _rounded(triplet.p_yes) == triplet.p_yes:
        return triplet
    return replace(triplet, extra={**triplet.extra, KEY: triplet.p_yes})


def unpacked(triplet: Triplet) -> Triplet:
    """As it was before `packed`. What does not fit to `p_yes` stays."""
    exact = triplet.extra.get(KEY)
    if not isinstance(exact, float) or triplet.p_yes is None or _rounded(exact) != _rounded(triplet.p_yes):
        return triplet
    return replace(triplet, p_yes=exact, extra={key: value for key, value in triplet.extra.items() if key != KEY})


def _rounded(value: float) -> float:
    """To 32 bits. Infinite for what is too large for them."""
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
