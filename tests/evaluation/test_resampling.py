"""Many intervals at once are the ones that `rorem.metrics.intervals` gives one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.evaluation.resampling import RESAMPLES, mean_intervals, quantile_intervals
from rorem.metrics.intervals import bootstrap_mean

numbers = st.floats(-100, 100, width=32) | st.sampled_from([np.nan, np.inf, -np.inf])
lists = st.integers(1, 8).flatmap(lambda n: st.lists(st.tuples(*[numbers] * n), min_size=1, max_size=4))


@settings(max_examples=25)
@given(lists, st.integers(0, 3))
def test_twins(values: list[tuple[float, ...]], seed: int) -> None:
    found = mean_intervals(np.array(values), seed)
    for column, interval in zip(values, found, strict=True):
        assert interval == pytest.approx(bootstrap_mean(column, seed, RESAMPLES), nan_ok=True)


def test_many_pictures_are_drawn_in_blocks_without_a_change() -> None:
    values = np.random.default_rng(0).normal(size=3000)
    assert mean_intervals(values[None])[0] == pytest.approx(bootstrap_mean(values, 0, RESAMPLES))


def test_a_constant_has_no_spread() -> None:
    assert mean_intervals(np.full((1, 7), 0.1)).tolist() == [[0.1, 0.1]]


def test_no_columns_and_one_picture() -> None:
    assert mean_intervals(np.zeros((0, 5))).shape == (0, 2)
    assert np.isnan(mean_intervals(np.array([[3.0], [np.nan]]))).all()


def test_the_interval_of_a_median_covers_it() -> None:
    hits = 0
    for seed in range(60):
        values = np.random.default_rng(seed).exponential(size=40)
        ((low, high),) = quantile_intervals(values, np.arange(40), (0.5,))
        hits += low <= np.log(2) <= high
    assert hits >= 52  # of 60; 95 % are 57


def test_pictures_are_drawn_with_all_their_values() -> None:
    """Ten runs of one picture are no ten pictures: two pictures with equal runs leave everything open."""
    values, photo = np.repeat([1.0, 5.0], 10), np.repeat([0, 1], 10)
    assert quantile_intervals(values, photo, (0.5, 0.95)) == [(1.0, 5.0), (1.0, 5.0)]
    assert np.isnan(quantile_intervals(values[:10], photo[:10], (0.5,))).all()
