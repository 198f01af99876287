"""The leaderboard: known strengths come back, and odd votes do no harm."""

from __future__ import annotations

import math
import random
import sys

import pytest

from rorem.errors import Unavailable
from rorem.labels.items import add_items
from rorem.labels.leaderboard import Vote, board, describe, standings
from rorem.labels.plan import Plan
from rorem.labels.store import Store
from tests.labels.events import ANNA, BERT, voted
from tests.labels.samples import row


def votes(strengths: dict[str, float], count: int, seed: int = 0) -> list[Vote]:
    chance, found = random.Random(seed), []
    for number in range(count):
        left, right = chance.sample(sorted(strengths), 2)
        wins = chance.random() < 1 / (1 + 10 ** ((strengths[right] - strengths[left]) / 400))
        found.append(Vote(left, right, "left" if wins else "right", f"photo {number % (count // 2)}"))
    return found


def test_known_strengths_come_back() -> None:
    true = {"good": 1150.0, "fair": 1000.0, "poor": 850.0}
    told = standings(votes(true, 1500), {"good": 2.5})
    assert [one.method for one in told] == ["good", "fair", "poor"]
    for one in told:
        assert one.low < one.score < one.high and one.low < true[one.method] < one.high
        assert one.votes == one.wins + one.losses + one.ties
    assert told[0].seconds == 2.5 and told[1].seconds is None
    assert standings(votes(true, 1500), {}) == standings(votes(true, 1500), {})


def test_the_scores_are_the_likeliest_ones() -> None:
    """Independent: a search for the summit of the likelihood, with each method's tie against a middling one."""
    from scipy.optimize import minimize

    some = [
        *votes({"a": 1100.0, "b": 1000.0, "c": 950.0}, 60),
        Vote("a", "c", "tie", "p"),
        Vote("b", "c", "both_bad", "p"),
    ]

    def unlikely(points: list[float]) -> float:
        strength = dict(zip("abc", points, strict=True))
        total = sum(math.log1p(math.exp(x)) + math.log1p(math.exp(-x)) for x in points) / 2
        for one in some:
            gap = strength[one.left] - strength[one.right]
            share = {"left": 1.0, "right": 0.0}.get(one.verdict, 0.5)
            total += share * math.log1p(math.exp(-gap)) + (1 - share) * math.log1p(math.exp(gap))
        return total

    best = minimize(unlikely, [0.0, 0.0, 0.0]).x
    told = {one.method: one.score for one in standings(some, {})}
    for name, value in zip("abc", best, strict=True):
        assert told[name] == pytest.approx(1000 + 400 * value / math.log(10), abs=0.5)


def test_one_that_never_won_has_a_finite_score() -> None:
    best, worst = standings([Vote("a", "b", "left", f"p{number}") for number in range(10)], {})
    assert (best.method, best.wins, worst.losses, worst.wins) == ("a", 10, 10, 0)
    assert all(map(math.isfinite, (best.score, best.low, best.high, worst.score, worst.low, worst.high)))
    assert best.score > 1000 > worst.score


def test_ties_and_both_bad_are_half_a_win_each() -> None:
    one, two = standings([Vote("a", "b", "tie", "p"), Vote("b", "a", "both_bad", "q")], {})
    assert one.score == pytest.approx(1000) and two.score == pytest.approx(1000)
    assert (one.ties, one.both_bad, one.votes) == (2, 1, 2)


def test_methods_that_were_never_compared_are_told_apart() -> None:
    told = standings([Vote("a", "b", "left", "p"), Vote("c", "d", "tie", "q")], {})
    groups = {one.method: one.group for one in told}
    assert groups["a"] == groups["b"] != groups["c"] == groups["d"]
    assert len(describe(told)) == 1 and describe(told[:1]) == [] and describe([]) == []


def test_a_method_against_itself_says_nothing() -> None:
    assert standings([Vote("a", "a", "left", "p")], {}) == [] and standings([], {}) == []


def test_of_a_store(store: Store) -> None:
    rows = [
        row(number, Plan(), state="private", method=method, removal_seconds=seconds)
        for number, (method, seconds) in enumerate([("a", 1.0), ("b", 5.0), ("a", 3.0), ("b", None)])
    ]
    ids = [one["id"] for one in rows]
    store.write(lambda connection: add_items(connection, rows))
    for vote in (voted(ids[0], ids[1], "left"), voted(ids[3], ids[2], "right", BERT), voted(ids[0], "f" * 64, "left")):
        store.add(vote)
    best, worst = board(store)
    assert (best.method, best.wins, best.votes, best.seconds) == ("a", 2, 2, 2.0)
    assert (worst.method, worst.wins, worst.losses, worst.seconds) == ("b", 0, 2, 5.0)


def test_a_changed_vote_counts_once(store: Store) -> None:
    rows = [row(number, Plan(), state="private", method=method) for number, method in enumerate("ab")]
    store.write(lambda connection: add_items(connection, rows))
    first = voted(rows[0]["id"], rows[1]["id"], "left")
    store.add(first)
    from dataclasses import replace

    store.add(replace(voted(rows[0]["id"], rows[1]["id"], "right"), handout="", supersedes=first.event, annotator=ANNA))
    best, _ = board(store)
    assert (best.method, best.votes) == ("b", 1)


def test_without_votes_nothing_is_needed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evalica", None)
    assert board(store) == []


def test_without_the_package_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evalica", None)
    with pytest.raises(Unavailable, match="evalica"):
        standings([Vote("a", "b", "left", "p")], {})
