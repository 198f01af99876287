"""The numbers of a round: what people thought of it, who accepted what, and how near removals are to the truth."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set

import numpy as np

from data_tools.round.choosing import GENERATED, ORDER, Found, Pair
from data_tools.round.people import Said
from rorem.metrics.intervals import mean_intervals, wilson

METRIC = "psnr_hole/gt"


def who(pairs: Sequence[Pair]) -> dict[str, int]:
    """How many pairs each of human, judge, truth and none accepted."""
    counts = Counter(pair.accepted_by for pair in pairs)
    return {by: counts[by] for by in ORDER}


def human_success(said: Mapping[str, Said], shown: Set[str]) -> dict[str, float | int] | None:
    """How many of these removals people said yes to, with Wilson's 95 % interval; None if they were asked of none.

    shown: ids. A removal counts once, by the majority; a tie is a no.
    """
    judged = [one for id, one in said.items() if id in shown and one.judged]
    if not judged:
        return None
    yes = sum(one.accepted for one in judged)
    low, high = wilson(yes, len(judged))
    return {"shown": len(judged), "yes": yes, "share": yes / len(judged), "low": low, "high": high}


def psnr_of(found: Sequence[Found]) -> dict[str, object] | None:
    """The mean PSNR of generated removals against the truth, inside the mask, over all that have one, accepted or not;
    with its bootstrapped 95 % interval. Removals of one photo and mask are averaged first. None where there is none."""
    by_sample: dict[str, list[float]] = defaultdict(list)
    for one in found:
        for item in one.items if one.kind == GENERATED else ():
            if not math.isnan(item.psnr):
                by_sample[item.sample].append(item.psnr)
    return mean_psnr([float(np.mean(values)) for values in by_sample.values()]) if by_sample else None


def mean_psnr(values: Sequence[float]) -> dict[str, object]:
    """values: dB, one a sample. An end that is not finite, or not known, is None."""
    low, high = mean_intervals(np.array([values]))[0]
    told = {"mean": float(np.mean(values)), "low": float(low), "high": float(high)}
    finite = {name: value if math.isfinite(value) else None for name, value in told.items()}
    return {"metric": METRIC, "n": len(values), **finite}
