"""A real app in a process of its own, for the tests that need one."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass
class App:
    """A running app."""

    process: subprocess.Popen[str]
    url: str
    log: list[str] = field(default_factory=list)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


def start_app(
    data_dir: Path, *options: str, environment: dict[str, str] | None = None, largest_file: int | None = None
) -> App:
    """Starts `python app.py` on a free port and waits until it says that it is ready.

    largest_file: bytes; the app cannot write more into one file, as on a full disk.
    """

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", "0", "--data-dir", str(data_dir), *options],
        cwd=ROOT,
        env={"ROREM_LABEL_DIR": str(data_dir.parent / "labels"), **os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=limit,
    )
    log: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        log.append(line)
        if found := re.search(r"ready: (\S+)", line):
            threading.Thread(target=lambda: log.extend(process.stdout or []), daemon=True).start()
            return App(process, found[1].rstrip("/"), log)
    raise AssertionError("the app did not start:\n" + "".join(log))


def memory(app: App, field: str = "VmRSS") -> int:
    """Bytes the app's process holds now (VmRSS), or held at most since the last `forget_peak` (VmHWM)."""
    status = Path(f"/proc/{app.process.pid}/status").read_text()
    found = re.search(rf"{field}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def forget_peak(app: App) -> None:
    Path(f"/proc/{app.process.pid}/clear_refs").write_text("5")
