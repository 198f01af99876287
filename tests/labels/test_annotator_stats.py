"""What is told of each annotator."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from rorem.labels.annotator_stats import TOO_FAST, annotators, wilson
from rorem.labels.current import current
from tests.labels.events import ANNA, BERT, said
from tests.labels.samples import hash_of


def test_each_number() -> None:
    events = [
        said(ANNA, "a", "yes", seconds=1.0),
        said(ANNA, "b", "no", seconds=3.0),
        said(ANNA, "c", "skip", seconds=0.1),
        said(ANNA, "a", "no", seconds=5.0),
        said(ANNA, "b", "no", seconds=5.0),
        said(ANNA, "g", "yes", seconds=9.0, source="gold"),
        said(ANNA, "h", "yes", seconds=9.0, source="gold"),
        said(ANNA, "i", "skip", seconds=9.0, source="gold"),
        said(BERT, "a", "mask_wrong", seconds=TOO_FAST),
        said(BERT, "p", "yes", source="public"),
    ]
    anna, bert = annotators(current(events), {hash_of("g"): "yes", hash_of("h"): "no", hash_of("i"): "no"})
    assert (anna.id, anna.answers, anna.pace) == (ANNA, 8, 5.0)
    assert (anna.yes.part, anna.yes.whole) == (1, 2)
    assert (anna.gold.part, anna.gold.whole, anna.gold.value) == (1, 2, 0.5)
    assert (anna.self_agreement.part, anna.self_agreement.whole) == (1, 2)
    assert (anna.too_fast.part, anna.too_fast.whole) == (1, 8)
    assert (bert.answers, bert.yes.value, bert.gold.interval, bert.too_fast.part) == (1, None, None, 0)


@given(st.integers(1, 500).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))))
def test_the_interval_is_what_scipy_says(case: tuple[int, int]) -> None:
    told = binomtest(*case).proportion_ci(method="wilson")
    assert wilson(*case) == (pytest.approx(told.low, abs=1e-9), pytest.approx(told.high, abs=1e-9))


def test_nobody() -> None:
    assert annotators(current([]), {}) == []
