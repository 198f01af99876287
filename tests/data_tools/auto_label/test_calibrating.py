"""Calibrations: which threshold with what promise, when none is found, when the published one stands in."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_tools.auto_label.calibrating import calibrate
from data_tools.auto_label.calibration import (
    PROBABILITY,
    RAW,
    Calibration,
    from_record,
    read_calibration,
    to_record,
)
from data_tools.auto_label.scorers import DISCRIMINATOR, SEAM
from data_tools.auto_label.settings import ISOTONIC, PLATT, Settings
from rorem.errors import BadData, BadOptions
from rorem.judge import PUBLISHED_THRESHOLD
from tests.data_tools.auto_label.rounds import (
    JUST_UNDER,
    SHARP,
    STEPS,
    TURNING,
    WEAK,
    Round,
    Truth,
    draw,
    known,
    precision_above,
)

PLAIN = Settings()


def made(some: Round, settings: Settings = PLAIN, judge: str = DISCRIMINATOR) -> Calibration:
    return calibrate(known(some), settings, judge, "local 1").calibration


@pytest.mark.parametrize("kind", [PLATT, ISOTONIC])
def test_the_threshold_accepts_just_what_was_tested(kind: str) -> None:
    one = draw(STEPS, 1500, 0)
    found = made(one, Settings(kind=kind))
    assert found.on == PROBABILITY and found.kind == kind and not found.fallback
    assert found.threshold and found.cutoff and found.lower_bound and found.precision
    accepted = found.accepts(one.raw)
    assert (accepted == (one.raw >= found.cutoff)).all() and accepted.sum() == found.above
    assert found.precision == one.yes[accepted].mean() and found.lower_bound >= 0.95
    elsewhere = np.random.default_rng(5).normal(0.55, 0.3, 3000)
    assert (found.accepts(elsewhere) == (elsewhere >= found.cutoff)).all()
    assert f"{found.above} answered removals" in found.reason


def test_a_score_of_the_judge_says_the_same() -> None:
    one = draw(SHARP, 600, 0)
    found = made(one)
    assert found.threshold
    for raw in one.raw[:50]:
        score = found.score(float(raw))
        assert score.calibration == found.id and score.probability is not None
        assert score.accepts(found.threshold) == bool(found.accepts(np.array([raw]))[0])
        assert found.id in score.rule(found.threshold) and found.id in found.rule


@pytest.mark.parametrize("judge", [DISCRIMINATOR, SEAM])
def test_too_few_answers_leave_the_published_threshold(judge: str) -> None:
    for count in (0, 1, 58):
        one = draw(SHARP, count, 1)
        found = made(one, judge=judge)
        assert (found.fallback, found.on, found.threshold, found.kind) == (True, RAW, PUBLISHED_THRESHOLD, "none")
        assert found.probability(one.raw) is None and found.score(0.95).accepts()
        assert (found.accepts(one.raw) == (one.raw >= 0.9)).all()
        assert "59" in found.reason and "nothing is promised" in found.reason
        assert ("not for this judge" in found.reason) == (judge == SEAM)
        assert found.above == (one.raw >= 0.9).sum()
    assert found.lower_bound is not None and found.lower_bound < 0.95


def test_nearly_all_yes_needs_no_curve() -> None:
    one = draw(SHARP, 1000, 0)
    yes = np.ones(1000, bool)
    yes[:5] = False
    found = made(Round(one.raw, yes))
    assert not found.fallback and found.on == RAW and found.curve is None and found.probability(one.raw) is None
    assert found.accepts(one.raw).all() and found.above == 1000 and (found.lower_bound or 0) > 0.98
    assert "995 of 1000" in found.reason and "There is no curve" in found.reason and found.id in found.rule
    assert from_record(to_record(found)) == found


def test_nearly_all_no_accepts_nothing() -> None:
    """The published threshold is for too few answers, not for bad removals."""
    one = draw(SHARP, 500, 0)
    yes = np.zeros(500, bool)
    yes[:3] = True
    found = made(Round(one.raw, yes))
    assert not found.fallback and found.threshold is None and not found.accepts(one.raw).any()
    assert "nothing is accepted" in found.reason and "There is no curve" in found.reason


def test_enough_answers_and_no_threshold_accept_nothing() -> None:
    one = draw(WEAK, 600, 3)
    found = made(Round(one.raw, one.yes & (np.arange(600) % 5 > 0)))  # at most 80 %
    assert not found.fallback and found.threshold is None and found.curve
    assert not found.accepts(one.raw).any() and "nothing is" in found.reason and found.rule == "nothing is accepted"


def test_a_judge_that_prefers_bad_ones_accepts_nothing() -> None:
    one = draw(SHARP, 600, 0)
    found = made(Round(-one.raw, one.yes))
    assert (
        found.threshold is None and found.curve is None and not found.fallback and "do not score higher" in found.reason
    )


def test_a_judge_that_knows_nothing_may_accept_where_nearly_all_is_good() -> None:
    one = draw(SHARP, 2000, 0)
    yes = np.random.default_rng(0).random(2000) < 0.985
    found = [made(Round(sign * one.raw, yes)) for sign in (1, -1)]  # one of the two curves falls
    assert {each.on for each in found} == {RAW, PROBABILITY} and {each.above for each in found} == {2000}


def test_the_order_does_not_matter_and_the_content_does() -> None:
    every = known(draw(SHARP, 400, 0))
    first = calibrate(every, PLAIN, SEAM, "1")
    mixed = list(every)
    random.Random(0).shuffle(mixed)
    second = calibrate(mixed, PLAIN, SEAM, "1")
    assert first.calibration == second.calibration and first.losses == second.losses
    turned = [replace(every[0], yes=not every[0].yes), *every[1:]]
    others = [
        calibrate(turned, PLAIN, SEAM, "1"),
        calibrate(every[1:], PLAIN, SEAM, "1"),
        calibrate(every, replace(PLAIN, wanted=0.9), SEAM, "1"),
        calibrate(every, PLAIN, SEAM, "2"),
        calibrate(every, PLAIN, DISCRIMINATOR, "1"),
    ]
    assert len({one.calibration.id for one in (first, *others)}) == 6


def test_a_file_gives_the_same_calibration_back(tmp_path: Path) -> None:
    for one in (
        made(draw(STEPS, 1500, 0), Settings(kind=ISOTONIC)),
        made(draw(SHARP, 300, 0)),
        made(draw(SHARP, 5, 0)),
        made(Round(np.linspace(0, 1, 100), np.ones(100, bool))),
    ):
        path = tmp_path / "calibration.json"
        path.write_text(json.dumps(to_record(one), allow_nan=False), "utf-8")
        again = read_calibration(path)
        assert again == one
        raw = np.linspace(-1, 2, 100)
        assert (again.accepts(raw) == one.accepts(raw)).all()


@pytest.mark.parametrize(
    "change",
    [
        {"curve": {"kind": "magic", "slope": 1, "intercept": 0, "x": [], "y": []}},
        {"curve": {"kind": ISOTONIC, "slope": 1, "intercept": 0, "x": [2, 1], "y": [0, 1]}},
        {"curve": {"kind": PLATT, "slope": float("nan"), "intercept": 0, "x": [], "y": []}},
        {"curve": None},
        {"on": "luck"},
        {"threshold": "high"},
        {"id": ""},
    ],
)
def test_what_is_no_calibration_is_refused(change: dict[str, object]) -> None:
    told = to_record(made(draw(SHARP, 300, 0)))
    with pytest.raises(BadData, match="no calibration"):
        from_record({**told, **change})
    with pytest.raises(BadData, match="no calibration"):
        from_record({})


@pytest.mark.parametrize(
    "wrong", [{"wanted": 1.0}, {"confidence": 0.2}, {"kind": "x"}, {"use": "x"}, {"verdicts": ""}, {"bins": 1}]
)
def test_settings_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(BadOptions):
        Settings(**wrong)


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("truth", [SHARP, STEPS, JUST_UNDER, TURNING])
@pytest.mark.parametrize("kind", [PLATT, ISOTONIC])
def test_the_promise_is_kept_by_whole_calibrations(truth: Truth, kind: str) -> None:
    """As `test_bound` has it for the sequence alone: with the curve, its threshold, and its equal probabilities."""
    rounds, bad = 400, 0
    for seed in range(rounds):
        every = known(draw(truth, 500, 10_000 + seed))
        found = calibrate(every, Settings(kind=kind), DISCRIMINATOR, "1", checked=False).calibration
        if found.cutoff is not None and not found.fallback:
            bad += precision_above(truth, found.cutoff) < 0.95
    assert bad / rounds <= 0.05 + 3 * (0.05 * 0.95 / rounds) ** 0.5
