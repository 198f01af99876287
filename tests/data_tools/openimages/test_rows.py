"""Large CSV files as a stream: what is broken costs itself and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_tools.openimages.rows import Rows
from rorem.errors import BadData
from tests.data_tools.openimages.made import table

HEAD = ["ImageID", "Title", "Rotation"]


def rows(tmp_path: Path, data: bytes) -> Rows:
    path = tmp_path / "list.csv"
    path.write_bytes(data)
    return Rows(path, ["ImageID"])


def cells(read: Rows) -> list[list[str] | None]:
    found = [read.cells(line) for _, line in read]
    return [None if some is None else [cell.decode() for cell in some] for some in found]


titles = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@given(st.lists(titles, max_size=8))
def test_titles_of_any_kind_come_back_and_are_found_again(tmp_path_factory: pytest.TempPathFactory, some: list[str]):
    """With commas, quotes and line breaks in them, and whatever the language."""
    written = [[f"{number:016x}", title, "0.0"] for number, title in enumerate(some)]
    read = rows(tmp_path_factory.mktemp("rows"), table([HEAD, *written]))
    found = list(read)
    assert [read.at(offset) for offset, _ in found] == [dict(zip(HEAD, row, strict=True)) for row in written]
    assert [read.cells(line) for _, line in found] == [[cell.encode() for cell in row] for row in written]
    read.close()


def test_a_quote_that_is_never_closed_breaks_one_record_only(tmp_path: Path) -> None:
    ids = [f"{number:016x}" for number in range(3)]
    data = f'ImageID,Title,Rotation\n{ids[0]},"6 inches",0.0\n{ids[1]},"6 inches,0.0\n{ids[2]},fine,90.0\n'
    read = rows(tmp_path, data.encode())
    assert cells(read) == [[ids[0], "6 inches", "0.0"], None, [ids[2], "fine", "90.0"]]


@pytest.mark.parametrize("line", ["0000000000000001", "0000000000000001,a,b,c", "", '"', "\x00\x01"])
def test_a_row_of_another_width_is_broken(tmp_path: Path, line: str) -> None:
    assert cells(rows(tmp_path, f"ImageID,Title,Rotation\n{line}\n".encode())) == [None]


def test_a_mark_of_the_byte_order_and_windows_line_ends_are_nothing(tmp_path: Path) -> None:
    read = rows(tmp_path, b"\xef\xbb\xbfImageID,Title,Rotation\r\n0000000000000001,a,0.0\r\n")
    assert read.columns == {"ImageID": 0, "Title": 1, "Rotation": 2}
    assert cells(read) == [["0000000000000001", "a", "0.0"]]


def test_a_last_line_without_an_end_is_read(tmp_path: Path) -> None:
    assert cells(rows(tmp_path, b"ImageID,Title,Rotation\n0000000000000001,a,0.0")) == [
        ["0000000000000001", "a", "0.0"]
    ]


@pytest.mark.parametrize("data", [b"", b"Photo,Title\n", b"\x89PNG\r\n\x1a\n"])
def test_another_file_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BadData, match=r"list.csv has no column ImageID"):
        rows(tmp_path, data)
