"""Files as all tools read and write them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_tools.plain_files import files_below, journal_lines, png, read_bounded
from rorem.errors import BadData, BadPicture


def test_a_picture_and_a_mask_come_back_as_they_were() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    mask = picture[..., 0] > 100
    assert (np.asarray(Image.open(io.BytesIO(png(picture[:, ::-1])))) == picture[:, ::-1]).all()
    assert (np.asarray(Image.open(io.BytesIO(png(mask)))) == mask).all()


def test_files_are_found_at_any_depth_in_order_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.png", "a/z.png", "a/b/c.png", ".hidden/x.png", "a/.x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a/lost.png").symlink_to("nowhere")
    found = [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)]
    assert found == ["b.png", "a/lost.png", "a/z.png", "a/b/c.png"]
    with pytest.raises(OSError):
        list(files_below(tmp_path / "not there"))


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read_bounded(tmp_path / "x", 5) == b"12345"
    with pytest.raises(BadPicture, match="too large"):
        read_bounded(tmp_path / "x", 4)
    with pytest.raises(BadPicture, match="too large"):
        read_bounded(Path("/dev/zero"), 1000)


def test_a_torn_line_is_cut_away_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    assert list(journal_lines(journal)) == []
    journal.write_bytes(b'{"a": 1}\n{"a": 2}\n{"a"')
    assert list(journal_lines(journal)) == [{"a": 1}, {"a": 2}]
    assert os.path.getsize(journal) == 18
    for bad in (b"[1]\n", b"{\n"):
        journal.write_bytes(bad)
        with pytest.raises(BadData, match="damaged"):
            list(journal_lines(journal))
