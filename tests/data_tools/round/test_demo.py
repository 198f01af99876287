"""The demonstration: a whole round without network, from the pairs of the package to a checked set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from data_tools.near import photo_hash
from data_tools.round.choosing import LIKE_PHOTO, SAME_PHOTO
from data_tools.round.demo import app, demo
from data_tools.round.demo_stock import evaluation, take_apart
from data_tools.round.settings import NEAR
from rorem.errors import BadData
from rorem.picture import open_picture
from rorem.triplet import Triplet, open_set


@pytest.mark.soak
def test_a_small_round_from_nothing_to_a_checked_set(tmp_path: Path) -> None:
    lines: list[str] = []
    finished = demo(tmp_path / "demo", pairs=8, start=2, say=lines.append)
    manifest = finished.made.manifest
    found = [one for one in open_set(str(tmp_path / "demo" / "round-1")) if isinstance(one, Triplet)]
    out = {step["what"]: step["out"] for step in manifest["steps"]}
    assert manifest["inputs"][-1]["kind"] == "keep_out" and manifest["inputs"][-1]["records"] == 3
    assert out[SAME_PHOTO] == out[LIKE_PHOTO] == 0, "a round that is made of other photos loses nothing to it"
    assert len(found) == manifest["set"]["records"] == finished.checked.records and finished.checked.wrong == 0
    assert manifest["accepted_by"]["truth"] == 2 and manifest["accepted_by"]["human"] > 0
    assert finished.answers == 3 * manifest["human"]["shown"] > 0
    assert any("no person gave them" in line and "0.30" in line for line in lines), "the rule is told"
    assert manifest["psnr"]["n"] == 8 and manifest["agreement"]["items"] == manifest["human"]["shown"]
    assert json.loads((tmp_path / "demo" / "round-1" / "manifest.json").read_text()) == manifest
    assert demo(tmp_path / "demo", pairs=8, start=2).made.there, "a second run goes on where the first was"
    with pytest.raises(BadData, match="another demonstration"):
        demo(tmp_path / "demo", pairs=9, start=2)


def test_a_folder_of_somebody_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadData, match="not empty"):
        demo(tmp_path, pairs=8, start=2)


def test_the_pairs_come_apart_into_photos_and_things(tmp_path: Path) -> None:
    photos, cutouts = take_apart(tmp_path)
    assert len(list(photos.iterdir())) == len(list(cutouts.iterdir())) == 9
    for file in cutouts.iterdir():
        alpha = open_picture(file.read_bytes()).alpha
        assert alpha is not None and 0.08 < np.mean(alpha > 128) < 0.95, file.name


def test_nothing_is_made_of_the_evaluation_set(tmp_path: Path) -> None:
    photos, cutouts = take_apart(tmp_path)
    kept = [one for one in open_set(str(evaluation(tmp_path / "evaluation"))) if isinstance(one, Triplet)]
    used = {file.stem for file in (*photos.iterdir(), *cutouts.iterdir())}
    assert len(kept) == 3 and used.isdisjoint(one.name for one in kept)
    looks = [photo_hash(file.read_bytes()) for file in photos.iterdir()]
    others = [photo_hash(data) for one in kept for data in (one.source, one.truth or b"")]
    assert min((one ^ other).bit_count() for one in looks for other in others) > NEAR


@pytest.mark.soak
def test_the_command_ends_well() -> None:
    told = CliRunner().invoke(app, [])
    assert told.exit_code == 0, told.output
    assert "by the judge" in told.stdout and "0 of them with problems" in told.stdout
