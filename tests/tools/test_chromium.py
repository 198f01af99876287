from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools import chromium


def fake(path: Path, answer: str, status: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{answer}'\nexit {status}\n")
    path.chmod(0o755)
    return path


def test_a_browser_on_the_path_is_found(tmp_path: Path) -> None:
    real = fake(tmp_path / "chromium-browser", "Chromium 156.0")
    assert chromium.find_chromium({"PATH": str(tmp_path), "HOME": "/nowhere"}) == real


def test_a_stub_that_does_not_start_is_passed_over(tmp_path: Path) -> None:
    fake(tmp_path / "chromium", "Command needs the chromium snap to be installed.", status=1)
    real = fake(tmp_path / "google-chrome", "Google Chrome 156.0")
    assert chromium.find_chromium({"PATH": str(tmp_path), "HOME": "/nowhere"}) == real


def test_the_named_one_is_used_or_none(tmp_path: Path) -> None:
    fake(tmp_path / "chromium", "Chromium 156.0")
    mine = fake(tmp_path / "mine" / "chrome", "Chromium 157.0")
    assert chromium.find_chromium({"PATH": str(tmp_path), "CHROMIUM": str(mine)}) == mine
    assert chromium.find_chromium({"PATH": str(tmp_path), "CHROMIUM": str(tmp_path / "missing")}) is None


def test_playwrights_own_is_found_newest_first(tmp_path: Path) -> None:
    fake(tmp_path / ".cache/ms-playwright/chromium-1100/chrome-linux/chrome", "Chromium 120.0")
    newer = fake(tmp_path / ".cache/ms-playwright/chromium-1200/chrome-linux64/chrome", "Chromium 156.0")
    assert chromium.find_chromium({"PATH": "/nowhere", "HOME": str(tmp_path)}) == newer


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_a_missing_browser_fails_only_in_ci(
    ci: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tries: list[str] = []
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("CHROMIUM", "/nowhere/chrome")
    monkeypatch.setattr(chromium, "install", lambda: tries.append("install"))
    assert chromium.main() == status
    assert chromium.ADVICE in capsys.readouterr().out
    assert tries == (["install"] if ci else [])
