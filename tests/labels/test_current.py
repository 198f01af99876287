"""What holds after some events."""

from __future__ import annotations

from dataclasses import replace

from rorem.labels.current import chains, current, is_undo
from tests.labels.events import ANNA, BERT, said, undone, voted
from tests.labels.samples import hash_of


def test_the_first_answer_counts_and_later_ones_are_repeats() -> None:
    first, other, again = said(ANNA, "x", "yes"), said(BERT, "x", "no"), said(ANNA, "x", "no")
    state = current([first, other, again])
    assert state.answers == (first, other)
    assert state.repeats == ((first, again),)


def test_an_undo_takes_away_and_what_supersedes_it_takes_its_place() -> None:
    first = said(ANNA, "x", "yes")
    taken = undone(first)
    assert is_undo(taken) and not is_undo(said(ANNA, "x", "skip"))
    assert current([first, taken]).answers == ()
    anew = said(ANNA, "x", "no", supersedes=taken.event)
    state = current([first, taken, anew])
    assert state.answers == (anew,) and state.repeats == ()


def test_a_repeat_never_takes_the_place_of_what_was_taken_back() -> None:
    """The queue does not count a repeat, and its counts have to be the same."""
    first, again = said(ANNA, "x", "yes"), said(ANNA, "x", "no")
    state = current([first, again, undone(first)])
    assert state.answers == () and state.repeats == ()


def test_a_skip_is_an_answer() -> None:
    skip = said(ANNA, "x", "skip")
    assert current([skip]).answers == (skip,)


def test_a_repeat_that_was_taken_back_is_none() -> None:
    first, again = said(ANNA, "x", "yes"), said(ANNA, "x", "no")
    assert current([first, again, undone(again)]).repeats == ()


def test_gold_items_visitors_and_votes_are_apart() -> None:
    gold, public = said(ANNA, "g", "yes", source="gold"), said(BERT, "p", "no", source="public")
    vote = voted(hash_of("l"), hash_of("r"), "tie")
    state = current([gold, public, vote])
    assert (state.answers, state.gold, state.public, state.votes) == ((), (gold,), (public,), (vote,))


def test_nobody_supersedes_what_is_not_theirs() -> None:
    first = said(ANNA, "x", "yes")
    by_another = said(BERT, "x", "no", supersedes=first.event)
    elsewhere = said(ANNA, "y", "no", supersedes=first.event)
    assert current([first, by_another, elsewhere]).answers == (first, by_another, elsewhere)


def test_a_circle_says_nothing_and_ends() -> None:
    one, two = said(ANNA, "x", "yes"), said(ANNA, "x", "no")
    circle = [replace(one, supersedes=two.event), replace(two, supersedes=one.event)]
    assert chains(circle) == [] and current(circle).answers == ()


def test_the_order_of_an_undo_and_what_it_undoes_does_not_matter() -> None:
    first = said(ANNA, "x", "yes")
    assert current([undone(first), first]).answers == ()
