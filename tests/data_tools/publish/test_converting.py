"""From folder to shards and back: no byte and no field is lost, and a stopped run goes on."""

from __future__ import annotations

import json
import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from data_tools.publish import convert, converting, cutting, to_folder, to_shards
from data_tools.publish.cutting import CHANGED, UNREADABLE, UNWRITABLE
from data_tools.publish.exact import KEY, packed, unpacked
from data_tools.publish.journal import JOURNAL
from rorem.errors import BadOptions
from rorem.triplet import Triplet, open_set, open_shards, write_folder, write_shards
from rorem.triplet.record import sha256
from tests.triplet.samples import folder_with, odd_triplets, picture, refused, same, triplets


def as_read(found: object) -> list[Triplet]:
    return [one for one in found if isinstance(one, Triplet)]  # type: ignore[attr-defined]


@given(odd_triplets)
@settings(max_examples=15)
def test_folder_to_shards_to_folder_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, written: list[Triplet]
) -> None:
    written = [replace(one, p_yes=None if one.p_yes is None else one.p_yes / 3) for one in written]  # 64 bits
    place = tmp_path_factory.mktemp("there and back")
    write_folder(written, place / "first")
    convert([str(place / "first")], place / "shards", max_bytes=1500)
    convert([str(place / "shards")], place / "second", "folder")
    first, second = (open_set(str(place / name)) for name in ("first", "second"))
    by_name = {one.name: one for one in as_read(second)}
    assert sorted(first.names) == sorted(by_name)
    assert all(same(one, by_name[one.name]) for one in as_read(first))
    assert (place / "first/meta.json").stat().st_size > 0


@given(odd_triplets)
@settings(max_examples=10)
def test_shards_to_folder_to_shards_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, written: list[Triplet]
) -> None:
    place = tmp_path_factory.mktemp("there and back")
    write_shards(written, place / "first", max_bytes=1500)
    convert([str(place / "first")], place / "folder", "folder")
    convert([str(place / "folder")], place / "second")
    first, second = (open_set(str(place / name)) for name in ("first", "second"))
    by_name = {one.name: one for one in as_read(second)}
    assert all(same(one, by_name[one.name]) for one in as_read(first)) and len(by_name) == len(first)


def test_the_published_layout_comes_back(tmp_path: Path) -> None:
    """Only what the published meta.json says, as a list and as lines."""
    records = [{"source": f"source/{n}.png", "mask": f"mask/{n}.png", "GT": f"GT/{n}.png", "score": n} for n in (0, 1)]
    pictures = {record[key]: picture(hash(record[key]) % 999) for record in records for key in ("source", "mask", "GT")}
    lines = "\n".join(map(json.dumps, records))
    for meta in (records, lines):
        place = tmp_path / str(type(meta).__name__)
        folder_with(place / "set", {**pictures, "meta.json": meta})
        convert([str(place / "set")], place / "shards")
        convert([str(place / "shards")], place / "back", "folder")
        told = json.loads((place / "back/meta.json").read_bytes())
        assert [{key: one[key] for key in records[0]} for one in told] == records
        assert all((place / "back" / name).read_bytes() == data for name, data in pictures.items())


def test_probabilities_keep_all_their_digits(tmp_path: Path) -> None:
    one = replace(triplets(1)[0], p_yes=1 / 3)
    assert packed(packed(one)).extra[KEY] == 1 / 3 and same(unpacked(packed(one)), one)
    for exact in (None, 0.5, float("nan"), 1e300):
        fine = replace(one, p_yes=exact)
        assert str(unpacked(packed(fine)).p_yes) == str(exact)
    strange = replace(one, p_yes=0.25, extra={KEY: 0.9})
    assert unpacked(strange) is strange


def test_shards_are_as_the_library_writes_them(tmp_path: Path) -> None:
    write_folder(triplets(9), tmp_path / "set")
    done = to_shards(open_set(str(tmp_path / "set")), tmp_path / "out", max_bytes=6000)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == done.files > 2 and names[0] == f"data-00000-of-{done.files:05}.parquet"
    assert done.counts.records == 9 and done.counts.having["result"] == 4 and done.counts.by["category"] == {"boat": 9}
    again = [one for name in names for one in as_read(open_shards([tmp_path / "out" / name], name))]
    assert all(same(one, other) for one, other in zip(triplets(9), again, strict=True))
    sizes = [
        sum(
            len(p)
            for one in as_read(open_shards([tmp_path / "out" / name], name))
            for p in (one.source, one.mask, one.result or b"")
        )
        for name in names
    ]
    assert max(sizes) <= 6000


def test_what_cannot_be_used_is_left_out_and_named(tmp_path: Path) -> None:
    records = [
        {"source": "source/good.png", "mask": "mask/good.png"},
        {"source": "source/gone.png", "mask": "mask/good.png"},
        {"source": "../outside.png", "mask": "mask/good.png"},
        {"source": "source/good.png", "mask": "mask/good.png", "name": "huge", "seed": 2**70},
        {"source": "source/good.png", "mask": "mask/good.png", "name": "wide", "round": 2**40},
    ]
    folder_with(tmp_path / "set", {"source/good.png": picture(1), "mask/good.png": picture(2), "meta.json": records})
    done = convert([str(tmp_path / "set")], tmp_path / "out")
    assert done.left_out.counts == {UNREADABLE: 2, UNWRITABLE: 2} and done.written == 1
    assert any("huge" in one for one in done.left_out.examples[UNWRITABLE])
    folder_with(tmp_path / "none", {"source/x.png": b"", "meta.json": records[1:2]})
    with refused("no record that can be used", "gone"):
        convert([str(tmp_path / "none")], tmp_path / "nothing")


@pytest.mark.parametrize("to", ["shards", "folder"])
def test_a_record_that_is_nested_too_deeply_costs_no_other(tmp_path: Path, to: str) -> None:
    write_folder(triplets(2), tmp_path / "set")
    meta = tmp_path / "set/meta.json"
    meta.write_text(meta.read_text().rstrip("\n]}") + f', "deep": {"[" * 900}{"]" * 900}}}]')
    done = convert([str(tmp_path / "set")], tmp_path / "out", to)
    assert done.written + done.left_out.total == 2 and done.written


def test_records_that_are_not_what_their_hashes_say(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    (path,) = write_shards(triplets(3), tmp_path / "set")
    table = pq.read_table(path)
    digests = table["sha256_source"].to_pylist()
    digests[1] = "0" * 64
    at = table.schema.get_field_index("sha256_source")
    pq.write_table(table.set_column(at, table.schema.field(at), [digests]), path)
    done = to_folder(open_set(str(tmp_path / "set")), tmp_path / "out")
    assert done.left_out.counts == {CHANGED: 1} and done.written == 2
    assert "sha256_source" in done.left_out.examples[CHANGED][0]


def test_an_id_of_somebody_else_is_no_hash_of_ours(tmp_path: Path) -> None:
    """It may look like one. It stays what it is, through shards and back."""
    ids = {f"photo {n}": sha256(b"%d" % n) for n in range(3)}
    write_folder([replace(one, extra={"id": ids[one.name]}) for one in triplets(3)], tmp_path / "set")
    convert([str(tmp_path / "set")], tmp_path / "shards")
    done = convert([str(tmp_path / "shards")], tmp_path / "back", "folder")
    assert done.written == 3 and done.left_out.total == 0
    assert {one.name: one.extra["id"] for one in as_read(open_set(str(tmp_path / "back")))} == ids


@pytest.mark.parametrize("to", ["shards", "folder"])
def test_a_kill_before_and_after_it_gets_its_name(tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(triplets(4), tmp_path / "set")
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if Path(target) == tmp_path / "out":
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "rename", killed)
        convert([str(tmp_path / "set")], tmp_path / "out", to, 6000)
    assert not (tmp_path / "out").exists()
    assert convert([str(tmp_path / "set")], tmp_path / "out", to, 6000).written == 4
    assert len(open_set(str(tmp_path / "out"))) == 4 and not list((tmp_path / "out").glob(".*"))
    assert {path.name for path in tmp_path.iterdir()} == {"set", "out"}


@pytest.mark.parametrize("to", ["shards", "folder"])
def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(triplets(8), tmp_path / "set") if to == "shards" else write_shards(triplets(8), tmp_path / "set")

    def files(folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.[pj]*"))}

    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    convert([str(tmp_path / "set")], tmp_path / "whole", to, 6000)
    with pytest.raises(KeyboardInterrupt):
        convert([str(tmp_path / "set")], tmp_path / "out", to, 6000, on_step=stop)
    with refused():
        open_set(str(tmp_path / "out"))  # nothing half-made is taken for a set
    convert([str(tmp_path / "set")], tmp_path / "out", to, 6000)
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_a_kill_while_the_shards_get_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(triplets(8), tmp_path / "set")
    replace_, moved = Path.replace, []

    def killed(self: Path, target: Path) -> Path:
        if target.name.startswith("data-"):
            moved.append(target)
            if len(moved) == 2:
                raise KeyboardInterrupt
        return replace_(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        convert([str(tmp_path / "set")], tmp_path / "out", max_bytes=6000)
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(Path, "replace", replace_)
    monkeypatch.setattr(cutting, "write_shards", None)  # all are made already
    done = convert([str(tmp_path / "set")], tmp_path / "out", max_bytes=6000)
    assert done.written == 8 and len(open_set(str(tmp_path / "out"))) == 8


def test_only_the_torn_line_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(triplets(8), tmp_path / "set")

    def stop(done: int, total: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert([str(tmp_path / "set")], tmp_path / "out", max_bytes=6000, on_step=stop)
    (journal,) = tmp_path.glob(f".out.making/*/{JOURNAL}")
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) > 1
    journal.write_bytes(b"".join(lines)[:-20])
    made, cut = [], converting.cut
    monkeypatch.setattr(
        converting, "cut", lambda set_, start, number, *more: made.append(number) or cut(set_, start, number, *more)
    )
    done = convert([str(tmp_path / "set")], tmp_path / "out", max_bytes=6000)
    assert made[0] == len(lines) - 1 and made == list(range(len(lines) - 1, done.files))


def test_an_occupied_or_unfit_place_is_refused(tmp_path: Path) -> None:
    write_folder(triplets(2), tmp_path / "set")
    write_shards(triplets(1), tmp_path / "shards")
    with refused("there already"):
        convert([str(tmp_path / "set")], tmp_path / "shards")
    with pytest.raises(BadOptions, match="lies within"):
        convert([str(tmp_path / "set")], tmp_path / "set" / "inside")
    with pytest.raises(BadOptions, match="nothing called"):
        convert([str(tmp_path / "set")], tmp_path / "out", "csv")
    with pytest.raises(BadOptions, match="one archive"):
        convert([str(tmp_path / "set"), str(tmp_path / "shards")], tmp_path / "out")


def test_one_row_group_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set of 24 MB, in shards of 8 MB and row groups of 1 MB."""
    monkeypatch.setattr("rorem.triplet.shards_writing.GROUP", 1_000_000)
    some = [Triplet(f"{n:03}", os.urandom(200_000), picture(1)) for n in range(120)]
    write_folder(some, tmp_path / "set")
    del some
    set_ = open_set(str(tmp_path / "set"))
    tracemalloc.start()
    done = to_shards(set_, tmp_path / "out", max_bytes=8_000_000)
    top = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert done.files == 4 and top < 6_000_000, top
