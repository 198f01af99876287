"""What is said of rows: means, intervals, failures, and who is the best."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.evaluation.probe_table import probe_table
from rorem.evaluation.probes import HONEST
from rorem.evaluation.rows import Row
from rorem.evaluation.summary import CHANCE, FEWEST_FOR_BEST, Summary, summarize
from rorem.metrics.intervals import differences, mean_intervals, sign_flip, wilson
from tests.evaluation.made_rows import DEFINITIONS, Defined, row, run, several, whole

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
    assert (cell.mean.low, cell.mean.high) == pytest.approx(tuple(mean_intervals(np.array([values]))[0]))


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


def test_a_method_does_not_win_by_failing() -> None:
    """a works on all 20 and 13 are accepted; b fails on the 12 that are hard, and its other 8 are accepted."""
    rows = several("success_judge", [1.0] * 13 + [0.0] * 7)
    rows += several("success_judge", [1.0] * 8, "b") + several(PSNR, [30.0] * 8, "b") + several(PSNR, [25.0] * 20)
    rows += [row("removal", None, at, "b", reason="No memory.") for at in range(8, 20)]
    summary = said(rows)
    a, b = (summary.cells["success_judge", method] for method in "ab")
    assert (a.mean.value, a.mean.n, b.mean.value, b.mean.n) == (0.65, 20, 0.4, 20)
    assert (b.mean.low, b.mean.high) == pytest.approx(wilson(8, 20))
    assert (b.missing, b.best) == (0, False)
    assert (summary.cells[PSNR, "b"].mean.value, summary.cells[PSNR, "b"].missing) == (30.0, 12)
    difference = summary.differences[PSNR, "a", "b"]
    assert difference.mean.high is not None and difference.mean.high < 0
    assert (difference.better, best(summary, PSNR)) == ("", [])


def test_one_failure_beside_the_others_value_is_enough_for_not_being_bold() -> None:
    rows = several("latency", [9.0 + at / 10 for at in range(12)]) + several("latency", [1.0] * 11, "b")
    assert best(said(rows), "latency") == ["b"]
    assert best(said([*rows, row("removal", None, 11, "b", reason="No memory.")]), "latency") == []
    elsewhere = [row("removal", None, 12, method, reason="No memory.") for method in "ab"]
    assert best(said([*rows, *elsewhere]), "latency") == ["b"]  # there a has no value either


def test_a_method_that_failed_everywhere_is_never_accepted() -> None:
    rows = several("success_judge", [1.0] * 6) + [row("removal", None, at, "b", reason="No memory.") for at in range(6)]
    mean = said(rows).cells["success_judge", "b"].mean
    assert (mean.value, mean.n) == (0.0, 6)


def test_a_failed_seed_is_a_no_among_the_seeds() -> None:
    rows = [row("success_judge", 1.0, 0, seed=seed) for seed in (0, 1)] + [row("removal", None, 0, seed=2, reason="?")]
    assert said(rows).cells["success_judge", "a"].mean.value == 1.0  # nobody else was judged there
    both = said([*rows, row("success_judge", 1.0, 0, "b")])
    assert both.cells["success_judge", "a"].mean.value == pytest.approx(2 / 3)


def test_who_was_not_asked_has_no_noes() -> None:
    """People answered for a only; of b there are other numbers, and a failure."""
    rows = several("success_judge", [1.0] * 6) + several(PSNR, [30.0] * 5, "b")
    rows.append(row("removal", None, 5, "b", reason="No memory."))
    assert ("success_judge", "b") not in said(rows).cells


def test_what_should_be_zero_is_the_distance_of_each_removal() -> None:
    """Seeds of +3 and -3 do not cancel, nor do pictures; the nearest to 0 is bold and has the smallest number."""
    rows = [row("seam", sign * 3.0, at, seed=seed) for at in range(8) for seed, sign in enumerate((1, -1))]
    rows += [*several("seam", [1.0 + at / 10 for at in range(8)], "b"), whole("seam", -0.5, 8, "c")]
    summary = said(rows)
    a, b, c = (summary.cells["seam", method] for method in "abc")
    assert (a.mean.value, a.median, c.mean.value) == (3.0, 3.0, 0.5)
    assert a.mean.value and b.mean.value and a.mean.value > b.mean.value
    assert summary.differences["seam", "a", "b"].mean.value == pytest.approx(a.mean.value - b.mean.value)
    assert summary.differences["seam", "a", "b"].better == "b"


def test_mostly_exact_has_no_mean_and_the_rest_does_not_speak_for_it() -> None:
    summary = said(several(PSNR, [math.inf] * 11 + [20.0]) + several(PSNR, [50.0 + at / 10 for at in range(12)], "b"))
    mean = summary.cells[PSNR, "a"].mean
    assert (mean.value, mean.low, mean.high, mean.exact, mean.n, mean.rest) == (None, None, None, 11, 12, 20.0)
    assert best(summary, PSNR) == ["a"]
    difference = summary.differences[PSNR, "a", "b"].mean
    assert (difference.value, difference.low, difference.exact, difference.rest) == (
        None,
        math.inf,
        11,
        pytest.approx(-31.1),
    )


def test_a_picture_is_exact_where_most_of_its_seeds_are() -> None:
    for values, exact in (((math.inf, math.inf, 20.0), 1), ((math.inf, 20.0), 0)):
        rows = [row(PSNR, value, 0, seed=seed) for seed, value in enumerate(values)]
        assert said(rows).cells[PSNR, "a"].exact == exact


def test_the_interval_alone_makes_nobody_the_best() -> None:
    """The interval leaves out 0, but so large a difference comes by chance in more than one of twenty cases."""
    apart = [-0.5, 1.4, 1.4, 2.1, -0.1, 2.5, 0.5]
    rows = several(PSNR, [30.0 + one for one in apart]) + several(PSNR, [30.0] * 7, "b")
    difference = said(rows).differences[PSNR, "a", "b"]
    assert difference.mean.low is not None and difference.mean.low > 0 and difference.chance >= CHANCE
    assert (difference.better, best(said(rows), PSNR)) == ("", [])


def test_of_equal_methods_few_are_bold() -> None:
    """Two hundred metrics of two methods without a difference on twelve pictures: about ten, by the interval twenty."""
    random = np.random.default_rng(2)
    definitions = {f"m{at}": Defined(f"m{at}", "M", "", "higher") for at in range(200)}
    rows = [
        one for id in definitions for method in "ab" for one in several(id, random.normal(size=12).tolist(), method)
    ]
    assert 2 <= sum(cell.best for cell in summarize(rows, definitions).cells.values()) <= 16  # of 200: 10 are expected


def test_a_trick_fools_a_metric_by_the_same_rule() -> None:
    """Beyond the interval the test has to agree, and a trick that failed where the honest removal did not is none."""
    apart = {"sure": [1.0] * 7, "chance": [-0.5, 1.4, 1.4, 2.1, -0.1, 2.5, 0.5]}
    rows = several(PSNR, [30.0] * 7, HONEST)
    for trick, values in (("blur", apart["sure"]), ("noise", apart["chance"]), ("jpeg", apart["sure"][:6])):
        rows += several(PSNR, [30.0 + one for one in values], trick)
    table = probe_table(rows, DEFINITIONS)
    assert table.fooled == {(PSNR, "blur"), (PSNR, "jpeg")}
    table = probe_table([*rows, row(PSNR, None, 6, "jpeg", reason="It failed.")], DEFINITIONS)
    assert table.fooled == {(PSNR, "blur")}


def test_infinite_values_are_counted_and_left_out_of_the_mean() -> None:
    cell = said(several(PSNR, [math.inf, 30.0, 34.0, math.inf])).cells[PSNR, "a"]  # half of them: not most
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
    apart = differences(level, [one + 1 + at % 3 / 10 for at, one in enumerate(level)])[None]
    assert (difference.low, difference.high) == pytest.approx(tuple(mean_intervals(apart)[0]))
    assert summary.differences[PSNR, "a", "b"].chance == pytest.approx(sign_flip(apart)[0])


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
