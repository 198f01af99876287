"""The paper's numbers are the published ones, with their source, and never look like ours."""

from __future__ import annotations

import pytest

from rorem.evaluation.paper import Table, markdown, published
from rorem.metrics.intervals import wilson


def table(id: str) -> Table:
    return next(one for one in published().tables if one.id == id)


def texts(id: str, method: str) -> list[str]:
    return [one.text for one in table(id).rows[method].values()]


@pytest.mark.parametrize(
    ("id", "method", "numbers"),
    [
        ("512", "LaMa", "55.4 33.06 2.99 0.77 22.77 0.15"),
        ("512", "SDXL-INP", "15.8 26.03 4.72 0.76 22.23 4.52"),
        ("512", "Inst-Inpaint", "3.0 23.75 10.36 0.74 20.80 5.68"),
        ("512", "PowerPaint", "55.8 28.41 6.06 0.75 22.36 1.98"),
        ("512", "InstructPix2Pix", "10.0 19.81 19.95 0.72 13.82 3.62"),
        ("512", "CLIPAway", "32.4 28.69 3.55 0.75 22.91 4.95"),
        ("512", "DesignEdit", "29.2 26.79 8.16 0.68 22.01 12.88"),
        ("512", "RORem", "76.2 31.10 2.86 0.77 23.28 4.03"),
        ("512", "RORem-4S", "74.8 30.08 3.47 0.77 23.24 0.50"),
        ("1024", "LaMa", "18.2 36.36 0.21"),
        ("1024", "SDXL-INP", "20.4 32.28 5.57"),
        ("1024", "PowerPaint", "46.8 33.34 5.61"),
        ("1024", "CLIPAway", "23.8 33.04 41.4"),
        ("1024", "DesignEdit", "52.4 32.98 23.1"),
        ("1024", "RORem", "70.2 36.05 4.44"),
        ("1024", "RORem-4S", "67.4 35.02 0.83"),
        ("512-other", "LaMa", "55.4 48.6 33.06 2.99 0.77 0.15"),
        ("512-other", "SDXL-INP", "15.8 16.0 26.03 4.72 0.76 4.52"),
        ("512-other", "PowerPaint", "55.8 56.8 28.41 6.06 0.75 1.98"),
        ("512-other", "RORem", "76.2 75.6 31.10 2.49 0.80 4.03"),
        ("512-other", "RORem-4S", "74.8 73.2 29.33 3.65 0.80 0.50"),
    ],
)
def test_published_numbers(id: str, method: str, numbers: str) -> None:
    assert texts(id, method) == numbers.split()


def test_nothing_else_is_in_the_tables() -> None:
    assert {one.id: len(one.rows) for one in published().tables} == {"512": 9, "1024": 7, "512-other": 5}
    assert [one.second_hand for one in published().tables] == [False, False, True]


def test_rates_are_fifths_of_a_percent_which_is_why_n_is_taken_to_be_500() -> None:
    for one in published().tables:
        for numbers in one.rows.values():
            for column, number in numbers.items():
                if column.startswith("success"):
                    yes = number.value * 5
                    assert yes == pytest.approx(round(yes), abs=1e-9)
                    low, high = wilson(round(yes), 500)
                    assert (number.low, number.high) == pytest.approx((100 * low, 100 * high))
                else:
                    assert number.low is None


def test_the_interval_of_the_headline() -> None:
    number = table("512").rows["RORem"]["success_human"]
    assert number.low == pytest.approx(72.3, abs=0.05) and number.high == pytest.approx(79.7, abs=0.05)


def test_markdown_is_marked_and_names_its_sources() -> None:
    text = markdown()
    assert text.count("not run here") == 3 and "inferred" in text
    assert text.count("\nSource: ") == 3
    assert "| RORem-4S | 74.8 (70.8 to 78.4) | 73.2 (" in text
