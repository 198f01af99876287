"""Several may write one file at once, and what a killed one left is cleared away in time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from data_tools.put import LEFT, clear, put


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, sync, inner = tmp_path / "parts" / "1.json", os.fsync, [True]

    def meanwhile(file: int) -> None:
        if inner:
            inner.clear()
            put(path, b"other")
            assert path.read_bytes() == b"other"
        sync(file)

    monkeypatch.setattr(os, "fsync", meanwhile)
    put(path, b"one")
    assert path.read_bytes() == b"one" and [one.name for one in path.parent.iterdir()] == ["1.json"]


def test_nothing_is_left_of_what_could_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        put(tmp_path / "taken", b"data")
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]


def test_only_what_is_old_is_cleared(tmp_path: Path) -> None:
    part, file = tmp_path / ".1.json.abc.part", tmp_path / "1.json"
    for path in (part, file):
        path.write_bytes(b"data")
    clear(tmp_path)
    assert part.exists()
    clear(tmp_path, time.time() + LEFT + 60)
    assert not part.exists() and file.exists()
