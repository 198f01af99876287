"""How far annotators agree: raw, Krippendorff's alpha and Gwet's AC1, with bootstrap intervals over items.

All three depend on how many items had which counts, and on nothing else. Items with the same counts are therefore drawn
together: a resample of a hundred thousand items is one draw from a multinomial distribution over a few dozen patterns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from rorem.labels.event import Event

CATEGORIES = ("yes", "no")
RESAMPLES = 2000  # of the bootstrap; the ends of a 95 % interval then move by a few per cent of its length
MOST = 3  # answers of an item: it is the disputed ones that get more, so to count these too would paint it black
COVERAGE = 0.95
Counts = np.ndarray  # int (items, categories): how many answered what
Coefficient = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Agreement:
    """Of one round. items: with at least two answers, yes or no. answers: to those."""

    round: int
    items: int
    answers: int
    raw: Estimate
    alpha: Estimate
    ac1: Estimate


def by_round(answers: Iterable[Event], rounds: Mapping[str, int], seed: int = 0) -> list[Agreement]:
    """Agreement in each round, in order. answers: those that count, in the order of writing. rounds: of every item.

    Only yes and no are counted, of each item the first three. The same seed gives the same intervals.
    """
    counts: dict[int, dict[str, list[int]]] = {}
    for one in answers:
        if one.verdict not in CATEGORIES or one.item not in rounds:
            continue
        found = counts.setdefault(rounds[one.item], {}).setdefault(one.item, [0, 0])
        if sum(found) < MOST:
            found[CATEGORIES.index(one.verdict)] += 1
    return [of_counts(number, np.array(list(found.values())), seed) for number, found in sorted(counts.items())]


def of_counts(round: int, counts: Counts, seed: int = 0) -> Agreement:
    """counts: int (items, categories). Items without answers are left out."""
    counts = counts[counts.sum(axis=1) > 0]
    patterns, often = np.unique(counts, axis=0, return_counts=True) if len(counts) else (counts, np.zeros(0, int))
    several = counts[counts.sum(axis=1) > 1]
    drawn = np.zeros((0, len(often)))
    if len(several):
        drawn = np.random.default_rng(seed).multinomial(len(counts), often / len(counts), size=RESAMPLES)
    estimates = [_estimate(coefficient, patterns, often, drawn) for coefficient in (raw, alpha, ac1)]
    return Agreement(round, len(several), int(several.sum()), *estimates)


def raw(patterns: np.ndarray, often: np.ndarray) -> np.ndarray:
    """The chance that two answers to an item are the same: the mean over items with two or more. 0 to 1, or NaN.

    patterns: int (P, categories). often: (..., P), how many items have each. Returns (...).
    """
    total, several = _several(patterns)
    same = (patterns * (patterns - 1)).sum(axis=1) / np.where(several, total * (total - 1), 1)
    return _divided(often @ (same * several), often @ several.astype(float))


def ac1(patterns: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Gwet's AC1 for any number of answers an item (Gwet 2008, British Journal of Mathematical and Statistical
    Psychology 61). Shapes as for `raw`. Chance agreement is of those who guess, on items that are hard."""
    total, _ = _several(patterns)
    shares = patterns / total[:, None]
    common = _divided(often @ shares, often.sum(axis=-1)[..., None])
    chance = (common * (1 - common)).sum(axis=-1) / (patterns.shape[1] - 1)
    return _divided(raw(patterns, often) - chance, 1 - chance)


def alpha(patterns: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Krippendorff's alpha for nominal data, see `raw` for the shapes. NaN where all answers are the same."""
    total, several = _several(patterns)
    unlike = (total**2 - (patterns**2).sum(axis=1)) / np.where(several, total - 1, 1)
    seen = often @ (unlike * several)
    values = often @ (patterns * several[:, None])
    number = values.sum(axis=-1)
    expected = _divided(number**2 - (values**2).sum(axis=-1), number - 1)
    return 1 - _divided(seen, expected)


def _several(patterns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Answers in each pattern, and whether these are two or more."""
    total = patterns.sum(axis=1)
    return total, total > 1


def _divided(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """NaN where there is nothing to divide by."""
    above, below = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


def _estimate(coefficient: Coefficient, patterns: np.ndarray, often: np.ndarray, drawn: np.ndarray) -> Estimate:
    if not len(drawn):
        return Estimate(None, None, None)
    value = float(coefficient(patterns, often))
    if math.isnan(value):
        return Estimate(None, None, None)
    several = coefficient(patterns, drawn)
    low, high = np.nanquantile(several, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])  # NaN: a draw of one kind only
    return Estimate(value, float(low), float(high))
