"""Whose turn it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data_tools.openimages.rows import Rows
from data_tools.openimages.selecting import Proposed, Selection, select
from data_tools.openimages.settings import BALANCES, EVEN, Settings
from data_tools.openimages.table import Table


def table(sizes: Sequence[int], seed: int = 0) -> Table:
    """Categories of these sizes, in random turns."""
    rows = Rows.__new__(Rows)  # is not asked for anything
    classes = np.repeat(np.arange(len(sizes), dtype=np.uint16), sizes)
    np.random.default_rng(seed).shuffle(classes)
    numbers = np.arange(len(classes), dtype=np.uint64)
    labels = [f"/m/{number}" for number in range(len(sizes))]
    return Table(rows, labels, numbers, numbers, classes, np.empty(0, np.uint64), "")


def chosen(of: Table, settings: Settings, bad: frozenset[int] = frozenset(), lost: frozenset[int] = frozenset()):
    """What is kept, in order. bad: rows that give no candidate. lost: those whose photo cannot be had."""
    kept: list[int] = []

    def look(row: int) -> str | None:
        return None if row in bad else str(row)

    def keep(some: Sequence[Proposed]) -> list[bool]:
        assert 0 < len(some) <= 16
        fates = [int(str(one)) not in lost for one in some]
        kept.extend(int(str(one)) for one, fate in zip(some, fates, strict=True) if fate)
        return fates

    selection: Selection = select(of, settings, look, keep)
    assert selection.kept.total() == len(kept) == len(set(kept))
    return kept, selection


def share(capacities: Sequence[int], count: int) -> list[int]:
    """The fairest split, slowly: one at a time to whoever has least."""
    taken = [0] * len(capacities)
    for _ in range(count):
        able = [at for at, most in enumerate(capacities) if taken[at] < most]
        if not able:
            break
        taken[min(able, key=lambda at: taken[at])] += 1
    return sorted(taken)


sizes = st.lists(st.integers(1, 30), min_size=1, max_size=6)
rows = st.frozensets(st.integers(0, 179), max_size=40)


@given(sizes, st.integers(0, 60), st.integers(1, 12), rows, rows)
def test_even_is_the_fairest_split(
    sizes: list[int], count: int, cap: int, bad: frozenset[int], lost: frozenset[int]
) -> None:
    """Of what can be had: an object that cannot gives its turn to the next of its category."""
    of = table(sizes)
    kept, _ = chosen(of, Settings(count=count, cap=cap), bad, lost)
    able = Counter(int(of.classes[row]) for row in range(len(of)) if row not in bad | lost)
    capacities = [min(cap, able[at]) for at in range(len(sizes))]
    found = Counter(int(of.classes[row]) for row in kept)
    assert sorted(found[at] for at in range(len(sizes))) == share(capacities, count or sum(capacities))


@given(sizes, st.integers(1, 40), st.integers(0, 20), st.sampled_from(BALANCES), rows, rows)
def test_more_is_the_same_and_then_more(
    sizes: list[int], count: int, more: int, balance: str, bad: frozenset[int], lost: frozenset[int]
) -> None:
    of = table(sizes)
    one, _ = chosen(of, Settings(count=count, balance=balance), bad, lost)
    two, _ = chosen(of, Settings(count=count + more, balance=balance), bad, lost)
    assert set(one) <= set(two)


def test_natural_is_as_frequent_as_in_the_data() -> None:
    kept, selection = chosen(table([900, 90, 10]), Settings(count=200, balance="natural"))
    assert 160 <= selection.kept["/m/0"] <= 195 and selection.kept["/m/2"] <= 8
    assert kept[:5] == sorted(kept[:5])
    _, capped = chosen(table([900, 90, 10]), Settings(count=200, cap=100, balance="natural"))
    assert capped.kept["/m/0"] == 100 and capped.kept.total() == 200


def test_a_last_round_that_is_cut_short_favours_nobody() -> None:
    """With room for half of a round, other categories come first in another round and with another seed."""
    firsts = set()
    for seed in range(12):
        kept, _ = chosen(table([5] * 8), Settings(count=4, seed=seed))
        firsts.add(frozenset(int(table([5] * 8).classes[row]) for row in kept))
    assert len(firsts) > 6


def test_steps_are_told() -> None:
    steps: list[tuple[int, int]] = []
    settings = Settings(count=20, balance=EVEN)
    select(
        table([30, 30]), settings, lambda row: str(row), lambda some: [True] * len(some), lambda *at: steps.append(at)
    )
    assert steps[0] == (0, 20) and steps[-1] == (20, 20)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
