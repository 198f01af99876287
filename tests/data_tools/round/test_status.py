"""The table of rounds, from manifests and evaluations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_tools.round import Inputs, make, status
from data_tools.round.status import HEADS, cells
from data_tools.round.telling import sums, table
from rorem.errors import BadData
from rorem.evaluation.rows import Row as Measured
from rorem.evaluation.rows import write
from rorem.metrics.intervals import wilson
from tests.data_tools.round.sets import ANNA, BORIS, answers, candidate, rows, scores, shards, start


def rounds(tmp_path: Path) -> list[Path]:
    """A first set, and a round on it: 2 of 3 shown were accepted, and one more by the judge."""
    new = [candidate(seed) for seed in range(20, 25)]
    said = [(new[0], ANNA, "yes"), (new[1], ANNA, "yes"), (new[1], BORIS, "yes"), (new[2], ANNA, "no")]
    inputs = Inputs(
        previous=[rows(tmp_path / "start", [start(1), start(11)])],
        generated=[shards(tmp_path / "new", new)],
        answers=[answers(tmp_path / "answers.csv", said)],
        scores=[scores(tmp_path / "scores", [(new[3], 0.9, True), (new[4], 0.1, False)])],
    )
    make(tmp_path / "round-1", inputs, cache=tmp_path / "cache")
    return [tmp_path / "round-1", tmp_path / "start"]


def evaluation(folder: Path, values: dict[str, list[float]], metric: str = "psnr_hole/gt") -> Path:
    """A run of rorem evaluate: by method, a value for each sample."""
    measured = [
        Measured(str(at), f"photo {at}", method, "", "same pipeline", "as given", 0, "{}", metric, value)
        for method, some in values.items()
        for at, value in enumerate(some)
    ]
    folder.mkdir()
    write(folder / "rows.parquet", measured)
    return folder


def test_rounds_stand_in_their_order(tmp_path: Path) -> None:
    first, one = status(rounds(tmp_path))
    assert (first.round, first.size, first.success, first.psnr) == (None, 2, None, None)
    assert (one.round, one.size, one.new, one.human, one.judge) == (1, 5, 3, 2, 1)
    low, high = wilson(2, 3)
    assert one.success == {"shown": 3, "yes": 2, "share": 2 / 3, "low": low, "high": high}
    (threshold,) = one.thresholds
    assert (threshold["value"], threshold["on"], threshold["id"]) == (0.8, "probability", "cal-1")


def test_the_table_can_be_read(tmp_path: Path) -> None:
    lines = list(table(HEADS, [cells(row) for row in status(rounds(tmp_path))]))
    assert len({len(line) for line in lines}) == 1, "columns are as wide as their widest cell"
    assert lines[1].split() == ["-", "2", "-", "-", "-", "-", "-", "-"]
    assert "66.7 % [20.8, 93.9] of 3" in lines[2] and "p >= 0.8" in lines[2]


def test_an_evaluation_brings_its_psnr(tmp_path: Path) -> None:
    folders = rounds(tmp_path)
    run = evaluation(tmp_path / "evaluation", {"rorem": [20.0, 24.0, 28.0]})
    psnr = status(folders, {1: run})[1].psnr
    assert psnr is not None and (psnr["mean"], psnr["n"]) == (24.0, 3) and psnr["low"] < 24 < psnr["high"]
    several = evaluation(tmp_path / "several", {"rorem": [20.0], "lama": [30.0]})
    with pytest.raises(BadData, match="several methods: lama, rorem"):
        status(folders, {1: several})
    psnr = status(folders, {1: several}, "lama")[1].psnr
    assert psnr is not None and psnr["mean"] == 30.0 and psnr["low"] is None, "one photo has no interval"


def test_what_does_not_fit_is_said_so(tmp_path: Path) -> None:
    folders = rounds(tmp_path)
    other = evaluation(tmp_path / "other", {"rorem": [1.0]}, "seam")
    with pytest.raises(BadData, match="no round 2 among"):
        status(folders, {2: other})
    with pytest.raises(BadData, match="has no psnr_hole/gt"):
        status(folders, {1: other})
    with pytest.raises(BadData, match=r"has no rows\.parquet"):
        status(folders, {1: tmp_path})
    with pytest.raises(BadData, match="no folder called"):
        status([tmp_path / "none"])
    manifest = folders[0] / "manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "new": 3}))
    with pytest.raises(BadData, match="no manifest of a round"):
        status(folders)


def test_a_manifest_is_told_in_lines(tmp_path: Path) -> None:
    folder, _ = rounds(tmp_path)
    lines = list(sums(json.loads((folder / "manifest.json").read_text())))
    assert lines[0] == "Round 1" and "5 pairs: 2 by their truth, 2 by people, 1 by the judge" in lines
    assert any(line.startswith("People said yes to 2 of 3 removals: 66.7 %") for line in lines)
    assert lines[-1] == "The judge seam accepts from 0.8 on (probability); precision at least 95.1 %"
