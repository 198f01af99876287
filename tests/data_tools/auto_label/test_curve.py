"""Curves against scikit-learn, that they rise strictly, and that no removal is judged by a curve that has seen it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss as sklearns_loss

from data_tools.auto_label import curve
from data_tools.auto_label.curve import MIXED_IN, Curve, choose, crossed, fit, log_loss
from data_tools.auto_label.settings import AUTO, ISOTONIC, PLATT
from rorem.errors import Unavailable
from tests.data_tools.auto_label.rounds import SHARP, STEPS, WEAK, Truth, draw

ROUNDS = [(SHARP, 0), (WEAK, 1), (STEPS, 2)]


@pytest.mark.parametrize(("truth", "seed"), ROUNDS)
def test_platt_is_that_of_scikit_learn(truth: Truth, seed: int) -> None:
    one = draw(truth, 500, seed)
    own, theirs = fit(PLATT, one.raw, one.yes.astype(float)), _SigmoidCalibration().fit(one.raw, one.yes)
    assert own.probability(one.raw) == pytest.approx(theirs.predict(one.raw), abs=2e-4)


@pytest.mark.parametrize(("truth", "seed"), ROUNDS)
def test_isotonic_is_that_of_scikit_learn_with_a_little_of_platt(truth: Truth, seed: int) -> None:
    one = draw(truth, 500, seed)
    own = fit(ISOTONIC, one.raw, one.yes.astype(float))
    steps = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(one.raw, one.yes)
    where = np.linspace(-1, 2, 200)
    smooth = fit(PLATT, one.raw, one.yes.astype(float)).probability(where)
    assert own.probability(where) == pytest.approx((1 - MIXED_IN) * steps.predict(where) + MIXED_IN * smooth)


@pytest.mark.parametrize("kind", [PLATT, ISOTONIC])
def test_soft_answers_are_answers_by_their_shares(kind: str) -> None:
    raw = np.linspace(0, 1, 400)
    twice = np.concatenate([raw, raw])
    sure = np.concatenate([np.ones(400), (raw > 0.5).astype(float)])
    soft = (sure[:400] + sure[400:]) / 2
    assert fit(kind, raw, soft).probability(raw) == pytest.approx(fit(kind, twice, sure).probability(raw), abs=0.02)


@settings(max_examples=25)
@given(
    st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=20, max_size=60, unique=True),
    st.sampled_from((PLATT, ISOTONIC)),
    st.integers(0, 100),
)
def test_a_curve_is_a_probability_and_rises(values: list[float], kind: str, seed: int) -> None:
    raw = np.sort(np.array(values))
    likely = (np.random.default_rng(seed).random(len(raw)) < np.linspace(0, 1, len(raw))).astype(float)
    found = fit(kind, raw, likely).probability(raw)
    assert ((found >= 0) & (found <= 1)).all()
    if fit(kind, raw, likely).slope > 0:
        assert (np.diff(found) >= 0).all()


def test_where_isotonic_is_level_a_curve_still_rises() -> None:
    one = draw(STEPS, 2000, 3)
    raw = np.sort(one.raw)
    found = fit(ISOTONIC, one.raw, one.yes.astype(float))
    assert (np.diff(np.interp(raw, found.x, found.y)) == 0).mean() > 0.5
    assert (np.diff(found.probability(raw)) > 0).all()


def test_a_curve_goes_far_out_without_complaint() -> None:
    with np.errstate(all="raise"):
        assert Curve(PLATT, 50.0, 1.0).probability(np.array([-1e9, 0.0, 1e9])) == pytest.approx([0, 0.731, 1], abs=1e-3)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=50))
def test_the_loss_is_that_of_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    predicted, yes = (np.array(column, float) for column in zip(*rows, strict=True))
    sure = np.clip(predicted, 1e-12, 1 - 1e-12)
    assert log_loss(predicted, yes) == pytest.approx(sklearns_loss(yes, sure, labels=[0.0, 1.0]), rel=1e-6, abs=1e-9)


def test_no_removal_is_judged_by_a_curve_that_saw_its_photo() -> None:
    """Answers by a coin, the same for all removals of a photo: whoever sees the photo predicts them, nobody else."""
    random = np.random.default_rng(0)
    photos = np.repeat(np.arange(300), 3)
    raw = random.random(300)[photos] + 1e-6 * random.random(900)
    yes = (random.random(300) < 0.5)[photos].astype(float)
    honest = crossed(ISOTONIC, raw, yes, [f"photo {one}" for one in photos], 0)
    peeking = crossed(ISOTONIC, raw, yes, [f"removal {one}" for one in range(900)], 0)
    assert log_loss(honest, yes) > log_loss(peeking, yes)
    order = random.permutation(900)
    mixed = crossed(ISOTONIC, raw[order], yes[order], [f"photo {photos[one]}" for one in order], 0)
    assert mixed == pytest.approx(honest[order], abs=1e-6)


def test_isotonic_is_for_many_answers() -> None:
    few, many = draw(STEPS, 600, 0), draw(STEPS, 3000, 0)
    names = [str(one) for one in range(3000)]
    kind, _, losses = choose(AUTO, few.raw, few.yes.astype(float), names[:600], 0)
    assert kind == PLATT and set(losses) == {PLATT}
    kind, predicted, losses = choose(AUTO, many.raw, many.yes.astype(float), names, 0)
    assert kind == ISOTONIC and losses[ISOTONIC] < losses[PLATT]
    assert log_loss(predicted, many.yes.astype(float)) == losses[ISOTONIC]
    smooth = draw(SHARP, 3000, 0)
    assert choose(AUTO, smooth.raw, smooth.yes.astype(float), names, 0)[0] == PLATT
    assert choose(ISOTONIC, few.raw, few.yes.astype(float), names[:600], 0)[0] == ISOTONIC


def test_without_scikit_learn_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.isotonic", None)
    with pytest.raises(Unavailable, match="scikit-learn"):
        curve.fit(PLATT, np.arange(4.0), np.ones(4))
