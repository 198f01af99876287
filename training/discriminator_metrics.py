"""How well scores tell good removals from bad ones, each number with a 95 % interval.

Removals of one photo are alike, so they say less than as many of different photos. Where an interval goes by counts,
Kish's effective number stands in for them ("Survey sampling", 1965, section 8.2): that of n removals whose photos have
n_1, n_2, ... is n^2 / (n_1^2 + n_2^2 + ...), as if those of one photo were all the same. So intervals are rather too
wide than too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from rorem.metrics.intervals import CONFIDENCE, wilson

Z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2)
BINS = 10  # of the calibration error, at most
A_BIN = 10  # removals, at least; a bootstrap over fewer photos says little, too
RESAMPLES = 1000
CHUNK = 2_000_000  # numbers drawn at once
HALVINGS = 60  # until the two sides of a root are the same number


@dataclass(frozen=True)
class Measured:
    """A number with the ends of its interval."""

    value: float
    low: float
    high: float


def effective(photo: np.ndarray) -> float:
    """Kish's effective number of removals. photo: (n,), which photo each is of. 0 for none."""
    _, counts = np.unique(photo, return_counts=True)
    return float(counts.sum()) ** 2 / float((counts**2).sum()) if len(photo) else 0.0


def area(predicted: np.ndarray, yes: np.ndarray, photo: np.ndarray) -> Measured | None:
    """The area under the ROC curve: how often a good removal has the higher score of it and a bad one, ties half
    (Hanley and McNeil, Radiology 1982). None without both. predicted: float64 (n,). yes: bool (n,). photo: (n,).

    The interval is Newcombe's method 5 (Statistics in Medicine 2006, 25:559-573), which is sound at areas of 0 and 1
    too, with effective numbers.
    """
    good, bad = int(yes.sum()), int((~yes).sum())
    if not good or not bad:
        return None
    _, place, counts = np.unique(predicted, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2  # from 1, the mean rank for equal ones
    value = float((rank[place][yes].sum() - good * (good + 1) / 2) / (good * bad))
    return Measured(value, *area_interval(value, effective(photo[yes]), effective(photo[~yes])))


def area_interval(value: float, good: float, bad: float) -> tuple[float, float]:
    """Of an area from so many good and bad ones. The ends are where (value - t)^2 = z^2 V(t), V being the variance of
    Hanley and McNeil with both numbers, in its brackets, at their mean less one."""
    rest = (good + bad) / 2 - 1

    def beyond(t: float) -> float:
        spread = t * (1 - t) * (1 + rest * (1 - t) / (2 - t) + rest * t / (1 + t)) / (good * bad)
        return (value - t) ** 2 - Z**2 * spread

    low = 0.0 if value == 0 else _root(beyond, 0.0, value)
    return low, 1.0 if value == 1 else _root(beyond, 1.0, value)


def precision(accepted: np.ndarray, yes: np.ndarray, photo: np.ndarray) -> Measured | None:
    """The share of good ones among accepted ones, with Wilson's interval by the effective number. None without any."""
    if not accepted.any():
        return None
    rate, several = float(yes[accepted].mean()), max(1, math.floor(effective(photo[accepted])))
    return Measured(rate, *wilson(rate * several, several))


def calibration_error(predicted: np.ndarray, said: np.ndarray, photo: np.ndarray, seed: int = 0) -> Measured | None:
    """Expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015): over bins of equally many removals, the
    mean distance between what was predicted and what people say, each bin by its removals. None for fewer than ten
    photos. predicted, said: float64 (n,), 0 to 1.

    Of few removals it is too large by chance, and that of a resample once more. So the interval is the basic
    bootstrap's over photos (Davison and Hinkley 1997, section 5.2), which turns the resamples' distance around; it
    begins at 0 where a score without any error would show as much in one of twenty draws of answers.
    """
    _, group = np.unique(photo, return_inverse=True)
    photos = int(group.max(initial=-1)) + 1
    if photos < A_BIN:
        return None
    which, random = bins(predicted), np.random.default_rng(seed)
    count = int(which.max()) + 1
    value = _error(predicted - said, which, count)
    gaps = np.zeros((photos, count))
    np.add.at(gaps, (group, which), predicted - said)
    members = np.bincount(group).astype(np.float64)
    drawn, chances = [], []
    step = max(1, CHUNK // max(photos, len(predicted)))
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        times = random.multinomial(photos, np.full(photos, 1 / photos), rows).astype(np.float64)
        drawn.append(np.abs(times @ gaps).sum(axis=1) / (times @ members))
        luck = predicted - (random.random((rows, len(predicted))) < predicted)
        chances += [_error(row, which, count) for row in luck]
    low, high = np.quantile(np.concatenate(drawn), (0.025, 0.975))
    by_luck = value <= np.quantile(chances, 0.95)
    least = 0.0 if by_luck else max(0.0, 2 * value - float(high))
    return Measured(value, least, min(1.0, max(value, 2 * value - float(low))))


def bins(predicted: np.ndarray) -> np.ndarray:
    """The bin of each removal, int64 (n,): about equally many in each, equal scores together."""
    count = min(BINS, max(1, len(predicted) // A_BIN))
    edges = np.quantile(predicted, np.arange(1, count) / count)
    return np.searchsorted(edges, predicted, side="left")


def _error(gaps: np.ndarray, which: np.ndarray, count: int) -> float:
    return float(np.abs(np.bincount(which, gaps, count)).sum() / len(gaps))


def _root(of: Callable[[float], float], outside: float, inside: float) -> float:
    """Where a function changes its sign: 0 or more at the one end, less than 0 just before the other."""
    for _ in range(HALVINGS):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if of(middle) >= 0 else (outside, middle)
    return (outside + inside) / 2
