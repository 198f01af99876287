"""Parquet shards: ours without loss and as `datasets` reads them, others' as far as they can be understood."""

from __future__ import annotations

import datetime
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from PIL import Image

from rorem.errors import Unavailable
from rorem.triplet import Triplet, TripletSet, open_shards, shards_writing, write_shards
from rorem.triplet.columns import COLUMNS
from rorem.triplet.shards import check_names
from tests.triplet.samples import bad, folder_with, good, odd_triplets, picture, refused, same, triplets

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def foreign(path: Path, columns: dict[str, pa.Array], **options: object) -> Path:
    pq.write_table(pa.table(columns), path, **options)  # pyright: ignore[reportArgumentType]
    return path


def images(*files: bytes | None, paths: tuple[str | None, ...] = ()) -> pa.Array:
    paths = paths or (None,) * len(files)
    return pa.array([{"bytes": file, "path": path} for file, path in zip(files, paths, strict=True)], IMAGE)


def opened(*files: Path) -> TripletSet:
    return open_shards(files, "it")


# Written and read again.


@given(odd_triplets)
@settings(max_examples=40)
def test_whatever_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, written: list[Triplet]) -> None:
    found = opened(*write_shards(written, tmp_path_factory.mktemp("set"), max_bytes=1500))
    assert list(found.names) == [one.name for one in written]
    assert all(same(one, other) for one, other in zip(written, found, strict=True))


def test_names_that_look_like_paths_come_back(tmp_path: Path) -> None:
    written = [Triplet(name, b"", b"") for name in ("/", "a/", ".", "a.b/c", ".png", "a.png", "../x")]
    assert list(opened(*write_shards(written, tmp_path)).names) == [one.name for one in written]


def test_the_columns_are_those_that_all_tools_speak(tmp_path: Path) -> None:
    one = replace(triplets(2)[1], p_yes=0.5, truth=picture(7))
    (path,) = write_shards([one], tmp_path)
    found = pq.read_table(path)
    types = {field.name: str(field.type) for field in found.schema}
    image, text = "struct<bytes: binary, path: string>", "string"
    assert types == {
        "id": text,
        **dict.fromkeys(("source", "mask", "result", "truth", "effect"), image),
        **dict.fromkeys(("sha256_source", "sha256_mask", "sha256_result"), text),
        **dict.fromkeys(("method", "revision", "options", "protocol"), text),
        "seed": "int64",
        "network_calls": "int32",
        "category": text,
        "round": "int32",
        "accepted_by": text,
        "p_yes": "float",
        "votes_yes": "int32",
        "votes_no": "int32",
        "licence": text,
        "author": text,
        "extra": text,
    }
    assert list(types) == list(COLUMNS)
    (row,) = found.to_pylist()
    assert row["id"] == one.id and row["sha256_result"] == one.hashes["sha256_result"]
    assert row["source"] == {"bytes": one.source, "path": "photo 1.jpg"}
    assert row["truth"] == {"bytes": one.truth, "path": "photo 1.png"} and row["effect"] is None
    assert json.loads(row["extra"]) == one.extra


def test_datasets_reads_them_as_pictures(tmp_path: Path) -> None:
    import datasets

    written = triplets(3)
    paths = write_shards(written, tmp_path / "set", max_bytes=2500)
    assert len(paths) > 1
    cache = str(tmp_path / "cache")
    found = datasets.load_dataset("parquet", data_files=list(map(str, paths)), split="train", cache_dir=cache)
    assert isinstance(found, datasets.Dataset)
    assert {name for name, kind in found.features.items() if isinstance(kind, datasets.Image)} == {
        "source", "mask", "result", "truth", "effect",
    }  # fmt: skip
    assert isinstance(found[0]["source"], Image.Image) and found[0]["source"].size == (24, 16)
    assert found[0]["result"] is None and found[1]["result"].size == (24, 16)
    assert found["id"][:] == [one.id for one in written]
    raw = found.cast_column("source", datasets.Image(decode=False))
    assert [row["source"]["bytes"] for row in raw] == [one.source for one in written]  # pyright: ignore
    # And back: what datasets writes is read here.
    found.to_parquet(str(tmp_path / "theirs.parquet"))
    again = opened(tmp_path / "theirs.parquet")
    assert all(same(one, other) for one, other in zip(written, again, strict=True))


def test_shards_keep_their_size_and_order(tmp_path: Path) -> None:
    written = [Triplet(f"{number}", bytes(size), b"") for number, size in enumerate((40, 40, 40, 500, 10, 10))]
    paths = write_shards(written, tmp_path, stem="round-3", max_bytes=100)
    assert [path.name for path in paths] == [f"round-3-{number:05}-of-00004.parquet" for number in range(4)]
    assert sorted(tmp_path.iterdir()) == paths
    assert [pq.read_metadata(path).num_rows for path in paths] == [2, 1, 1, 2]
    assert good(opened(*paths))[3].source == bytes(500)


def test_shards_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Iterator[Triplet]:
        yield from triplets(3)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        write_shards(broken(), tmp_path, max_bytes=1000)
    assert list(tmp_path.iterdir()) == []
    folder_with(tmp_path, {".data.1.part/0": b"of a run that was killed", "notes.txt": "ours"})
    write_shards(triplets(1), tmp_path)
    with refused("data-00000-of-00001.parquet", "already"):
        write_shards(triplets(2), tmp_path)
    write_shards(triplets(2), tmp_path, stem="more")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "data-00000-of-00001.parquet", "more-00000-of-00001.parquet", "notes.txt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ([], "no triplets"),
        ([*triplets(1), *triplets(1)], "photo 0"),
        ([Triplet("a", b"", b"", seed=2**63)], "Record a"),
        ([Triplet("a", b"", b"", round=2**31)], "Record a"),
        ([Triplet("a", b"", b"", category="\ud800")], "Record a"),
        ([Triplet("a", b"", b"", extra={"x": {1}})], "x is a set"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, written: list[Triplet], word: str) -> None:
    with refused(word):
        write_shards([Triplet("first", b"", b""), *written] if written else [], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_writing_and_reading_hold_a_row_group_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards_writing, "GROUP", 1_000_000)
    arrow = pa.default_memory_pool()
    start, most = arrow.bytes_allocated(), 0

    def made() -> Iterator[Triplet]:
        nonlocal most
        for number in range(80):
            most = max(most, arrow.bytes_allocated() - start)
            yield Triplet(f"{number}", bytes(200_000), b"")

    tracemalloc.start()
    paths = write_shards(made(), tmp_path, max_bytes=8_000_000)
    found = opened(*paths)
    for one in found:
        assert isinstance(one, Triplet)
        most = max(most, arrow.bytes_allocated() - start)
    _, python = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(paths) == 2 and python < 4_000_000 and most < 6_000_000  # of 16 MB in all


# Reading in any order.


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Triplet], list[Path]]:
    """Two files, the first with row groups of three, the second with one of seven."""
    folder, written = tmp_path_factory.mktemp("several"), triplets(12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards_writing, "GROUP_ROWS", 3)
        one = write_shards(written[:5], folder, "one")
    return written, [*one, *write_shards(written[5:], folder, "two")]


@pytest.mark.parametrize("order", [[*range(12)], [*range(11, -1, -1)], [0, 0, 2, 3, 2, 11, 5, 4, 5, 9, 7, 1]])
def test_records_are_read_in_any_order(several: tuple[list[Triplet], list[Path]], order: list[int]) -> None:
    written, paths = several
    found = opened(*paths)
    assert all(same(found[index], written[index]) for index in order)
    assert same(found[-1], written[11])
    with pytest.raises(IndexError):
        found[12]


def test_records_are_read_from_several_threads(several: tuple[list[Triplet], list[Path]]) -> None:
    written, paths = several
    found, right = opened(*paths), []
    threads = [
        Thread(target=lambda step=step: right.extend(same(found[i], written[i]) for i in range(0, 12, step)))
        for step in (1, 2, 3, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(right) == 12 + 6 + 4 + 3 and all(right)


def test_in_order_each_piece_is_unpacked_once(
    several: tuple[list[Triplet], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rorem.triplet import shards

    asked, read = [], shards._Shard.read
    monkeypatch.setattr(shards._Shard, "read", lambda self, group: asked.append(group) or read(self, group))
    assert len(good(opened(*several[1]))) == 12
    assert asked == [0, 1, 0]


def test_after_a_failure_it_starts_anew(
    several: tuple[list[Triplet], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rorem.triplet import shards

    written, paths = several
    read, fails = shards._Shard.read, [True]

    def once_broken(self: shards._Shard, group: int) -> Iterator[pa.RecordBatch]:
        for number, row in enumerate(read(self, group)):
            if number == 2 and fails:
                fails.clear()
                raise OSError(5, "no disk")
            yield row

    monkeypatch.setattr(shards._Shard, "read", once_broken)
    found = opened(*paths)
    assert bad(found) == {"photo 2": "Record photo 2: one-00000-of-00001.parquet cannot be read (input/output error)."}
    assert same(found[2], written[2])
    fails.append(True)
    assert same(found[5], written[5]) and same(found[6], written[6])
    with refused("photo 7"):
        found[7]
    assert same(found[8], written[8]) and same(found[7], written[7])


# As others write them.


def test_a_set_with_other_columns(tmp_path: Path) -> None:
    when = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    path = foreign(
        tmp_path / "x.parquet",
        {
            "image": images(b"s0", b"s1", b"s2", paths=("boat.jpg", "sub/a.b.png", "boat.png")),
            "mask": pa.array([b"m0", b"m1", b"m2"]),
            "GT": pa.array([b"r0", None, b"r2"], pa.large_binary()),
            "preview": images(b"p", b"p", b"p"),
            "depth": pa.array([[b"1"], [], []]),
            "score": pa.array([0.5, None, 1.0]),
            "when": pa.array([when, None, when]),
            "price": pa.array([Decimal("1.5")] * 3),
            "box": pa.array([[1, 2]] * 3),
            "seed": pa.array(["x", "y", "z"]),
            "round": pa.array([1, None, 3], pa.int8()),
            "category": pa.array(["boat", "boat", "sea"]).dictionary_encode(),
            "extra": pa.array(['{"a": 1}', "no JSON", None]),
        },
    )
    found = opened(path)
    assert list(found.names) == ["boat", "sub/a.b", "boat-2"] and bad(found) == {}
    shared = {"price": "1.5", "box": [1, 2]}
    first = {**shared, "score": 0.5, "when": "2026-01-02T03:04:05+00:00", "seed": "x", "a": 1}
    assert same(found[0], Triplet("boat", b"s0", b"m0", b"r0", round=1, category="boat", extra=first))
    second = {**shared, "score": None, "when": None, "seed": "y", "extra": "no JSON"}
    assert same(found[1], Triplet("sub/a.b", b"s1", b"m1", category="boat", extra=second))
    assert found[2].result == b"r2" and found[2].extra["extra"] is None
    assert all(same(one, other) for one, other in zip(found, opened(*write_shards(good(found), tmp_path)), strict=True))


def test_records_without_names_have_numbers(tmp_path: Path) -> None:
    plain = foreign(tmp_path / "a.parquet", {"source": pa.array([b"1", b"2"]), "mask": pa.array([b"", b""])})
    paths = images(b"3", b"4", paths=(None, "x"))
    found = opened(plain, foreign(tmp_path / "b.parquet", {"source": paths, "mask": pa.array([b"", b""])}))
    assert list(found.names) == ["000000", "000001", "000002", "x"]
    assert [one.source for one in good(found)] == [b"1", b"2", b"3", b"4"]


def test_files_and_groups_without_rows_are_passed_over(tmp_path: Path) -> None:
    none = {"source": pa.array([], pa.binary()), "mask": pa.array([], pa.binary())}
    empty = foreign(tmp_path / "a.parquet", none)
    with refused("it holds no records"):
        opened(empty)
    some = foreign(tmp_path / "b.parquet", {"source": pa.array([b"1"]), "mask": pa.array([b"2"])})
    assert [one.mask for one in good(opened(empty, some, empty, some))] == [b"2", b"2"]


def test_a_record_without_its_pictures_is_named(tmp_path: Path) -> None:
    source = images(b"0", None, b"2", None, b"4", paths=("a.png", "b.png", "c.png", None, "e.png"))
    mask = pa.array([b"0", b"1", None, b"3", b"4"])
    found = opened(foreign(tmp_path / "x.parquet", {"source": source, "mask": mask}))
    assert bad(found) == {
        "b": "Record b: its source is not in the file, which only says where it was.",
        "c": "Record c: it has no mask.",
        "000003": "Record 000003: it has no source.",
    }
    assert [one.source for one in good(found)] == [b"0", b"4"]


# Bad files.


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not one at all", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.parquet").write_bytes(data)
    with refused("x.parquet"):
        opened(tmp_path / "x.parquet")


def test_a_file_that_is_cut_off_or_gone_is_refused(tmp_path: Path) -> None:
    (path,) = write_shards(triplets(3), tmp_path)
    path.write_bytes(path.read_bytes()[:-10])
    with refused("data-00000-of-00001.parquet"):
        opened(path)
    path.unlink()
    with refused("data-00000-of-00001.parquet"):
        opened(path)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"source": pa.array([b""])}, ("no column mask", "it has source")),
        ({"mask": pa.array([b""]), "photo": pa.array([b""])}, ("no column source", "it has mask, photo")),
        ({"source": pa.array(["a.png"]), "mask": pa.array([b""])}, ("source holds no pictures",)),
        ({"source": pa.array([b""]), "mask": pa.array([[b""]])}, ("mask holds no pictures",)),
        ({"source": pa.array([b""]), "mask": pa.array([{"path": "a"}])}, ("mask holds no pictures",)),
    ],
)
def test_a_file_without_photos_or_masks_is_refused(tmp_path: Path, columns: dict, words: tuple[str]) -> None:
    with refused("x.parquet", *words):
        opened(foreign(tmp_path / "x.parquet", columns))


def test_a_damaged_picture_is_one_groups_trouble(several: tuple[list[Triplet], list[Path]], tmp_path: Path) -> None:
    written, (first, second) = several
    data = first.read_bytes()
    at = data.index(written[4].source) + 40  # in the second row group: records 3 and 4
    (tmp_path / first.name).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    found = opened(tmp_path / first.name, second)
    assert {name: "no sound Parquet" in what or "cannot be read" in what for name, what in bad(found).items()} == {
        "photo 3": True,
        "photo 4": True,
    }
    assert same(found[2], written[2]) and same(found[5], written[5])
    assert "photo 3" in bad(found) and same(found[0], written[0])


def test_a_file_that_goes_away_while_it_is_read(tmp_path: Path) -> None:
    (path,) = write_shards(triplets(2), tmp_path)
    found = opened(path)
    path.unlink()
    assert list(bad(found)) == ["photo 0", "photo 1"]
    with refused(path.name):
        found.fingerprint  # noqa: B018


def test_without_pyarrow_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    for call in (lambda: opened(tmp_path), lambda: write_shards([], tmp_path)):
        with pytest.raises(Unavailable, match="pyarrow") as raised:
            call()
        assert "rorem[eval]" in raised.value.fix


# Names of files.


@pytest.mark.parametrize(
    "names",
    [
        ["a.parquet"],
        ["data-00000-of-00002.parquet", "data-00001-of-00002.parquet", "more-00000-of-00001.parquet"],
        ["data/train-00000-of-00001.parquet", "data/train-2.parquet"],
        ["latest.parquet", "contest.parquet"],
        [],
    ],
)
def test_names_of_whole_sets(names: list[str]) -> None:
    check_names(names, "it")


def test_missing_shards_and_several_splits_are_seen() -> None:
    with refused("it has no d/data-00001-of-00003.parquet"):
        check_names(["d/data-00000-of-00003.parquet", "d/data-00002-of-00003.parquet"], "it")
    with refused("test, train", "it/data/test"):
        check_names(["data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"], "it")
    with refused("test, validation", "it/default/test"):
        check_names(["default/validation/0000.parquet", "default/test/0000.parquet"], "it")


# Sets that change.


def test_the_fingerprint_tells_that_a_set_changed(tmp_path: Path) -> None:
    def made(name: str, written: list[Triplet]) -> str:
        return opened(*write_shards(written, tmp_path / name)).fingerprint

    first, *rest = written = triplets(3)
    before = made("a", written)
    assert made("b", written) == before and len(before) == 64
    swapped = bytes(reversed(first.source))
    changed = {
        made("picture", [replace(first, source=swapped), *rest]),
        made("name", [replace(first, name="x"), *rest]),
        made("field", [replace(first, seed=99), *rest]),
        made("fewer", rest),
        made("order", [*rest, first]),
    }
    assert len(changed | {before}) == 6
