"""Archives: independent ones and one that was split read the same, and nothing hostile gets out of its folder."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.publish import convert, packed_files, unpacking
from data_tools.publish.packed_files import Unpacked, members
from data_tools.publish.unpacking import LARGE, LINK, OUTSIDE, TWICE, archives, open_unpacked, unpack
from data_tools.tally import Tally
from rorem.errors import BadData
from rorem.triplet import open_set
from tests.triplet.samples import picture, refused

Files = dict[str, bytes]


def published(count: int, home: str = "RORem_dataset", first: int = 0) -> Files:
    """As the data set lies in its archives: pictures in three folders, and a list of them."""
    numbers = range(first, first + count)
    listed = [{"source": f"source/{n}.png", "mask": f"mask/{n}.png", "GT": f"GT/{n}.png"} for n in numbers]
    rooms = ("GT", "mask", "source")
    files = {f"{home}/{room}/{n}.png": picture(1000 * at + n) for at, room in enumerate(rooms) for n in numbers}
    return {**files, f"{home}/meta.json": json.dumps(listed).encode()}


def tarred(files: Files, format: int = tarfile.GNU_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=format) as archive:
        for name, data in files.items():
            head = tarfile.TarInfo(name)
            head.size = len(data)
            archive.addfile(head, io.BytesIO(data))
    return made.getvalue()


def with_heads(*heads: tarfile.TarInfo) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for head in heads:
            archive.addfile(head, io.BytesIO(b"x" * head.size))
    return made.getvalue()


def pieces(folder: Path, *parts: bytes, name: str = "RORem_dataset.part{}.tar.gz") -> list[Path]:
    paths = [folder / name.format(number) for number in range(1, len(parts) + 1)]
    for path, data in zip(paths, parts, strict=True):
        path.write_bytes(data)
    return paths


def split(data: bytes, count: int) -> list[bytes]:
    size = -(-len(data) // count)
    return [data[at : at + size] for at in range(0, len(data), size)]


def files_of(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def unpacked(paths: list[Path], folder: Path) -> tuple[Files, Tally]:
    left_out = Tally()
    unpack(paths, folder, left_out)
    return files_of(folder), left_out


def test_split_and_independent_pieces_read_the_same(tmp_path: Path) -> None:
    first, second = published(3, "set"), published(2, "set", first=3)
    one_stream = split(gzip.compress(tarred({**first, **second})), 4)
    independent = [gzip.compress(tarred(first)), gzip.compress(tarred({**second, "set/meta.json": b"[]"}))]
    pictures = {name: data for name, data in {**first, **second}.items() if not name.endswith(".json")}
    for number, parts in enumerate((one_stream, independent)):
        (tmp_path / str(number)).mkdir()
        found, left_out = unpacked(pieces(tmp_path / str(number), *parts), tmp_path / f"out{number}")
        assert {name: data for name, data in found.items() if not name.endswith(".json")} == pictures
        assert left_out.total == 0


@given(st.binary(max_size=3000), st.integers(1, 5), st.booleans(), st.integers(1, 700))
@settings(max_examples=60)
def test_a_stream_comes_back_however_it_was_cut(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, count: int, several: bool, step: int
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    packed = gzip.compress(data[:1000]) + gzip.compress(data[1000:]) if several else gzip.compress(data)
    stream, got = Unpacked(pieces(folder, *split(packed, count))), b""
    while piece := stream.read(step):
        got += piece
    assert got == data


def test_pieces_that_are_missing_or_damaged_are_told(tmp_path: Path) -> None:
    whole = gzip.compress(tarred(published(3)), 1)
    parts = pieces(tmp_path, *split(whole, 3))
    with refused("breaks off"):
        unpacked(parts[:2], tmp_path / "short")
    with refused("damaged"):
        unpacked([parts[0], parts[2]], tmp_path / "gap")
    with refused("no archive"):
        unpacked(pieces(tmp_path, b"text" * 500, name="text{}.tar"), tmp_path / "text")
    with refused("breaks off"):
        plain = tarred(published(3))
        unpacked(pieces(tmp_path, plain[: len(plain) // 512 // 2 * 512], name="plain{}.tar"), tmp_path / "plain")
    with refused("damaged"):
        inner = bytearray(tarred(published(3)))
        at = inner.index(b"RORem_dataset/mask/1.png")
        inner[at] ^= 0xFF
        unpacked(pieces(tmp_path, bytes(inner), name="inner{}.tar"), tmp_path / "inner")


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_all_kinds_of_names_come_through(tmp_path: Path, format: int) -> None:
    files = published(1, "set")
    if format != tarfile.USTAR_FORMAT:
        files |= {f"set/source/{'long/' * 40}ü 写真.png": b"photo"}
    found, _ = unpacked(pieces(tmp_path, gzip.compress(tarred(files, format))), tmp_path / "out")
    assert found == files


def test_nothing_leaves_the_folder(tmp_path: Path) -> None:
    def head(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
        made = tarfile.TarInfo(name)
        made.type, made.linkname, made.size = kind, link, size
        return made

    bad = with_heads(
        head("../outside.png", size=3),
        head("/absolute.png", size=3),
        head("set/../../up.png", size=3),
        head("C:/windows.png", size=3),
        head("set/source/link.png", tarfile.SYMTYPE, "/etc/passwd"),
        head("set/source/hard.png", tarfile.LNKTYPE, "../outside"),
        head("set/source/device", tarfile.CHRTYPE),
        head("set/source/pipe", tarfile.FIFOTYPE),
        head("set/._source", size=3),
        head("set/" + "n" * 300, size=3),
    )
    paths = pieces(tmp_path, gzip.compress(bad), gzip.compress(tarred(published(1, "set"))))
    before = set(tmp_path.iterdir())
    found, left_out = unpacked(paths, tmp_path / "out")
    assert found == published(1, "set")
    assert set(tmp_path.iterdir()) - before == {tmp_path / "out"}
    assert left_out.counts == {LINK: 4, OUTSIDE: 4, unpacking.BADLY_NAMED: 1}
    assert not Path("/absolute.png").exists()


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_files, "FREE", 100_000)
    monkeypatch.setattr(unpacking, "LARGEST", 50_000)
    with refused("unpacks to far more"):
        unpacked(pieces(tmp_path, gzip.compress(bytes(100_000_000))), tmp_path / "out")
    made = tmp_path / "bomb.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/source/x.png", bytes(10_000_000))
    with refused("unpacks to far more"):
        unpacked([made], tmp_path / "zip")
    files = {**published(1, "set"), "set/source/large.png": b"x" * 50_001}
    _, left_out = unpacked(pieces(tmp_path, gzip.compress(tarred(files))), tmp_path / "large")
    assert left_out.counts == {LARGE: 1}
    long = tarfile.TarInfo("x")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 10**9
    with refused("a name that is none"):
        unpacked(pieces(tmp_path, gzip.compress(long.tobuf())), tmp_path / "long")


def test_two_files_of_one_name(tmp_path: Path) -> None:
    other = {"set/source/0.png": b"another", "set/meta.json": json.dumps([{"source": "source/0.png"}]).encode()}
    paths = pieces(tmp_path, gzip.compress(tarred(published(2, "set"))), gzip.compress(tarred(other)))
    found, left_out = unpacked(paths, tmp_path / "out")
    assert left_out.counts == {TWICE: 1}
    assert found == {**published(2, "set"), "set/meta-2.json": other["set/meta.json"]}
    set_ = open_unpacked(tmp_path / "out", [Path("set")], "it")
    assert len(set_) == 3


def test_unpacking_goes_on_and_knows_its_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = pieces(tmp_path, *split(gzip.compress(tarred(published(4, "set"))), 2))

    def stop(done: int, total: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(paths, tmp_path / "out", Tally(), stop)
    written: list[str] = []
    write = unpacking._write
    monkeypatch.setattr(unpacking, "_write", lambda one, path: written.append(one.name) or write(one, path))
    assert unpacked(paths, tmp_path / "out")[0] == published(4, "set")
    assert len(written) == len(published(4, "set")) - 6
    written.clear()
    unpacked(paths, tmp_path / "out")
    assert written == []
    (tmp_path / "more").mkdir()
    with refused("another archive"):
        unpacked(pieces(tmp_path / "more", gzip.compress(tarred(published(1)))), tmp_path / "out")


def test_a_zip_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "Mulan_dataset.zip", "w") as archive:
        for name, data in published(2, "Mulan").items():
            archive.writestr(name, data)
        link = zipfile.ZipInfo("Mulan/source/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("../up.png", b"up")
    found, left_out = unpacked([tmp_path / "Mulan_dataset.zip"], tmp_path / "out")
    assert found == published(2, "Mulan") and left_out.counts == {LINK: 1, OUTSIDE: 1}
    broken = bytearray((tmp_path / "Mulan_dataset.zip").read_bytes())
    broken[60] ^= 0xFF
    (tmp_path / "broken.zip").write_bytes(broken)
    with pytest.raises(BadData):
        unpacked([tmp_path / "broken.zip"], tmp_path / "broken")


def test_a_member_is_given_piece_by_piece(tmp_path: Path) -> None:
    (path,) = pieces(tmp_path, gzip.compress(tarred({"a": b"0123456789", "b": b"next"})))
    read = []
    for one in members([path]):
        read.append((one.name, one.data.read(3)))  # what is left is passed over
    assert read == [("a", b"012"), ("b", b"nex")]


def test_which_files_belong_together() -> None:
    names = [f"RORem_dataset.part{n}.tar.gz" for n in (9, 10, 11, 8)] + ["Mulan_dataset.zip", "README.md", "x.tgz"]
    assert archives(names) == {
        "RORem_dataset": [f"RORem_dataset.part{n}.tar.gz" for n in (8, 9, 10, 11)],
        "Mulan_dataset": ["Mulan_dataset.zip"],
        "x": ["x.tgz"],
    }


@pytest.mark.parametrize("to", ["folder", "shards"])
def test_an_archive_becomes_a_set(tmp_path: Path, to: str) -> None:
    files = published(3, "set")
    paths = pieces(tmp_path, *split(gzip.compress(tarred(files)), 2))
    done = convert([str(path) for path in paths], tmp_path / "out", to)
    assert done.written == 3 and done.left_out.total == 0 and done.notes == ()
    found = open_set(str(tmp_path / "out"))
    assert [one.source for one in found] == [files[f"set/source/{n}.png"] for n in range(3)]  # pyright: ignore
    assert {path.name for path in tmp_path.iterdir()} == {"out", *(path.name for path in paths)}
    if to == "folder":
        assert files_of(tmp_path / "out") == {name.removeprefix("set/"): data for name, data in files.items()}


def test_several_sets_in_one_archive(tmp_path: Path) -> None:
    files = {**published(2, "one"), **published(1, "two")}
    paths = [str(path) for path in pieces(tmp_path, gzip.compress(tarred(files)))]
    done = convert(paths, tmp_path / "shards")
    assert list(open_set(str(tmp_path / "shards")).names) == ["one/0", "one/1", "two/0"] and done.written == 3
    done = convert(paths, tmp_path / "folders", "folder")
    assert "one, two" in done.notes[0] and len(open_set(str(tmp_path / "folders/one"))) == 2
