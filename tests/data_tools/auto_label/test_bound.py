"""The bound is exact, and a wanted precision is kept as often as it is promised, over whole rounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from data_tools.auto_label.bound import interval, lower_bound, needed, passed, sequence, sizes
from tests.data_tools.auto_label.rounds import (
    JUST_UNDER,
    SHARP,
    STEPS,
    TURNING,
    WEAK,
    Truth,
    draw,
    precision_above,
)

CONFIDENCES = st.sampled_from((0.5, 0.8, 0.9, 0.95, 0.99))


@given(st.integers(1, 2000), st.floats(0, 1), CONFIDENCES)
def test_the_bounds_are_those_of_scipy(n: int, share: float, confidence: float) -> None:
    yes = round(share * n)
    one = binomtest(yes, n, alternative="greater").proportion_ci(confidence, method="exact")
    both = binomtest(yes, n).proportion_ci(confidence, method="exact")
    assert lower_bound(yes, n, confidence) == pytest.approx(float(one.low), abs=1e-9)
    assert interval(yes, n, confidence) == pytest.approx((float(both.low), float(both.high)), abs=1e-9)


def test_nothing_is_known_of_no_answers() -> None:
    assert lower_bound(0, 0, 0.95) == 0 and interval(0, 0, 0.95) == (0, 1)
    with pytest.raises(ValueError, match="3 of 2"):
        lower_bound(3, 2, 0.95)


@pytest.mark.parametrize(("rate", "n"), [(0.95, 59), (0.95, 300), (0.8, 40), (0.5, 20)])
def test_the_bound_is_above_the_truth_in_one_of_twenty_rounds_at_most(rate: float, n: int) -> None:
    """Not by drawing: over every outcome with its own probability."""
    bounds = np.array([lower_bound(yes, n, 0.95) for yes in range(n + 1)])
    missed = float(binom.pmf(np.arange(n + 1), n, rate)[bounds > rate].sum())
    assert missed <= 0.05
    assert missed > 0.005  # and it is not so wide that it would say nothing


@given(st.floats(0.5, 0.99), CONFIDENCES, st.integers(0, 6))
def test_how_many_are_needed_is_the_least_number(wanted: float, confidence: float, bad: int) -> None:
    count = needed(wanted, confidence, bad)
    assert lower_bound(count - bad, count, confidence) >= wanted
    assert count - 1 <= bad or lower_bound(count - 1 - bad, count - 1, confidence) < wanted


def test_fifty_nine_yes_show_95_per_cent() -> None:
    assert [needed(0.95, 0.95, bad) for bad in range(4)] == [59, 93, 124, 153]
    assert sizes(58, 0.95, 0.95) == [] and sizes(59, 0.95, 0.95) == [59]
    for count in (60, 300, 5000):
        steps = sizes(count, 0.95, 0.95)
        assert steps == sorted(set(steps)) and steps[-1] == count


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=300), st.randoms())
def test_the_sequence_is_fixed_before_any_answer(rows: list[tuple[int, bool]], chance: object) -> None:
    raw = np.array([float(score) for score, _ in rows])
    yes = np.array([said for _, said in rows])
    looks = sequence(raw, yes, 0.6, 0.9)
    whole = sequence(raw, np.ones(len(raw), bool), 0.6, 0.9)  # never stops
    assert [(one.cutoff, one.answered) for one in looks] == [(one.cutoff, one.answered) for one in whole[: len(looks)]]
    for one in looks:
        assert one.answered == (raw >= one.cutoff).sum() and one.yes == yes[raw >= one.cutoff].sum()
    assert all(one.low >= 0.6 for one in looks[:-1]) and passed(looks, 0.6) in (looks, looks[:-1])
    if looks and looks[-1].low >= 0.6:
        assert looks[-1].answered == len(raw)


def broken(
    truth: Truth, count: int, rounds: int, wanted: float = 0.95, confidence: float = 0.95
) -> tuple[float, float]:
    """The share of rounds in which the true precision above the threshold is below the wanted one; and the share in
    which there is a threshold."""
    bad = found = 0
    for seed in range(rounds):
        one = draw(truth, count, seed)
        if shown := passed(sequence(one.raw, one.yes, wanted, confidence), wanted):
            found += 1
            bad += precision_above(truth, shown[-1].cutoff) < wanted
    return bad / rounds, found / rounds


# Of 1 - confidence, plus three standard errors of that many rounds.
QUICK, SOAK = 300, 1500


@pytest.mark.parametrize("truth", [SHARP, JUST_UNDER])
def test_the_promise_is_kept(truth: Truth) -> None:
    bad, _ = broken(truth, 400, QUICK)
    assert bad <= 0.05 + 3 * (0.05 * 0.95 / QUICK) ** 0.5


def test_a_good_judge_gets_a_threshold() -> None:
    _, found = broken(SHARP, 1000, 40)
    assert found > 0.9


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("count", [100, 400, 2000])
@pytest.mark.parametrize("truth", [SHARP, WEAK, STEPS, JUST_UNDER, TURNING])
@pytest.mark.parametrize(("wanted", "confidence"), [(0.95, 0.95), (0.9, 0.8)])
def test_the_promise_is_kept_in_thousands_of_rounds(truth: Truth, count: int, wanted: float, confidence: float) -> None:
    bad, _ = broken(truth, count, SOAK, wanted, confidence)
    allowed = 1 - confidence
    assert bad <= allowed + 3 * (allowed * (1 - allowed) / SOAK) ** 0.5


def test_looking_everywhere_without_care_would_break_it() -> None:
    """What the sequence is for: the loosest set whose own bound reaches the wanted precision, wherever it lies, falls
    short far more often than promised. So these rounds can tell a broken promise from a kept one."""
    bad = 0
    for seed in range(QUICK):
        one = draw(JUST_UNDER, 400, seed)
        counts = np.cumsum(one.yes[np.argsort(-one.raw)])
        lows = [lower_bound(int(counts[n - 1]), n, 0.95) for n in range(59, 401, 9)]
        bad += max(lows) >= 0.95
    assert bad / QUICK > 0.15
