"""What is known of every record before training."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rorem.triplet import write_folder, write_shards
from tests.training.data.scenes import photo, triplet
from training.data import facts
from training.data.facts import facts_of
from training.data.labels import Label, label_of
from training.data.sets import Sets


def turned() -> bytes:
    """A file of 96 x 64 pixels that is to be shown upright: 64 x 96."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(photo(96, 64)).save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("shards", [False, True])
def test_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: bool) -> None:
    scenes = [triplet(0, 96, 64, method="lama"), triplet(1, source=turned()), triplet(2, source=b"no photo")]
    (write_shards if shards else write_folder)(scenes, tmp_path / "set")
    sets = Sets([str(tmp_path / "set")])
    told = facts_of(sets, tmp_path / "cache")
    assert told.width.tolist() == [96, 64, 0] and told.height.tolist() == [64, 96, 0]
    assert told.id.tolist() == [scenes[0].id, scenes[1].id, ""] and told.method.tolist() == ["lama", "", ""]
    assert told.source[0] == scenes[0].hashes["sha256_source"] and told.sound.tolist() == [True, True, False]
    monkeypatch.setattr(facts, "_gathered", None)
    assert facts_of(Sets([str(tmp_path / "set")]), tmp_path / "cache").id.tolist() == told.id.tolist()  # kept


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    write_folder([triplet(0)], tmp_path / "set")
    sets = Sets([str(tmp_path / "set")])
    facts_of(sets, tmp_path)
    (file,) = (tmp_path / "facts").glob("*.npz")
    file.write_bytes(file.read_bytes()[:40])
    assert facts_of(sets, tmp_path).width.tolist() == [64]


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ({"p_yes": 0.7, "votes_yes": 1, "votes_no": 3}, Label(0.7)),
        ({"votes_yes": 1, "votes_no": 3, "accepted_by": "human"}, Label(0.25)),
        ({"extra": {"score": 0.9}}, Label(0.9)),
        ({"extra": {"score": 7}, "accepted_by": "human"}, Label(1.0)),
        ({"extra": {"score": True}}, None),
        ({"accepted_by": "judge"}, None),
        ({}, None),
    ],
)
def test_labels(given: dict[str, Any], label: Label | None) -> None:
    assert label_of(triplet(0, **given)) == label
