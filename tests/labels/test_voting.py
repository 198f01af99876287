"""Votes, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from rorem.errors import BadData
from rorem.labels.event import Event
from rorem.labels.store import Store
from rorem.labels.voting import pair_id, vote
from tests.labels.test_public import ANNA, BERT, everything, row

A, B, C = row(0, "patchmatch"), row(1, "lama"), row(2, "migan")
PAIR = pair_id("comparison", 0, 1)


def say(store: Store, verdict: str, left: dict[str, Any] = A, right: dict[str, Any] = B, **changes: Any) -> Event:
    told = {"annotator": ANNA, "handout": PAIR, "order_seed": 77, "seconds": 3.0, "now": 9000, **changes}
    return vote(store, left, right, verdict=verdict, **told)


@pytest.mark.parametrize("verdict", ["left", "right", "tie", "both_bad"])
def test_a_vote_names_both_sides_and_the_shuffle(store: Store, verdict: str) -> None:
    say(store, verdict, B, A)
    (event,) = everything(store)
    assert (event.kind, event.source, event.verdict) == ("vote", "public", verdict)
    assert (event.item_a, event.item_b, event.item) == (B["id"], A["id"], "")
    assert (event.order_seed, event.handout, event.seconds, event.at) == (77, PAIR, 3.0, 9000)


def test_a_pair_has_one_id_whichever_is_on_the_left() -> None:
    assert pair_id("comparison", 1, 0) == PAIR != pair_id("comparison", 0, 2) != pair_id("other", 0, 1)


def test_a_pair_is_voted_on_once(store: Store) -> None:
    first = say(store, "left")
    assert say(store, "left") == first  # its answer was lost on the way
    for again in (
        lambda: say(store, "right"),
        lambda: say(store, "left", B, A),
        lambda: say(store, "left", annotator=BERT),
        lambda: say(store, "left", A, C),
    ):
        with pytest.raises(BadData):
            again()
    assert everything(store) == [first]


@pytest.mark.parametrize("verdict", ["yes", "no", "skip", "", "x" * 10_000_000])
def test_what_is_no_vote_is_refused(store: Store, verdict: str) -> None:
    with pytest.raises(BadData):
        say(store, verdict)
    assert not everything(store)


def test_one_picture_under_two_names_cannot_be_voted_on(store: Store) -> None:
    with pytest.raises(BadData):
        say(store, "left", A, row(0, "telea"))
    say(store, "left")
    with pytest.raises(BadData):
        say(store, "left", row(0, "telea"), C, handout=pair_id("other", 0, 1))
    assert len(everything(store)) == 1
