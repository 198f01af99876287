"""Verdicts by majority and by Dawid and Skene."""

from __future__ import annotations

import random
import sys

import pytest

from rorem.errors import Unavailable
from rorem.labels.aggregation import aggregate, posterior
from tests.labels.events import ANNA, BERT, CARL, said
from tests.labels.samples import hash_of


def test_counts_and_majority() -> None:
    answers = [said(ANNA, "x", "yes"), said(BERT, "x", "yes"), said(CARL, "x", "no")]
    answers += [said(ANNA, "y", "yes"), said(BERT, "y", "no"), said(ANNA, "m", "mask_wrong"), said(ANNA, "s", "skip")]
    told = aggregate(answers)
    x, y, m = (told[hash_of(name)] for name in "xym")
    assert (x.yes, x.no, x.majority) == (2, 1, "yes") and (x.p_yes or 0) > 0.5
    assert y.majority == "" and (m.mask_wrong, m.majority, m.p_yes) == (1, "", None)
    assert hash_of("s") not in told


@pytest.mark.parametrize(("verdict", "likely"), [("yes", 1.0), ("no", 0.0)])
def test_one_kind_of_answer(verdict: str, likely: float) -> None:
    assert posterior([said(ANNA, "x", verdict), said(BERT, "y", verdict)]) == {
        hash_of("x"): pytest.approx(likely),
        hash_of("y"): pytest.approx(likely),
    }


def test_nothing_gives_nothing() -> None:
    assert aggregate([]) == {} and posterior([said(ANNA, "x", "skip")]) == {}


def test_it_learns_whom_to_trust() -> None:
    """Two who guess outvote one who knows; the model finds out, the majority does not."""
    chance, truth, answers = random.Random(0), {}, []
    for number in range(400):
        good = truth[f"i{number}"] = chance.random() < 0.5
        for who, skill in ((ANNA, 0.97), (BERT, 0.55), (CARL, 0.55), ("d" * 32, 0.9)):
            right = chance.random() < skill
            answers.append(said(who, f"i{number}", "yes" if good == right else "no"))
    told = aggregate(answers)
    by_model = sum(((told[hash_of(name)].p_yes or 0) > 0.5) == good for name, good in truth.items())
    by_majority = sum((told[hash_of(name)].majority == "yes") == good for name, good in truth.items())
    assert by_model > by_majority and by_model > 0.93 * len(truth)


def test_without_the_package_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation", None)
    with pytest.raises(Unavailable, match="crowd-kit"):
        aggregate([said(ANNA, "x", "yes")])
