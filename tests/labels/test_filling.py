"""Filling the store from sets."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from rorem.errors import Cancelled
from rorem.labels.filling import add_gold, add_set, fill
from rorem.labels.items import Pictures, where
from rorem.labels.plan import Plan
from rorem.labels.store import Store
from rorem.labels.tables import facts, items
from rorem.labels.verify import verify
from rorem.triplet import Triplet, TripletSet, open_set, write_folder

PLAN = Plan(answers=2, slice_share=0.0)


def png(value: int, mode: str = "RGB", side: int = 40) -> bytes:
    file = BytesIO()
    Image.new(mode, (side, side), value).save(file, "PNG")
    return file.getvalue()


def mask(marked: int) -> bytes:
    array = np.zeros((40, 40), np.uint8)
    array[:marked] = 255
    file = BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def triplets(count: int, **changes: Any) -> list[Triplet]:
    return [
        Triplet(
            f"p{number}",
            png(number),
            mask(4),
            result=png(1000 + number),
            truth=png(2000 + number),
            category="dog",
            method="telea",
            extra={"removal_seconds": 1.5},
            **changes,
        )
        for number in range(count)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(triplets(5), tmp_path / "set")
    return tmp_path / "set"


def rows(store: Store) -> list[Any]:
    return store.read(lambda connection: list(connection.execute(select(items).order_by(items.c.place)).mappings()))


def test_every_removal_becomes_an_item(store: Store, folder: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    (told,) = fill(store, PLAN, [str(folder)], lambda *one: seen.append(one))
    assert (told.added, told.there, told.skipped, told.notes, told.unchanged) == (5, 0, 0, (), False)
    assert seen[-1] == (str(folder), 5, 5) and len(seen) == 5
    found = rows(store)
    assert [one["id"] for one in found] == [one.id for one in open_set(str(folder)) if isinstance(one, Triplet)]
    first = found[0]
    assert (first["mask_share"], first["stratum"], first["removal_seconds"]) == (0.1, "dog/medium", 1.5)
    assert (first["wanted"], first["need"], first["state"], first["method"]) == (2, 2, "open", "telea")
    pictures = Pictures(store.pictures, open_set)  # type: ignore[arg-type]
    assert pictures.read(where(first), "result") == png(1000)


def test_a_set_that_has_not_changed_is_not_read_again(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, PLAN, [str(folder)])

    def never(self: TripletSet, index: int) -> Triplet:
        raise AssertionError("read again")

    with monkeypatch.context() as patch:
        patch.setattr(TripletSet, "__getitem__", never)
        (told,) = fill(store, PLAN, [str(folder)])
        assert told.unchanged and told.added == 0
    names = store.read(lambda connection: list(connection.scalars(select(facts.c.name))))
    assert max(map(len, names)) <= 32


def test_a_set_that_has_grown_is_read_again(store: Store, tmp_path: Path) -> None:
    write_folder(triplets(2), tmp_path / "one")
    write_folder(triplets(4), tmp_path / "two")
    fill(store, PLAN, [str(tmp_path / "one")])
    (tmp_path / "one").rename(tmp_path / "old")
    (tmp_path / "two").rename(tmp_path / "one")
    (told,) = fill(store, PLAN, [str(tmp_path / "one")])
    assert (told.added, told.there, told.unchanged) == (2, 2, False)


def test_it_does_not_matter_from_where_a_set_is_named(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    fill(store, PLAN, ["set"])
    assert rows(store)[0]["origin"] == str(folder)
    (told,) = fill(store, PLAN, [str(folder)])
    assert told.unchanged


def test_what_gives_no_item_is_told(store: Store, tmp_path: Path) -> None:
    good, *_ = triplets(1)
    bad = [
        Triplet("without", png(1), mask(4)),
        Triplet("unmarked", png(2), mask(0), result=png(3)),
        Triplet("no picture", png(4), mask(4), result=b"nothing"),
        Triplet("broken mask", png(5), b"nothing", result=png(6)),
    ]
    write_folder([good, *bad], tmp_path / "set")
    (told,) = fill(store, PLAN, [str(tmp_path / "set")])
    assert (told.added, told.skipped) == (1, 4)
    assert [note.partition(":")[0] for note in told.notes] == ["without", "unmarked", "no picture", "broken mask"]


def test_one_set_that_cannot_be_opened_keeps_no_other_away(store: Store, folder: Path) -> None:
    bad, good = fill(store, PLAN, ["nowhere", str(folder)])
    assert "nowhere" in bad.notes[0] and bad.added == 0 and good.added == 5


def test_it_can_be_stopped_and_goes_on(store: Store, folder: Path) -> None:
    def stop(name: str, done: int, total: int) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        fill(store, PLAN, [str(folder)], stop)
    (told,) = fill(store, PLAN, [str(folder)])
    assert not told.unchanged and told.added + told.there == 5 == len(rows(store))


def test_checks_are_a_sure_yes_and_a_sure_no(store: Store, folder: Path) -> None:
    told = add_gold(store, PLAN, open_set(str(folder)), str(folder))
    assert told.added == 10
    found = rows(store)
    assert {(one["gold"], one["method"], one["state"], one["need"]) for one in found} == {
        ("yes", "truth", "gold", 0),
        ("no", "untouched", "gold", 0),
    }
    pictures = Pictures(store.pictures, open_set)  # type: ignore[arg-type]
    for one in found:
        shown = pictures.read(where(one), "result")
        assert shown == (png(2000 + one["place"]) if one["gold"] == "yes" else pictures.read(where(one), "source"))
        assert pictures.read(where(one), "mask") == mask(4)
    assert verify(store) == []
    assert add_gold(store, PLAN, open_set(str(folder)), str(folder)).unchanged
    assert not add_set(store, PLAN, open_set(str(folder)), str(folder)).unchanged


def test_a_truth_that_is_the_photo_is_no_sure_no(store: Store, tmp_path: Path) -> None:
    write_folder([Triplet("same", png(1), mask(4), truth=png(1))], tmp_path / "set")
    told = add_gold(store, PLAN, open_set(str(tmp_path / "set")), str(tmp_path / "set"))
    assert told.added == 1 and rows(store)[0]["gold"] == "yes"


def test_records_without_truth_give_no_checks(store: Store, tmp_path: Path) -> None:
    write_folder([Triplet("bare", png(1), mask(4))], tmp_path / "set")
    told = add_gold(store, PLAN, open_set(str(tmp_path / "set")), str(tmp_path / "set"))
    assert (told.added, told.skipped) == (0, 1) and "no truth" in told.notes[0]
