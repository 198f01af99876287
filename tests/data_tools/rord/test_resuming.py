"""A run of RORD that was stopped or killed, one with other settings, and scenes that changed meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_tools.rord import Settings, rord
from data_tools.rord.building import JOURNAL, OUTDATED
from data_tools.rord.layout import NO_TRUTH
from data_tools.rord.pairing import DRIFTED
from rorem.errors import BadData
from tests.data_tools.rord.made import WANDER, Shot, published
from tests.tools.imports import ROOT


def content(out: Path) -> dict[str, bytes]:
    """What a person gets: without the journals, whose lines stand in the order of writing."""
    return {
        file.relative_to(out).as_posix(): file.read_bytes()
        for file in sorted(out.rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    }


def test_a_stopped_run_is_taken_up_and_a_set_grows(tmp_path: Path) -> None:
    for number in range(3):
        published(tmp_path / "in", WANDER[:2], scene=f"MP_{number}", seed=number)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    whole = rord(tmp_path / "in", tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        rord(tmp_path / "in", tmp_path / "out", on_scene=stop)
    assert not (tmp_path / "out" / "meta.json").exists()
    with (tmp_path / "out" / JOURNAL).open("ab") as file:
        file.write(b'{"scene": "tor')
    summary = rord(tmp_path / "in", tmp_path / "out")
    assert (summary.pairs, summary.made) == (6, 2) and content(tmp_path / "out") == content(tmp_path / "whole")
    assert whole.made == 6 and rord(tmp_path / "in", tmp_path / "out").made == 0
    published(tmp_path / "in", (*WANDER[:1], Shot(90, blur=3)), scene="MP_9", seed=9)
    grown = rord(tmp_path / "in", tmp_path / "out")
    assert (grown.pairs, grown.made) == (7, 1) and grown.left_out.total == 1
    assert rord(tmp_path / "in", tmp_path / "out").left_out.total == 1, "what was left out before is told again"


def test_other_settings_are_another_set(tmp_path: Path) -> None:
    published(tmp_path / "in", WANDER[:2])
    rord(tmp_path / "in", tmp_path / "out")
    with pytest.raises(BadData, match="other settings"):
        rord(tmp_path / "in", tmp_path / "out", Settings(per_scene=2))


def test_other_settings_after_a_run_that_made_no_pair(tmp_path: Path) -> None:
    published(tmp_path / "in", (Shot(40, moved=(2, 1)), Shot(160, moved=(2, 1))))
    strict = Settings(drift="drop", most_drift=0)
    empty = rord(tmp_path / "in", tmp_path / "out", strict)
    assert empty.pairs == 0 and dict(empty.left_out.counts) == {DRIFTED: 2}
    with pytest.raises(BadData, match="other settings"):
        rord(tmp_path / "in", tmp_path / "out")
    again = rord(tmp_path / "in", tmp_path / "out", strict)
    assert dict(again.left_out.counts) == {DRIFTED: 2}, "what was left out before is told again"


def test_a_damaged_journal(tmp_path: Path) -> None:
    published(tmp_path / "in", WANDER[:1])
    rord(tmp_path / "in", tmp_path / "out")
    journal = tmp_path / "out" / JOURNAL
    whole = journal.read_bytes()
    for damaged in (b"{\n" + whole, whole.replace(b'"counts"', b'"count"')):
        journal.write_bytes(damaged)
        with pytest.raises(BadData, match="is damaged"):
            rord(tmp_path / "in", tmp_path / "out")


def test_a_scene_that_changed_keeps_its_pairs_and_the_rest_goes_on(tmp_path: Path) -> None:
    published(tmp_path / "in", WANDER[:2], scene="MP_1", seed=1)
    rord(tmp_path / "in", tmp_path / "out")
    before = content(tmp_path / "out")
    published(tmp_path / "in", WANDER[:3], scene="MP_1", seed=1)
    published(tmp_path / "in", WANDER[:2], scene="MP_2", seed=2)
    for made in (2, 0):
        summary = rord(tmp_path / "in", tmp_path / "out")
        assert (summary.pairs, summary.made) == (4, made)
        assert dict(summary.left_out.counts) == {OUTDATED: 1}
        assert summary.left_out.examples == {OUTDATED: ["train/MP_1"]}
    now = content(tmp_path / "out")
    assert all(now[name] == data for name, data in before.items() if name != "meta.json")


def test_a_scene_without_pairs_is_looked_at_again_when_it_changed(tmp_path: Path) -> None:
    """As when an archive is unpacked in two goes, and the clean frame comes in the second."""
    published(tmp_path / "in", WANDER[:2], scene="MP_1", seed=1)
    published(tmp_path / "in", WANDER[:2], scene="MP_2", seed=2)
    clean = tmp_path / "in" / "train" / "img" / "MP_2" / "MP_2_G0001.jpg"
    data = clean.read_bytes()
    clean.unlink()
    first = rord(tmp_path / "in", tmp_path / "out")
    assert first.pairs == 2 and dict(first.left_out.counts) == {NO_TRUTH: 2}
    clean.write_bytes(data)
    summary = rord(tmp_path / "in", tmp_path / "out")
    assert (summary.pairs, summary.made) == (4, 2) and not summary.left_out.total
    rord(tmp_path / "in", tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.soak
def test_a_killed_run_is_taken_up(tmp_path: Path) -> None:
    for number in range(8):
        published(tmp_path / "in", WANDER[:2], scene=f"MP_{number}", seed=number)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "data_tools.rord", str(tmp_path / "in"), "--out", str(out)]
    journal = out / JOURNAL
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}) as run:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and run.poll() is None:
            if journal.exists() and journal.read_bytes().count(b"\n") >= 2:
                break
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
    assert not (out / "meta.json").exists(), "it was killed too late"
    summary = rord(tmp_path / "in", out)
    assert summary.pairs == 16 and 0 < summary.made < 16
    rord(tmp_path / "in", tmp_path / "whole")
    assert content(out) == content(tmp_path / "whole")
