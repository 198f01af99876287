"""What is said of rows: means, intervals, failures, and who is the best."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.evaluation.rows import Row
from rorem.evaluation.summary import FEWEST_FOR_BEST, Summary, summarize
from rorem.metrics.intervals import bootstrap_mean, paired_bootstrap, wilson
from tests.evaluation.made_rows import DEFINITIONS, row, run, several, whole

PSNR = "psnr_hole/gt"


def said(rows: list[Row], **more: object) -> Summary:
    return summarize(rows, DEFINITIONS, **more)  # type: ignore[arg-type]


def best(summary: Summary, metric: str) -> list[str]:
    return [method for (id, method), cell in summary.cells.items() if id == metric and cell.best]


def test_seeds_of_a_picture_are_averaged_first() -> None:
    """Picture 0 has three seeds and counts no more than picture 1."""
    rows = [row(PSNR, value, 0, seed=seed) for seed, value in enumerate((10.0, 20.0, 30.0))] + [row(PSNR, 40.0, 1)]
    cell = said(rows).cells[PSNR, "a"]
    assert (cell.mean.value, cell.median, cell.mean.n) == (30.0, 30.0, 2)
    assert said(rows).seeds == (0, 1, 2)


def test_a_mean_has_the_interval_of_the_bootstrap_over_pictures() -> None:
    values = [31.0, 29.5, 33.25, 28.0, 30.5]
    cell = said(several(PSNR, values)).cells[PSNR, "a"]
    assert cell.mean.value == pytest.approx(30.45)
    assert (cell.mean.low, cell.mean.high) == pytest.approx(bootstrap_mean(values, 0, 2000))


def test_a_rate_has_wilsons_interval_with_pictures_as_tries() -> None:
    """Two seeds each: yes and yes, yes and no, no and no."""
    answers = [(1, 1), (1, 0), (0, 0), (0, 0)]
    rows = [
        row("success_judge", float(say), at, seed=seed)
        for at, says in enumerate(answers)
        for seed, say in enumerate(says)
    ]
    mean = said(rows).cells["success_judge", "a"].mean
    assert (mean.value, mean.n) == (0.375, 4)
    assert (mean.low, mean.high) == pytest.approx(wilson(1.5, 4))


def test_infinite_values_are_counted_and_left_out_of_the_mean() -> None:
    cell = said(several(PSNR, [math.inf, 30.0, 34.0, math.inf])).cells[PSNR, "a"]
    assert (cell.mean.value, cell.exact, cell.mean.n) == (32.0, 2, 4)


def test_a_seed_with_an_infinite_value_does_not_hide_the_others() -> None:
    cell = said([row(PSNR, math.inf, 0), row(PSNR, 30.0, 0, seed=1), row(PSNR, 20.0, 1)]).cells[PSNR, "a"]
    assert (cell.mean.value, cell.exact) == (25.0, 0)


def test_all_exact_has_no_mean_and_beats_what_never_is() -> None:
    summary = said(several(PSNR, [math.inf] * 8) + several(PSNR, [40.0 + at for at in range(8)], "b"))
    cell = summary.cells[PSNR, "a"]
    assert (cell.mean.value, cell.mean.low, cell.exact, cell.best) == (None, None, 8, True)


def test_two_exact_methods_are_equal() -> None:
    summary = said(several(PSNR, [math.inf] * 8) + several(PSNR, [math.inf] * 8, "b"))
    assert summary.differences[PSNR, "a", "b"].mean.value == 0.0
    assert best(summary, PSNR) == []


def test_exact_here_and_there_decides_nothing() -> None:
    """Each is exact on pictures where the other is not: no mean of the difference exists."""
    one = [math.inf, math.inf, math.inf, math.inf, 30.0, 30.0, 30.0, 30.0]
    summary = said(several(PSNR, one) + several(PSNR, one[::-1], "b"))
    difference = summary.differences[PSNR, "a", "b"]
    assert (difference.mean.low, difference.mean.high, difference.better) == (-math.inf, math.inf, "")


def test_latency_has_p50_and_p95_over_single_removals() -> None:
    rows = [row("latency", float(10 * at + seed), at, seed=seed) for at in range(10) for seed in range(2)]
    cell = said(rows).cells["latency", "a"]
    values = [10 * at + seed for at in range(10) for seed in range(2)]
    assert cell.p50 and cell.p95
    assert (cell.p50.value, cell.p95.value) == pytest.approx(np.quantile(values, [0.5, 0.95]))
    assert cell.p50.low is not None and cell.p50.high is not None and cell.p50.low < 45.5 < cell.p50.high


def test_the_best_is_better_on_the_same_pictures_though_the_intervals_overlap() -> None:
    """Pictures differ by 40 dB, methods by 1: only the paired difference sees it."""
    level = [10.0 + 4 * at for at in range(10)]
    rows = several(PSNR, level) + several(PSNR, [one + 1 + at % 3 / 10 for at, one in enumerate(level)], "b")
    summary = said(rows)
    a, b = (summary.cells[PSNR, method].mean for method in "ab")
    assert a.high and b.low and a.high > b.low
    assert best(summary, PSNR) == ["b"]
    difference = summary.differences[PSNR, "a", "b"].mean
    assert difference.value == pytest.approx(-1.09)
    expected = paired_bootstrap(level, [one + 1 + at % 3 / 10 for at, one in enumerate(level)], 0, 2000)
    assert (difference.low, difference.high) == pytest.approx(expected)


def test_nobody_is_the_best_where_the_difference_may_be_chance() -> None:
    a = [30.0 + at for at in range(10)]
    b = [one + (1 if at % 2 else -1) for at, one in enumerate(a)]
    assert best(said(several(PSNR, a) + several(PSNR, b, "b")), PSNR) == []


def test_the_best_must_beat_every_other_one() -> None:
    a = [30.0 + at for at in range(10)]
    better, same = [one + 2 for one in a], [one + 2 + (0.1 if at % 2 else -0.1) for at, one in enumerate(a)]
    two = said(several(PSNR, a) + several(PSNR, better, "b"))
    three = said(several(PSNR, a) + several(PSNR, better, "b") + several(PSNR, same, "c"))
    assert best(two, PSNR) == ["b"]
    assert best(three, PSNR) == []


def test_a_few_pictures_make_nobody_the_best() -> None:
    for count, winners in ((FEWEST_FOR_BEST - 1, []), (FEWEST_FOR_BEST, ["b"])):
        summary = said(several(PSNR, [30.0] * count) + several(PSNR, [40.0] * count, "b"))
        assert best(summary, PSNR) == winners


@pytest.mark.parametrize(
    ("metric", "winner"), [("latency", ["a"]), ("seam", ["b"]), ("levels", []), (PSNR, ["b"]), ("success_judge", ["b"])]
)
def test_better_is_what_the_definition_says(metric: str, winner: list[str]) -> None:
    """a: about -0.9 everywhere; b: about 0.5, which is nearer to zero, higher, and not lower."""
    a, b = ([at / 1000 + level for at in range(8)] for level in (-0.9, 0.5))
    if metric == "success_judge":
        a = [0.0] * 8
    summary = said(several(metric, a) + several(metric, b, "b"))
    assert best(summary, metric) == winner


def test_a_metric_of_the_whole_set_is_told_with_n_and_without_interval() -> None:
    summary = said([whole("cmmd", 0.25, 40), whole("cmmd", 0.35, 40, seed=1), whole("cmmd", 0.5, 40, "b")])
    cell = summary.cells["cmmd", "a"]
    assert (cell.mean.value, cell.mean.n, cell.mean.low, cell.whole, cell.best) == (
        pytest.approx(0.3),
        40,
        None,
        True,
        False,
    )


def test_failures_are_counted_and_pairs_are_on_common_pictures() -> None:
    """b fails on the two pictures that are hard for everybody, which makes its mean look good and nothing else."""
    a = [10.0, 10.0] + [30.0 + at for at in range(8)]
    rows = several(PSNR, a) + [one for one in several(PSNR, [one - 1 for one in a], "b") if one.name > "pair-01"]
    rows += [row("removal", None, at, "b", reason="No memory.") for at in range(2)]
    summary = said(rows)
    b = next(one for one in summary.methods if one.method == "b")
    assert (b.failed, b.absent, b.pictures) == (2, 0, 10)
    means = [summary.cells[PSNR, method].mean for method in "ab"]
    assert means[0].value and means[1].value and means[0].value < means[1].value
    assert (means[1].n, summary.cells[PSNR, "b"].missing) == (8, 2)
    difference = summary.differences[PSNR, "a", "b"]
    assert (difference.mean.value, difference.mean.n, best(summary, PSNR)) == (pytest.approx(1.0), 8, ["a"])
    (trouble,) = summary.troubles
    assert (trouble.method, trouble.reason, trouble.metrics, trouble.count) == ("b", "No memory.", (), 2)
    assert trouble.names == ("pair-00", "pair-01")
    assert "removal" not in summary.empty


def test_one_seed_that_failed_is_counted_though_the_picture_has_a_value() -> None:
    rows = [row(PSNR, 30.0, 0), row("removal", None, 0, seed=1, reason="No memory."), row(PSNR, 31.0, 1)]
    summary = said(rows)
    assert (summary.methods[0].failed, summary.cells[PSNR, "a"].mean.n) == (1, 2)


def test_a_number_that_could_not_be_had_is_told_with_its_reason() -> None:
    rows = [*several(PSNR, [30.0, 31.0]), *several("seam", [0.1, None], reason="The mask touches every edge.")]
    (trouble,) = said(rows).troubles
    assert (trouble.metrics, trouble.names, trouble.count) == (("Seam",), ("pair-01",), 1)


def test_a_metric_without_any_value_is_left_out_with_its_reason() -> None:
    summary = said([*several(PSNR, [30.0, 31.0]), *several("seam", [None, None], reason="No weights.")])
    assert dict(summary.empty) == {"seam": "No weights."}
    assert [one.id for one in summary.definitions] == [PSNR]
    assert summary.troubles == ()


def test_a_picture_that_one_method_never_saw_is_absent() -> None:
    summary = said([*several(PSNR, [30.0] * 5), *several(PSNR, [30.0] * 3, "b")])
    assert [(one.method, one.absent) for one in summary.methods] == [("a", 0), ("b", 2)]


def test_one_picture_and_one_method() -> None:
    summary = said([row(PSNR, 30.0), row("latency", 2.0), row("success_judge", 1.0)])
    psnr, rate = summary.cells[PSNR, "a"], summary.cells["success_judge", "a"]
    assert (psnr.mean.value, psnr.mean.low, psnr.best) == (30.0, None, False)
    assert (rate.mean.low, rate.mean.high) == pytest.approx(wilson(1, 1))
    assert not summary.differences


def test_other_policies_do_not_count() -> None:
    rows = several(PSNR, [30.0, 32.0]) + several(PSNR, [0.0, 0.0], policy="eroded")
    assert said(rows).cells[PSNR, "a"].mean.value == 31.0
    assert said(rows, policy="eroded").cells[PSNR, "a"].mean.value == 0.0


def test_methods_stand_as_they_were_asked_for() -> None:
    summary = said(run(methods=("a", "b", "c")), methods=("c", "a"))
    assert [one.method for one in summary.methods] == ["c", "a", "b"]


def test_a_method_under_two_protocols_is_two() -> None:
    rows = (
        several(PSNR, [30.0, 31.0]) + several(PSNR, [20.0, 21.0], protocol="as published") + several(PSNR, [1.0], "b")
    )
    assert [one.method for one in said(rows).methods] == ["a (as published)", "a (same pipeline)", "b"]


def test_a_metric_that_nobody_defined_is_shown_and_never_the_best() -> None:
    summary = said(several("new", [1.0] * 9) + several("new", [2.0] * 9, "b"))
    assert [one.id for one in summary.definitions] == ["new"]
    assert best(summary, "new") == []


@settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(chance: random.Random) -> None:
    rows = [*run(8, seed=0), *run(8, seed=1), row("removal", None, 3, "c", reason="Why?"), row(PSNR, None, 2, "c")]
    shuffled = chance.sample(rows, len(rows))
    one, other = said(rows), said(shuffled)
    for name in ("cells", "differences", "methods", "troubles", "empty", "seeds", "definitions"):
        assert getattr(one, name) == getattr(other, name)


@settings(max_examples=15)
@given(st.lists(st.floats(-50, 50), min_size=6, max_size=12), st.floats(-10, 10))
def test_adding_a_constant_moves_the_interval_and_not_the_difference(values: list[float], step: float) -> None:
    one, other = (said(several(PSNR, [v + s for v in values])).cells[PSNR, "a"].mean for s in (0.0, step))
    assert one.low is not None and other.low is not None
    assert other.low == pytest.approx(one.low + step, abs=1e-9)
    both = said(several(PSNR, values) + several(PSNR, [v + step for v in values], "b"))
    difference = both.differences[PSNR, "a", "b"].mean
    assert difference.low == pytest.approx(-step, abs=1e-9) and difference.high == pytest.approx(-step, abs=1e-9)
