from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.evaluation.store import Number, Place, Record, Store

PLACE = Place("telea", "k" * 64, "as given", 3, "a" * 64)
PICTURE = np.random.default_rng(0).integers(0, 256, (9, 13, 3), np.uint8)
HOLE = PICTURE[..., 0] > 100


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.record(PLACE) is None and store.numbers(PLACE) == {}
    store.keep(PLACE, Record("name", {"latency": 0.25}, {"notes": ["x"]}, occluded=None, mask_share=0.5), PICTURE, HOLE)
    record = store.record(PLACE)
    assert record is not None and record.facts == {"latency": 0.25} and record.told == {"notes": ["x"]}
    found, hole = store.picture(PLACE, record), store.hole(PLACE)
    assert found is not None and hole is not None
    assert (found == PICTURE).all() and (hole == HOLE).all()


def test_a_picture_that_is_not_the_same_is_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(PLACE, Record("name"), PICTURE, HOLE)
    record = store.record(PLACE)
    assert record is not None
    (file,) = [file for file in tmp_path.rglob("*.png") if "hole" not in file.name]
    whole = file.read_bytes()
    for damaged in (whole[:40], b"", whole[:-30] + b"x" * 30):
        file.write_bytes(damaged)
        assert store.picture(PLACE, record) is None
    file.unlink()
    assert store.picture(PLACE, record) is None


def test_a_torn_record_is_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(PLACE, Record("name", error="It failed."), None, None)
    (file,) = tmp_path.rglob("*.json")
    for damaged in ("", "{", "[]", '{"colour": 1}', '{"nom": "x"}'):
        file.write_text(damaged)
        assert store.record(PLACE) is None


@settings(max_examples=30)
@given(value=st.none() | st.floats(allow_nan=False), reason=st.text(max_size=20))
def test_numbers_come_back(tmp_path_factory, value: float | None, reason: str) -> None:  # type: ignore[no-untyped-def]
    store = Store(tmp_path_factory.mktemp("store"))
    numbers = {"psnr_hole/gt": Number(value, reason), "seam": Number(float("inf"))}
    store.keep_numbers(PLACE, numbers)
    assert store.numbers(PLACE) == numbers


def test_features_come_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(PLACE, Record("name"), PICTURE, HOLE)
    assert store.features(PLACE, "cmmd") is None
    features = np.arange(8, dtype=np.float32).reshape(2, 4)
    store.keep_features(PLACE, "cmmd", features)
    found = store.features(PLACE, "cmmd")
    assert found is not None and (found == features).all()


def test_forgetting_takes_everything_of_one_removal(tmp_path: Path) -> None:
    store = Store(tmp_path)
    other = Place("telea", "k" * 64, "as given", 3, "b" * 64)
    for place in (PLACE, other):
        store.keep(place, Record("name"), PICTURE, HOLE)
        store.keep_numbers(place, {"seam": Number(1.0)})
    store.forget(PLACE)
    assert store.record(PLACE) is None and store.numbers(PLACE) == {} and store.hole(PLACE) is None
    assert store.record(other) is not None and store.numbers(other)


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    store = Store(tmp_path / "out")
    store.keep(Place("../../evil", "../..", "/etc", 0, "c" * 64), Record("name"), PICTURE, HOLE)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
