"""Hidden names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rorem.comparison import Cell, Request, letters, shuffled
from rorem.comparison.blind import in_order, letter, letters_of

METHODS = ("patchmatch", "telea", "lama", "migan", "rorem")


@given(st.permutations(METHODS), st.integers(-5, 2**40))
def test_only_the_seed_decides_the_order(methods: list[str], seed: int) -> None:
    assert shuffled(methods, seed) == shuffled(METHODS, seed)
    assert sorted(shuffled(methods, seed)) == sorted(METHODS)


def test_the_order_stays_from_version_to_version() -> None:
    """Who has a kept comparison with hidden names must find the same method behind each letter."""
    assert shuffled(METHODS, 4) == ("patchmatch", "rorem", "migan", "lama", "telea")


def test_every_method_comes_first_about_as_often_as_any() -> None:
    first = [shuffled(METHODS, seed)[0] for seed in range(1000)]
    assert all(150 < first.count(method) < 250 for method in METHODS)


def test_letters() -> None:
    assert [letter(index) for index in (0, 1, 25, 26, 27, 51, 52, 701, 702)] == [
        *("A", "B", "Z", "AA", "AB", "AZ", "BA", "ZZ", "AAA")
    ]
    names = letters(METHODS, 7)
    assert list(names) == list(shuffled(METHODS, 7)) and list(names.values()) == ["A", "B", "C", "D", "E"]


def test_a_part_of_a_comparison_has_the_letters_of_the_whole() -> None:
    part = Request(("telea", "lama"), order_seed=7, dealt=METHODS)
    assert letters_of(part) == letters(METHODS, 7) != letters_of(Request(part.methods, order_seed=7))
    cells = [Cell(method, method) for method in ("lama", "telea")]
    shown = [letters_of(part)[cell.method] for cell in in_order(cells, part)]
    assert shown == sorted(shown)


def test_cells_are_shown_as_they_were_asked_for_or_shuffled() -> None:
    cells = [Cell(method, method) for method in ("migan", "lama", "telea")]
    request = Request(("lama", "telea", "migan", "rorem"))
    assert [cell.method for cell in in_order(cells, request)] == ["lama", "telea", "migan"]
    hidden = Request(request.methods, order_seed=4)
    assert [cell.method for cell in in_order(cells, hidden)] == ["migan", "lama", "telea"]
