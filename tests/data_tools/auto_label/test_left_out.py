"""A judge that favours a family is found out by leaving that one out."""

from __future__ import annotations

import numpy as np

from data_tools.auto_label.calibrating import calibrate
from data_tools.auto_label.left_out import KEPT, LEAST, NOT_KEPT, OPEN, by_group
from data_tools.auto_label.settings import Settings
from data_tools.auto_label.verdicts import Known
from tests.data_tools.auto_label.rounds import SHARP, Round, draw, known

PLAIN = Settings()


def favoured(count: int) -> list[Known]:
    """Three methods; people say no to half of what scores well of `own`."""
    one = draw(SHARP, count, 0)
    methods = ["own" if number % 3 == 0 else f"other {number % 3}" for number in range(count)]
    own = np.array(methods) == "own"
    yes = one.yes & ~(own & (np.random.default_rng(1).random(count) < 0.5))
    return known(Round(one.raw, yes), method=methods)


def method(one: Known) -> str:
    return one.scored.method


def test_the_favoured_method_stands_out() -> None:
    every = favoured(1500)
    found = {one.group: one for one in by_group(every, method, PLAIN, "file", "1")}
    assert list(found) == ["other 1", "other 2", "own"]
    own, other = found["own"], found["other 1"]
    assert own.favour and own.favour[1] > 0.1 and own.promise == NOT_KEPT and (own.high or 1) < 0.95
    # With it among those that the threshold comes from, the judge thinks too little of the others.
    assert other.favour and other.favour[2] < 0 and other.promise != NOT_KEPT
    assert own.error and other.error and own.error.low > other.error.high


def test_the_group_itself_has_no_say() -> None:
    """Whatever people say of it, it is predicted and accepted the same."""
    every = favoured(1200)
    turned = [Known(one.scored, not one.yes, 1 - one.likely, 3) if method(one) == "own" else one for one in every]
    first, second = (
        next(one for one in by_group(some, method, PLAIN, "file", "1") if one.group == "own")
        for some in (every, turned)
    )
    assert (first.predicted, first.accepted) == (second.predicted, second.accepted)
    assert first.yes + second.yes == first.answers and first.precision != second.precision
    others = [one for one in every if method(one) != "own"]
    by_hand = calibrate(others, PLAIN, "file", "1").calibration
    assert first.accepted == by_hand.accepts(np.array([one.scored.raw for one in every if method(one) == "own"])).sum()


def test_a_fair_judge_keeps_its_promise() -> None:
    every = known(draw(lambda raw: np.where(raw > 0.6, 0.99, 0.0), 2000, 2), method=["a", "b"] * 1000)
    assert [one.promise for one in by_group(every, method, Settings(wanted=0.9), "file", "1")] == [KEPT, KEPT]
    close = known(draw(SHARP, 1000, 2), method=["a", "b"] * 500)
    assert {one.promise for one in by_group(close, method, PLAIN, "file", "1")} <= {KEPT, OPEN}


def test_small_groups_and_unnamed_ones_are_left_aside() -> None:
    names = ["few"] * (LEAST - 1) + [""] * 100 + ["a"] * 200 + ["b"] * 200
    every = known(draw(SHARP, len(names), 0), category=names)
    found = list(by_group(every, lambda one: one.scored.category, PLAIN, "file", "1"))
    assert [one.group for one in found] == ["a", "b"]
    alone = known(draw(SHARP, 200, 0))
    assert list(by_group(alone, method, PLAIN, "file", "1")) == []


def test_without_the_group_there_may_be_nothing_left() -> None:
    every = known(draw(SHARP, 240, 0), method=["large"] * 200 + ["small"] * 40)
    large, small = by_group(every, method, PLAIN, "file", "1")
    assert "59" in large.why and large.predicted is None and large.accepted is None
    assert small.predicted is not None
