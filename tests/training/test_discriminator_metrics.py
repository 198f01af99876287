"""AUC, calibration error and precision: against other packages, closed forms, and in simulated rounds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from data_tools.auto_label.reliability import expected_error
from rorem.metrics.intervals import wilson
from training import discriminator_metrics as of
from training.discriminator_report import ALL, Seen, metrics, read_rows, rows, table, write_report


def apart(count: int) -> np.ndarray:
    """Each removal of a photo of its own."""
    return np.arange(count)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_the_area_is_scikit_learns(told: list[tuple[int, bool]]) -> None:
    predicted, yes = np.array([one for one, _ in told]) / 6, np.array([one for _, one in told])
    found = of.area(predicted, yes, apart(len(told)))
    if yes.all() or not yes.any():
        assert found is None
        return
    assert found is not None and found.value == pytest.approx(roc_auc_score(yes, predicted))
    assert 0 <= found.low <= found.value <= found.high <= 1 and found.low < found.high


def test_an_area_without_any_mistake_is_not_certain() -> None:
    yes = np.repeat([True, False], 10)
    found = of.area(yes.astype(float), yes, apart(20))
    assert found is not None and found.value == found.high == 1 and 0.7 < found.low < 0.95


@pytest.mark.parametrize(("good", "bad", "shift"), [(30, 30, 1.0), (15, 60, 2.0), (100, 20, 0.0)])
def test_the_areas_interval_holds_the_true_one(good: int, bad: int, shift: float) -> None:
    """Of two normal distributions: the true area is that of their difference above 0."""
    from statistics import NormalDist

    true, random, held = NormalDist(0, 2**0.5).cdf(shift), np.random.default_rng(1), 0
    yes = np.repeat([True, False], [good, bad])
    for _ in range(400):
        found = of.area(random.normal(size=good + bad) + shift * yes, yes, apart(good + bad))
        assert found is not None
        held += found.low <= true <= found.high
    assert 0.92 <= held / 400 <= 0.99


def test_removals_of_one_photo_say_less_than_as_many_of_several() -> None:
    assert of.effective(apart(12)) == 12 and of.effective(np.repeat([1, 2, 3], 4)) == 3
    assert of.effective(np.array([1, 1, 2])) == pytest.approx(9 / 5) and of.effective(np.array([])) == 0
    yes = np.tile([True, False], 20)
    predicted = np.linspace(0, 1, 40)
    alone, together = (of.area(predicted, yes, photo) for photo in (apart(40), np.repeat(np.arange(10), 4)))
    assert alone is not None and together is not None and alone.value == together.value
    assert together.high - together.low > 1.3 * (alone.high - alone.low)


def test_photos_whose_removals_are_all_alike_are_held_too() -> None:
    """Five copies of each of 40 photos: an interval of 200 removals would hold the true share far too seldom."""
    random, held, naive = np.random.default_rng(2), 0, 0
    photo = np.repeat(np.arange(40), 5)
    for _ in range(400):
        yes = np.repeat(random.random(40) < 0.8, 5)
        found = of.precision(np.ones(200, bool), yes, photo)
        assert found is not None
        held += found.low <= 0.8 <= found.high
        low, high = wilson(int(yes.sum()), 200)
        naive += low <= 0.8 <= high
    assert held / 400 >= 0.92 and naive / 400 < 0.75


def test_precision_is_of_what_is_accepted() -> None:
    yes, accepted = np.array([True, True, False, True]), np.array([True, False, True, True])
    found = of.precision(accepted, yes, apart(4))
    assert found is not None and found.value == pytest.approx(2 / 3) and (found.low, found.high) == wilson(2, 3)
    assert of.precision(np.zeros(4, bool), yes, apart(4)) is None


@pytest.mark.parametrize("count", [25, 400])
def test_the_calibration_error_is_that_of_the_auto_labeller(count: int) -> None:
    random = np.random.default_rng(count)
    predicted = random.random(count)
    yes = random.random(count) < predicted**2
    photo = random.integers(0, count // 2, count)
    many = min(of.BINS, count // of.A_BIN)
    wanted = expected_error(predicted, yes, [str(one) for one in photo], many)
    found = of.calibration_error(predicted, yes.astype(float), photo)
    assert found is not None and found.value == pytest.approx(wanted.value)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=0.02)


def test_a_score_that_means_what_it_says_has_an_interval_from_zero() -> None:
    random = np.random.default_rng(3)
    predicted = random.random(600)
    right = of.calibration_error(predicted, (random.random(600) < predicted).astype(float), apart(600))
    wrong = of.calibration_error(predicted, np.ones(600), apart(600))
    assert right is not None and right.low == 0 and right.value < 0.08
    assert wrong is not None and wrong.low > 0.4 and wrong.value == pytest.approx(1 - predicted.mean())
    assert of.calibration_error(predicted[:9], np.ones(9), apart(9)) is None


def made() -> Seen:
    random = np.random.default_rng(4)
    likely, said = random.random(60), random.choice([0.0, 0.5, 2 / 3, 1.0], 60)
    return Seen(likely, said, np.array([str(n // 2) for n in range(60)]), np.array(["lama", "rorem", ""] * 20))


def test_a_report_has_all_and_each_method(tmp_path: Path) -> None:
    seen = made()
    found = rows(seen, 0.7)
    assert [(row.name, row.removals) for row in found] == [(ALL, 60), ("lama", 20), ("rorem", 20), ("unknown", 20)]
    assert found[0].photos == 30 and found[0].good == int((seen.said > 0.5).sum())  # a tie is a no
    assert found[0].accepted == pytest.approx((seen.likely >= 0.7).mean())
    lama = seen.of(seen.method == "lama")
    assert found[1].auc == of.area(lama.likely, lama.said > 0.5, lama.photo)
    told = metrics(found)
    assert {"auc", "auc_low", "ece_high", "precision", "accepted", "auc/lama", "precision/unknown"} <= told.keys()
    write_report(seen, found, 0.7, 12, tmp_path / "report.json")
    assert read_rows(tmp_path / "report.json") == (found, 0.7)
    record = json.loads((tmp_path / "report.json").read_text())
    assert record["step"] == 12 and sum(one["removals"] for one in record["reliability"]) == 60
    page = table(found, 0.7)
    assert "| lama | 20 |" in page and "precision from 0.7" in page and "ties count half" in page
    assert read_rows(tmp_path / "none.json") is None


def test_what_cannot_be_told_is_left_out() -> None:
    seen = made()
    good = Seen(seen.likely * 0, np.ones(60), seen.photo, seen.method)
    told = metrics(rows(good, 0.9))
    assert "auc" not in told and "precision" not in told and told["accepted"] == 0
    json.dumps(told, allow_nan=False)
