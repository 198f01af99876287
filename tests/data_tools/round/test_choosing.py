"""Which records make up a round, whatever they are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data_tools.auto_label.answers import Answer
from data_tools.auto_label.verdicts import Scored
from data_tools.near import alike
from data_tools.round.choosing import (
    GENERATED,
    PREVIOUS,
    Chosen,
    Found,
    Photos,
    choose,
)
from data_tools.round.item import Item
from data_tools.round.judged import Score
from data_tools.round.people import Said, add, agreement, counted
from data_tools.tally import Tally
from rorem.errors import BadData

BITS = 6


def item(at: int, id: int, sample: int, photo: int, look: int, left: float, **told: object) -> Item:
    """Few photos, samples and looks, so that they meet."""
    usual: dict[str, object] = {
        "method": "m",
        "seed": 0,
        "round": 1,
        "accepted_by": "none",
        "p_yes": None,
        "votes_yes": 0,
    }
    usual |= {"votes_no": 0, "result": "r", "truth": "", "right": left + 0.3, "top": 0.1, "bottom": 0.4}
    known = {"at": at, "name": f"name {id % 3}", "id": f"id {id}", "sample": f"sample {sample}"}
    place = {"source": f"photo {photo}", "look": look, "left": left, "share": 0.1, "psnr": float("nan")}
    every: dict[str, object] = usual | known | place | told
    every |= {f"{part}_look": every.get(f"{part}_look", 0) if every[part] else None for part in ("result", "truth")}
    return Item(**every)  # pyright: ignore[reportArgumentType]


looks = st.builds(
    lambda centre, bits: centre ^ sum(1 << bit for bit in bits),
    st.sampled_from([0, 2**64 - 1, 0x0F0F0F0F0F0F0F0F]),
    st.sets(st.integers(0, 63), max_size=8),
)
told = st.fixed_dictionaries(
    {
        "accepted_by": st.sampled_from(["human", "judge", "truth", "none", "somebody"]),
        "p_yes": st.none() | st.floats(0, 1),
        "truth": st.sampled_from(["t", "", "photo 0"]),
        "result": st.sampled_from(["r", "r", "", "photo 0"]),
        "truth_look": looks,
        "result_look": looks,
    }
)


@st.composite
def sets(draw: st.DrawFn) -> list[Found]:
    numbers, found = st.integers(0, 9), []
    for kind in (PREVIOUS, GENERATED):
        records = draw(
            st.lists(st.tuples(numbers, numbers, numbers, looks, st.sampled_from([0, 0.1, 0.5]), told), max_size=12)
        )
        found.append(Found(kind, [item(at, *five, **more) for at, (*five, more) in enumerate(records)]))
    return found


people = st.dictionaries(
    st.builds("id {}".format, st.integers(0, 9)), st.builds(Said, *[st.integers(0, 2)] * 3), max_size=6
)
judged = st.dictionaries(
    st.builds("id {}".format, st.integers(0, 9)),
    st.builds(Score, st.floats(0, 1), st.none() | st.floats(0, 1), st.booleans(), st.just("c")),
)


def chosen_of(found: list[Found], said: dict[str, Said], scores: dict[str, Score], photos: Photos) -> Chosen:
    try:
        return choose(found, said, scores, photos, BITS, 7)
    except BadData:
        assume(False)
        raise


@given(sets(), people, judged)
def test_what_is_chosen_keeps_the_rules(found: list[Found], said: dict[str, Said], scores: dict[str, Score]) -> None:
    photos = Photos(["photo 0"], [0x0F0F0F0F0F0F0F0F], ["evaluated"], BITS)
    chosen = chosen_of(found, said, scores, photos)
    kept = [pair.item for pair in chosen.pairs]
    assert len({one.id for one in kept}) == len({one.sample for one in kept}) == len(kept)
    assert len({pair.name for pair in chosen.pairs}) == len(kept)
    assert [(pair.input, pair.item.at) for pair in chosen.pairs] == sorted((p.input, p.item.at) for p in chosen.pairs)
    for digits, look in (picture for one in kept for picture in one.pictures):
        assert digits != "photo 0" and (look ^ photos.looks[0]).bit_count() > BITS
    for number, one in enumerate(kept):
        for other in kept[:number]:
            places = np.array([[i.left, i.top, i.right, i.bottom, i.share] for i in (one, other)])
            assert (one.look ^ other.look).bit_count() > BITS or not alike(places[0], places[1:])[0]
    for pair in chosen.pairs:
        spoken = said.get(pair.item.id, Said())
        assert not spoken.refused and (pair.item.result or pair.item.truth)
        if pair.input == 1:
            assert pair.round == 7
            assert pair.accepted_by == ("human" if spoken.accepted else "judge")
            assert spoken.accepted or scores[pair.item.id].accepted
        elif not spoken.accepted:
            assert (pair.round, pair.p_yes) == (1, pair.item.p_yes)


@given(sets(), people, judged)
def test_every_record_is_accounted_for(found: list[Found], said: dict[str, Said], scores: dict[str, Score]) -> None:
    chosen = chosen_of(found, said, scores, Photos())
    left = chosen.steps[0].left
    assert left == sum(len(one.items) for one in found)
    for step in chosen.steps:
        left -= step.out
        assert step.left == left >= 0
    assert left == len(chosen.pairs)
    told = Counter(one.why for one in chosen.left_out)
    assert all(told[step.what] <= step.out for step in chosen.steps), "those that nobody accepted are not listed"
    assert {id(one.pair.item) for one in chosen.left_out}.isdisjoint(id(pair.item) for pair in chosen.pairs)


@given(sets(), people, judged)
def test_the_better_one_of_a_sample_stays(found: list[Found], said: dict[str, Said], scores: dict[str, Score]) -> None:
    """By who accepted it, then by p_yes; positions only settle what is equal."""
    chosen = chosen_of(found, said, scores, Photos())
    order = ("truth", "human", "judge", "none")
    best = {pair.item.sample: pair for pair in chosen.pairs}
    for one in chosen.left_out:
        rival = best.get(one.pair.item.sample)
        if rival is not None and one.why.startswith("another result"):
            ours, theirs = (
                (order.index(p.accepted_by), -(-1 if p.p_yes is None else p.p_yes)) for p in (rival, one.pair)
            )
            assert ours <= theirs


def test_nothing_accepted_is_an_error() -> None:
    found = [Found(GENERATED, [item(0, 0, 0, 0, 0, 0.0)])]
    with pytest.raises(BadData, match="None of 1 records was accepted"):
        choose(found, {}, {}, Photos(), BITS, 1)


def test_a_person_counts_once_and_a_stranger_always() -> None:
    one, other = "a" * 64, "b" * 64
    answers: dict[tuple[str, str], str] = {}
    tally = Tally()
    some = [
        Answer("yes", "anna", one),
        Answer("no", "anna", one),
        Answer("no", "bert", one),
        Answer("yes", "", other),
        Answer("yes", "", other),
        Answer("mask_wrong", "anna", other),
        Answer("yes", "anna", "", name="by name"),
    ]
    removals = [Scored(f"photo {id[0]}", id, "d" * 64, "lama", 0, "", 0.5) for id in (one, other)]
    add(answers, some, tally, removals)
    assert counted(answers) == {one: Said(1, 1, 0), other: Said(2, 0, 1)}
    assert [line.partition(":")[0] for line in tally.lines()] == [
        "1 answers of one person to one removal again",
        "1 answers to removals that are not in this set",
    ]
    agreed = agreement(answers, [one, other], 3)
    assert agreed is not None and (agreed.items, agreed.answers, agreed.round) == (2, 4, 3)
    assert agreed.raw.value == 0.5 and agreement(answers, ["c" * 64], 3) is None
