"""Which record a draw takes."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.order import InRuns, Order, Shuffled, Unshuffled


def epoch(order: Order, number: int) -> list[int]:
    return [order.at(number * len(order) + place) for place in range(len(order))]


@given(st.integers(1, 60), st.integers(0, 3), st.integers(1, 9), st.integers(1, 4))
def test_each_record_comes_once_an_epoch(count: int, seed: int, block: int, mixed: int) -> None:
    order = Shuffled(range(100, 100 + count), seed, block, mixed)
    for number in (0, 1, 7):
        assert sorted(epoch(order, number)) == list(range(100, 100 + count))


def test_an_order_is_another_for_another_epoch_and_seed() -> None:
    told = [epoch(Shuffled(range(50), seed), number) for seed in (0, 1) for number in (0, 1)]
    assert len({tuple(one) for one in told}) == 4


def test_a_draw_does_not_depend_on_those_before_it() -> None:
    read = Shuffled(range(50), 3)
    before = [read.at(draw) for draw in range(400)]
    again = pickle.loads(pickle.dumps(Shuffled(range(50), 3)))
    assert [again.at(draw) for draw in reversed(range(400))] == before[::-1]


def test_the_order_is_the_same_as_ever() -> None:
    """A run that goes on under a newer version finds its place."""
    assert epoch(Shuffled(range(8), 0), 0) == [0, 7, 6, 3, 2, 4, 1, 5]
    assert epoch(InRuns([range(4), range(4, 8)], 2, 0), 0) == [3, 0, 6, 7, 4, 5, 2, 1]


def test_blocks_stay_together_and_are_mixed() -> None:
    order = Shuffled(range(4096), 0, block=64, mixed=4)
    told = np.array(epoch(order, 0))
    for part in told.reshape(-1, 256):  # four blocks of 64, from all over the set
        assert len(set(part // 64)) == 4
    assert np.abs(np.diff(told)).mean() > 200  # neighbours in the set are not neighbours in the order


@settings(max_examples=40)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(1, 9), st.integers(0, 2))
def test_runs_take_from_one_group_and_are_fair(sizes: list[int], run: int, seed: int) -> None:
    starts = np.cumsum([0, *sizes])
    groups = [range(starts[number], starts[number + 1]) for number in range(len(sizes))]
    order = InRuns(groups, run, seed)
    assert len(order) == sum(sizes)
    draws = order._before(12) * run  # twelve epochs
    told = [order.at(draw) for draw in range(draws)]
    for first in range(0, draws, run):
        group = groups[order.group(first)]
        assert all(record in group for record in told[first : first + run])
    counts = Counter(told)
    for group in groups:
        within = [counts[record] for record in group]
        assert max(within) - min(within) <= 1  # each record of a group as often as the next one
        assert abs(sum(within) - 12 * len(group)) < run  # what is carried over
    again = InRuns(groups, run, seed)
    assert [again.at(draw) for draw in reversed(range(draws))] == told[::-1]


def test_runs_are_shuffled() -> None:
    order = InRuns([range(64), range(64, 128)], 4, 0)
    of_runs = [order.group(draw) for draw in range(0, 128, 4)]
    assert sorted(of_runs) != of_runs and 8 < sum(of_runs) < 24
    assert set(order.alike(0)) == set((range(64), range(64, 128))[order.group(0)])


def test_unshuffled() -> None:
    assert [Unshuffled([4, 5, 6]).at(draw) for draw in range(5)] == [4, 5, 6, 4, 5]
