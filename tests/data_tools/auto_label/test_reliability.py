"""Bins, the expected calibration error, and how often its interval holds the true one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_tools.auto_label.reliability import Error, bins, expected_error, places
from tests.data_tools.auto_label.rounds import hash_of

COUNT = 10


def names(count: int) -> list[str]:
    return [hash_of(str(one)) for one in range(count)]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=120),
    st.integers(2, 12),
)
def test_bins_hold_everything_once(rows: list[tuple[float, bool]], count: int) -> None:
    predicted = np.array([one for one, _ in rows])
    yes = np.array([one for _, one in rows])
    found = bins(predicted, yes, count)
    assert sum(one.n for one in found) == len(rows) and len(found) <= count
    assert sum(one.n * one.share for one in found) == pytest.approx(yes.sum())
    assert [one.predicted for one in found] == sorted(one.predicted for one in found)
    assert all(one.low <= one.share <= one.high for one in found)
    error = expected_error(predicted, yes, names(len(rows)), count)
    by_hand = sum(one.n * abs(one.predicted - one.share) for one in found) / len(rows)
    assert error.value == pytest.approx(by_hand, abs=1e-12)
    assert 0 <= error.low <= error.value <= error.high


def test_bins_are_equally_full_and_equal_probabilities_stay_together() -> None:
    even = places(np.random.default_rng(0).random(1000), COUNT)
    assert np.bincount(even).tolist() == [100] * 10
    steps = np.repeat([0.1, 0.5, 0.9], [500, 300, 200])
    found = places(steps, COUNT)
    assert all(len(set(found[steps == one])) == 1 for one in (0.1, 0.5, 0.9))


def test_without_error_chance_is_all_there_is() -> None:
    random = np.random.default_rng(0)
    values = []
    for seed in range(20):
        predicted = random.random(300)
        values.append(expected_error(predicted, random.random(300) < predicted, names(300), COUNT, seed))
    assert np.mean([one.value for one in values]) == pytest.approx(np.mean([one.chance for one in values]), rel=0.2)
    assert sum(one.low == 0 for one in values) >= 16


def test_a_wrong_judge_is_found_out() -> None:
    random = np.random.default_rng(1)
    predicted = random.random(2000)
    error = expected_error(predicted, random.random(2000) < predicted**2, names(2000), COUNT)
    assert error.low > error.chance and error.low < 1 / 6 < error.high  # the integral of p - p^2


def test_removals_of_one_photo_count_as_one() -> None:
    """Ten times the same removals say no more than they did once."""
    random = np.random.default_rng(2)
    predicted = random.random(100)
    yes = random.random(100) < predicted**2
    once = expected_error(predicted, yes, names(100), COUNT)
    tenfold = expected_error(np.repeat(predicted, 10), np.repeat(yes, 10), list(np.repeat(names(100), 10)), COUNT)
    assert tenfold.high == pytest.approx(once.high, abs=0.02)
    alone = expected_error(np.repeat(predicted, 10), np.repeat(yes, 10), names(1000), COUNT)
    assert alone.high - alone.low < 0.6 * (once.high - once.low)


def drawn(count: int, bias: float, random: np.random.Generator, seed: int) -> Error:
    value = random.normal(size=count)
    predicted, true = (1 / (1 + np.exp(-(1.5 * value + more))) for more in (bias, 0))
    return expected_error(predicted, random.random(count) < true, names(count), COUNT, seed)


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("count", [300, 1000])
@pytest.mark.parametrize("bias", [0.0, 0.3, 0.8])
def test_the_interval_holds_the_true_error(count: int, bias: float) -> None:
    """Nominally in 95 of 100 rounds; it is honest about 85, as its docstring tells."""
    random = np.random.default_rng(3)
    value = random.normal(size=1_000_000)
    predicted, true = (1 / (1 + np.exp(-(1.5 * value + more))) for more in (bias, 0))
    which = places(predicted, COUNT)
    truth = np.abs(np.bincount(which, predicted - true, COUNT)).sum() / len(value)
    rounds = [drawn(count, bias, random, seed) for seed in range(200)]
    assert np.mean([one.low <= truth <= one.high for one in rounds]) > 0.82
