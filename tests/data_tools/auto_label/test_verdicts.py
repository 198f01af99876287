"""Answers joined to scores, and one verdict of several people."""

from __future__ import annotations

import random
import sys

import pytest

from data_tools.auto_label.answers import Answer
from data_tools.auto_label.said import counted
from data_tools.auto_label.settings import ALL, AUTO, DAWID_SKENE, ENOUGH_SETTLED, MAJORITY, THREE
from data_tools.auto_label.verdicts import Known, Scored, chosen, known_of
from data_tools.tally import Tally
from rorem.errors import BadData, Unavailable
from tests.data_tools.auto_label.rounds import SHARP, draw, hash_of, known

SCORED = [Scored(f"photo {n}", hash_of(f"{n}"), hash_of(f"sample {n}"), "lama", 0, "dog", n / 10) for n in range(6)]


def test_ties_and_wrong_masks_are_no_yes() -> None:
    """They would go into the set as any other removal that the judge accepts."""
    tie, wrong, yes, no, also = (one.id for one in SCORED[:5])
    answers = [Answer("yes", "a", tie), Answer("no", "b", tie), Answer("mask_wrong", "a", wrong)]
    answers += [Answer("yes", "a", yes), Answer("yes", "b", yes), Answer("mask_wrong", "c", yes)]
    answers += [Answer("no", "a", no), Answer("no", "b", no), Answer("yes", "a", also)]
    tally = Tally()
    found = {one.scored.id: (one.yes, one.answers) for one in known_of(SCORED, answers, MAJORITY, tally)}
    assert found == {tie: (False, 2), wrong: (False, 1), yes: (True, 3), no: (False, 2), also: (True, 1)}
    assert not tally.total


def test_so_they_are_where_people_are_weighed() -> None:
    """Two who are wrong as often: where they differ, it is a tie."""
    said = {"tie": ("yes", "no"), "other": ("no", "yes"), "yes": ("yes", "yes"), "no": ("no", "no")}
    ids = dict(zip([*said, "wrong"], (one.id for one in SCORED), strict=False))
    answers = [Answer(one, who, ids[name]) for name, both in said.items() for who, one in zip("ab", both, strict=True)]
    answers.append(Answer("mask_wrong", "a", ids["wrong"]))
    found = {one.scored.id: one.yes for one in known_of(SCORED, answers, DAWID_SKENE, Tally())}
    assert found == {id: name == "yes" for name, id in ids.items()}


def test_it_is_the_rule_of_a_round() -> None:
    chance = random.Random(0)
    told = [(one.id, chance.choice(("yes", "yes", "no", "mask_wrong"))) for one in SCORED for _ in range(4)]
    said = counted(told)
    known = known_of(SCORED, [Answer(verdict, item=id) for id, verdict in told], MAJORITY, Tally())
    assert {one.scored.id: one.yes for one in known} == {id: one.accepted for id, one in said.items()}


def test_it_learns_whom_to_trust_where_people_are_known() -> None:
    """Two who guess outvote one who knows; the model of Dawid and Skene finds out."""
    chance = random.Random(0)
    scored = [Scored(f"{n}", hash_of(f"{n}"), hash_of(f"s{n}"), "lama", 0, "", 0.0) for n in range(300)]
    truth = {one.id: chance.random() < 0.6 for one in scored}
    answers = []
    for one in scored:
        for who, right in (("sure 1", 0.97), ("sure 2", 0.97), ("guess 1", 0.5), ("guess 2", 0.5), ("guess 3", 0.5)):
            said = truth[one.id] == (chance.random() < right)
            answers.append(Answer("yes" if said else "no", who, one.id))

    def share_right(how: str) -> float:
        found = known_of(scored, answers, how, Tally())
        return sum(one.yes == truth[one.scored.id] for one in found) / len(scored)

    assert share_right(DAWID_SKENE) > share_right(MAJORITY) + 0.05


def test_people_are_weighed_only_where_that_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    unsigned = [Answer("yes", item=SCORED[0].id), Answer("yes", "a", SCORED[1].id)]
    with pytest.raises(BadData, match="whose it is"):
        known_of(SCORED, unsigned, DAWID_SKENE, Tally())
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation", None)
    assert len(known_of(SCORED, unsigned, MAJORITY, Tally())) == 2
    with pytest.raises(Unavailable, match="crowd-kit"):
        known_of(SCORED, [Answer("yes", "a", SCORED[0].id)], DAWID_SKENE, Tally())


def test_nothing_said_gives_nothing() -> None:
    assert known_of(SCORED, [], MAJORITY, Tally()) == []
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
    assert chosen(one_sided, AUTO, False)[1] == THREE  # what people say has no part in whose answers count


def test_one_a_photo() -> None:
    every = known(draw(SHARP, 90, 0), sample=[hash_of(f"s{number // 3}") for number in range(90)])
    kept, _ = chosen(every, ALL, True)
    assert len({one.scored.sample for one in kept}) == len(kept) == 30
    assert kept == chosen(list(reversed(every)), ALL, True)[0]
    assert {int(one.scored.name.split()[1]) % 3 for one in kept} == {0, 1, 2}  # not always the first
