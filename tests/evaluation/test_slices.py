"""Parts of a run hold every picture once, and changes against the mask as given are paired."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.evaluation.grid import Photo
from rorem.evaluation.rows import Row
from rorem.evaluation.slices import BY_SIZE, Cut, by_category, by_size, cuts, policies
from rorem.evaluation.summary import summarize
from rorem.metrics.intervals import differences, mean_intervals
from tests.evaluation.made_rows import DEFINITIONS, row, several, whole

PSNR = "psnr_hole/gt"


def photo(number: int, share: float = 0.1, category: str = "") -> Photo:
    return Photo(f"{number:064x}", f"pair-{number}", category, 1, None, share)


def cut(rows: list[Row], title: str) -> Cut:
    return next(one for one in cuts(summarize(rows, DEFINITIONS)) if one.title == title)


@settings(max_examples=30)
@given(st.lists(st.floats(0.001, 0.9), min_size=1, max_size=70))
def test_every_picture_is_in_one_part_and_parts_are_in_order(shares: list[float]) -> None:
    parts = list(by_size([photo(number, share) for number, share in enumerate(shares)]).values())
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(shares)))
    sizes = [len(one) for one in parts]
    assert max(sizes) - min(sizes) <= 1 and len(parts) <= 10
    edges = [(min(shares[at] for at in one), max(shares[at] for at in one)) for one in parts]
    assert all(high <= low for (_, high), (low, _) in pairwise(edges))


def test_tenths_are_called_after_their_edges() -> None:
    names = list(by_size([photo(number, (number + 1) / 100) for number in range(40)]))
    assert len(names) == 10
    assert (names[0], names[-1]) == ("1 of 10: 1 to 4 %", "10 of 10: 37 to 40 %")


def test_few_pictures_make_fewer_parts() -> None:
    assert [len(by_size([photo(number) for number in range(count)])) for count in (1, 5, 6, 12, 29, 30)] == [
        1,
        1,
        2,
        4,
        9,
        10,
    ]


def test_a_part_has_the_mean_of_its_pictures() -> None:
    sizes = cut(several(PSNR, [float(at) for at in range(30)]), BY_SIZE)
    assert [one.cells[PSNR, "a"].value for one in sizes.slices] == [1.0 + 3 * at for at in range(10)]
    assert sizes.slices[0].middle == pytest.approx(0.02)


def test_things_occlusion_and_category() -> None:
    rows = [
        row(
            PSNR,
            float(at),
            at,
            objects=1 + at % 2,
            occluded=(None, True, False)[at % 3],
            category=("dog", "cat")[at % 2],
        )
        for at in range(12)
    ]
    things = {one.label: one for one in cut(rows, "Things to remove").slices}
    assert {name: one.cells[PSNR, "a"].value for name, one in things.items()} == {"one": 5.0, "several at once": 6.0}
    hidden = {one.label: len(one.members) for one in cut(rows, "Something stands before the thing").slices}
    assert hidden == {"no": 4, "yes": 4}  # of four nobody said
    assert [one.label for one in cut(rows, "Category").slices] == ["cat", "dog"]


def test_rare_categories_are_taken_together() -> None:
    names = ["dog"] * 6 + ["other"] * 5 + ["cat"] * 4 + [""] * 2
    found = by_category([photo(number, category=name) for number, name in enumerate(names)])
    assert {name: len(members) for name, members in found.items()} == {"dog": 6, "other": 5, "other, rare ones": 6}


def test_one_part_alone_is_no_cut() -> None:
    assert [one.title for one in cuts(summarize(several(PSNR, [1.0] * 7), DEFINITIONS))] == [BY_SIZE]
    assert cuts(summarize(several(PSNR, [1.0]), DEFINITIONS)) == []


def test_the_change_of_a_policy_is_paired_on_common_pictures() -> None:
    given_masks = [30.0, 40.0, 20.0, 35.0]
    eroded = [28.0, 37.0, None, 34.0]
    rows = several(PSNR, given_masks) + several(PSNR, eroded, policy="eroded", reason="No memory.")
    rows += [whole("cmmd", 0.3, 4), whole("cmmd", 0.5, 3, policy="eroded")]
    grid = policies(rows, DEFINITIONS)
    assert grid and grid.names == ("as given", "eroded")
    cell = grid.cells[PSNR, "a", "eroded"]
    assert (cell.mean.value, cell.mean.n) == (33.0, 3)
    assert cell.change and (cell.change.value, cell.change.n) == (-2.0, 3)
    (expected,) = mean_intervals(differences([28.0, 37.0, 34.0], [30.0, 40.0, 35.0])[None])
    assert (cell.change.low, cell.change.high) == pytest.approx(expected)
    assert grid.cells[PSNR, "a", "as given"].change is None
    assert grid.cells["cmmd", "a", "eroded"].mean.value == 0.5


def test_a_change_of_what_should_be_zero_is_of_its_size() -> None:
    rows = several("seam", [-0.5, 0.5]) + several("seam", [0.1, -0.1], policy="tight")
    grid = policies(rows, DEFINITIONS)
    assert grid and (change := grid.cells["seam", "a", "tight"].change) and change.value == pytest.approx(-0.4)


def test_parts_of_what_should_be_zero_have_the_mean_distance() -> None:
    sizes = cut(several("seam", [-0.3, 0.3, 0.3, -0.6, 0.6, 0.6]), BY_SIZE)
    assert [one.cells["seam", "a"].value for one in sizes.slices] == pytest.approx([0.3, 0.6])


def test_a_removal_that_failed_is_a_no_under_its_own_mask_policy() -> None:
    rows = several("success_judge", [1.0] * 4) + several("success_judge", [1.0] * 4, "b")
    rows += several("success_judge", [1.0] * 2, policy="eroded") + several(
        "success_judge", [1.0] * 4, "b", policy="eroded"
    )
    rows += [row("removal", None, at, policy="eroded", reason="No memory.") for at in (2, 3)]
    grid = policies(rows, DEFINITIONS)
    assert grid
    cell = grid.cells["success_judge", "a", "eroded"]
    assert cell.change and (cell.mean.value, cell.mean.n, cell.change.value) == (0.5, 4, -0.5)
    assert grid.cells["success_judge", "a", "as given"].mean.value == 1.0


def test_a_part_with_mostly_exact_values_has_no_mean() -> None:
    sizes = cut(several(PSNR, [np.inf, np.inf, 20.0, np.inf, 21.0, 23.0]), BY_SIZE)
    first, second = (one.cells[PSNR, "a"] for one in sizes.slices)
    assert (first.value, first.exact, first.n, first.rest) == (None, 2, 3, 20.0)
    assert (second.value, second.exact, second.n) == (22.0, 1, 3)


def test_one_policy_makes_no_grid() -> None:
    assert policies(several(PSNR, [1.0, 2.0]), DEFINITIONS) is None
