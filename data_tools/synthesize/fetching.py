"""Free photos and cut-outs from Debian's packages, unpacked into a folder without touching the system."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rorem.errors import Unavailable

PHOTO_PACKAGES = (
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
    "plasma-workspace-wallpapers",
    "mate-backgrounds",
    "gcompris-qt-data",
)
CUTOUT_PACKAGE = "tuxpaint-stamps-default"
ABOUT = "about 370 MB"  # what all of them together are
TOOLS = ("apt-get", "dpkg-deb")
BY_HAND = "Give folders of your own with --photos and --cutouts."

# Runs a command in a folder; raises OSError or subprocess.CalledProcessError.
Run = Callable[[Sequence[str], Path], None]


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where unpacked packages are kept: all of it can be fetched again."""
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "rorem" / "synthesize"


def run(command: Sequence[str], folder: Path) -> None:
    """Runs a command and keeps what it says to itself. Raises OSError or subprocess.CalledProcessError."""
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def fetch(package: str, cache: Path, run: Run = run, find: Callable[[str], str | None] = shutil.which) -> Path:
    """The folder that a Debian package is unpacked in. It is fetched if it is not there; that needs no root.

    find: tells where a program is. Raises OSError, and Unavailable where there is no apt, network or such a package.
    """
    home = cache / package
    if home.is_dir():
        return home
    if missing := [tool for tool in TOOLS if not find(tool)]:
        raise Unavailable(f"{missing[0]} is not on this machine, so {package} cannot be fetched.", BY_HAND)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{package}.", dir=cache) as folder:
        stage = Path(folder)
        try:
            run(("apt-get", "download", package), stage)
            archive = next(iter(sorted(stage.glob("*.deb"))), None)
            if archive is None:
                raise OSError("nothing came")
            run(("dpkg-deb", "-x", archive.name, "unpacked"), stage)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Unavailable(f"The Debian package {package} could not be fetched.{_why(error)}", BY_HAND) from error
        (stage / "unpacked").rename(home)
    return home


def _why(error: OSError | subprocess.CalledProcessError) -> str:
    said = (error.stderr or "").strip().splitlines() if isinstance(error, subprocess.CalledProcessError) else []
    return f" apt says: {said[-1]}" if said else ""
