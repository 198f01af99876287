"""Fetching packages, with a stand-in for apt and dpkg."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from data_tools.synthesize.fetching import cache_folder, fetch
from rorem.errors import Unavailable


class Apt:
    """Downloads and unpacks anything but what it does not know."""

    def __init__(self, unknown: str = "") -> None:
        self.commands: list[Sequence[str]] = []
        self._unknown = unknown

    def __call__(self, command: Sequence[str], folder: Path) -> None:
        self.commands.append(command)
        match command:
            case ("apt-get", "download", package) if package == self._unknown:
                raise subprocess.CalledProcessError(100, command, stderr="Reading...\nE: Unable to locate package\n")
            case ("apt-get", "download", package):
                (folder / f"{package}_1_all.deb").write_bytes(b"deb")
            case ("dpkg-deb", "-x", archive, to):
                assert (folder / archive).is_file()
                (folder / to / "usr/share").mkdir(parents=True)
                (folder / to / "usr/share/photo.jpg").write_bytes(b"photo")
            case _:
                pytest.fail(f"{command} is not what unpacking takes")


def found(tool: str) -> str:
    return f"/usr/bin/{tool}"


def test_a_package_is_fetched_once(tmp_path: Path) -> None:
    apt = Apt()
    home = fetch("wallpapers", tmp_path / "cache", apt, found)
    assert home == tmp_path / "cache" / "wallpapers" and (home / "usr/share/photo.jpg").is_file()
    assert fetch("wallpapers", tmp_path / "cache", apt, found) == home
    assert len(apt.commands) == 2
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["wallpapers"], "nothing is left lying about"


def test_what_is_there_needs_no_apt(tmp_path: Path) -> None:
    (tmp_path / "wallpapers").mkdir()
    assert fetch("wallpapers", tmp_path, find=lambda tool: None) == tmp_path / "wallpapers"


@pytest.mark.parametrize("missing", ["apt-get", "dpkg-deb"])
def test_a_machine_without_debians_tools(tmp_path: Path, missing: str) -> None:
    with pytest.raises(Unavailable, match=f"{missing} is not on this machine") as error:
        fetch("wallpapers", tmp_path / "cache", Apt(), lambda tool: None if tool == missing else found(tool))
    assert "--photos" in error.value.fix


def test_what_apt_said_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="apt says: E: Unable to locate package"):
        fetch("gone", tmp_path / "cache", Apt("gone"), found)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("error", [OSError("no"), KeyboardInterrupt()])
def test_a_half_fetched_package_is_not_there(tmp_path: Path, error: BaseException) -> None:
    apt = Apt()

    def broken(command: Sequence[str], folder: Path) -> None:
        apt(command, folder)
        if command[0] == "dpkg-deb":
            raise error

    with pytest.raises((Unavailable, KeyboardInterrupt)):
        fetch("wallpapers", tmp_path / "cache", broken, found)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_cache_is_where_caches_are() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/somewhere"}) == Path("/somewhere/rorem/synthesize")
    assert cache_folder({}) == Path.home() / ".cache/rorem/synthesize"
