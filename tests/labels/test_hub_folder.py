"""Files on their way to the Hub do not stay anywhere, whatever happens to the process."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from rorem.labels.hub_folder import NAME, OLD, hub_folder
from rorem.labels.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'labels.db'}", tmp_path / "pictures")


def left_behind(store: Store, name: str, age: float) -> Path:
    """What a killed push has left, so many seconds ago."""
    file = store.pictures.parent / NAME / name / "inner" / "0.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"photos")
    for path in (file, file.parent, file.parent.parent):
        os.utime(path, (time.time() - age, time.time() - age))
    return file


def test_it_is_beside_the_pictures_and_goes(store: Store, tmp_path: Path) -> None:
    with hub_folder(store) as folder:
        assert folder.parent.parent == tmp_path
        (folder / "0.parquet").write_bytes(b"photos")
        with hub_folder(store) as other:
            assert other != folder and (folder / "0.parquet").exists()
    assert list((tmp_path / NAME).iterdir()) == []


def test_what_was_left_behind_goes(store: Store) -> None:
    old, young = left_behind(store, "old", OLD + 60), left_behind(store, "young", OLD - 60)
    busy = left_behind(store, "busy", OLD + 60)
    busy.write_bytes(b"more")  # a long restore: the folder itself is old
    with hub_folder(store):
        assert not old.parent.parent.exists() and young.exists() and busy.exists()
