"""The rules of the queue."""

from __future__ import annotations

from rorem.labels.plan import Plan
from tests.labels.samples import hash_of


def test_a_fixed_slice_wants_three_answers() -> None:
    ids = [hash_of(str(number)) for number in range(4000)]
    wanted = [Plan().wanted(id) for id in ids]
    assert wanted == [Plan().wanted(id) for id in ids]
    assert set(wanted) == {1, 3}
    assert 0.12 < wanted.count(3) / len(wanted) < 0.18  # five standard deviations of 0.15


def test_a_larger_slice_holds_the_smaller_one() -> None:
    ids = [hash_of(str(number)) for number in range(500)]
    small, large = ({id for id in ids if Plan(slice_share=share).wanted(id) == 3} for share in (0.1, 0.3))
    assert small < large


def test_the_slice_never_wants_fewer_than_the_rest() -> None:
    plan = Plan(answers=5)
    assert {plan.wanted(hash_of(str(number))) for number in range(200)} == {5}
    assert {Plan(slice_share=0.0).wanted(hash_of(str(number))) for number in range(200)} == {1}
