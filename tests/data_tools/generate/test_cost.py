"""What a large run costs: the formulas on numbers that can be done in the head, and where each figure comes from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from data_tools.generate import generate
from data_tools.generate.cost import app
from data_tools.generate.costing import (
    ASSUMED,
    COUNTED,
    GIVEN,
    MEASURED,
    Figure,
    Site,
    Sizes,
    cost,
    from_shards,
    limits,
    measured_in,
    reference,
    workers_a_gpu,
)
from rorem.errors import BadData, BadOptions
from tests.data_tools.generate.made import QUICK, photos
from tests.tools.imports import ROOT

positive = st.floats(0.01, 100)


def figure(value: float) -> Figure:
    return Figure(value, GIVEN)


def sizes(network: float = 1, beside: float = 0.5) -> Sizes:
    return Sizes(figure(network), figure(beside), figure(1e5), figure(1e5), figure(1e6))


def site(workers: int, gpus: int) -> Site:
    return Site(workers, gpus, figure(1.1e8), figure(1e7))


def test_one_worker_a_gpu_lets_it_wait() -> None:
    told = cost(7200, sizes(), site(2, 2))
    assert (told.gpu_hours, told.held_hours, told.hours) == (2, 3, 1.5)
    assert told.idle == pytest.approx(1 / 3) and workers_a_gpu(sizes()) == 1.5
    assert (told.candidates, told.removals, told.files) == (7.2e8, 7.2e9, 36)
    assert told.pushing == pytest.approx(7.2e9 / 1e7 / 3600)


def test_enough_workers_keep_it_busy() -> None:
    told = cost(7200, sizes(), site(3, 2))
    assert (told.hours, told.held_hours, told.idle) == (1, 2, 0)
    assert cost(7200, sizes(), site(30, 2)) == told


@given(st.integers(1, 10**7), positive, positive, st.integers(1, 64), st.integers(1, 64))
def test_nothing_is_had_for_nothing(count: int, network: float, beside: float, workers: int, gpus: int) -> None:
    told = cost(count, sizes(network, beside), site(workers, gpus))
    assert 0 <= told.idle < 1 and told.held_hours >= told.gpu_hours * 0.999
    more = cost(count, sizes(network, beside), site(workers + 1, gpus + 1))
    assert more.hours <= told.hours and more.gpu_hours == told.gpu_hours


def test_what_is_full_first() -> None:
    assert limits(sizes(), site(1, 1)) == [
        ("pushing to the Hub", 10),
        ("storage", 100),
        ("fetching from the Hub", 100),
    ]
    scattered = from_shards(sizes())
    assert scattered.read.value == 1e7  # a row group of a hundred
    assert limits(scattered, site(1, 1))[0] == ("storage", pytest.approx(10))
    assert from_shards(reference("rorem", 1024)).read.value <= 32e6


def test_reference_figures_say_where_they_come_from() -> None:
    told = reference("rorem-4s", 512)
    assert told.network.how == f"{COUNTED} over {ASSUMED}" and "9.5 TFLOP" in told.network.source  # as docs say
    assert told.network.value == pytest.approx(9.486 / 100)
    assert reference("rorem-4s", 512, 1e12).network.how == f"{COUNTED} over {GIVEN}"
    assert told.beside.how == told.candidate.how == told.removal.how == MEASURED
    for method, side in (("lama", 512), ("rorem", 768)):
        with pytest.raises(BadOptions):
            reference(method, side)


def test_a_run_of_ones_own_tells_better(tmp_path: Path) -> None:
    generate(photos(tmp_path), tmp_path / "out", QUICK, machine=1, machines=2)
    assert measured_in(tmp_path / "out").removal.value > 0  # of what is there so far
    generate(photos(tmp_path), tmp_path / "out", QUICK)
    told = measured_in(tmp_path / "out")
    files = list((tmp_path / "out").rglob("*.parquet"))
    assert told.removal.value == sum(file.stat().st_size for file in files) / 8
    assert 0 < told.network.value < 10 and 0 < told.beside.value < 10
    inputs = [*(tmp_path / "photos").glob("source/*"), *(tmp_path / "photos").glob("mask/*")]
    assert told.candidate.value == sum(file.stat().st_size for file in inputs) / 8
    assert {one.how for one in (told.network, told.beside, told.candidate, told.removal)} == {MEASURED}
    with pytest.raises(BadData, match="no folder of a run"):
        measured_in(tmp_path / "photos")


def test_the_sheet(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--gpus", "4", "--workers", "8", "--hub", "50"])
    assert done.exit_code == 0
    assert "| 100,000 candidates | 10,000,000 candidates |" in done.stdout
    assert "4 GPUs and 8 workers" in done.stdout and re.search(r"Hub, MB/s \| 50 \| given", done.stdout)
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert all(line.endswith(" |") for line in rows) and len(rows) > 15
    done = CliRunner().invoke(app, ["--seconds", "2", "--side", "512", "--count", "3600", "--gpus", "1", "--shards"])
    assert "| GPU hours of computing | 2 |" in done.stdout and "row group" in done.stdout
    for wrong in (["--method", "lama"], ["--seconds", "1", "--side", "700"], [str(tmp_path)]):
        done = CliRunner().invoke(app, wrong)
        assert done.exit_code == 2 and done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("mark", "options"),
    [("cost", []), ("cost-rorem", ["--method", "rorem", "--gpus", "64", "--workers", "128", "--shards"])],
)
def test_the_docs_show_what_the_command_prints(mark: str, options: list[str]) -> None:
    page = (ROOT / "docs" / "data" / "machines.md").read_text("utf-8")
    _, _, shown = page.partition(f"<!-- {mark} -->\n")
    assert shown.partition(f"<!-- /{mark} -->")[0] == CliRunner().invoke(app, options).stdout
