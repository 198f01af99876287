"""Parts and seeds: the same on every machine, whatever the order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_tools.parts import SIZE, Part, hash_of, parts_of, seed_of

names = st.lists(st.text(max_size=20), unique=True, max_size=60)


@given(names, st.integers(0, 9))
def test_every_record_is_in_one_part_by_its_name_alone(some: list[str], count: int) -> None:
    def by_name(order: list[str]) -> dict[str, tuple[int, int]]:
        return {order[index]: (part.number, part.count) for part in parts_of(order, count) for index in part.indices}

    shuffled = sorted(some, key=lambda one: hash_of("another order", one))
    assert by_name(some) == by_name(shuffled) and set(by_name(some)) == set(some)
    assert sum(len(part.indices) for part in parts_of(some, count)) == len(some)


def test_parts_are_of_a_size() -> None:
    some = parts_of([f"photo {number}" for number in range(10 * SIZE)])
    assert len(some) == 10 and all(0.7 * SIZE < len(part.indices) < 1.3 * SIZE for part in some)
    assert some[3].name == "00003-of-00010"
    assert parts_of([]) == [] and parts_of(["one"]) == [Part(0, 1, (0,))]


def test_a_seed_is_of_a_record_and_of_a_wish() -> None:
    seeds = {seed_of(name, seed) for name in ("a", "b", "ä") for seed in (0, 1)}
    assert len(seeds) == 6 and all(0 <= seed < 2**31 for seed in seeds)
    assert seed_of("photo", 0) == 459_055_829  # the same in every version: a set is made again by it


@pytest.mark.parametrize(("one", "other"), [(("a", "b"), ("ab",)), (("1:a",), ("a",)), (("",), ())])
def test_texts_do_not_run_together(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert hash_of(*one) != hash_of(*other)
