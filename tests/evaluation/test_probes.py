"""The probes are what they say, and the table shows whom they fool."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rorem.evaluation.plan import Plan
from rorem.evaluation.probe_table import markdown, probe_table
from rorem.evaluation.probes import BASE, BEST, BEST_OF, HONEST, PROBES, makers, probed
from rorem.evaluation.rows import Row
from rorem.evaluation.running import evaluate
from rorem.evaluation.store import Store
from rorem.metrics import catalog
from rorem.picture import to_rgb
from tests.evaluation.sets import in_memory, sample, triplet

BY_NAME = {probe.name: probe for probe in PROBES}
METRICS = ("psnr_bg/raw", "psnr_hole/gt", "psnr_full/gt", "seam", "rorem_style/psnr")


def made(name: str, seed: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What a probe makes, the source, the honest removal (grey in the hole) and the hole."""
    one = sample(seed)
    source = to_rgb(one.picture)
    honest = np.where(one.mask[..., None], np.uint8(128), source)
    return BY_NAME[name].make(one, honest, one.mask, np.random.default_rng(0)), source, honest, one.mask


@pytest.mark.parametrize("name", BY_NAME)
def test_a_probe_is_a_picture(name: str) -> None:
    picture, source, _, _ = made(name)
    assert picture.dtype == np.uint8 and picture.shape == source.shape
    assert (picture == made(name)[0]).all(), "the same each time"


@pytest.mark.parametrize("name", ["blur", "mean colour", "noise", "paste-back"])
def test_these_leave_everything_outside_the_hole_alone(name: str) -> None:
    picture, source, _, hole = made(name)
    assert (picture[~hole] == source[~hole]).all()
    assert (picture[hole] != source[hole]).any()


@pytest.mark.parametrize("name", ["jpeg", "drift"])
def test_these_change_a_little_everywhere(name: str) -> None:
    picture, _, honest, hole = made(name)
    difference = np.abs(picture.astype(int) - honest)[~hole]
    assert 0 < difference.mean() < 8


def test_nothing_of_the_thing_is_in_a_blur_a_colour_or_noise() -> None:
    one = sample(2)
    black = np.where(one.mask[..., None], np.uint8(0), to_rgb(one.picture))
    white = np.where(one.mask[..., None], np.uint8(255), to_rgb(one.picture))
    from dataclasses import replace

    from rorem.picture import from_rgb_array

    for name in ("blur", "mean colour", "noise"):
        pictures = [
            BY_NAME[name].make(replace(one, picture=from_rgb_array(source)), source, one.mask, np.random.default_rng(0))
            for source in (black, white)
        ]
        assert (pictures[0] == pictures[1]).all(), name


def test_the_best_of_several_is_chosen_by_the_metric_itself() -> None:
    def row(metric: str, seed: int, value: float) -> Row:
        return Row("s", "s", BASE, "", "same pipeline", "as given", seed, "{}", metric, value)

    rows = [row("psnr_hole/gt", seed, value) for seed, value in enumerate((20.0, 25.0, 22.0))]
    rows += [row("seam", seed, value) for seed, value in enumerate((-0.5, 0.1, 0.9))]
    found = {(one.method, one.metric): one.value for one in probed(rows)}
    assert found == {
        (HONEST, "psnr_hole/gt"): 20.0,
        (HONEST, "seam"): -0.5,
        (BEST, "psnr_hole/gt"): 25.0,
        (BEST, "seam"): 0.1,
    }


def test_the_table_shows_whom_the_tricks_fool(tmp_path: Path) -> None:
    samples = in_memory(*map(triplet, range(7)))
    finished = evaluate(
        samples,
        Plan(seeds=tuple(range(BEST_OF)), metrics=METRICS),
        tmp_path,
        makers=makers(Store(tmp_path), truth_known=True),
    )
    assert finished is not None and not finished.failures
    definitions = {one.id: one for one in catalog.METRICS if one.id in METRICS}
    table = probe_table(probed(finished.rows), definitions)
    assert table.tricks[0] == HONEST and {*BY_NAME, BEST, "dilated mask"} < set(table.tricks)
    assert ("rorem_style/psnr", "identity") in table.fooled, "doing nothing is nearest to the source"
    assert ("psnr_hole/gt", "identity") not in table.fooled, "the thing is still there"
    assert ("psnr_hole/gt", "noise") not in table.fooled
    assert not any(trick in ("truth", HONEST) for _, trick in table.fooled)
    assert table.cells["psnr_full/gt", "truth"].exact == 7
    text = markdown(table)
    assert text.count("\n| ") == len(table.tricks) and "7 pictures" in text
    assert "**" in next(line for line in text.splitlines() if line.startswith("| identity"))


def test_without_truth_it_is_no_line(tmp_path: Path) -> None:
    assert "truth" not in [maker.id for maker in makers(Store(tmp_path), truth_known=False)]
