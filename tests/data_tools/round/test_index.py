"""What is known of a set is kept, and made anew where it is damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from data_tools.round import index, item
from data_tools.round.index import ITEMS, PHOTOS, cache_folder, index_of
from rorem.triplet import open_set
from tests.data_tools.round.sets import candidate, file, photo, rows


def test_a_set_is_looked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces, each kept when it is done; a piece that is gone or damaged is looked at again, and no other."""
    monkeypatch.setattr(index, "PIECE", 3)
    every = [candidate(seed, truth=file(photo(seed)), p_yes=0.25) for seed in range(7)]
    every.append(replace(candidate(8), mask=b"none"))
    set_ = open_set(rows(tmp_path / "set", every))
    first = index_of(set_, tmp_path / "cache", ITEMS)
    assert [one.name for one in first.items] == [one.name for one in every[:7]]
    assert [(one.id, one.sample, one.p_yes) for one in first.items] == [(t.id, t.sample, 0.25) for t in every[:7]]
    assert first.records == 8 and dict(first.bad.counts) == {"with a mask that cannot be used": 1}
    looked: list[int] = []
    real = item.look_at
    monkeypatch.setattr(item, "look_at", lambda at, *rest: looked.append(at) or real(at, *rest))
    again = index_of(set_, tmp_path / "cache", ITEMS)
    assert again.items == first.items and again.bad == first.bad and not looked
    pieces = sorted((tmp_path / "cache").rglob("*.parquet"))
    assert len(pieces) == 3
    pieces[0].unlink()
    pieces[2].write_bytes(pieces[2].read_bytes()[:-9])
    assert index_of(set_, tmp_path / "cache", ITEMS).items == first.items
    assert sorted(looked) == [0, 1, 2, 6, 7]


def test_another_set_has_another_index(tmp_path: Path) -> None:
    one = open_set(rows(tmp_path / "one", [candidate(1)]))
    other = open_set(rows(tmp_path / "other", [candidate(2, "photo 1")]))
    assert index_of(one, tmp_path / "cache", ITEMS).items != index_of(other, tmp_path / "cache", ITEMS).items


def test_of_an_evaluation_set_the_photos_are_known(tmp_path: Path) -> None:
    """Also of a record that could not come in; and the one is not taken for the other."""
    every = [candidate(1, truth=file(photo(1))), candidate(2, mask=b"none")]
    set_ = open_set(rows(tmp_path / "set", every))
    for _ in range(2):
        coming, kept_out = index_of(set_, tmp_path / "cache", ITEMS), index_of(set_, tmp_path / "cache", PHOTOS)
        assert (len(coming.items), coming.bad.total) == (1, 1) and (len(kept_out.items), kept_out.bad.total) == (2, 0)
        assert coming.items[0].pictures == kept_out.items[0].pictures
        assert [len(one.pictures) for one in kept_out.items] == [3, 2] and kept_out.items[1].name == "photo 2"


def test_the_cache_is_where_the_system_keeps_such_things() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/somewhere"}) == Path("/somewhere/rorem/round")
