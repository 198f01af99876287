"""Finds the Chromium that the browser tests drive. `python -m tests.tools.chromium` is how make asks.

On a person's machine a missing browser is a sentence and the browser tests are skipped. Where CI=true it is installed
(as root, with apt-get) and what is still missing then is a failure: a test that never runs must not look green.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
PLAYWRIGHT_CACHES = (".cache/ms-playwright", "Library/Caches/ms-playwright")
PLAYWRIGHT_BUILDS = ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*")

ADVICE = (
    "No Chromium was found, so the browser tests cannot run. "
    "Install one (`.venv/bin/playwright install chromium`) or say where it is (CHROMIUM=/path/to/chrome)."
)


def in_ci(environ: Mapping[str, str] = os.environ) -> bool:
    return environ.get("CI") == "true"


def find_chromium(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The first Chromium that really starts, or None. With CHROMIUM set, that one or none."""
    return next((path for path in _candidates(environ) if _starts(path)), None)


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    if named := environ.get("CHROMIUM"):
        yield Path(named)
        return
    for name in NAMES:
        if found := shutil.which(name, path=environ.get("PATH")):
            yield Path(found)
    home = Path(environ.get("HOME", "/"))
    yield from (root / MAC for root in (Path("/"), home))
    chosen = environ.get("PLAYWRIGHT_BROWSERS_PATH")
    for cache in [Path(chosen)] if chosen else [home / cache for cache in PLAYWRIGHT_CACHES]:
        for pattern in PLAYWRIGHT_BUILDS:
            yield from sorted(cache.glob(pattern), reverse=True)


def _starts(path: Path) -> bool:
    """Some systems ship a `chromium-browser` that only says where to get the real one: ask it for its version."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and "Chrom" in answer.stdout


def install() -> None:
    """Installs Debian's Chromium. Does nothing without root or apt-get, or where another one was asked for."""
    if not shutil.which("apt-get") or os.geteuid() != 0 or "CHROMIUM" in os.environ:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "-qq", "update"], ["apt-get", "-qq", "install", "-y", "chromium"]):
        subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)


def main() -> int:
    if in_ci() and find_chromium() is None:
        print("No Chromium yet: installing it.", flush=True)
        install()
    found = find_chromium()
    print(f"Browser tests use {found}." if found else ADVICE)
    return 1 if found is None and in_ci() else 0


if __name__ == "__main__":
    sys.exit(main())
