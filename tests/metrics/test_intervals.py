"""Intervals: SciPy is the outside witness; what must hold for any values is checked by hypothesis."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rorem.metrics import intervals

FEW = 400  # resamples where the number does not matter
finite = st.floats(-1e6, 1e6, allow_subnormal=False)
large = st.floats(-1e300, 1e300, allow_subnormal=False) | st.sampled_from([math.nan, math.inf, -math.inf])
anything = st.lists(large, max_size=12)
lists = st.lists(finite, min_size=2, max_size=30)
odd = st.floats(-100, 100, width=32) | st.sampled_from([math.nan, math.inf, -math.inf])
columns = st.integers(1, 8).flatmap(lambda n: st.lists(st.tuples(*[odd] * n), min_size=1, max_size=4))
confidences = st.floats(0.5, 0.999)


def interval(values: Sequence[float] | np.ndarray, seed: int = 0, resamples: int = 2000) -> tuple[float, float]:
    """Of one column."""
    ((low, high),) = intervals.mean_intervals(np.array([values], float), seed, resamples)
    return low, high


def p_value(values: Sequence[float] | np.ndarray, seed: int = 0) -> float:
    return intervals.sign_flip(np.array([values], float), seed)[0]


@given(st.data(), st.integers(1, 2000), st.floats(0.01, 0.999))
def test_wilson_as_scipy(data: st.DataObject, n: int, confidence: float) -> None:
    successes = data.draw(st.integers(0, n))
    theirs = stats.binomtest(successes, n).proportion_ci(confidence, "wilson")
    assert intervals.wilson(successes, n, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(st.data(), st.integers(1, 2000), confidences, confidences)
def test_wilson_holds_the_rate_and_widens_with_confidence(
    data: st.DataObject, n: int, one: float, other: float
) -> None:
    successes = data.draw(st.floats(0, n))
    (low, high), (wide_low, wide_high) = (intervals.wilson(successes, n, c) for c in sorted((one, other)))
    assert 0 <= wide_low <= low + 1e-12 and high - 1e-12 <= wide_high <= 1
    assert low - 1e-12 <= successes / n <= high + 1e-12


def test_wilson_of_the_published_rates() -> None:
    """RORem's 76.2 % and 74.8 % of 500: the intervals overlap by most of their width."""
    assert intervals.wilson(381, 500) == pytest.approx((0.723, 0.797), abs=5e-4)
    assert intervals.wilson(374, 500) == pytest.approx((0.708, 0.784), abs=5e-4)


def test_wilson_at_the_ends() -> None:
    assert intervals.wilson(0, 0) == (0, 1)
    ends = [(intervals.wilson(0, n, c)[0], intervals.wilson(n, n, c)[1]) for n in range(1, 300) for c in (0.9, 0.95)]
    assert set(ends) == {(0, 1)}
    assert intervals.wilson(1e-300, 7)[0] >= 0


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (math.nan, 5), (0, -1)])
def test_wilson_refuses_what_is_no_rate(successes: float, n: int) -> None:
    with pytest.raises(ValueError):
        intervals.wilson(successes, n)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, math.nan])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError):
        intervals.wilson(1, 2, confidence)


@pytest.mark.parametrize("n", [10, 60, 500])
def test_the_bootstrap_as_scipy(n: int) -> None:
    values = np.random.default_rng(n).gamma(2, 3, n)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    # Each end wanders by 2.6 % of the means' spread (at 10,000 resamples), both programs' do: four times that.
    expected = pytest.approx((theirs.low, theirs.high), abs=0.1 * values.std() / math.sqrt(n))
    assert interval(values, 5, 20_000) == expected


@settings(max_examples=25)
@given(columns, st.integers(0, 3))
def test_many_at_once_are_what_each_is_alone(values: list[tuple[float, ...]], seed: int) -> None:
    found = intervals.mean_intervals(np.array(values), seed)
    for column, ends in zip(values, found, strict=True):
        assert ends == pytest.approx(_plainly(np.array(column), seed), nan_ok=True)


def _plainly(values: np.ndarray, seed: int) -> tuple[float, float]:
    """Resample after resample, for the same draws."""
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return math.nan, math.nan
    drawn = np.random.default_rng(seed).integers(0, len(known), (intervals.RESAMPLES, len(known)), np.int32)
    with np.errstate(invalid="ignore"):
        means = [float(known[one].mean()) for one in drawn]
    low = sorted(-math.inf if math.isnan(one) else one for one in means)
    high = sorted(math.inf if math.isnan(one) else one for one in means)
    return low[50], high[-51]


def test_no_columns() -> None:
    assert intervals.mean_intervals(np.zeros((0, 5))).shape == (0, 2)
    assert intervals.sign_flip(np.zeros((0, 5))).shape == (0,)


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    """The share is binomial: with 400 tries it lies within 3 standard deviations, less what a bootstrap of 40 lacks."""
    random = np.random.default_rng(0)
    ends = intervals.mean_intervals(random.normal(2, 1, (400, 40)))
    share = np.mean([low <= 2 <= high for low, high in ends])
    assert 0.90 < share < 0.985


@settings(max_examples=60)
@given(lists, st.integers(0, 9))
def test_the_interval_holds_the_mean_within_the_values(values: list[float], seed: int) -> None:
    low, high = interval(values, seed, FEW)
    slack = 1e-9 * max(map(abs, values))
    assert low - slack <= np.mean(values) <= high + slack
    assert min(values) <= low <= high <= max(values)


@settings(max_examples=40)
@given(lists, st.integers(-20, 20), st.sampled_from((1.0, 2.0, 0.25, -1.0)))
def test_it_moves_and_stretches_with_the_values(values: list[float], shift: int, factor: float) -> None:
    low, high = interval(values, resamples=FEW)
    moved = [factor * value + shift for value in values]
    expected = sorted((factor * low + shift, factor * high + shift))
    assert interval(moved, resamples=FEW) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_it_narrows_with_more_photos() -> None:
    values = np.random.default_rng(3).normal(size=2000)
    widths = [np.diff(interval(values[:n]))[0] for n in (20, 200, 2000)]
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


@settings(max_examples=60)
@given(anything, anything)
def test_no_values_are_too_odd(one: list[float], other: list[float]) -> None:
    """Never a number on one side only, never the wrong way round, for infinite and missing values too."""
    size = min(len(one), len(other))
    with np.errstate(over="ignore"):
        for low, high in (
            interval(one, resamples=FEW),
            interval(intervals.differences(one[:size], other[:size]), resamples=FEW),
        ):
            assert math.isnan(low) == math.isnan(high)
            assert math.isnan(low) or low <= high


def test_what_was_not_measured_is_left_out() -> None:
    values = [3.0, 5.0, 4.0, 8.0]
    assert interval([3, math.nan, 5, 4, math.nan, 8]) == interval(values)


@pytest.mark.parametrize("values", [[], [4.0], [math.nan, 4.0]], ids=str)
def test_one_photo_says_nothing_about_others(values: list[float]) -> None:
    assert all(map(math.isnan, interval(values)))


def test_equal_values_have_no_spread() -> None:
    assert interval([0.1] * 7) == (0.1, 0.1)
    assert interval([math.inf] * 3) == (math.inf, math.inf)


def test_infinite_values_make_infinite_ends() -> None:
    """Of ten photos, one is equal: a resample misses it with probability 0.9^10 = 35 %, so the low end is finite."""
    low, high = interval([30.0] * 9 + [math.inf])
    assert (low, high) == (30, math.inf)
    assert interval([30.0] + [math.inf] * 99) == (math.inf, math.inf)
    assert interval([-math.inf, 1.0, math.inf]) == (-math.inf, math.inf)
    assert interval([-math.inf] + [math.inf] * 9) == (-math.inf, math.inf)  # unknown in two of three


def test_the_seed_decides() -> None:
    values = np.random.default_rng(1).normal(size=50)
    assert interval(values, 3) == interval(values, 3)
    assert interval(values, 3) != interval(values, 4)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(5, 30)) + 0.3
    whole = intervals.mean_intervals(values), intervals.sign_flip(values)
    monkeypatch.setattr(intervals, "CHUNK", 64)
    monkeypatch.setattr(intervals, "COLUMNS", 2)
    drawn = np.concatenate(list(intervals._resamples(10, 0, 1001)))
    assert drawn.shape == (1001, 10) and (drawn.sum(axis=1) == 10).all() and len(np.unique(drawn, axis=0)) > 900
    flips = np.concatenate(list(intervals._drawn_flips(40, 0)))
    assert flips.shape == (intervals.FLIPS, 40) and set(np.unique(flips)) == {-1, 1}
    assert intervals.mean_intervals(values) == pytest.approx(whole[0], abs=0.05)
    assert intervals.sign_flip(values) == pytest.approx(whole[1], abs=0.03)


@settings(max_examples=40)
@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=20))
def test_a_method_does_not_differ_from_itself(values: list[float]) -> None:
    assert interval(intervals.differences(values, values), resamples=FEW) == (0, 0)
    assert p_value(intervals.differences(values, values)) == 1


@settings(max_examples=40)
@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=20))
def test_the_other_way_round_is_the_same_with_the_other_sign(pairs: list[tuple[float, float]]) -> None:
    a, b = zip(*pairs, strict=True)
    low, high = interval(intervals.differences(a, b), resamples=FEW)
    assert interval(intervals.differences(b, a), resamples=FEW) == pytest.approx((-high, -low), abs=1e-6)


def test_pairs_tell_more_than_two_intervals() -> None:
    """Photos differ by 5 dB, methods by 0.3 dB on each: only pairs see it."""
    random = np.random.default_rng(0)
    photos = random.normal(30, 5, 100)
    a, b = photos + 0.3 + random.normal(0, 0.3, 100), photos
    low, high = interval(intervals.differences(a, b))
    assert 0 < low < 0.3 < high
    (a_low, _), (_, b_high) = interval(a), interval(b)
    assert a_low < b_high
    assert interval(intervals.differences(a, random.permutation(b)))[0] < 0  # and only where they are aligned


def test_differences_know_infinity() -> None:
    found = intervals.differences([math.inf, math.inf, 2, math.nan, -math.inf], [math.inf, 1, math.inf, 1, math.inf])
    assert found.tolist()[:3] == [0, math.inf, -math.inf] and math.isnan(found[3]) and found[4] == -math.inf


def test_lists_of_unequal_length_are_refused() -> None:
    for pair in (([1, 2], [1, 2, 3]), ([1.0], []), ([1, 2, 3], [1])):
        with pytest.raises(ValueError, match="paired"):
            intervals.differences(*pair)
    with pytest.raises(ValueError, match="resamples"):
        interval([1, 2], resamples=0)


@settings(max_examples=30)
@given(st.lists(st.integers(-40, 40), min_size=2, max_size=9))
def test_the_test_as_scipy(values: list[int]) -> None:
    """SciPy tries all flips of the pairs, too."""
    theirs = stats.permutation_test(
        (values, np.zeros(len(values))),
        lambda a, b, axis: np.sum(a - b, axis=axis),
        permutation_type="samples",
        n_resamples=1 << 10,  # more than there are
        vectorized=True,
    ).pvalue
    assert p_value(values) == pytest.approx(theirs)


def test_drawn_flips_come_to_what_all_flips_do(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).normal(0.4, 1, (40, 12))
    exact = intervals.sign_flip(values)
    monkeypatch.setattr(intervals, "EXACT", 3)
    drawn = intervals.sign_flip(values)
    assert (drawn != exact).any() and drawn == pytest.approx(exact, abs=0.04)  # five standard deviations of p = 0.5


def test_photos_without_a_difference_decide_nothing() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert p_value([*values, *[0.0] * 30, *[math.nan] * 9]) == p_value(values) == 2 / 2**6
    assert p_value(values[:5]) == 2 / 2**5
    assert p_value([math.nan] * 4) == p_value([0.0] * 20) == 1


def test_infinite_differences_are_tested_by_their_ranks() -> None:
    """Wilcoxon's test of the same ranks is the witness."""
    values = [math.inf] * 3 + [-30.0, 5.0, 7.0, -1.0, 12.0]
    ranked = [7.0] * 3 + [-5.0, 2.0, 3.0, -1.0, 4.0]
    assert p_value(values) == p_value(ranked) == p_value([-one for one in values])
    finite_ones = [300.0, 301.0, 302.0, *values[3:]]  # no ties, the same sums of ranks
    theirs = stats.wilcoxon(finite_ones, method="exact")[1]  # type: ignore[index]
    assert p_value(
        [math.copysign(at, one) for at, one in zip(stats.rankdata(np.abs(finite_ones)), finite_ones, strict=True)]
    ) == pytest.approx(theirs)
    assert p_value(values) == pytest.approx(theirs, abs=0.03)
    assert p_value([math.inf] * 6) == p_value([1.0] * 6)
    assert p_value([math.inf, -math.inf] * 5) == 1


@settings(max_examples=30)
@given(st.lists(odd, min_size=1, max_size=20), st.sampled_from((2.0, 0.25, -1.0)))
def test_the_scale_and_the_sign_do_not_matter(values: list[float], factor: float) -> None:
    assert 0 < p_value(values) <= 1
    assert p_value([factor * one for one in values]) == pytest.approx(p_value(values))


@pytest.mark.parametrize("kind", ["normal", "skewed"])
def test_twelve_photos_of_equal_methods_rarely_have_a_winner(kind: str) -> None:
    """Interval and test together leave out 0 in at most 6 %; the interval alone in 9 % and more.

    Skewed: both methods have such values. 4000 tries: the share has a standard deviation of 0.35 %.
    """
    random = np.random.default_rng(7)
    drawn = random.normal(size=(2, 4000, 12)) if kind == "normal" else random.lognormal(size=(2, 4000, 12))
    difference = drawn[0] - drawn[1]
    low, high = intervals.mean_intervals(difference).T
    apart = (low > 0) | (high < 0)
    assert apart.mean() > 0.08
    assert 0.03 < (apart & (intervals.sign_flip(difference) < 0.05)).mean() <= 0.06


def test_more_photos_of_equal_methods_rarely_have_a_winner() -> None:
    """Twenty-five: flips are drawn."""
    difference = np.random.default_rng(3).normal(size=(3000, 25))
    assert 0.035 < (intervals.sign_flip(difference) < 0.05).mean() < 0.065


def test_mean_differences_of_0_that_lean_to_one_side_have_fewer_winners_than_by_the_interval() -> None:
    """Ahead a little on most photos, far behind on a few: the means are equal, yet 12 photos often lack the few."""
    difference = np.random.default_rng(5).exponential(size=(4000, 12)) - 1
    low, high = intervals.mean_intervals(difference).T
    apart = (low > 0) | (high < 0)
    assert (apart & (intervals.sign_flip(difference) < 0.05)).mean() < 0.8 * apart.mean()


def test_the_interval_of_a_median_covers_it() -> None:
    hits = 0
    for seed in range(60):
        values = np.random.default_rng(seed).exponential(size=40)
        ((low, high),) = intervals.quantile_intervals(values, np.arange(40), (0.5,))
        hits += low <= np.log(2) <= high
    assert hits >= 52  # of 60; 95 % are 57


def test_pictures_are_drawn_with_all_their_values() -> None:
    """Ten runs of one picture are no ten pictures: two pictures with equal runs leave everything open."""
    values, photo = np.repeat([1.0, 5.0], 10), np.repeat([0, 1], 10)
    assert intervals.quantile_intervals(values, photo, (0.5, 0.95)) == [(1.0, 5.0), (1.0, 5.0)]
    assert np.isnan(intervals.quantile_intervals(values[:10], photo[:10], (0.5,))).all()


def test_a_large_benchmark_takes_a_moment() -> None:
    """Ten methods in 26 metrics: 1170 pairs."""
    values = np.random.default_rng(0).normal(size=(1170, 500))
    start = time.process_time()
    intervals.mean_intervals(values)
    intervals.sign_flip(values)
    assert time.process_time() - start < 10
