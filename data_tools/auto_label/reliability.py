"""Whether probabilities mean what they say: the reliability curve, and the expected calibration error with an interval.

The error is that of Naeini, Cooper and Hauskrecht ("Obtaining well calibrated probabilities using Bayesian binning",
AAAI 2015): over bins, the mean distance between what was predicted and what came, each bin by its share of removals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rorem.metrics.intervals import wilson

RESAMPLES = 1000
CHUNK = 2_000_000  # numbers drawn at once


@dataclass(frozen=True)
class Bin:
    """Removals of about one probability. predicted: their mean. share: of yes, low and high: its 95 % interval."""

    n: int
    predicted: float
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Error:
    """Expected calibration error, 0 to 1, and its 95 % interval. chance: what a judge without any error would show on
    the mean with so few answers."""

    value: float
    low: float
    high: float
    chance: float


def bins(predicted: np.ndarray, yes: np.ndarray, count: int) -> list[Bin]:
    """Bins of about equally many removals, equal probabilities together. predicted: float64 (N,), yes: bool (N,)."""
    which = places(predicted, count)
    found = []
    for number in np.unique(which):
        inside = which == number
        n, good = int(inside.sum()), int(yes[inside].sum())
        found.append(Bin(n, float(predicted[inside].mean()), good / n, *wilson(good, n)))
    return found


def places(predicted: np.ndarray, count: int) -> np.ndarray:
    """The bin of each removal: int64 (N,), 0 <= bin < count."""
    edges = np.quantile(predicted, np.arange(1, count) / count)
    return np.searchsorted(edges, predicted, side="left")


def expected_error(predicted: np.ndarray, yes: np.ndarray, samples: Sequence[str], count: int, seed: int = 0) -> Error:
    """samples: which photo with its mask each removal is of. The bootstrap draws these, as removals of one are alike.

    The error of few answers is too large by chance, and that of a resample once more. So the interval is the basic
    bootstrap's (Davison and Hinkley, "Bootstrap methods and their application", 1997, section 5.2), which turns the
    resamples' distance from the estimate around; it is cut at 0, and begins there where a judge without any error
    would show as much in one of twenty rounds. In simulated rounds of 300 to 3,000 answers it held the true error in
    86 to 97 of 100.
    """
    which, random = places(predicted, count), np.random.default_rng(seed)
    value = _error(predicted - yes, which, count)
    _, group = np.unique(np.array(samples), return_inverse=True)
    groups = int(group.max()) + 1
    gaps = np.zeros((groups, count))
    np.add.at(gaps, (group, which), predicted - yes)
    members = np.bincount(group).astype(np.float64)
    drawn, chances = [], []
    step = max(1, CHUNK // max(groups, len(predicted)))
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        times = random.multinomial(groups, np.full(groups, 1 / groups), rows).astype(np.float64)
        drawn.append(np.abs(times @ gaps).sum(axis=1) / (times @ members))
        luck = predicted - (random.random((rows, len(predicted))) < predicted)
        chances += [_error(row, which, count) for row in luck]
    low, high = np.quantile(np.concatenate(drawn), (0.025, 0.975))
    by_luck = value <= np.quantile(chances, 0.95)
    least = 0.0 if by_luck else max(0.0, 2 * value - float(high))
    return Error(value, least, max(value, 2 * value - float(low)), float(np.mean(chances)))


def _error(gaps: np.ndarray, which: np.ndarray, count: int) -> float:
    return float(np.abs(np.bincount(which, gaps, count)).sum() / len(gaps))
