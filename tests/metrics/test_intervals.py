"""Intervals: SciPy is the outside witness; what must hold for any values is checked by hypothesis."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rorem.metrics import intervals

FEW = 400  # resamples where the number does not matter
finite = st.floats(-1e6, 1e6, allow_subnormal=False)
anything = st.lists(st.floats(allow_subnormal=False), max_size=12)
lists = st.lists(finite, min_size=2, max_size=30)
confidences = st.floats(0.5, 0.999)


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
    with pytest.raises(ValueError):
        intervals.bootstrap_mean([1, 2, 3], confidence=confidence)


@pytest.mark.parametrize("n", [10, 60, 500])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_bootstrap_as_scipy(n: int, confidence: float) -> None:
    values = np.random.default_rng(n).gamma(2, 3, n)
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=20_000,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    ours = intervals.bootstrap_mean(values, seed=5, resamples=20_000, confidence=confidence)
    # Each end wanders by 2.6 % of the means' spread (at 95 %, 10,000 resamples), both programs' do: four times that.
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.1 * values.std() / math.sqrt(n))


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    """The share is binomial: with 400 tries it lies within 3 standard deviations, less what a bootstrap of 40 lacks."""
    random = np.random.default_rng(0)
    ends = [intervals.bootstrap_mean(random.normal(2, 1, 40), seed, 1000) for seed in range(400)]
    share = np.mean([low <= 2 <= high for low, high in ends])
    assert 0.90 < share < 0.985


@settings(max_examples=60)
@given(lists, st.integers(0, 9))
def test_the_interval_holds_the_mean_within_the_values(values: list[float], seed: int) -> None:
    low, high = intervals.bootstrap_mean(values, seed, FEW)
    slack = 1e-9 * max(map(abs, values))
    assert low - slack <= intervals.mean(values) <= high + slack
    assert min(values) <= low <= high <= max(values)


@settings(max_examples=60)
@given(lists, confidences, confidences)
def test_the_interval_widens_with_confidence(values: list[float], one: float, other: float) -> None:
    (low, high), (wide_low, wide_high) = (
        intervals.bootstrap_mean(values, resamples=FEW, confidence=c) for c in sorted((one, other))
    )
    assert wide_low <= low <= high <= wide_high


@settings(max_examples=40)
@given(lists, st.integers(-20, 20), st.sampled_from((1.0, 2.0, 0.25, -1.0)))
def test_it_moves_and_stretches_with_the_values(values: list[float], shift: int, factor: float) -> None:
    low, high = intervals.bootstrap_mean(values, resamples=FEW)
    moved = [factor * value + shift for value in values]
    expected = sorted((factor * low + shift, factor * high + shift))
    assert intervals.bootstrap_mean(moved, resamples=FEW) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_it_narrows_with_more_photos() -> None:
    values = np.random.default_rng(3).normal(size=2000)
    widths = [np.diff(intervals.bootstrap_mean(values[:n]))[0] for n in (20, 200, 2000)]
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


@settings(max_examples=60)
@given(anything, anything)
def test_no_values_are_too_odd(one: list[float], other: list[float]) -> None:
    """Never a number on one side only, never the wrong way round, for infinite and missing values too."""
    size = min(len(one), len(other))
    with np.errstate(over="ignore"):
        for low, high in (
            intervals.bootstrap_mean(one, resamples=FEW),
            intervals.paired_bootstrap(one[:size], other[:size], resamples=FEW),
        ):
            assert math.isnan(low) == math.isnan(high)
            assert math.isnan(low) or low <= high


def test_what_was_not_measured_is_left_out() -> None:
    values = [3.0, 5.0, 4.0, 8.0]
    assert intervals.bootstrap_mean([3, math.nan, 5, 4, math.nan, 8]) == intervals.bootstrap_mean(values)
    assert intervals.mean([math.nan, 1, 2]) == 1.5
    assert math.isnan(intervals.mean([])) and math.isnan(intervals.mean([math.nan]))


@pytest.mark.parametrize("values", [[], [4.0], [math.nan, 4.0]], ids=str)
def test_one_photo_says_nothing_about_others(values: list[float]) -> None:
    assert all(map(math.isnan, intervals.bootstrap_mean(values)))


def test_equal_values_have_no_spread() -> None:
    assert intervals.bootstrap_mean([0.1] * 7) == (0.1, 0.1)
    assert intervals.bootstrap_mean([math.inf] * 3) == (math.inf, math.inf)


def test_infinite_values_make_infinite_ends() -> None:
    """Of ten photos, one is equal: a resample misses it with probability 0.9^10 = 35 %, so the low end is finite."""
    low, high = intervals.bootstrap_mean([30.0] * 9 + [math.inf])
    assert (low, high) == (30, math.inf)
    assert intervals.bootstrap_mean([30.0] + [math.inf] * 99) == (math.inf, math.inf)
    assert intervals.bootstrap_mean([-math.inf, 1.0, math.inf]) == (-math.inf, math.inf)
    assert intervals.bootstrap_mean([-math.inf] + [math.inf] * 9) == (-math.inf, math.inf)  # unknown in two of three
    assert intervals.mean([1.0, math.inf]) == math.inf and math.isnan(intervals.mean([-math.inf, math.inf]))


def test_the_seed_decides() -> None:
    values = np.random.default_rng(1).normal(size=50)
    assert intervals.bootstrap_mean(values, 3) == intervals.bootstrap_mean(values, 3)
    assert intervals.bootstrap_mean(values, 3) != intervals.bootstrap_mean(values, 4)


def test_chunks_draw_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "CHUNK", 64)
    drawn = np.concatenate(list(intervals._means(np.arange(10.0), 0, 1001)))
    assert drawn.shape == (1001,) and len(np.unique(drawn)) > 20
    assert np.concatenate(list(intervals._means(np.arange(1000.0), 0, 3))).shape == (3,)


@settings(max_examples=40)
@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=20))
def test_a_method_does_not_differ_from_itself(values: list[float]) -> None:
    assert intervals.paired_bootstrap(values, values, resamples=FEW) == (0, 0)


@settings(max_examples=40)
@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=20))
def test_the_other_way_round_is_the_same_with_the_other_sign(pairs: list[tuple[float, float]]) -> None:
    a, b = zip(*pairs, strict=True)
    low, high = intervals.paired_bootstrap(a, b, resamples=FEW)
    assert intervals.paired_bootstrap(b, a, resamples=FEW) == pytest.approx((-high, -low), abs=1e-6)


def test_pairs_tell_more_than_two_intervals() -> None:
    """Photos differ by 5 dB, methods by 0.3 dB on each: only pairs see it."""
    random = np.random.default_rng(0)
    photos = random.normal(30, 5, 100)
    a, b = photos + 0.3 + random.normal(0, 0.3, 100), photos
    low, high = intervals.paired_bootstrap(a, b)
    assert 0 < low < 0.3 < high
    (a_low, _), (_, b_high) = intervals.bootstrap_mean(a), intervals.bootstrap_mean(b)
    assert a_low < b_high
    assert intervals.paired_bootstrap(a, random.permutation(b))[0] < 0  # and only where they are aligned


def test_differences_know_infinity() -> None:
    found = intervals.differences([math.inf, math.inf, 2, math.nan, -math.inf], [math.inf, 1, math.inf, 1, math.inf])
    assert found.tolist()[:3] == [0, math.inf, -math.inf] and math.isnan(found[3]) and found[4] == -math.inf


def test_lists_of_unequal_length_are_refused() -> None:
    for pair in (([1, 2], [1, 2, 3]), ([1.0], []), ([1, 2, 3], [1])):
        with pytest.raises(ValueError, match="paired"):
            intervals.paired_bootstrap(*pair)
    with pytest.raises(ValueError, match="resamples"):
        intervals.bootstrap_mean([1, 2], resamples=0)


def test_five_hundred_photos_take_a_moment() -> None:
    values = np.random.default_rng(0).normal(size=500)
    start = time.process_time()
    intervals.bootstrap_mean(values)
    assert time.process_time() - start < 1  # 0.06 s on the machine this was written on
