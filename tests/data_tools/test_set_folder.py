"""A set that is written record by record, and what a kill leaves of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_tools.set_folder import JOURNAL, SetFolder
from rorem.errors import BadData
from rorem.triplet import Triplet, open_set
from tests.tools.imports import ROOT
from tests.ui.compared import png


def triplet(number: int, name: str = "") -> Triplet:
    mask = np.zeros((8, 8), np.uint8)
    mask[2:5, 2:5] = 255
    plane = np.full((8, 8, 3), number, np.uint8)
    return Triplet(name or f"photo {number}", png(plane), png(mask), png(255 - plane), extra={"number": number})


def test_a_set_comes_back_as_it_was(tmp_path: Path) -> None:
    some = [triplet(number, name) for number, name in enumerate(("b", "a/../x", "ä", "B"))]
    with SetFolder(tmp_path / "set", "one way") as set_:
        for one in some:
            set_.add(one)
            set_.add(one)
        with pytest.raises(BadData, match="not finished"):
            open_set(str(tmp_path / "set"))
        set_.finish()
    read = {one.name: one for one in open_set(str(tmp_path / "set")) if isinstance(one, Triplet)}
    assert {name: (one.id, one.extra) for name, one in read.items()} == {one.name: (one.id, one.extra) for one in some}


def test_what_a_source_said_never_takes_the_place_of_what_is_so(tmp_path: Path) -> None:
    odd = replace(triplet(1), extra={"name": "another", "source": "elsewhere.png", "GT": 7, "number": 1})
    with SetFolder(tmp_path, "one way") as set_:
        set_.add(odd)
        set_.finish()
    (read,) = open_set(str(tmp_path))
    assert isinstance(read, Triplet) and (read.name, read.id, read.extra) == (odd.name, odd.id, odd.extra)


def test_what_is_there_is_not_written_again_and_more_can_follow(tmp_path: Path) -> None:
    with SetFolder(tmp_path, "one way") as set_:
        set_.add(triplet(0))
        set_.finish()
    (file,) = (tmp_path / "source").iterdir()
    before = file.stat().st_mtime_ns
    with SetFolder(tmp_path, "one way") as set_:
        assert list(set_.records) == ["photo 0"]
        set_.add(triplet(0))
        set_.add(triplet(1))
        set_.finish()
    assert file.stat().st_mtime_ns == before and len(open_set(str(tmp_path))) == 2


def test_another_set_is_never_written_over(tmp_path: Path) -> None:
    with SetFolder(tmp_path / "mine", "one way") as set_:
        set_.add(triplet(0))
    with pytest.raises(BadData, match="other settings"):
        SetFolder(tmp_path / "mine", "another way")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "meta.json").write_text("[]")
    with pytest.raises(BadData, match="another set"):
        SetFolder(tmp_path / "theirs", "one way")
    with SetFolder(tmp_path / "empty", "one way") as set_, pytest.raises(BadData):
        set_.finish()


def test_torn_lines_and_lost_pictures_are_made_again(tmp_path: Path) -> None:
    with SetFolder(tmp_path, "one way") as set_:
        for number in range(3):
            set_.add(triplet(number))
    next(iter((tmp_path / "GT").glob("photo 1*"))).unlink()
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"made_with": "one w')
    with SetFolder(tmp_path, "one way") as set_:
        assert list(set_.records) == ["photo 0", "photo 2"]
        for number in range(4):
            set_.add(triplet(number))
        set_.finish()
    assert [one.extra["number"] for one in open_set(str(tmp_path)) if isinstance(one, Triplet)] == [0, 1, 2, 3]
    (tmp_path / JOURNAL).write_bytes(b"nonsense\n")
    with pytest.raises(BadData, match="damaged"):
        SetFolder(tmp_path, "one way")


def test_files_have_the_same_names_after_a_stop(tmp_path: Path) -> None:
    """Of two ways to write one sign, many systems keep one: both runs have to see that the names collide."""
    some = [triplet(0, "e\u0301"), triplet(1, "\u00e9"), triplet(2, "\u00c9")]
    for name in ("one go", "stopped"):
        for run in [some] if name == "one go" else [some[:1], some]:
            with SetFolder(tmp_path / name, "one way") as set_:
                for one in run:
                    set_.add(one)
    found = [sorted(path.name for path in (tmp_path / name / "source").iterdir()) for name in ("one go", "stopped")]
    assert found[0] == found[1] and len(found[0]) == 3


def test_no_folder_is_looked_through_for_each_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise each record would cost more than the one before."""
    left = tmp_path / "source" / ".photo 9.png.99.part"  # of a run that was killed there
    left.parent.mkdir()
    left.write_bytes(b"half")
    with SetFolder(tmp_path, "one way") as set_:
        assert not left.exists()

        def never(*_: object) -> None:
            raise AssertionError

        with monkeypatch.context() as patched:
            patched.setattr(os, "scandir", never)
            patched.setattr(os, "listdir", never)
            set_.add(triplet(0))
        set_.finish()
    assert len(open_set(str(tmp_path))) == 1


WRITER = """
from pathlib import Path
import sys
from data_tools.set_folder import SetFolder
from tests.data_tools.test_set_folder import triplet
with SetFolder(Path(sys.argv[1]), "one way") as set_:
    for number in range(250):
        set_.add(triplet(number))
    set_.finish()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_run_that_is_killed_goes_on(tmp_path: Path) -> None:
    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], cwd=ROOT)

    counts = []
    for _ in range(2):
        writer = start()
        while writer.poll() is None and len(lines(tmp_path)) < (counts[-1] if counts else 0) + 10:
            time.sleep(0.005)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        counts.append(len(lines(tmp_path)))
    assert 0 < counts[0] < counts[1] < 250
    assert start().wait() == 0
    told = json.loads((tmp_path / "meta.json").read_text())
    assert sorted(one["number"] for one in told) == list(range(250))


def lines(folder: Path) -> list[str]:
    journal = folder / JOURNAL
    return journal.read_text().splitlines() if journal.exists() else []
