"""The folder of pictures: what belongs to an item stays, what was left over goes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rorem.labels.items import keep_picture, picture_path
from rorem.labels.kept_pictures import LEFT_AFTER, drop_pictures, keep_pictures, room, strays, sweep
from rorem.labels.store import Store
from rorem.labels.verify import verify
from tests.labels.pushed import photo, stock
from tests.labels.samples import fill, hash_of, triplet


def aged(path: Path, seconds: float = LEFT_AFTER + 60) -> Path:
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def kept(store: Store) -> set[str]:
    return {path.name for path in store.pictures.rglob("*") if path.is_file()}


def left_over(store: Store, data: bytes) -> Path:
    return aged(picture_path(store.pictures, keep_picture(store.pictures, data)))


def test_what_belongs_to_no_item_is_told_and_goes(store: Store) -> None:
    stock(store, [0])
    stock(store, [30], gold="yes", origin="a set")  # only its result is here alone
    private = photo(50)
    fill(store, 1, first=7, state="private")
    for path in store.pictures.rglob("*"):
        aged(path)
    there = kept(store)
    lost = [left_over(store, b"of nothing"), left_over(store, triplet(7).source), left_over(store, private.source)]
    assert strays(store) == sorted(lost)
    assert {f"The picture {path.name} belongs to no item." for path in lost} == set(verify(store))
    assert sweep(store) == 3 and sweep(store) == 0
    assert kept(store) == there and verify(store) == []
    assert not any(path.exists() for path in lost) and not lost[0].parent.exists()


def test_what_is_new_may_still_get_its_item(store: Store) -> None:
    young = picture_path(store.pictures, keep_picture(store.pictures, b"young"))
    aged(young, LEFT_AFTER - 60)
    old = left_over(store, b"old")
    keep_pictures(store.pictures, [b"old", b"another"])  # somebody shares it again at this moment
    assert sweep(store) == 0 and young.exists() and old.exists() and len(kept(store)) == 3


def test_halves_of_killed_writes_go_and_the_files_of_others_stay(store: Store) -> None:
    folder = store.pictures / "ab"
    folder.mkdir(parents=True)
    half = folder / f".ab{hash_of('x')[2:]}.123.part"
    others = [folder / "notes.txt", folder / ".hidden", store.pictures / "README", store.pictures / hash_of("y")]
    for path in (half, *others):
        path.write_bytes(b"something")
        aged(path)
    assert sweep(store) == 1 and not half.exists() and all(path.exists() for path in others)


def test_a_check_keeps_its_result(store: Store) -> None:
    one = photo(30)
    stock(store, [30], gold="yes", origin="a set")
    drop_pictures(store, [digits or "" for digits in one.hashes.values()])
    assert picture_path(store.pictures, one.hashes["sha256_result"] or "").exists()


def test_without_a_folder_there_is_nothing(open_store: Callable[[], Store], tmp_path: Path) -> None:
    store = open_store()
    assert not store.pictures.exists() and strays(store) == [] and sweep(store) == 0
    assert room(store.pictures / "deep" / "down") == pytest.approx(room(tmp_path), rel=0.1)


def test_pictures_of_another_database_are_left_alone(store: Store, tmp_path: Path) -> None:
    kept = left_over(store, b"a picture of the first database's")
    assert sweep(store) == 1 and not kept.exists()
    kept = left_over(store, b"another one")
    other = Store(f"sqlite:///{tmp_path / 'other.db'}", store.pictures)
    try:
        assert sweep(other) == 0 and kept.exists()
    finally:
        other.close()
