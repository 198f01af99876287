"""What people said goes the same way here as in `auto_label`, and is never lost without a word."""

from __future__ import annotations

import pytest

from data_tools.auto_label.answers import Answer
from data_tools.auto_label.verdicts import Scored, known_of
from data_tools.round.people import Answers, Said, add, counted
from data_tools.tally import Tally
from rorem.errors import BadData
from tests.data_tools.auto_label.rounds import hash_of

SCORED = [Scored(f"photo {n}", hash_of(f"{n}"), hash_of(f"s {n}"), "lama", 0, "", 0.5) for n in range(4)]
BY_NAME = [
    Answer("no", "anna", name="photo 0"),
    Answer("yes", "bert", sample=SCORED[1].sample, method="lama"),
    Answer("yes", "anna", name="photo 2"),
    Answer("no", "bert", item=SCORED[2].id),
    Answer("mask_wrong", "bert", SCORED[3].id),
]


def test_answers_by_name_find_their_removals() -> None:
    people: Answers = {}
    tally = Tally()
    add(people, BY_NAME, tally, SCORED)
    said = counted(people)
    assert said[SCORED[0].id] == Said(no=1) and said[SCORED[0].id].refused and not tally.total
    known = known_of(SCORED, BY_NAME, "majority", tally)
    assert {one.scored.id: one.yes for one in known} == {id: one.accepted for id, one in said.items()}
    assert [said[one.id].refused for one in SCORED] == [True, False, True, True]


def test_the_same_answer_in_two_files_counts_once() -> None:
    people: Answers = {}
    for _ in range(2):
        add(people, BY_NAME, Tally(), SCORED)
    assert counted(people)[SCORED[2].id] == Said(1, 1)


def test_answers_that_say_of_nothing_are_refused() -> None:
    with pytest.raises(BadData, match="None of the answers"):
        add({}, [Answer("no", name="elsewhere")], Tally(), SCORED)
