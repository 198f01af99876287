"""One name, and the right way of reading what it names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rorem.triplet import TripletSet, open_set, opening, write_folder, write_shards
from tests.triplet.samples import folder_with, refused, same, triplets


def check(found: TripletSet, name: str, count: int) -> None:
    assert found.name == name and found.revision == "" and len(found) == len(list(found.names)) == count
    assert all(same(one, other) for one, other in zip(triplets(count), found, strict=True))


def test_a_folder_and_a_list_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(triplets(2), tmp_path / "pairs")
    check(open_set(str(tmp_path / "pairs")), "pairs", 2)
    check(open_set(str(tmp_path / "pairs/meta.json")), "pairs", 2)
    some = json.loads((tmp_path / "pairs/meta.json").read_text())[:1]
    folder_with(tmp_path / "pairs", {"some.jsonl": json.dumps(some[0])})
    check(open_set(str(tmp_path / "pairs/some.jsonl")), "pairs-some", 1)
    monkeypatch.chdir(tmp_path / "pairs")
    check(open_set("."), "pairs", 2)
    monkeypatch.setenv("HOME", str(tmp_path))
    check(open_set("~/pairs"), "pairs", 2)


def test_shards_in_a_file_a_folder_and_by_how_they_begin(tmp_path: Path) -> None:
    paths = write_shards(triplets(3), tmp_path / "sets/data", "test", max_bytes=3000)
    assert len(paths) > 1
    folder_with(tmp_path / "sets", {".cache/x.parquet": b"not of the set"})
    check(open_set(str(tmp_path / "sets")), "sets", 3)
    check(open_set(str(tmp_path / "sets/data/test")), "test", 3)
    assert len(open_set(str(paths[0]))) < 3
    write_shards(triplets(1), tmp_path / "sets/data", "train")
    with refused("test, train", str(tmp_path / "sets/data/test")):
        open_set(str(tmp_path / "sets"))
    check(open_set(str(tmp_path / "sets/data/train")), "train", 1)
    paths[1].unlink()
    with refused(paths[1].name):
        open_set(str(tmp_path / "sets/data/test"))


def test_a_damaged_list_is_not_passed_over(tmp_path: Path) -> None:
    write_folder(triplets(1), tmp_path)
    (tmp_path / "meta.json").write_text("[")
    with refused("meta.json is damaged"):
        open_set(str(tmp_path))


@pytest.mark.parametrize("told", ['{"method": "lama"}', "[]", "{", ""])
def test_removals_that_are_not_all_there_are_no_set(told: str, tmp_path: Path) -> None:
    write_shards(triplets(2), tmp_path / "run" / "data")
    folder_with(tmp_path / "run", {"generate.json": told.encode()})
    with refused("run holds a set that is not finished", "again"):
        open_set(str(tmp_path / "run"))
    write_shards(triplets(3)[2:], tmp_path / "other")
    with refused("run holds a set that is not finished"):
        open_set(str(tmp_path))  # several runs side by side
    check(open_set(str(tmp_path / "run" / "data")), "data", 2)
    folder_with(tmp_path / "run", {"generate.json": b'{"method": "lama", "complete": {"parts": 1}}'})
    check(open_set(str(tmp_path / "run")), "run", 2)


def test_what_is_no_set_is_refused(tmp_path: Path) -> None:
    folder_with(tmp_path, {"empty/.keep": b"", "notes.txt": b"", "x.parquet": b"none", "only/source/a.png": b""})
    with refused("empty holds no set", "meta.json", ".parquet"):
        open_set(str(tmp_path / "empty"))
    with refused("notes.txt is no set"):
        open_set(str(tmp_path / "notes.txt"))
    with refused("x.parquet"):
        open_set(str(tmp_path / "x.parquet"))
    with refused("only has no meta.json"):
        open_set(str(tmp_path / "only"))
    for name in (str(tmp_path / "gone"), "gone", "gone/", "a b/c", "./a/b"):
        with refused(f"There is no file or folder called {name}", "owner/name"):
            open_set(name)
    with refused("called ?."):
        open_set("\0")
    with refused("xxx... cannot be read"):
        open_set("x" * 5000)
    with refused("no name"):
        open_set("")


def test_what_is_not_here_is_looked_for_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(opening, "open_hub", lambda name, *rest: asked.append(name))
    monkeypatch.chdir(tmp_path)
    open_set("someone/pairs@v1")
    assert asked == ["someone/pairs@v1"]
    (tmp_path / "someone").mkdir()
    for name in ("someone/pairs", "someone/pairs/test"):
        with refused(f"There is no file or folder called {name}"):
            open_set(name)
    assert len(asked) == 1
