"""Folders of triplets: written without loss, read as others write them, and never left by a path."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from rorem.triplet import Triplet, open_folder, write_folder
from rorem.triplet.folder import leaves
from rorem.triplet.record import sha256
from tests.triplet.samples import bad, folder_with, good, odd_triplets, picture, refused, same, triplets

ONE = {"source": "source/a.png", "mask": "mask/a.png", "GT": "GT/a.png"}
FILES: dict[str, bytes | str | list] = {
    "source/a.png": b"source a",
    "mask/a.png": b"mask a",
    "GT/a.png": b"result a",
    "source/b.png": b"source b",
    "mask/b.png": b"mask b",
}


# Written and read again.


@given(odd_triplets)
@settings(max_examples=60)
def test_whatever_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, written: list[Triplet]) -> None:
    folder = tmp_path_factory.mktemp("set")
    write_folder(written, folder)
    found = open_folder(folder)
    assert list(found.names) == [one.name for one in written]
    assert all(same(one, other) for one, other in zip(written, found, strict=True))
    listed = json.loads((folder / "meta.json").read_text("ascii"))
    for record, one in zip(listed, written, strict=True):  # as tools by others read it
        assert (folder / record["source"]).read_bytes() == one.source
        assert (folder / record["mask"]).read_bytes() == one.mask
        assert ("GT" in record) == (one.result is not None)
        assert record["id"] == one.id and record["sha256_source"] == sha256(one.source)


def test_files_are_called_as_their_triplet_with_the_suffix_of_their_bytes(tmp_path: Path) -> None:
    one = Triplet("kahn ä", picture(1, "JPEG"), picture(2), picture(3, "WEBP"), picture(4), b"?", extra={"score": 1})
    write_folder([one], tmp_path / "a/b")
    files = sorted(path.relative_to(tmp_path / "a/b").as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == [
        "EFFECT/kahn ä.bin",
        "GT/kahn ä.webp",
        "TRUTH/kahn ä.png",
        "mask/kahn ä.png",
        "meta.json",
        "source/kahn ä.jpg",
    ]
    (record,) = json.loads((tmp_path / "a/b/meta.json").read_text())
    assert record["source"] == "source/kahn ä.jpg" and record["GT"] == "GT/kahn ä.webp" and record["score"] == 1


def test_names_that_no_file_can_have_are_kept_in_the_list(tmp_path: Path) -> None:
    names = ["../x", "/etc/x", "a/b", "a\\b", "a:b", ".", "..", " ", "Ä", "ä", "a\u0308", "x" * 300, "x" * 301, "\0"]
    write_folder([Triplet(name, name.encode(), b"mask") for name in names], tmp_path / "set")
    found = open_folder(tmp_path / "set")
    assert list(found.names) == names and bad(found) == {}
    assert [one.source for one in good(found)] == [name.encode() for name in names]
    files = [path.name for path in (tmp_path / "set/source").iterdir()]
    assert len({name.casefold() for name in files}) == len(names) and max(map(len, files)) < 150
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Iterator[Triplet]:
        yield from triplets(3)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        write_folder(broken(), tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".set.1.part").mkdir()  # of a run that was killed
    (tmp_path / "LICENCES").write_text("ours")
    write_folder(triplets(3), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["GT", "LICENCES", "mask", "meta.json", "source"]


@pytest.mark.parametrize("there", ["meta.json", "source/a.png", "TRUTH/a.png"])
def test_a_set_is_never_written_over(tmp_path: Path, there: str) -> None:
    folder_with(tmp_path, {there: b"old"})
    with refused(there.partition("/")[0], "already"):
        write_folder(triplets(1), tmp_path)
    assert (tmp_path / there).read_bytes() == b"old"


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ([], "no triplets"),
        ([*triplets(1), *triplets(1)], "photo 0"),
        ([Triplet("", b"", b"")], "name"),
        ([Triplet("a", b"", b"", extra={"x": b"bytes"})], "x"),
        ([Triplet("a", b"", b"", extra={"x": [{1: 2}]})], "x"),
        ([Triplet("a", b"", b"", extra={"x": (1, 2)})], "x"),
    ],
)
def test_what_would_not_come_back_is_refused(tmp_path: Path, written: list[Triplet], word: str) -> None:
    with refused(word):
        write_folder(written, tmp_path)
    assert list(tmp_path.iterdir()) == []


# As others write it.


@pytest.mark.parametrize("lines", [False, True])
def test_the_published_layout(tmp_path: Path, lines: bool) -> None:
    records = [{**ONE, "score": 1}, {"source": "source/b.png", "mask": "mask/b.png", "occluded": True, "box": [1, 2]}]
    text = "\n".join(map(json.dumps, records)) if lines else json.dumps(records, indent=2)
    found = open_folder(folder_with(tmp_path / "sets", {**FILES, "meta.json": text}))
    assert found.name == "sets" and len(found) == 2 and list(found.names) == ["a", "b"]
    assert same(found[0], Triplet("a", b"source a", b"mask a", b"result a", extra={"score": 1}))
    assert same(found[-1], Triplet("b", b"source b", b"mask b", extra={"occluded": True, "box": [1, 2]}))
    with pytest.raises(IndexError):
        found[2]


def test_what_has_no_field_or_not_its_type_is_extra(tmp_path: Path) -> None:
    told = {
        "method": "lama",
        "seed": "seven",
        "votes_yes": True,
        "category": None,
        "p_yes": 1,
        "options": {"steps": 4},
        "id": 12,
        "sha256_source": sha256(b"source a"),
        "sha256_mask": "0" * 64,
        "sha256_result": None,
        "name": ["x"],
        "extra": "much",
        "TRUTH": None,
    }
    found = open_folder(folder_with(tmp_path, {**FILES, "meta.json": [{**ONE, **told}]}))
    extra = {
        "seed": "seven",
        "votes_yes": True,
        "id": 12,
        "sha256_mask": "0" * 64,
        "sha256_result": None,
        "name": ["x"],
        "extra": "much",
        "TRUTH": None,
    }
    pictures = b"source a", b"mask a", b"result a"
    wanted = Triplet("a", *pictures, method="lama", p_yes=1.0, options='{"steps": 4}', extra=extra)
    assert same(found[0], wanted)
    write_folder(good(found), tmp_path / "again")
    assert same(open_folder(tmp_path / "again")[0], wanted)


def test_truth_and_effect_by_key_and_by_name(tmp_path: Path) -> None:
    rooms: dict[str, bytes | str | list] = {
        "TRUTH/a.png": b"truth a",
        "TRUTH/b.JPG": b"truth b",
        "EFFECT/b.png": b"effect b",
        "else/t.png": b"other truth",
    }
    pair = {"source": "source/b.png", "mask": "mask/b.png"}
    records = [ONE, pair, {**pair, "truth": "else/t.png", "effect": None}, {**pair, "truth": "TRUTH/gone.png"}]
    found = open_folder(folder_with(tmp_path, {**FILES, **rooms, "meta.json": records}))
    assert [(one.truth, one.effect) for one in good(found)] == [
        (b"truth a", None),
        (b"truth b", b"effect b"),
        (b"other truth", None),
    ]
    assert bad(found) == {"b-3": "Record b-3: there is no file TRUTH/gone.png."}


def test_without_a_list_files_of_one_name_belong_together(tmp_path: Path) -> None:
    more: dict[str, bytes | str | list] = {
        "source/sub/ü.jpeg": b"source",
        "mask/sub/ü.png": b"mask",
        "TRUTH/sub/ü.webp": b"truth",
        "mask/of nothing.png": b"mask",
        "source/alone.png": b"source",
        "source/Thumbs.db": b"no picture",
        "source/.hidden.png": b"no photo",
    }
    found = open_folder(folder_with(tmp_path, {**FILES, **more}))
    assert list(found.names) == ["a", "alone", "b", "sub/ü"]
    assert bad(found) == {"alone": "Record alone: it has no mask."}
    assert same(found[0], Triplet("a", b"source a", b"mask a", b"result a"))
    assert same(found[3], Triplet("sub/ü", b"source", b"mask", truth=b"truth"))


def test_another_list_in_the_folder(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "sets", {**FILES, "meta.json": [ONE], "round2.jsonl": [ONE, ONE]})
    found = open_folder(folder, folder / "round2.jsonl")
    assert (found.name, list(found.names)) == ("sets-round2", ["a", "a-2"])


def test_records_of_one_name_get_numbers(tmp_path: Path) -> None:
    named = [{**ONE, "name": name} for name in ("x", "x-2", "x", "x", "", "a")]
    found = open_folder(folder_with(tmp_path, {**FILES, "meta.json": named}))
    assert list(found.names) == ["x", "x-2", "x-3", "x-4", "a", "a-2"]
    assert [one.name for one in good(found)] == list(found.names)


# Bad records, bad sets.


@pytest.mark.parametrize(
    ("record", "name", "what"),
    [
        ({"mask": "mask/a.png"}, "a-2", "it has no source"),
        ({"source": "source/a.png"}, "a-2", "it has no mask"),
        ({"source": None, "mask": "mask/a.png"}, "a-2", "it has no source"),
        ({**ONE, "mask": 7}, "a-2", "its mask is no path"),
        ({**ONE, "GT": ""}, "a-2", "its GT is no path"),
        ({}, "record-2", "it has no source"),
        ("a.png", "record-2", "what is said of it cannot be understood"),
        ({**ONE, "mask": "mask/ö.png"}, "a-2", "there is no file mask/ö.png"),
        ({**ONE, "mask": "mask"}, "a-2", "there is no file mask"),
        ({**ONE, "mask": "mask/pipe"}, "a-2", "there is no file mask/pipe"),
        ({**ONE, "mask": "mask/a\0.png"}, "a-2", "is no path"),
        ({**ONE, "mask": "mask/\ud800.png"}, "a-2", "is no path"),
        ({**ONE, "mask": "mask/" + "x" * 500}, "a-2", ""),
        ({**ONE, "source": "source/" + "x" * 5000}, "x" * 5000, "xxx..."),
        ({**ONE, "name": "two\nlines\x1b", "mask": ""}, "two\nlines\x1b", "Record two?lines?: its mask is no path."),
        ({**ONE, "mask": "../secret"}, "a-2", "leads out"),
        ({**ONE, "mask": "mask/../../secret"}, "a-2", "leads out"),
        ({**ONE, "mask": "mask\\..\\..\\secret"}, "a-2", "leads out"),
        ({**ONE, "mask": "/etc/passwd"}, "a-2", "leads out"),
        ({**ONE, "mask": "C:/secret"}, "a-2", "leads out"),
        ({**ONE, "mask": "mask/link"}, "a-2", "leads out"),
        ({**ONE, "mask": "linked/secret"}, "a-2", "leads out"),
        ({**ONE, "mask": "mask/loop"}, "a-2", ""),
    ],
)
def test_a_bad_record_is_named_and_the_others_stay(tmp_path: Path, record: object, name: str, what: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder = folder_with(tmp_path / "set", {**FILES, "TRUTH/a.png": b"truth", "meta.json": [ONE, record, ONE]})
    (folder / "mask/link").symlink_to(tmp_path / "secret")
    (folder / "mask/loop").symlink_to("loop")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "mask/pipe")
    found = open_folder(folder)
    assert list(bad(found)) == [name] and what in bad(found)[name] and bad(found)[name].startswith("Record ")
    assert len(good(found)) == 2 and len(found.fingerprint) == 64


def test_links_inside_are_followed(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, {**FILES, "meta.json": [{**ONE, "mask": "mask/link.png"}]})
    (folder / "mask/link.png").symlink_to("../mask/b.png")
    assert open_folder(folder)[0].mask == b"mask b"


def test_a_snapshot_of_the_hubs_cache_may_link_to_its_blobs_only(tmp_path: Path) -> None:
    snapshot = folder_with(tmp_path / "datasets--a--b/snapshots/abc", {**FILES, "meta.json": [ONE, ONE]})
    folder_with(tmp_path, {"datasets--a--b/blobs/1": b"blob", "secret": b"secret"})
    (snapshot / "mask/a.png").unlink()
    (snapshot / "mask/a.png").symlink_to("../../../blobs/1")
    assert open_folder(snapshot)[0].mask == b"blob"
    (snapshot / "mask/a.png").unlink()
    (snapshot / "mask/a.png").symlink_to("../../../../secret")
    assert "leads out" in bad(open_folder(snapshot))["a"]


def test_a_file_larger_than_any_photo_is_not_read(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, {**FILES, "meta.json": [ONE]})
    with (folder / "mask/a.png").open("r+b") as file:
        file.truncate(200_000_001)
    assert bad(open_folder(folder)) == {"a": "Record a: mask/a.png has more than 200 MB."}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, ("no meta.json", "docs/evaluate.md")),
        ({"source/a.png": b""}, ("no meta.json",)),
        ({"source/a.txt": b"", "mask/a.png": b""}, ("lists no records",)),
        ({"meta.json": b""}, ("meta.json lists no records",)),
        ({"meta.json": b"[]"}, ("meta.json lists no records",)),
        ({"meta.json": b'[{"source": "source/a.png"'}, ("meta.json is damaged", "at its start")),
    ],
)
def test_what_is_no_set_is_refused(tmp_path: Path, files: dict[str, bytes | str | list], words: tuple[str]) -> None:
    with refused(*words):
        open_folder(folder_with(tmp_path, files))


@pytest.mark.parametrize(
    ("path", "out"),
    [("a/b.png", False), ("a..b/c", False), ("..", True), ("a/..", True), ("/a", True), ("\\a", True), ("c:\\a", True)],
)
def test_which_paths_leave(path: str, out: bool) -> None:
    assert leaves(path) == out


# Large sets, and sets that change.


def test_only_an_index_is_held(tmp_path: Path) -> None:
    count = 5_000
    record = {"about": "-" * 400}
    with (folder_with(tmp_path, FILES) / "meta.json").open("w") as file:
        for number in range(count):
            file.write(json.dumps({"source": f"source/{number}.png", **record}) + "\n")
        file.write(json.dumps(ONE))
    tracemalloc.start()
    found = open_folder(tmp_path)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == count + 1 and held < 250 * count + 50_000 < (tmp_path / "meta.json").stat().st_size / 1.5
    assert found[count].mask == b"mask a"


def test_the_fingerprint_tells_that_a_set_changed(tmp_path: Path) -> None:
    def made(name: str, files: dict[str, bytes | str | list]) -> str:
        return open_folder(folder_with(tmp_path / name, files)).fingerprint

    listed = {**FILES, "meta.json": [ONE]}
    first = made("first", listed)
    assert made("elsewhere", {**listed, "notes.txt": "not of the set"}) == first
    changes: dict[str, dict[str, bytes | str | list]] = {
        "a file grew": {"GT/a.png": b"result a."},
        "something else is said": {"meta.json": [{**ONE, "score": 1}]},
        "one more": {"meta.json": [ONE, ONE]},
        "a truth appeared": {"TRUTH/a.png": b"t"},
        "another order": {"meta.json": [{**ONE, "source": "source/b.png"}, ONE]},
    }
    prints = {made(name, {**listed, **change}) for name, change in changes.items()}
    assert len(prints | {first}) == len(changes) + 1
    (tmp_path / "elsewhere/mask/a.png").unlink()
    assert open_folder(tmp_path / "elsewhere").fingerprint not in {first, *prints}


def test_a_list_that_changes_while_it_is_read(tmp_path: Path) -> None:
    found = open_folder(folder_with(tmp_path, {**FILES, "meta.json": [ONE]}))
    (tmp_path / "meta.json").write_text("[]")
    assert "cannot be understood" in bad(found)["a"]
    (tmp_path / "meta.json").unlink()
    assert "cannot be read" in bad(found)["a"]


def test_writing_what_was_read_changes_nothing(tmp_path: Path) -> None:
    write_folder(triplets(4), tmp_path / "one")
    write_folder(good(open_folder(tmp_path / "one")), tmp_path / "two")
    assert (tmp_path / "one/meta.json").read_bytes() == (tmp_path / "two/meta.json").read_bytes()
    assert open_folder(tmp_path / "one").fingerprint == open_folder(tmp_path / "two").fingerprint
    write_folder([replace(one, round=1) for one in triplets(4)], tmp_path / "three")
    assert open_folder(tmp_path / "three").fingerprint != open_folder(tmp_path / "one").fingerprint
