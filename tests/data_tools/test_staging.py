"""A folder that is there whole or not at all, and where it may lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_tools.staging import check_apart, whole
from rorem.errors import BadOptions
from tests.triplet.samples import folder_with, refused

KEY = "ab" * 32


def stop(out: Path, key: str, name: str) -> list[str]:
    """What a run finds that writes a file and is stopped then."""
    found: list[str] = []
    with pytest.raises(KeyboardInterrupt), whole(out, key) as stage:
        found += sorted(path.name for path in stage.iterdir())
        (stage / name).write_text(name)
        raise KeyboardInterrupt
    return found


def test_what_was_stopped_goes_on_and_has_its_name_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert stop(out, KEY, "first") == [] and stop(out, KEY, ".note") == ["first"] and not out.exists()
    out.mkdir()  # an empty one is not in the way
    with whole(out, KEY) as stage:
        assert {path.name for path in stage.iterdir()} == {"first", ".note"}
        folder_with(stage, {".notes/more": "of the run"})
    assert [path.name for path in out.iterdir()] == ["first"] and list(tmp_path.iterdir()) == [out]


def test_another_run_takes_nothing_over(tmp_path: Path) -> None:
    stop(tmp_path / "out", KEY, "first")
    assert stop(tmp_path / "out", "cd" * 32, "second") == [] and stop(tmp_path / "out", KEY, "third") == []


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    folder_with(tmp_path, {"mine/text": "mine", "file": "mine"})
    for name in ("mine", "file"):
        with refused("there already"), whole(tmp_path / name, KEY):
            raise AssertionError
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "file"}


def test_a_run_that_had_to_wait_does_not_write_over_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from data_tools import staging

    alone = staging.alone

    def after_another(folder: Path) -> object:
        folder_with(tmp_path / "out", {"x": "of the other"})
        return alone(folder)

    monkeypatch.setattr(staging, "alone", after_another)
    with refused("there already"), whole(tmp_path / "out", KEY):
        raise AssertionError
    assert (tmp_path / "out/x").read_text() == "of the other"


def test_a_set_is_not_written_into_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_with(tmp_path, {"set/meta.json": "[]", "pairs.parquet": "x", "set-2/x": "x"})
    monkeypatch.chdir(tmp_path)
    for name in ("set", "set/meta.json", str(tmp_path / "set"), "."):
        for out in ("set/out", "set/../set/a/b"):
            with pytest.raises(BadOptions, match="lies within"):
                check_apart(name, Path(out))
    for name in ("set", "set/meta.json", "pairs.parquet", "set/data", "someone/set"):
        check_apart(name, Path("set-2"))
