"""A folder that is there whole or not at all, also where others write beside it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_tools.round.writing import whole
from rorem.errors import BadData

KEY = "0123456789abcdef"


def test_folders_whose_names_begin_alike_do_not_meet(tmp_path: Path) -> None:
    """v1 is made while v1.1 and v1.2 are."""
    with whole(tmp_path / "v1.1", KEY) as one, whole(tmp_path / "v1.2.part", KEY) as two:
        (one / "data").write_bytes(b"1")
        (two / "data").write_bytes(b"2")
        with whole(tmp_path / "v1", KEY) as stage:
            (stage / "data").write_bytes(b"0")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v1", "v1.1", "v1.2.part"]
    assert [(tmp_path / name / "data").read_bytes() for name in ("v1", "v1.1", "v1.2.part")] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("key", [KEY, "other"])
def test_what_a_killed_run_left_is_cleared_away(tmp_path: Path, key: str) -> None:
    (tmp_path / ".v1.making" / KEY).mkdir(parents=True)
    (tmp_path / ".v1.making" / KEY / "half").write_bytes(b"half")
    with whole(tmp_path / "v1", key) as stage:
        (stage / "data").write_bytes(b"whole")
    assert [path.name for path in (tmp_path / "v1").iterdir()] == ["data"]


def test_nothing_stays_of_a_run_that_ends_early(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole(tmp_path / "v1", KEY) as stage:
        (stage / "data").write_bytes(b"half")
        raise KeyboardInterrupt
    assert not (tmp_path / "v1").exists() and not [*tmp_path.glob(".v1.*/*/*")]


WRITER = """
import sys, time
from pathlib import Path
from data_tools.round.writing import whole
out, go = Path(sys.argv[1]), Path(sys.argv[2])
with whole(out, "0") as stage:
    (stage / "data").write_bytes(b"first")
    go.touch()
    time.sleep(1.0)
    if sys.argv[3] == "fails":
        raise SystemExit(9)
    assert (stage / "data").read_bytes() == b"first"
"""


@pytest.mark.parametrize("ends", ["well", "fails"])
def test_two_makers_of_one_folder_wait_for_each_other(tmp_path: Path, ends: str) -> None:
    out, go = tmp_path / "v1", tmp_path / "go"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(out), str(go), ends]) as first:
        until = time.monotonic() + 60
        while not go.exists():
            assert time.monotonic() < until and first.poll() is None
            time.sleep(0.02)
        if ends == "well":
            with pytest.raises(BadData), whole(out, KEY):
                raise AssertionError("the first one is there by now")
        else:
            with whole(out, KEY) as stage:
                (stage / "data").write_bytes(b"second")
        assert first.wait(60) == (0 if ends == "well" else 9)
    assert (out / "data").read_bytes() == (b"first" if ends == "well" else b"second")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["go", "v1"], "nothing is left lying about"
