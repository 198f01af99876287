"""Agreement: published values, another package, and a count by hand."""

from __future__ import annotations

import itertools
import math
import time

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem.labels.agreement import ac1, alpha, by_round, of_counts, raw
from tests.labels.events import ANNA, BERT, CARL, said
from tests.labels.samples import hash_of

# 100 pregnancies in three groups by two abstractors: Gwet's own data set cont3x3abstractors, with the values that his
# R package irrCAC prints for it.
ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]


def abstractors() -> np.ndarray:
    cells = [(row, column, often) for row, line in enumerate(ABSTRACTORS) for column, often in enumerate(line)]
    unit = np.eye(3, dtype=int)
    return np.array([unit[row] + unit[column] for row, column, often in cells for _ in range(often)])


def test_the_published_values() -> None:
    told = of_counts(0, abstractors())
    assert told.raw.value == pytest.approx(0.89)
    assert told.ac1.value == pytest.approx(0.8493305, abs=1e-7)
    assert told.alpha.value == pytest.approx(0.7972585, abs=1e-7)
    assert (told.items, told.answers) == (100, 200)


COUNTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)


@given(COUNTS)
def test_alpha_is_what_another_package_says(counts: list[tuple[int, int]]) -> None:
    table = np.array([one for one in counts if sum(one)] or [(1, 0)])
    ours = float(alpha(table, np.ones(len(table))))
    several = table[table.sum(axis=1) > 1]
    if not len(several) or (several.sum(axis=0) == 0).any():
        assert math.isnan(ours)
    else:
        assert ours == pytest.approx(krippendorff.alpha(value_counts=several, level_of_measurement="nominal"), abs=1e-9)


@given(COUNTS)
def test_raw_and_ac1_are_what_a_count_of_pairs_says(counts: list[tuple[int, int]]) -> None:
    table = [one for one in counts if sum(one)] or [(1, 0)]
    alike = []
    for yes, no in table:
        pairs = list(itertools.combinations(["yes"] * yes + ["no"] * no, 2))
        if pairs:
            alike.append(sum(one == other for one, other in pairs) / len(pairs))
    often = np.ones(len(table))
    if not alike:
        assert math.isnan(raw(np.array(table), often)) and math.isnan(ac1(np.array(table), often))
        return
    agreed = sum(alike) / len(alike)
    commonly = sum(yes / (yes + no) for yes, no in table) / len(table)
    chance = 2 * commonly * (1 - commonly)
    assert float(raw(np.array(table), often)) == pytest.approx(agreed)
    assert float(ac1(np.array(table), often)) == pytest.approx((agreed - chance) / (1 - chance))


def test_the_interval_is_that_of_drawing_items() -> None:
    """The trick with patterns against the plain bootstrap, item by item."""
    table = abstractors()
    told, chance = of_counts(0, table, seed=3), np.random.default_rng(5)
    plain = []
    for _ in range(2000):
        drawn = table[chance.integers(len(table), size=len(table))]
        plain.append(float(ac1(drawn, np.ones(len(drawn)))))
    low, high = np.quantile(plain, [0.025, 0.975])
    assert told.ac1.low == pytest.approx(low, abs=0.012) and told.ac1.high == pytest.approx(high, abs=0.012)


def test_the_same_seed_gives_the_same_interval() -> None:
    assert of_counts(0, abstractors(), seed=1) == of_counts(0, abstractors(), seed=1)
    assert of_counts(0, abstractors(), seed=1) != of_counts(0, abstractors(), seed=2)


def test_rounds_are_apart_and_only_yes_and_no_count() -> None:
    answers = [said(ANNA, "x", "yes"), said(BERT, "x", "yes"), said(CARL, "x", "mask_wrong")]
    answers += [said(ANNA, "y", "yes"), said(BERT, "y", "no"), said(CARL, "y", "skip"), said(ANNA, "z", "no")]
    rounds = {hash_of("x"): 1, hash_of("y"): 2, hash_of("z"): 2}
    one, two = by_round(answers, rounds)
    assert (one.round, one.items, one.answers, one.raw.value) == (1, 1, 2, 1.0)
    assert (two.round, two.items, two.answers, two.raw.value) == (2, 1, 2, 0.0)


def test_more_answers_to_the_disputed_do_not_make_it_worse() -> None:
    people = [f"{number:032x}" for number in range(7)]
    verdicts = ["yes", "yes", "no", "no", "no", "yes", "no"]
    many = [said(who, "x", verdict) for who, verdict in zip(people, verdicts, strict=True)]
    assert by_round(many, {hash_of("x"): 0}) == by_round(many[:3], {hash_of("x"): 0})


def test_without_two_answers_nothing_is_told() -> None:
    (told,) = by_round([said(ANNA, "x", "yes")], {hash_of("x"): 0})
    assert told.items == 0 and told.raw.value is None and told.alpha.value is None and told.ac1.value is None
    assert by_round([], {}) == []


def test_all_alike_has_no_alpha_but_full_agreement() -> None:
    told = of_counts(0, np.array([[3, 0]] * 20))
    assert told.raw.value == 1.0 and told.ac1.value == 1.0 and told.alpha.value is None


def test_two_hundred_thousand_items_take_seconds() -> None:
    table = np.random.default_rng(0).multinomial(3, [0.6, 0.4], size=200_000)
    start = time.perf_counter()
    of_counts(0, table)
    assert time.perf_counter() - start < 10
