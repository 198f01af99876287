"""Plots lie in the page: they load nothing, hide nothing, overlap nowhere and come out the same each time."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem.evaluation.plots import PALETTE, against_seconds, by_part, intervals, look, spread
from rorem.evaluation.slices import BY_SIZE, cuts
from rorem.evaluation.summary import Summary, summarize
from tests.evaluation.made_rows import DEFINITIONS, run, several

PSNR, LATENCY = DEFINITIONS["psnr_hole/gt"], DEFINITIONS["latency"]
TEN = (
    "patchmatch",
    "telea",
    "lama",
    "migan",
    "sdxl-inp",
    "powerpaint-v1",
    "powerpaint-v2-1",
    "rorem",
    "rorem-4s",
    "m10",
)


def every_plot(summary: Summary) -> list[str]:
    sizes = next(one for one in cuts(summary) if one.title == BY_SIZE)
    return [intervals(summary, PSNR), against_seconds(summary, PSNR, LATENCY), by_part(summary, sizes, PSNR)]


def texts(svg: str) -> list[str]:
    return [text for one in ElementTree.fromstring(svg).iter("text") for text in one.itertext()]


@pytest.fixture(scope="module")
def plots() -> list[str]:
    return every_plot(summarize(run(30, TEN), DEFINITIONS, TEN))


def test_every_method_is_named_in_every_plot(plots: list[str]) -> None:
    for svg in plots:
        assert set(TEN) <= set(texts(svg))
        assert "PSNR, hole (dB) ↑" in texts(svg)


def test_nothing_is_loaded_and_colours_are_the_pages(plots: list[str]) -> None:
    for svg in plots:
        assert "http" not in svg and "<!DOCTYPE" not in svg and "<script" not in svg
        assert all(f"var(--m{number})" in svg for number in range(10))
        assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) == set()  # a fixed colour would be lost on a dark page
        assert all(target in svg for target in re.findall(r'href="#([^"]+)"', svg))


def test_names_beside_a_plot_do_not_overlap(plots: list[str]) -> None:
    for svg in plots[1:]:
        found = [one for one in ElementTree.fromstring(svg).iter("text") if "".join(one.itertext()) in TEN]
        heights = sorted(_height(one) for one in found)
        assert len(heights) == 10
        assert min(high - low for low, high in pairwise(heights)) >= 8.5


def _height(text: ElementTree.Element) -> float:
    """In points, from the top."""
    place = text.get("transform") or ""
    found = re.search(r"translate\([-\d.]+ ([-\d.]+)\)", place)
    return float(found[1]) if found else float(text.attrib["y"])


def test_the_same_rows_give_the_same_bytes(plots: list[str]) -> None:
    assert every_plot(summarize(run(30, TEN)[::-1], DEFINITIONS, TEN)) == plots


def test_ids_of_two_plots_in_one_page_do_not_meet(plots: list[str]) -> None:
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in plots]
    assert not ids[0] & ids[1] and not ids[1] & ids[2]


def test_hostile_names_are_text(plots: list[str]) -> None:
    name = "$x^2$<script>&\"'"
    for svg in every_plot(summarize(run(8, (name, "b")), DEFINITIONS)):
        assert "<script" not in svg
        assert name in texts(svg)


def test_one_method_one_picture_and_exact_values() -> None:
    one = summarize([*several(PSNR.id, [30.0]), *several("latency", [1.0])], DEFINITIONS)
    assert "a" in texts(intervals(one, PSNR)) and "a" in texts(against_seconds(one, PSNR, LATENCY))
    exact = summarize([*several(PSNR.id, [math.inf] * 3), *several("latency", [1.0] * 3)], DEFINITIONS)
    assert "exact in 3 of 3" in texts(intervals(exact, PSNR))
    assert against_seconds(exact, PSNR, LATENCY) == ""


def test_the_mean_of_the_rest_is_no_mark() -> None:
    rows = several(PSNR.id, [math.inf] * 5 + [20.0]) + several(PSNR.id, [50.0 + at for at in range(6)], "b")
    summary = summarize([*rows, *several("latency", [1.0] * 6), *several("latency", [1.0] * 6, "b")], DEFINITIONS)
    assert "exact in 5 of 6, mean of the rest 20.0" in texts(intervals(summary, PSNR))
    assert "a" not in texts(against_seconds(summary, PSNR, LATENCY))
    (sizes,) = cuts(summary)
    assert [part.cells[PSNR.id, "a"].value for part in sizes.slices] == [None, None]
    assert "a" not in texts(by_part(summary, sizes, PSNR)) and "b" in texts(by_part(summary, sizes, PSNR))


def test_what_should_be_zero_is_drawn_as_its_distance() -> None:
    summary = summarize(several("seam", [3.0, -3.0]), DEFINITIONS)
    assert "Seam, distance from 0 → 0" in texts(intervals(summary, DEFINITIONS["seam"]))


def test_a_person_s_own_settings_are_left_alone_and_do_not_matter(plots: list[str]) -> None:
    import matplotlib

    with matplotlib.rc_context({"font.size": 33, "axes.facecolor": "#123456"}):
        assert every_plot(summarize(run(30, TEN), DEFINITIONS, TEN)) == plots
        assert matplotlib.rcParams["font.size"] == 33


@given(st.lists(st.floats(0, 100), min_size=1, max_size=10), st.floats(0.1, 10))
def test_spread(wanted: list[float], gap: float) -> None:
    found = spread(wanted, gap, 0, 100)
    places = sorted(found)
    assert all(high - low >= gap - 1e-6 for low, high in pairwise(places))
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    assert [found[at] for at in order] == places
    assert places[0] >= -1e-6 and places[-1] <= 100 + 1e-6


def test_spread_moves_nothing_that_has_room() -> None:
    assert spread([80.0, 10.0, 50.0], 5, 0, 100) == [80.0, 10.0, 50.0]
    assert spread([50.0, 50.0], 10, 0, 100) == [45.0, 55.0]


@pytest.mark.parametrize(("side", "page"), [(0, "#ffffff"), (1, "#15171b")])
def test_colours_stand_out_from_the_page(side: int, page: str) -> None:
    """3 : 1, what WCAG 2.1 asks of graphics; names in these colours are beside marks and lines of theirs."""
    for pair in PALETTE:
        dark, light = sorted((_luminance(pair[side]), _luminance(page)))
        assert (light + 0.05) / (dark + 0.05) >= 3


# What people with deuteranopia, protanopia and tritanopia see of linear RGB: Machado, Oliveira, Fernandes, "A
# physiologically-based model for simulation of color vision deficiency", TVCG 2009, severity 1.
VISIONS = {
    "all colours": np.eye(3),
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4339, 0.3762, 0.1899], [0.2126, 0.7152, 0.0722], [0.0177, 0.1095, 0.8728]])  # white is 1, 1, 1


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("side", [0, 1])
def test_any_two_colours_can_be_told_apart(side: int, vision: str) -> None:
    """Distances in CIELAB; about 2 is the least that is seen side by side. The first five are farther apart still."""
    seen = np.clip([np.array(VISIONS[vision]) @ _linear(pair[side]) for pair in PALETTE], 0, 1)
    x, y, z = np.cbrt(seen @ TO_XYZ.T).T
    lab = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2) + 1000 * np.eye(10)
    assert apart.min() > 15 and apart[:5, :5].min() > 25


def _luminance(colour: str) -> float:
    return float(np.array([0.2126, 0.7152, 0.0722]) @ _linear(colour))


def _linear(colour: str) -> np.ndarray:
    """Of sRGB, float64 (3,), 0 to 1."""
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def test_ten_methods_look_different() -> None:
    assert len({look(number).colour for number in range(10)}) == len({look(number).mark for number in range(10)}) == 10
