"""How far a number can be trusted: intervals for rates, for means over photos, and for differences of two methods."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000  # from seed to seed the ends of an interval then vary by less than 1 % of its width
CHUNK = 1 << 20  # drawn at once: bounds the memory, about 20 MB

Values = Sequence[float] | np.ndarray


def wilson(successes: float, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Interval of a rate, in [0, 1]: (low, high). Wilson, "Probable inference, the law of succession, and statistical
    inference", JASA 1927.

    successes: of n independent tries; may be a fraction, as the sum of probabilities is. confidence: 0 to 1, exclusive.
    Of no try nothing is known: (0, 1). Raises ValueError unless 0 <= successes <= n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(1 - _tail(confidence))
    rate, share = successes / n, z * z / n
    centre, reach = rate + share / 2, z * math.sqrt(rate * (1 - rate) / n + share / (4 * n))
    # The ends of a rate of 0 or 1 are exact; rounding must not move them.
    low = 0.0 if successes == 0 else (centre - reach) / (1 + share)
    high = 1.0 if successes == n else (centre + reach) / (1 + share)
    return max(0.0, low), min(1.0, high)


def bootstrap_mean(
    values: Values, seed: int = 0, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Interval of the mean over photos, (low, high): the percentile bootstrap (Efron 1979).

    values: one a photo, in any order but always the same. Where there are several seeds, give the mean of each photo's:
    seeds of one photo are no independent photos. nan = not measured, and left out. An infinite value makes every mean
    infinite that it is in, so an end may be infinite, and rightly; where +inf and -inf meet, the mean is unknown and
    the interval takes in both. The ends are means that were drawn, never between two.

    The same seed draws the same photos for all lists of one length. Returns (nan, nan) for less than two values, as one
    photo says nothing about others. Raises ValueError for resamples < 1 or a confidence that is none.
    """
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    skipped = math.floor(_tail(confidence) * resamples)
    if resamples < 1:
        raise ValueError(f"{resamples} resamples")
    if len(known) < 2:
        return math.nan, math.nan
    means = np.concatenate(list(_means(known, seed, resamples)))
    # Rounding must not give a spread to values that have none.
    means = np.clip(means, known.min(), known.max())
    return _smallest(means, skipped, -math.inf), -_smallest(-means, skipped, -math.inf)


def paired_bootstrap(
    a: Values, b: Values, seed: int = 0, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Interval of mean(a - b) over the same photos, (low, high): each photo is drawn with both its values.

    Much narrower than two intervals side by side, as what makes a photo hard is hard for both. a, b: one value a photo,
    in the same order; see `differences`. The two differ where the interval excludes 0. The rest as `bootstrap_mean`.
    Raises ValueError for lists of unequal length, too.
    """
    return bootstrap_mean(differences(a, b), seed, resamples, confidence)


def differences(a: Values, b: Values) -> np.ndarray:
    """a - b, photo by photo, float64 (N,); 0 where both are the same infinity, nan where either was not measured.

    Raises ValueError for lists of unequal length.
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.shape != second.shape:
        raise ValueError(f"{first.size} values cannot be paired with {second.size}")
    with np.errstate(invalid="ignore"):  # inf - inf
        return np.where(first == second, 0.0, first - second)


def mean(values: Values) -> float:
    """The mean that these intervals are of: nan is left out. nan where nothing is left, or +inf and -inf meet."""
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    with np.errstate(invalid="ignore"):
        return float(known.mean()) if len(known) else math.nan


def _tail(confidence: float) -> float:
    """The share left out at each end."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence}")
    return (1 - confidence) / 2


def _means(values: np.ndarray, seed: int, resamples: int) -> Iterator[np.ndarray]:
    """The means of that many resamples, float64, in chunks. nan where +inf and -inf meet."""
    random = np.random.default_rng(seed)
    size = max(1, CHUNK // len(values))
    for start in range(0, resamples, size):
        drawn = random.integers(0, len(values), (min(size, resamples - start), len(values)), np.int32)
        with np.errstate(invalid="ignore"):
            yield values[drawn].mean(axis=1)


def _smallest(means: np.ndarray, skipped: int, unknown: float) -> float:
    """The smallest mean but for so many; an unknown one counts as that."""
    return float(np.partition(np.where(np.isnan(means), unknown, means), skipped)[skipped])
