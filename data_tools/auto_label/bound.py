"""How far down the scores a wanted precision is shown to hold, by a fixed sequence of exact tests from the top.

The judge's order is known without any answer, and so is the sequence: first the best-scored removals that people have
judged, then always a tenth more. Each set is tested with the exact bound of Clopper and Pearson at the full confidence,
and the first one that fails ends the sequence; the set before it is taken. That this spends no confidence on the number
of tests is the fixed-sequence principle (Maurer, Hothorn and Lehmacher, "Multiple comparisons in drug clinical trials",
1995; for thresholds Angelopoulos et al., "Learn then Test", arXiv 2110.01052): to take a set that falls short, the
first such set of the sequence has to pass its own test, and that happens with a probability of 1 - confidence at most.

Choosing on one half of the answers by its bound and confirming on the other is valid, too. In simulated rounds of 300
to 6,000 answers it accepted two thirds as much at best and often nothing, since each half has to do with half the
answers, and a set that was chosen for just reaching the bound reaches it again in one of two cases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from rorem.errors import Unavailable

STEP = 1.1  # each set is so much larger: nearer ones share their answers, and only give bad luck more chances
# The first set holds about so many times the root of all answers: small enough to be the judge's best, large enough to
# pass with a few bad ones in it. Found by simulation; the bound holds for any.
FIRST = 4.0


@dataclass(frozen=True)
class Look:
    """One test. cutoff: raw score from which a removal is in the set. answered: how many people have judged in it, and
    yes: of these accepted. low: lower bound of the share of yes."""

    cutoff: float
    answered: int
    yes: int
    low: float

    @property
    def share(self) -> float:
        return self.yes / self.answered


def lower_bound(yes: int, n: int, confidence: float) -> float:
    """One-sided lower bound of a rate (Clopper and Pearson, Biometrika 1934): the true one is lower with a probability
    of 1 - confidence at most. 0 for no yes. Raises ValueError unless 0 <= yes <= n; Unavailable without scipy."""
    if not 0 <= yes <= n:
        raise ValueError(f"{yes} of {n}")
    return float(_quantile_of_beta()(yes, n - yes + 1, 1 - confidence)) if yes else 0.0


def interval(yes: int, n: int, confidence: float) -> tuple[float, float]:
    """Two-sided, by the same authors. (0, 1) for n = 0. Raises as `lower_bound`."""
    one_sided = (1 + confidence) / 2
    return lower_bound(yes, n, one_sided), 1 - lower_bound(n - yes, n, one_sided)


def needed(wanted: float, confidence: float, bad: int = 0) -> int:
    """How many answers a set needs at least for its bound to reach `wanted` with so many bad removals in it."""
    high = bad + 1
    while lower_bound(high - bad, high, confidence) < wanted:
        high *= 2
    low = max(bad, high // 2)  # not enough, or none
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if lower_bound(middle - bad, middle, confidence) >= wanted else (middle, high)
    return high


def sizes(n: int, wanted: float, confidence: float) -> list[int]:
    """How many of n answers each set of the sequence holds, rising to n; [] if n cannot show anything."""
    first = needed(wanted, confidence)
    if n < first:
        return []
    bad = 1
    while (more := needed(wanted, confidence, bad)) <= FIRST * math.sqrt(n):
        first, bad = more, bad + 1
    found = [min(first, n)]
    while found[-1] < n:
        found.append(min(n, math.ceil(found[-1] * STEP)))
    return found


def sequence(raw: np.ndarray, yes: np.ndarray, wanted: float, confidence: float) -> list[Look]:
    """The tests that were made. All but the last have passed; the last one failed, or is of all answers.

    raw: float64 (N,), finite; yes: bool (N,). Equal scores are never parted.
    """
    order = np.argsort(-raw, kind="stable")
    falling, counts = raw[order], np.cumsum(yes[order])
    found: list[Look] = []
    for size in sizes(len(raw), wanted, confidence):
        cutoff = float(falling[size - 1])
        whole = int(np.searchsorted(-falling, -cutoff, side="right"))
        if found and whole == found[-1].answered:
            continue
        good = int(counts[whole - 1])
        found.append(Look(cutoff, whole, good, lower_bound(good, whole, confidence)))
        if found[-1].low < wanted:
            break
    return found


def passed(looks: list[Look], wanted: float) -> list[Look]:
    return [one for one in looks if one.low >= wanted]


def _quantile_of_beta() -> Any:
    try:
        from scipy.special import betaincinv
    except ImportError as error:
        fix = "pip install 'rorem[data]' brings it."
        raise Unavailable("Calibrating needs the package scipy.", fix) from error
    return betaincinv
