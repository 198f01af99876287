"""kill -9 in the middle of a run costs one part, and the set is in the end what it would have been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_tools.generate import Settings, generate
from tests.data_tools.generate.made import photos, shards
from tests.tools.imports import ROOT


@pytest.mark.soak
def test_a_killed_run_is_taken_up_again(tmp_path: Path) -> None:
    name, out = photos(tmp_path, 24), tmp_path / "out"
    settings = Settings("patchmatch", {"working_size": 128}, size=2)
    words = "-m", "patchmatch", "--set", "working_size=128", "--part-size", "2"
    command = [sys.executable, "-m", "data_tools.generate", name, str(out), *words]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(out.glob("parts/*.json"))) < 3 and run.poll() is None:
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    done = len(list(out.glob("parts/*.json")))
    assert 3 <= done < 12
    summary = generate(name, out, settings)
    assert summary.there and summary.made and summary.there + summary.made == 24
    generate(name, tmp_path / "clean", settings)
    assert shards(out) == shards(tmp_path / "clean") and not (out / ".working").exists()
