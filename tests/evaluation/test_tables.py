"""The table says the same in Markdown, as CSV and in a terminal, and says when it does not know."""

from __future__ import annotations

import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rorem.evaluation.estimates import Estimate
from rorem.evaluation.sections import of_pairs
from rorem.evaluation.summary import summarize
from rorem.evaluation.tables import as_csv, escaped, lines, markdown, terminal
from rorem.evaluation.wording import Scale, counted, percent, scale
from tests.evaluation.made_rows import DEFINITIONS, Defined, row, run, several, whole

PSNR = "psnr_hole/gt"
SMALL = [
    *several(PSNR, [30.0] * 6),
    *several(PSNR, [32.0] * 5, "b"),
    row("removal", None, 5, "b", reason="No memory."),
    *several("success_judge", [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]),
    whole("cmmd", 0.25, 6),
]
GOLDEN = """\
| Metric |  | n | a | b |
| --- | --- | --: | --: | --: |
| Success (%)<br>`success_judge` | higher is better | 6 | 50 (19 to 81) | – |
| PSNR, hole (dB)<br>`psnr_hole/gt` | higher is better | 6 | 30 | 32<br>n = 5 |
| CMMD<br>`cmmd` | lower is better | 6 | 0.250 | – |

"""


def test_markdown_golden() -> None:
    text = markdown(summarize(SMALL, DEFINITIONS))
    assert text.startswith(GOLDEN)
    assert text.count("\n- ") >= 5
    assert "- b failed on 1 of 6 pictures: they count as a no in shares of yes, and its other numbers" in text
    assert "A method that failed on a picture where another has a value is never bold" in text
    assert "a removal that failed counts as a no" in text and "distance from 0" not in text
    unfailing = markdown(summarize(SMALL[:6], DEFINITIONS))
    assert "failed" not in unfailing and "sign-flip test" in unfailing and "needs 6 pictures" in unfailing


def test_csv_golden() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(summarize(SMALL, DEFINITIONS)))))
    assert [(one["method"], one["metric"]) for one in rows] == [
        ("a", "success_judge"),
        ("a", PSNR),
        ("a", "cmmd"),
        ("b", PSNR),
    ]
    psnr, failed = rows[1], rows[3]
    assert (psnr["mean"], psnr["low"], psnr["high"], psnr["n"], psnr["best"]) == ("30.0", "30.0", "30.0", "6", "0")
    assert (failed["mean"], failed["n"], failed["missing"], failed["failed"]) == ("32.0", "5", "1", "1")
    assert float(rows[0]["mean"]) == 0.5 and rows[2]["low"] == ""
    assert {one["protocol"] for one in rows} == {"same pipeline"} and rows[0]["revision"] == "r1"


def test_bold_is_bold_everywhere() -> None:
    summary = summarize(run(), DEFINITIONS)
    winner = summary.cells[PSNR, "b"]
    assert winner.best
    assert f"**{lines(summary)[1].cells[1].text}** (" in markdown(summary)
    assert [one["best"] for one in csv.DictReader(io.StringIO(as_csv(summary))) if one["metric"] == PSNR] == ["0", "1"]


def test_latency_has_a_line_for_p50_and_one_for_p95() -> None:
    p50, p95 = (line for line in lines(summarize(run(), DEFINITIONS)) if line.id == "latency")
    assert (p50.title, p95.title) == ("Seconds, p50", "Seconds, p95")
    assert p50.cells[0].best and not p95.cells[0].best


def test_exact_is_said() -> None:
    rows = several(PSNR, [math.inf, 30.0, 31.0]) + several(PSNR, [math.inf] * 3, "b")
    (line,) = lines(summarize(rows, DEFINITIONS))
    assert (line.cells[0].text, line.cells[0].note) == ("30.50", "exact in 1 of 3, left out")
    assert (line.cells[1].text, line.cells[1].note) == ("exact", "in 3 of 3")
    assert "Exact: equal to the last bit, which" in markdown(summarize(rows, DEFINITIONS))


def test_a_mean_over_the_rest_is_never_the_methods() -> None:
    rows = several(PSNR, [math.inf] * 11 + [20.0]) + several(PSNR, [50.0 + at / 10 for at in range(12)], "b")
    summary = summarize(rows, DEFINITIONS)
    text = markdown(summary)
    assert "| **exact**<br>in 11 of 12, mean of the rest 20.00 | 50.55 (" in text
    assert "more than half of a method's, the table says exact" in text
    exact, _ = csv.DictReader(io.StringIO(as_csv(summary)))
    assert [exact[name] for name in ("mean", "low", "rest", "exact", "n", "best")] == ["", "", "20.0", "11", "12", "1"]
    ((first, second),) = (group.entries for group in of_pairs(summary, DEFINITIONS[PSNR]).groups)
    assert (first.cells[1].text, first.cells[1].best) == ("one of them exact", True)
    assert first.cells[1].note.startswith("in 11 of 12, mean of the rest -31.1")
    assert second.cells[0].note.startswith("in 11 of 12, mean of the rest +31.1") and not second.cells[0].best


def test_what_should_be_zero_says_that_it_is_a_distance() -> None:
    summary = summarize(several("seam", [3.0, -3.0]), DEFINITIONS)
    (line,) = lines(summary)
    assert (line.title, line.cells[0].text) == ("Seam, distance from 0", "3")
    assert "the numbers are the distance from 0, taken for each removal" in markdown(summary)
    (found,) = csv.DictReader(io.StringIO(as_csv(summary)))
    assert (found["title"], found["mean"]) == ("Seam, distance from 0", "3.0")


def test_mixed_runs_are_told() -> None:
    rows = several(PSNR, [30.0, 31.0]) + several(PSNR, [30.0, 31.0], seed=1, revision="r2", options='{"steps": 4}')
    text = markdown(summarize(rows, DEFINITIONS))
    assert "several revisions of its weights: r1, r2." in text and "2 different settings" in text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r\n@"])
def test_text_in_csv_is_no_formula(start: str) -> None:
    rows = several(PSNR, [30.0, -31.0], f'{start}HYPERLINK("x")', revision=f"{start}1")
    (found,) = csv.DictReader(io.StringIO(as_csv(summarize(rows, DEFINITIONS)), newline=""))
    assert found["method"][:2] == found["revision"][:2] == f"'{start.strip()}"
    assert float(found["mean"]) == -0.5  # numbers stay numbers


def test_names_cannot_break_the_markdown_table() -> None:
    text = markdown(summarize(several(PSNR, [30.0], "a|b\n*c*<img src=x>"), DEFINITIONS))
    assert "a\\|b \\*c\\*&lt;img src=x&gt;" in text.splitlines()[0]
    assert len({line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")}) == 1


@given(st.text())
def test_escaped_text_is_one_line_without_bare_signs(text: str) -> None:
    found = escaped(text)
    assert "\n" not in found and "<" not in found
    assert all(found[at - 1] == "\\" for at, sign in enumerate(found) if sign in "|*`")


def test_a_terminal_gets_as_many_tables_as_it_takes() -> None:
    summary = summarize(run(methods=("a", "b", "c", "d", "e")), DEFINITIONS)
    for width, count in ((80, 3), (150, 1)):
        tables = terminal(summary, width)
        assert len(tables) == count
        console = Console(width=width, file=io.StringIO(), markup=False)
        for table in tables:
            console.print(table)
        shown = console.file.getvalue()  # type: ignore[attr-defined]
        assert max(map(len, shown.splitlines())) <= width
        assert "PSNR, hole (dB) ↑" in shown and "Seconds, p95" in shown


@pytest.mark.parametrize(
    ("definition", "estimate", "text", "interval"),
    [
        (DEFINITIONS[PSNR], Estimate(31.104, 30.2, 32.0, 9), "31.10", "30.20 to 32.00"),
        (DEFINITIONS[PSNR], Estimate(31.104, 21.0, 41.0, 9), "31", "21 to 41"),
        (DEFINITIONS["success_judge"], Estimate(0.762, 0.723, 0.797, 500), "76.2", "72.3 to 79.7"),
        (DEFINITIONS["latency"], Estimate(0.08471, 0.0801, 0.0899, 9), "0.0847", "0.0801 to 0.0899"),
        (DEFINITIONS["latency"], Estimate(123.4, 120.0, 130.0, 9), "123", "120 to 130"),
        (Defined("m", "Memory", "", "lower", "B"), Estimate(3.2e8, 3.1e8, 3.3e8, 9), "320", "310 to 330"),
        (Defined("m", "Memory", "", "lower", "B"), Estimate(6.91e9, 6.9e9, 6.95e9, 9), "6.91", "6.90 to 6.95"),
        (Defined("n", "Calls", "", "lower"), Estimate(49.0, 49.0, 49.0, 9), "49", ""),
        (Defined("x", "X", "", "lower"), Estimate(-0.00001, -0.1, 0.1, 9), "0.00", "-0.10 to 0.10"),
        (Defined("x", "X", "", "lower"), Estimate(None, None, None, 9), "–", ""),
        (DEFINITIONS[PSNR], Estimate(2.0, 1.0, math.inf, 9), "2.00", "1.00 to ∞"),
        (DEFINITIONS[PSNR], Estimate(0.3 + 1e-16, 0.3, 0.3, 9), "0.300", ""),
    ],
)
def test_as_many_digits_as_the_interval_bears(
    definition: Defined, estimate: Estimate, text: str, interval: str
) -> None:
    unit = scale(definition, [estimate])
    assert (unit.text(estimate.value), unit.interval(estimate)) == (text, interval)


def test_small_words() -> None:
    assert Scale(decimals=1).text(0.25, signed=True) == "+0.2"
    assert [percent(share) for share in (0.0049, 0.05, 0.0996, 0.4)] == ["0.49 %", "5 %", "10 %", "40 %"]
    assert (counted(1, "picture"), counted(2, "picture")) == ("1 picture", "2 pictures")
