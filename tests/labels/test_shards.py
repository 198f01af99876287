"""Shards of labels: named by what is in them, and read back byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rorem.errors import BadData
from rorem.labels.event import REASONS, Event, new_id
from rorem.labels.items import row_of
from rorem.labels.shards import (
    EVENTS,
    ITEMS,
    Told,
    kept_of,
    path_of,
    read_events,
    read_items,
    shards_in,
    told_by,
    without,
    write_events,
    write_items,
)
from tests.labels.pushed import photo, picture
from tests.labels.samples import ANNA, PLAIN

COUNTED = {"yes": 3, "no": 1, "mask_wrong": 0, "skips": 0}


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {**row_of(photo(number, licence="cc0"), PLAIN, 7, 5, mask_share=0.25, **changes), **COUNTED}


def reader(numbers: range):
    files = {digits: getattr(one, part.removeprefix("sha256_"))
             for one in map(photo, numbers) for part, digits in one.hashes.items()}  # fmt: skip
    return lambda row, part: files.get(row[f"sha256_{part}"])


@given(some.lists(some.text("0123456789abcdef", min_size=4, max_size=4), unique=True, min_size=1), some.randoms())
def test_the_name_is_that_of_the_rows(ids: list[str], chance: Any) -> None:
    shuffled = list(ids)
    chance.shuffle(shuffled)
    for kind in (ITEMS, EVENTS):
        path = path_of(kind, ids)
        assert path == path_of(kind, shuffled) and told_by(path) == Told(kind, len(ids))
        assert path != path_of(kind, [*ids, "zzzz"]) and shards_in([path, "README.md"], kind) == [path]


HASH = "0123456789abcdef"
OTHERS = ("README.md", f"data/events-00001-{HASH}.parquet", "data/items-1-0.parquet", f"items-00001-{HASH}.parquet",
          f"events/events-00001-{HASH}.parquet.tmp")  # fmt: skip


@pytest.mark.parametrize("path", OTHERS)
def test_others_files_are_none(path: str) -> None:
    assert told_by(path) is None


def test_items_come_back_byte_for_byte(tmp_path: Path) -> None:
    rows = [row(number, gold="yes" if number == 3 else "", code="c" * 64) for number in range(6)]
    written = write_items(tmp_path / "a", rows, reader(range(6)))
    assert set(written.ids) == {one["id"] for one in rows} and written.missing == ()
    back = {told["id"]: told for told in read_items(tmp_path / "a")}
    for number, told in ((number, back[photo(number).id]) for number in range(6)):
        one = photo(number)
        assert (told["source"], told["mask"], told["result"]) == (one.source, one.mask, one.result)
        assert told["truth"] is None and (told["votes_yes"], told["votes_no"], told["p_yes"]) == (3, 1, 0.75)
        kept = {"name": f"photo {number}", "mask_share": 0.25, "removal_seconds": None, "code": "c" * 64, "added": 5}
        assert kept_of(told) == {**kept, "gold": "yes" if number == 3 else ""}


def test_what_is_gone_or_too_much_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(number) for number in range(8)]
    known = reader(range(8))

    def read(told: Mapping[str, Any], part: str) -> bytes | None:
        return None if told["id"] == photo(2).id and part == "result" else known(told, part)

    written = write_items(tmp_path / "a", rows, read)
    assert written.missing == (photo(2).id,) and len(written.ids) == 7
    monkeypatch.setattr("rorem.labels.shards.GROUP", 1)
    seen: list[str] = []
    while left := [one for one in rows if one["id"] not in seen]:
        part = write_items(tmp_path / "b", left, known, most=1)
        assert len(part.ids) == 2  # the two of one photo are never parted
        seen += part.ids
    assert sorted(seen) == sorted(one["id"] for one in rows)


def test_rows_can_be_left_out(tmp_path: Path) -> None:
    rows = [row(number) for number in range(6)]
    write_items(tmp_path / "a", rows, reader(range(6)))
    gone = frozenset({photo(1).id, photo(4).id})
    without(tmp_path / "a", ITEMS, gone, tmp_path / "b")
    assert {told["id"] for told in read_items(tmp_path / "b")} == {one["id"] for one in rows} - gone
    assert picture(1) not in (tmp_path / "b").read_bytes() and picture(0) in (tmp_path / "b").read_bytes()
    events = [Event(new_id(), "judgement", ANNA, "no", "a" * 64, reasons=REASONS) for _ in range(3)]
    write_events(tmp_path / "c.parquet", events)
    assert list(read_events(tmp_path / "c.parquet")) == events
    without(tmp_path / "c.parquet", EVENTS, frozenset({events[0].event}), tmp_path / "d.parquet")
    assert list(read_events(tmp_path / "d.parquet")) == events[1:]


def test_damage_is_found(tmp_path: Path) -> None:
    write_items(tmp_path / "a", [row(0)], reader(range(1)))
    whole = (tmp_path / "a").read_bytes()
    at = whole.index(photo(0).result or b"") + 40
    (tmp_path / "a").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    for damaged in (tmp_path / "a", tmp_path / "b"):
        (tmp_path / "b").write_bytes(whole[: len(whole) // 2])
        with pytest.raises((BadData, OSError)):
            list(read_items(damaged))
    write_items(tmp_path / "a", [{**row(0), "sha256_result": "0" * 64}], lambda told, part: getattr(photo(0), part))
    with pytest.raises(BadData, match="result is not what its hash says"):
        list(read_items(tmp_path / "a"))
    write_items(tmp_path / "a", [{**row(0), "id": "0" * 64}], lambda told, part: getattr(photo(0), part))
    with pytest.raises(BadData, match="id is not that of its pictures"):
        list(read_items(tmp_path / "a"))
