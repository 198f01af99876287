"""The same set again from its manifest, to the byte, or why not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from data_tools.round import Inputs, Settings, make, rebuild
from rorem.errors import BadData
from tests.data_tools.round.sets import ANNA, answers, candidate, file, photo, rows, scores, shards, start


def round_in(tmp_path: Path) -> Path:
    """A round of a folder, of shards and of answers; its answers and scores are gone afterwards."""
    new = [candidate(seed) for seed in range(20, 30)]
    inputs = Inputs(
        previous=[rows(tmp_path / "start", [start(1), start(11), start(1, name="twice")])],
        generated=[shards(tmp_path / "new", new)],
        answers=[answers(tmp_path / "answers.csv", [(new[0], ANNA, "yes")])],
        scores=[scores(tmp_path / "scores", [(one, 0.9, True) for one in new[2:]])],
        keep_out=[rows(tmp_path / "evaluation", [start(29)])],
    )
    make(tmp_path / "out", inputs, Settings(), cache=tmp_path / "cache", max_bytes=30_000)
    for gone in ("evaluation", "scores"):
        shutil.rmtree(tmp_path / gone)
    (tmp_path / "answers.csv").unlink()
    return tmp_path / "out"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_set_again(tmp_path: Path) -> None:
    """Only manifest and inputs are needed; and what was rebuilt can be rebuilt from."""
    out = round_in(tmp_path)
    known = files(out)
    assert sum(name.endswith(".parquet") for name in known) > 1, "in several shards"
    for shard in out.glob("*.parquet"):
        shard.unlink()
    rebuilt = rebuild(out, tmp_path / "again")
    assert files(tmp_path / "again") == known
    assert (rebuilt.records, rebuilt.files) == (10, len(known) - 1)
    rebuild(tmp_path / "again", tmp_path / "once more")
    assert files(tmp_path / "once more") == known


def test_inputs_that_moved(tmp_path: Path) -> None:
    out = round_in(tmp_path)
    moved = tmp_path / "elsewhere"
    shutil.move(tmp_path / "new", moved)
    with pytest.raises(BadData, match="new is missing"):
        rebuild(out, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    rebuild(out, tmp_path / "again", {str(tmp_path / "new"): str(moved)})
    assert files(tmp_path / "again") == files(out)
    with pytest.raises(BadData, match="nowhere is no input of this round"):
        rebuild(out, tmp_path / "other", {"nowhere": str(moved), str(tmp_path / "new"): str(moved)})


def test_all_that_is_missing_or_has_changed_is_named_at_once(tmp_path: Path) -> None:
    out = round_in(tmp_path)
    shutil.rmtree(tmp_path / "new")
    meta = tmp_path / "start" / "meta.json"
    meta.write_text(meta.read_text().replace('"category": ""', '"category": "boat"', 1))
    with pytest.raises(BadData) as caught:
        rebuild(out, tmp_path / "again")
    assert "start has changed" in str(caught.value) and "new is missing" in str(caught.value)


def test_a_picture_of_the_same_size_that_changed_is_found(tmp_path: Path) -> None:
    """The fingerprint of a folder goes by sizes; what comes out does not."""
    out = round_in(tmp_path)
    truth = next((tmp_path / "start" / "TRUTH").glob("start 1.*"))
    other = file(photo(7))
    truth.write_bytes(other[: truth.stat().st_size].ljust(truth.stat().st_size, b"\0"))
    with pytest.raises(BadData, match="Other bytes came out than before: data-00000") as caught:
        rebuild(out, tmp_path / "again")
    assert "fingerprint does not show" in caught.value.fix and not (tmp_path / "again").exists()


def test_another_pyarrow_is_told(tmp_path: Path) -> None:
    out = round_in(tmp_path)
    told = json.loads((out / "manifest.json").read_text())
    told["pyarrow"] = "12.0.0"
    told["files"][0]["sha256"] = "0" * 64
    (out / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(BadData, match="Other bytes") as caught:
        rebuild(out, tmp_path / "again")
    assert "pyarrow 12.0.0" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("manifest.json", None, "has no manifest.json"),
        ("manifest.json", b"{", "cannot be read"),
        ("manifest.json", b"[]", "no manifest of a round"),
        ("manifest.json", b'{"edition": 1, "round": 1, "inputs": [], "set": {}, "files": [{}]}', "no manifest"),
        ("manifest.pairs.jsonl", None, "manifest.pairs.jsonl is missing"),
        ("manifest.pairs.jsonl", b"{}\n", "is not what the manifest says"),
        ("manifest.left-out.jsonl", b"", "is not what the manifest says"),
    ],
)
def test_a_damaged_manifest_is_said_so(tmp_path: Path, name: str, data: bytes | None, sentence: str) -> None:
    out = round_in(tmp_path)
    (out / name).unlink()
    if data is not None:
        (out / name).write_bytes(data)
    with pytest.raises(BadData, match=sentence):
        rebuild(out, tmp_path / "again")


def test_a_round_on_a_round(tmp_path: Path) -> None:
    """The second one takes the first as its previous set: votes and who accepted go on, numbers count on."""
    first = round_in(tmp_path)
    new = replace(candidate(50), truth=file(photo(50)))
    inputs = Inputs(
        previous=[str(first)],
        generated=[shards(tmp_path / "next", [new])],
        scores=[scores(tmp_path / "s", [(new, 0.99, True)])],
    )
    made = make(tmp_path / "second", inputs, cache=tmp_path / "cache")
    assert made.manifest["round"] == 2
    assert made.manifest["accepted_by"] == {"truth": 2, "human": 1, "judge": 8, "none": 0}
    rebuild(tmp_path / "second", tmp_path / "again")
    assert files(tmp_path / "again") == files(tmp_path / "second")
