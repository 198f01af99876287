"""Qt's collections, written here by hand after the same layout."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_tools.synthesize import qt_resources
from data_tools.synthesize.originals import Original
from data_tools.synthesize.qt_resources import Collection
from data_tools.synthesize.stock import take_stock
from rorem.errors import BadPicture
from rorem.triplet.folder import LARGEST
from tests.data_tools.originals import cutout, photo, write

FILES = {"app/a.txt": b"first", "app/deep/b.bin": b"second" * 50, "c": b""}


def collection(files: dict[str, bytes], version: int = 3, flags: int = 1) -> bytes:
    """The bytes of an .rcc file. flags: 1 = each file compressed."""
    nodes: list[tuple[int, str, int, int]] = []  # flags, name, then count and first child, or 0 and the data's offset
    names, payload = b"", b""

    def children(folder: str) -> list[str]:
        inside = [path[len(folder) :] for path in files if path.startswith(folder)]
        return sorted({rest.split("/")[0] for rest in inside})

    queue, pending = [("", "")], [("", "")]
    nodes.append((2, "", 0, 0))
    while pending:
        path, _ = pending.pop(0)
        index = next(number for number, entry in enumerate(queue) if entry[0] == path)
        inner = children(path)
        nodes[index] = (2, nodes[index][1], len(inner), len(nodes))
        for name in inner:
            whole = path + name
            if whole in files:
                data = files[whole]
                packed = struct.pack(">I", len(data)) + zlib.compress(data) if flags & 1 else data
                nodes.append((flags, name, 0, len(payload)))
                payload += struct.pack(">I", len(packed)) + packed
                queue.append((whole, name))
            else:
                nodes.append((2, name, 0, 0))
                queue.append((f"{whole}/", name))
                pending.append((f"{whole}/", name))
    tree = b""
    for kind, name, one, two in nodes:
        tree += struct.pack(">IH", len(names), kind)
        tree += struct.pack(">II", one, two) if kind & 2 else struct.pack(">HHI", 0, 1, two)
        tree += bytes(8) if version >= 2 else b""
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    start = 20 + (4 if version >= 3 else 0)
    header = b"qres" + struct.pack(">4I", version, start, start + len(tree), start + len(tree) + len(payload))
    return header + bytes(start - 20) + tree + payload + names


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("flags", [0, 1])
def test_files_come_out_as_they_went_in(tmp_path: Path, version: int, flags: int) -> None:
    file = tmp_path / "x.rcc"
    file.write_bytes(collection(FILES, version, flags))
    found = Collection(file)
    assert {entry.path: found.read(entry) for entry in found.entries} == FILES
    assert [entry.path for entry in found.entries] == sorted(FILES)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 400), st.integers(1, 255), st.booleans())
def test_damage_is_told_as_such(tmp_path: Path, at: int, change: int, cut: bool) -> None:
    data = bytearray(collection(FILES))
    if cut:
        del data[at:]
    else:
        data[at % len(data)] ^= change
    file = tmp_path / "x.rcc"
    file.write_bytes(data)
    try:
        found = Collection(file)
        for entry in found.entries:
            found.read(entry)
    except BadPicture as error:
        assert "x.rcc is damaged" in str(error)


def tree(*folders: tuple[int, int]) -> bytes:
    """A collection of folders alone, each with so many children from this number on."""
    nodes = b"".join(struct.pack(">IHII", 0, 2, count, first) for count, first in folders)
    return b"qres" + struct.pack(">4I", 1, 20, 20 + len(nodes), 20 + len(nodes)) + nodes + struct.pack(">HIH", 1, 0, 97)


@pytest.mark.parametrize(
    "folders",
    [
        [(1, 0)],
        [(1, 1), (1, 0)],
        [(1, 1), (1, 1)],
        [(2, 1), (2, 1), (2, 1)],
        [*((2, number + 1) for number in range(40)), (0, 0), (0, 0)],  # no circle, but more ways than there is time
        [(1, number + 1) for number in range(5000)],
        [(2**32 - 1, 1)],
    ],
)
def test_folders_that_lead_nowhere_are_told_at_once(tmp_path: Path, folders: list[tuple[int, int]]) -> None:
    (tmp_path / "x.rcc").write_bytes(tree(*folders))
    with pytest.raises(BadPicture, match=r"x\.rcc is damaged"):
        Collection(tmp_path / "x.rcc")


def test_a_file_that_would_unpack_to_more_than_a_picture_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.rcc").write_bytes(collection({"a.png": bytes(100_000)}))
    found = Collection(tmp_path / "x.rcc")
    assert found.read(found.entries[0]) == bytes(100_000)
    monkeypatch.setattr(qt_resources, "LARGEST", 99_999)
    with pytest.raises(BadPicture, match=r"x\.rcc"):
        found.read(found.entries[0])


@pytest.mark.parametrize("name", ["x.rcc", "x.png"])
def test_a_file_of_any_size_is_not_read_into_memory(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(LARGEST + 1)
    tracemalloc.start()
    with pytest.raises(BadPicture, match=f"{name} is too large"):
        Original(name, tmp_path / name, "a.png" if name == "x.rcc" else "").read()
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_zstd_is_not_known(tmp_path: Path) -> None:
    file = tmp_path / "x.rcc"
    file.write_bytes(collection(FILES, flags=4))
    found = Collection(file)
    with pytest.raises(BadPicture):
        found.read(found.entries[0])


def test_photos_are_found_in_a_collection(tmp_path: Path) -> None:
    picture = write(photo(1), tmp_path / "made" / "one.png").read_bytes()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "all.rcc").write_bytes(collection({"app/one.png": picture, "app/note.txt": b"hello"}))
    (tmp_path / "photos" / "copyright").write_text("Files: app/one.jpg\nCopyright: Ida\nLicense: CC0-1.0\n")
    write(cutout(1), tmp_path / "cutouts" / "thing.png")
    stock = take_stock([tmp_path / "photos"], [tmp_path / "cutouts"], lambda name, error: pytest.fail(name))
    (found,) = stock.photos
    assert found.key == "all.rcc/app/one.png" and found.credit.author == "Ida"
    assert (found.rgb() == photo(1)).all() and (found.width, found.height) == (560, 480)
