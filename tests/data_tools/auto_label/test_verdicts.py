"""Answers joined to scores, and one verdict of several people."""

from __future__ import annotations

import random
import sys

import pytest

from data_tools.auto_label.answers import Answer
from data_tools.auto_label.settings import ALL, AUTO, DAWID_SKENE, ENOUGH_SETTLED, MAJORITY, THREE
from data_tools.auto_label.verdicts import OTHERS, SEVERAL, TIE, WRONG_MASK, Known, Scored, chosen, known_of
from data_tools.tally import Tally
from rorem.errors import BadData, Unavailable
from tests.data_tools.auto_label.rounds import SHARP, draw, hash_of, known

SCORED = [
    Scored(f"photo {number}", hash_of(f"{number} {method}"), hash_of(f"sample {number}"), method, "dog", number / 10)
    for number in range(3)
    for method in ("lama", "rorem")
]


def verdicts(answers: list[Answer], how: str = MAJORITY) -> tuple[dict[str, bool], dict[str, int]]:
    tally = Tally()
    found, _ = known_of(SCORED, answers, how, tally)
    return {f"{one.scored.name} {one.scored.method}": one.yes for one in found}, dict(tally.counts)


def test_by_item_by_sample_and_by_name() -> None:
    by_item = Answer("yes", item=SCORED[0].id)
    by_sample = Answer("no", sample=SCORED[1].sample, method="rorem")
    by_name = Answer("yes", name="photo 1", method="lama")
    by_both = Answer("no", sample=SCORED[4].sample, name="photo 2", method="lama")
    told, left = verdicts([by_item, by_sample, by_name, by_both])
    assert told == {"photo 0 lama": True, "photo 0 rorem": False, "photo 1 lama": True, "photo 2 lama": False}
    assert not left


def test_what_fits_nothing_or_several_is_counted() -> None:
    answers = [Answer("yes", item=hash_of("elsewhere")), Answer("yes", name="photo 0"), Answer("yes", name="beach")]
    assert verdicts(answers) == ({}, {OTHERS: 2, SEVERAL: 1})


def test_ties_and_wrong_masks_say_nothing() -> None:
    first, second, third = (one.id for one in SCORED[:3])
    answers = [Answer("yes", "a", first), Answer("no", "b", first), Answer("mask_wrong", "a", second)]
    answers += [Answer("yes", "a", third), Answer("yes", "b", third), Answer("no", "c", third)]
    assert verdicts(answers) == ({"photo 1 lama": True}, {TIE: 1, WRONG_MASK: 1})
    found, _ = known_of(SCORED, answers, MAJORITY, Tally())
    assert found[0].answers == 3


def test_it_learns_whom_to_trust_where_people_are_known() -> None:
    """Two who guess outvote one who knows; the model of Dawid and Skene finds out."""
    chance = random.Random(0)
    scored = [Scored(f"{n}", hash_of(f"{n}"), hash_of(f"s{n}"), "lama", "", 0.0) for n in range(300)]
    truth = {one.id: chance.random() < 0.6 for one in scored}
    answers = []
    for one in scored:
        for who, right in (("sure 1", 0.97), ("sure 2", 0.97), ("guess 1", 0.5), ("guess 2", 0.5), ("guess 3", 0.5)):
            said = truth[one.id] == (chance.random() < right)
            answers.append(Answer("yes" if said else "no", who, one.id))

    def share_right(how: str) -> float:
        found, model = known_of(scored, answers, how, Tally())
        assert model == (MAJORITY if how == MAJORITY else DAWID_SKENE)
        return sum(one.yes == truth[one.scored.id] for one in found) / len(scored)

    assert share_right(AUTO) == share_right(DAWID_SKENE) > share_right(MAJORITY) + 0.05


def test_people_who_are_not_known_are_counted_by_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Answer("yes", item=SCORED[0].id), Answer("yes", "a", SCORED[1].id)]
    assert known_of(SCORED, answers, AUTO, Tally())[1] == MAJORITY
    with pytest.raises(BadData, match="whose it is"):
        known_of(SCORED, answers, DAWID_SKENE, Tally())
    once_each = [Answer("yes", "a", one.id) for one in SCORED]
    assert known_of(SCORED, once_each, AUTO, Tally())[1] == MAJORITY
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation", None)
    twice = [*once_each, Answer("no", "b", SCORED[0].id)]
    assert known_of(SCORED, twice, AUTO, Tally())[1] == MAJORITY
    with pytest.raises(Unavailable, match="crowd-kit"):
        known_of(SCORED, twice, DAWID_SKENE, Tally())


def test_nothing_said_gives_nothing() -> None:
    assert known_of(SCORED, [], AUTO, Tally()) == ([], MAJORITY)
    assert chosen([], AUTO, True) == ([], ALL)


def mixed(settled: int, others: int) -> list[Known]:
    every = known(draw(SHARP, settled + others, 0))
    return [Known(one.scored, one.yes, one.likely, 3 if at < settled else 1) for at, one in enumerate(every)]


def test_three_answers_go_first_where_there_are_enough() -> None:
    enough = mixed(ENOUGH_SETTLED, 50)
    assert chosen(enough, AUTO, False) == (enough[:ENOUGH_SETTLED], THREE)
    assert chosen(enough, ALL, False) == (enough, ALL)
    few = mixed(ENOUGH_SETTLED - 1, 50)
    assert chosen(few, AUTO, False) == (few, ALL)
    assert chosen(few, THREE, False) == (few[: ENOUGH_SETTLED - 1], THREE)
    one_sided = [Known(one.scored, True, 1.0, one.answers) for one in enough]
    assert chosen(one_sided, AUTO, False)[1] == ALL


def test_one_a_photo() -> None:
    every = known(draw(SHARP, 90, 0), sample=[hash_of(f"s{number // 3}") for number in range(90)])
    kept, _ = chosen(every, ALL, True)
    assert len({one.scored.sample for one in kept}) == len(kept) == 30
    assert kept == chosen(list(reversed(every)), ALL, True)[0]
    assert {int(one.scored.name.split()[1]) % 3 for one in kept} == {0, 1, 2}  # not always the first
