"""How far a number can be trusted: intervals for rates, for means over photos, and for differences of two methods; and
whether a difference may be chance.

A benchmark has thousands of numbers, so all columns with the same photos share their resamples: one product of matrices
gives all means. The intervals are percentile bootstraps (Efron, "Bootstrap methods: another look at the jackknife",
Annals of Statistics 1979).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2000  # a report has thousands of intervals; from seed to seed their ends vary by about 2 % of their width
CHUNK = 1 << 20  # drawn at once: bounds the memory, about 20 MB
COLUMNS = 4096  # at once: bounds the memory, about 70 MB
EXACT = 12  # differences up to which all flips are tried: 2**11, as the other half mirrors them
FLIPS = 4095  # drawn beyond that: a p of 0.05 then varies by 0.0034

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


def differences(a: Values, b: Values) -> np.ndarray:
    """a - b, photo by photo, float64 (N,); 0 where both are the same infinity, nan where either was not measured.

    Raises ValueError for lists of unequal length.
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.shape != second.shape:
        raise ValueError(f"{first.size} values cannot be paired with {second.size}")
    with np.errstate(invalid="ignore"):  # inf - inf
        return np.where(first == second, 0.0, first - second)


def mean_intervals(columns: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> np.ndarray:
    """95 % intervals of means over photos. columns: float64 (K, N), one value a photo, photos in the same order each
    time; nan = not measured, and left out. Returns float64 (K, 2), low and high.

    Where there are several seeds, give the mean of each photo's: seeds of one photo are no independent photos. Give
    `differences` for the interval of a paired difference: it is much narrower than two intervals side by side, as what
    makes a photo hard is hard for both. An infinite value makes every mean infinite that it is in, so an end may be
    infinite, and rightly; where +inf and -inf meet, the mean is unknown and the interval takes in both.

    nan for a column with fewer than two values, as one photo says nothing about others. Raises ValueError for
    resamples < 1.
    """
    if resamples < 1:
        raise ValueError(f"{resamples} resamples")
    found = np.full((len(columns), 2), np.nan)
    for there, members in _alike(columns):
        if there.sum() < 2:
            continue
        for start in range(0, len(members), COLUMNS):
            chosen = members[start : start + COLUMNS]
            found[chosen] = _intervals(columns[chosen][:, there], seed, resamples)
    return found


def quantile_intervals(
    values: np.ndarray, photo: np.ndarray, shares: tuple[float, ...], seed: int = 0
) -> list[tuple[float, float]]:
    """95 % intervals of quantiles, (low, high) each. values: float64 (R,), finite. photo: int64 (R,), of each value.

    Photos are drawn with all their values, since those of one photo are alike. shares: of the quantiles, 0 to 1.
    nan for fewer than two photos.
    """
    names, photo = np.unique(photo, return_inverse=True)
    if len(names) < 2:
        return [(math.nan, math.nan)] * len(shares)
    order = np.argsort(values, kind="stable")
    values, photo = values[order], photo[order]
    found: list[list[np.ndarray]] = [[] for _ in shares]
    for counts in _resamples(len(names), seed, RESAMPLES):
        reached = counts[:, photo].cumsum(axis=1)
        for share, several in zip(shares, found, strict=True):
            several.append(values[(reached < share * reached[:, -1:]).sum(axis=1)])
    ends = _ends(np.stack([np.concatenate(several) for several in found]))
    return [(float(low), float(high)) for low, high in zip(*ends, strict=True)]


def sign_flip(columns: np.ndarray, seed: int = 0) -> np.ndarray:
    """How likely so large a difference is by chance, two-sided: the paired randomisation test (Fisher, "The design of
    experiments", 1935, section 21). columns: float64 (K, N), as `differences` gives them. Returns float64 (K,), p.

    If it is chance which of two methods is ahead on a photo, then every difference might as well have the other sign:
    p is the share of flips whose sum is as far from 0 as the one that was seen. All flips are tried for up to EXACT
    differences other than 0, else FLIPS drawn ones. Five photos never get below 0.0625, six may reach 0.031.

    A column with an infinite difference has no sum. Its values are replaced by their signed ranks (Wilcoxon,
    "Individual comparisons by ranking methods", Biometrics Bulletin 1945), infinite ones being alike and the largest.
    """
    known = np.nan_to_num(np.asarray(columns, np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)
    for row in np.flatnonzero(np.isinf(known).any(axis=1)):
        known[row] = _signed_ranks(known[row])
    few = (known != 0).sum(axis=1) <= EXACT
    found = np.ones(len(known))
    if few.any():
        packed = np.take_along_axis(known[few], np.argsort(known[few] == 0, axis=1, kind="stable")[:, :EXACT], axis=1)
        found[few] = _share_as_far(packed, [_all_flips(packed.shape[1])])
    if not few.all():
        far = _share_as_far(known[~few], _drawn_flips(known.shape[1], seed))
        found[~few] = (far * FLIPS + 1) / (FLIPS + 1)  # what was seen is one of the flips
    return found


def _tail(confidence: float) -> float:
    """The share left out at each end."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence}")
    return (1 - confidence) / 2


def _intervals(values: np.ndarray, seed: int, resamples: int) -> np.ndarray:
    """values: float64 (k, n) without nan. float64 (k, 2)."""
    n = values.shape[1]
    endless = np.isinf(values)
    finite = np.where(endless, 0.0, values)
    means = (
        np.concatenate([finite @ counts.T for counts in _resamples(n, seed, resamples)], axis=1) / n
    )  # (k, resamples)
    # Rounding must not give a spread to values that have none.
    np.clip(means, finite.min(axis=1, keepdims=True), finite.max(axis=1, keepdims=True), out=means)
    found = np.stack(_ends(means), axis=1)
    if len(rows := np.flatnonzero(endless.any(axis=1))):
        up, down = (
            np.concatenate([(values[rows] == end) @ counts.T > 0 for counts in _resamples(n, seed, resamples)], axis=1)
            for end in (np.inf, -np.inf)
        )
        # Where both meet, the mean is unknown: the lowest for the lower end, the highest for the upper one.
        found[rows, 0] = _ends(np.where(down, -np.inf, np.where(up, np.inf, means[rows])))[0]
        found[rows, 1] = _ends(np.where(up, np.inf, np.where(down, -np.inf, means[rows])))[1]
    return found


def _ends(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The outermost ones but for a share at each end. drawn: float64 (k, resamples). float64 (k,) each."""
    last = drawn.shape[1] - 1
    skipped = math.floor(_tail(CONFIDENCE) * drawn.shape[1])
    ordered = np.partition(drawn, (skipped, last - skipped), axis=1)
    return ordered[:, skipped], ordered[:, last - skipped]


def _alike(columns: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Columns with values for the same photos: where these are, bool (N,), and which columns, int64 (k,)."""
    if not columns.size:
        return
    masks, which = np.unique(~np.isnan(columns), axis=0, return_inverse=True)
    for number, there in enumerate(masks):
        yield there, np.flatnonzero(which.reshape(-1) == number)


def _resamples(n: int, seed: int, resamples: int) -> Iterator[np.ndarray]:
    """How often each of n photos is drawn: float64 (count, n), in blocks."""
    random = np.random.default_rng(seed)
    size = max(1, CHUNK // n)
    for start in range(0, resamples, size):
        count = min(size, resamples - start)
        drawn = random.integers(0, n, (count, n), np.int32) + n * np.arange(count)[:, None]
        yield np.bincount(drawn.reshape(-1), minlength=count * n).reshape(count, n).astype(np.float64)


def _signed_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of the sizes, the mean rank for equal ones, with the values' signs. float64 (N,)."""
    _, which, counts = np.unique(np.abs(values), return_inverse=True, return_counts=True)
    return np.sign(values) * (np.cumsum(counts) - (counts - 1) / 2)[which.reshape(-1)]


def _share_as_far(columns: np.ndarray, flips: Iterable[np.ndarray]) -> np.ndarray:
    """The share of flips whose sum is as far from 0 as the plain one. columns: float64 (k, n). float64 (k,)."""
    far, tried = np.zeros(len(columns)), 0
    seen = np.abs(columns.sum(axis=1)) - 1e-12 * np.abs(columns).sum(axis=1)  # rounding must not tell equal sums apart
    for signs in flips:
        tried += len(signs)
        for start in range(0, len(columns), COLUMNS):
            part = slice(start, start + COLUMNS)
            far[part] += (np.abs(columns[part] @ signs.T) >= seen[part, None]).sum(axis=1)
    return far / tried


def _all_flips(n: int) -> np.ndarray:
    """Every way to flip n signs, but for mirrored ones: float64 (2**(n - 1), n) of -1 and 1."""
    ways = np.arange(1 << max(0, n - 1))[:, None] >> np.arange(n)
    return 1.0 - 2.0 * (ways & 1)


def _drawn_flips(n: int, seed: int) -> Iterator[np.ndarray]:
    """FLIPS ways to flip n signs: float64 (count, n) of -1 and 1, in blocks."""
    random = np.random.default_rng(seed)
    size = max(1, CHUNK // n)
    for start in range(0, FLIPS, size):
        yield 1.0 - 2.0 * random.integers(0, 2, (min(size, FLIPS - start), n), np.int8)
