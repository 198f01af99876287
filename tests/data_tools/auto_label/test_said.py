"""Answers find the removal that they are about, and no other one."""

from __future__ import annotations

import pytest

from data_tools.auto_label.answers import Answer
from data_tools.auto_label.said import OTHERS, REPEATED, SEVERAL, Said, counted, joined
from data_tools.auto_label.verdicts import Scored
from data_tools.tally import Tally
from rorem.errors import BadData
from tests.data_tools.auto_label.rounds import hash_of

SCORED = [
    Scored(f"photo {number}", hash_of(f"{number} {method}"), hash_of(f"s {number}"), method, 7, "dog", number / 10)
    for number in range(3)
    for method in ("lama", "rorem")
]
FOR_SURE = Answer("yes", "z", SCORED[5].id)


def found(*answers: Answer) -> tuple[list[str], dict[str, int]]:
    """Names and methods, and what was counted; besides an answer that fits."""
    tally = Tally()
    told = {one.id: f"{one.name} {one.method}" for one in SCORED}
    pairs = joined(SCORED, [*answers, FOR_SURE], tally)
    assert pairs.pop() == (FOR_SURE.item, FOR_SURE)
    return [told[id] for id, _ in pairs], dict(tally.counts)


def test_by_item_by_sample_and_by_name() -> None:
    by_item = Answer("yes", item=SCORED[0].id)
    by_sample = Answer("no", sample=SCORED[1].sample, method="rorem")
    by_name = Answer("yes", name="photo 1", method="lama", seed="7")
    by_both = Answer("no", sample=SCORED[4].sample, name="photo 2", method="lama")
    name_as_sample = Answer("no", sample="photo 1", method="rorem")
    names = ["photo 0 lama", "photo 0 rorem", "photo 1 lama", "photo 2 lama", "photo 1 rorem"]
    assert found(by_item, by_sample, by_name, by_both, name_as_sample) == (names, {})


@pytest.mark.parametrize(
    "other",
    [
        Answer("yes", item=hash_of("elsewhere"), name="photo 0", method="lama"),
        Answer("yes", sample=hash_of("other pictures"), name="photo 0", method="lama"),
        Answer("yes", sample=SCORED[0].sample, method="lama", seed="6"),  # of the round before
        Answer("yes", sample=SCORED[0].sample, method="telea"),
        Answer("yes", name="beach"),
    ],
)
def test_an_answer_to_something_else_is_nobodys(other: Answer) -> None:
    assert found(other) == ([], {OTHERS: 1})


def test_what_fits_several_is_counted() -> None:
    assert found(Answer("yes", name="photo 0"), Answer("no", sample=SCORED[0].sample)) == ([], {SEVERAL: 2})


def test_one_person_counts_once_however_the_removal_is_called() -> None:
    one = SCORED[0]
    twice = [Answer("yes", "anna", one.id), Answer("no", "anna", sample=one.sample, method="lama")]
    nobody = [Answer("no", item=one.id)] * 2
    assert found(*twice, *nobody) == (["photo 0 lama"] * 3, {REPEATED: 1})


def test_answers_to_nothing_here_are_said_so() -> None:
    assert joined(SCORED, [], Tally()) == []
    with pytest.raises(BadData, match="None of the answers"):
        joined(SCORED, [Answer("yes", item=hash_of("elsewhere"))], Tally())


def test_counting() -> None:
    said = counted([("a", "yes"), ("a", "no"), ("b", "mask_wrong"), ("c", "yes"), ("c", "mask_wrong")])
    assert said == {"a": Said(1, 1), "b": Said(mask_wrong=1), "c": Said(1, 0, 1)}
    assert [one.accepted for one in said.values()] == [False, False, True]
    assert [one.refused for one in said.values()] == [True, True, False] and not Said().refused
