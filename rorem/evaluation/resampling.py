"""Bootstrap over pictures for many columns at once: percentile intervals (Efron 1979).

`rorem.metrics.intervals` does this for one list of values; a benchmark has thousands of them. Here all columns with the
same pictures share their resamples, so that one product of matrices gives all means. The draws and the rules are the
same, and so are the intervals for the same number of resamples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from rorem.metrics.intervals import CHUNK, CONFIDENCE

TAIL = (1 - CONFIDENCE) / 2  # the share left out at each end
RESAMPLES = 2000  # a report has thousands of intervals; from seed to seed their ends vary by about 2 % of their width
COLUMNS = 4096  # at once: bounds the memory, about 70 MB


def mean_intervals(columns: np.ndarray, seed: int = 0) -> np.ndarray:
    """Intervals of the means. columns: float64 (K, N), a value for each picture; NaN = none, which is left out.

    Returns float64 (K, 2), low and high; NaN for a column with fewer than two values. Infinite values are taken as
    `rorem.metrics.intervals.bootstrap_mean` takes them.
    """
    found = np.full((len(columns), 2), np.nan)
    for there, members in _alike(columns):
        if there.sum() < 2:
            continue
        for start in range(0, len(members), COLUMNS):
            chosen = members[start : start + COLUMNS]
            found[chosen] = _intervals(columns[chosen][:, there], seed)
    return found


def quantile_intervals(
    values: np.ndarray, photo: np.ndarray, shares: tuple[float, ...], seed: int = 0
) -> list[tuple[float, float]]:
    """Intervals of quantiles, (low, high) each. values: float64 (R,), finite. photo: int64 (R,), the picture of each.

    Pictures are drawn with all their values, since those of one picture are alike. shares: of the quantiles, 0 to 1.
    NaN for fewer than two pictures.
    """
    names, photo = np.unique(photo, return_inverse=True)
    if len(names) < 2:
        return [(math.nan, math.nan)] * len(shares)
    order = np.argsort(values, kind="stable")
    values, photo = values[order], photo[order]
    found: list[list[np.ndarray]] = [[] for _ in shares]
    for counts in _resamples(len(names), seed):
        reached = counts[:, photo].cumsum(axis=1)
        for share, several in zip(shares, found, strict=True):
            several.append(values[(reached < share * reached[:, -1:]).sum(axis=1)])
    ends = _ends(np.stack([np.concatenate(several) for several in found]))
    return [(float(low), float(high)) for low, high in zip(*ends, strict=True)]


def _intervals(values: np.ndarray, seed: int) -> np.ndarray:
    """values: float64 (k, n) without NaN. float64 (k, 2)."""
    n = values.shape[1]
    endless = np.isinf(values)
    finite = np.where(endless, 0.0, values)
    means = np.concatenate([finite @ counts.T for counts in _resamples(n, seed)], axis=1) / n  # (k, RESAMPLES)
    # Rounding must not give a spread to values that have none.
    np.clip(means, finite.min(axis=1, keepdims=True), finite.max(axis=1, keepdims=True), out=means)
    found = np.stack(_ends(means), axis=1)
    if len(rows := np.flatnonzero(endless.any(axis=1))):
        up, down = (
            np.concatenate([(values[rows] == end) @ counts.T > 0 for counts in _resamples(n, seed)], axis=1)
            for end in (np.inf, -np.inf)
        )
        # Where both meet, the mean is unknown: the lowest for the lower end, the highest for the upper one.
        found[rows, 0] = _ends(np.where(down, -np.inf, np.where(up, np.inf, means[rows])))[0]
        found[rows, 1] = _ends(np.where(up, np.inf, np.where(down, -np.inf, means[rows])))[1]
    return found


def _ends(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The outermost ones but for a share at each end. drawn: float64 (k, resamples). float64 (k,) each."""
    last = drawn.shape[1] - 1
    skipped = math.floor(TAIL * drawn.shape[1])
    ordered = np.partition(drawn, (skipped, last - skipped), axis=1)
    return ordered[:, skipped], ordered[:, last - skipped]


def _alike(columns: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Columns with values for the same pictures: where these are, bool (N,), and which columns, int64 (k,)."""
    if not columns.size:
        return
    masks, which = np.unique(~np.isnan(columns), axis=0, return_inverse=True)
    for number, there in enumerate(masks):
        yield there, np.flatnonzero(which.reshape(-1) == number)


def _resamples(n: int, seed: int) -> Iterator[np.ndarray]:
    """How often each of n pictures is drawn: float64 (count, n), in blocks; drawn as `intervals` draws them."""
    random = np.random.default_rng(seed)
    size = max(1, CHUNK // n)
    for start in range(0, RESAMPLES, size):
        count = min(size, RESAMPLES - start)
        drawn = random.integers(0, n, (count, n), np.int32) + n * np.arange(count)[:, None]
        yield np.bincount(drawn.reshape(-1), minlength=count * n).reshape(count, n).astype(np.float64)
