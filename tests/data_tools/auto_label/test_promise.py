"""The promise of a threshold, from single answers on: also where people differ, or find the mask wrong."""

from __future__ import annotations

import numpy as np
import pytest

from data_tools.auto_label.answers import Answer
from data_tools.auto_label.bound import passed, sequence
from data_tools.auto_label.settings import MAJORITY
from data_tools.auto_label.verdicts import Known, Scored, known_of
from data_tools.tally import Tally
from tests.data_tools.auto_label.rounds import hash_of

COUNT, ROUNDS = 500, 100
WANTED = CONFIDENCE = 0.95
GOOD, UNSURE = 0.99, 0.5  # how likely one person says yes to a clear removal, and to one on which people differ
IDS = [hash_of(f"item {number}") for number in range(COUNT)]


def unsure(raw: np.ndarray, wide: float) -> np.ndarray:
    """The share of removals on which people differ: fewer where the judge is sure."""
    return wide * (1 - raw)


def answered(wide: float, masks: float, seed: int) -> list[Known]:
    """A round: two unsigned answers to each removal. masks: the share of which people only say that it is wrong."""
    random = np.random.default_rng(seed)
    raw = random.random(COUNT)
    likely = np.where(random.random(COUNT) < unsure(raw, wide), UNSURE, GOOD)
    wrong = random.random(COUNT) < masks
    said = np.where(random.random((COUNT, 2)) < likely[:, None], "yes", "no").astype(object)
    said[wrong] = "mask_wrong"
    scored = [Scored(f"{n}", id, "", "", 0, "", float(raw[n])) for n, id in enumerate(IDS)]
    answers = [Answer(one, item=id) for id, two in zip(IDS, said, strict=True) for one in two]
    return known_of(scored, answers, MAJORITY, Tally())


def true_shares(cutoff: float, wide: float, masks: float) -> tuple[float, float]:
    """Of removals above the cutoff: what two people accept as a round counts, and what one person says yes to."""
    raw = np.linspace(cutoff, 1, 1000)
    differ, sound = float(unsure(raw, wide).mean()), 1 - masks
    both, one = ((1 - differ) * GOOD**times + differ * UNSURE**times for times in (2, 1))
    return sound * both, sound * one


@pytest.mark.parametrize(("wide", "masks"), [(0.22, 0.0), (0.1, 0.0), (0.1, 0.015)])
def test_those_that_people_differ_on_are_part_of_it(wide: float, masks: float) -> None:
    broken, of_one = 0, 0
    for seed in range(ROUNDS):
        known = answered(wide, masks, seed)
        assert len(known) == COUNT
        raw, yes = np.array([one.scored.raw for one in known]), np.array([one.yes for one in known])
        if shown := passed(sequence(raw, yes, WANTED, CONFIDENCE), WANTED):
            by_rule, by_one = true_shares(shown[-1].cutoff, wide, masks)
            broken += by_rule < WANTED
            of_one += by_one < WANTED
    allowed = 1 - CONFIDENCE
    most = allowed + 3 * (allowed * (1 - allowed) / ROUNDS) ** 0.5
    assert broken / ROUNDS <= most and of_one / ROUNDS <= most


def test_a_good_round_gets_its_threshold() -> None:
    known = answered(0.02, 0.0, 0)
    raw, yes = np.array([one.scored.raw for one in known]), np.array([one.yes for one in known])
    assert passed(sequence(raw, yes, 0.9, CONFIDENCE), 0.9)
