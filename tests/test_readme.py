"""The README is a Space's configuration and a promise: both are checked."""

from __future__ import annotations

import importlib.util
import itertools
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
import yaml
from packaging.specifiers import SpecifierSet
from PIL import Image

from tests.tools.imports import ROOT
from tests.tools.pyproject import EXTRAS, PROJECT, exact_version, pinned

PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/space.md",
    "docs/cli.md",
    "docs/api.md",
    "docs/embedded.md",
    "docs/networks.md",
    "docs/weights.md",
    "docs/judge.md",
    "docs/label.md",
    "docs/compare.md",
    "docs/evaluate.md",
    "docs/synthesize.md",
    "docs/data.md",
    "docs/data/openimages.md",
    "docs/data/rord.md",
    "docs/data/mulan.md",
    "docs/data/hires.md",
    "docs/data/generate.md",
    "docs/data/auto_label.md",
    "docs/data/round.md",
    "docs/data/check.md",
    "docs/data/publish.md",
    "docs/data/safety.md",
    "docs/data/machines.md",
    "docs/training.md",
)
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def front_matter() -> dict[str, object]:
    _, block, _ = text("README.md").split("---\n", 2)
    return yaml.safe_load(block)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)


def commands() -> Iterator[str]:
    """Every command in a bash block of a page, without comments."""
    for page in PAGES:
        for line in "".join(blocks(page, "bash")).splitlines():
            if shlex.split(line, comments=True):
                yield shlex.join(shlex.split(line, comments=True))


def test_the_space_is_configured() -> None:
    matter = front_matter()
    assert matter["sdk"] == "gradio"
    assert matter["sdk_version"] == exact_version(pinned()["gradio"])
    assert str(matter["license"]).lower() == PROJECT["license"].lower()
    assert matter["hf_oauth"] is True and matter["pinned"] is False
    assert {matter["colorFrom"], matter["colorTo"]} <= COLOURS
    assert len(str(matter["short_description"])) <= 60
    assert matter["title"] and matter["emoji"] and matter["tags"]


def test_the_space_has_a_python_that_we_support() -> None:
    version = front_matter()["python_version"]
    assert isinstance(version, str), "in quotes, or 3.10 would be 3.1"
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)


def test_the_app_file_exists() -> None:
    assert (ROOT / str(front_matter()["app_file"])).is_file()


def test_the_first_lines_say_what_how_and_show_it() -> None:
    start = text("README.md").split("---\n", 2)[2].split("\n## ")[0]
    assert "docs/images/before-after.jpg" in start
    assert "make demo" in start and "pip install -e ." in start and "python app.py" in start


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text(page)) if "://" not in link]
    assert [link for link in links if link and not (ROOT / page).parent.joinpath(link).exists()] == []


def options_of(module: str, words: Sequence[str]) -> set[str]:
    """What `--help` names, of the tool and, where it has several, of the command that is meant."""
    told = help_of(module)
    if words and re.search(rf"^\W*{re.escape(words[0])}\s", told.partition("Commands")[2], re.M):
        told = help_of(module, words[0])
    return set(re.findall(r"--[a-z][\w-]*", told))


@cache
def help_of(module: str, *command: str) -> str:
    told = [sys.executable, "-m", module, *command, "--help"]
    return subprocess.run(told, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_every_command_exists(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    match shlex.split(command):
        case ["make", *targets]:
            assert targets and set(targets) <= set(make_targets())
        case ["python3", "-m", "venv", ".venv"] | [".", ".venv/bin/activate"]:
            pass  # a line of Python's own manual
        case ["pip", "install", "-e", what]:
            folder, _, extras = what.rstrip("]").partition("[")
            assert folder == "." and set(filter(None, extras.split(","))) <= set(EXTRAS)
        case ["python", "-m", module]:
            assert importlib.util.find_spec(module) is not None
        case ["python", "-m", module, *words]:
            assert {word for word in words if word.startswith("--")} <= options_of(module, words)
        case ["accelerate", "launch", script, *words] if script.startswith("training/"):
            known = help_of(f"training.{Path(script).stem}")
            options = {word for word in words if word.startswith("--")}
            assert all(option in known or f"  {option[2:]} " in known for option in options)
            assert all((ROOT / word).is_file() for word in words if word.endswith(".yaml"))
        case ["accelerate", "launch", "-m", "rorem.cli", *words]:
            helps("rorem", words, monkeypatch, capsys)
        case ["pip", "install", "-r", file] | ["python", file] | ["bash", file]:
            assert (ROOT / file).is_file()
        case ["rorem" | "hf" as tool, *words]:
            helps(tool, words, monkeypatch, capsys)
        case _:
            pytest.fail(f"No test knows how to check {command!r}.")


def make_targets() -> list[str]:
    (line,) = re.findall(r"^\.PHONY:(.*)$", text("Makefile"), re.MULTILINE)
    return line.split()


def helps(tool: str, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The tool has these subcommands, and the last of them these options."""
    subcommands = list(itertools.takewhile(re.compile(r"[a-z][a-z0-9-]*$").match, words))
    (entry,) = entry_points(group="console_scripts", name=tool)
    monkeypatch.setattr(sys, "argv", [tool, *subcommands, "--help"])
    for name, value in {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}.items():  # no colours, no wrapped options
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as end:
        entry.load()()
    assert not end.value.code, capsys.readouterr().err
    shown = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", capsys.readouterr().out))
    assert {word for word in words if word.startswith("-")} <= shown | {"--help"}


@pytest.mark.parametrize("target", ["demo", "demo-full", "test", "soak", "lint", "bench", "clean"])
def test_make_knows_what_to_do(target: str) -> None:
    command = ["make", "--dry-run", target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("code", blocks("README.md", "python"))
def test_the_python_in_the_readme_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    mask = np.zeros((96, 128), bool)
    mask[40:60, 50:70] = True
    Image.fromarray(photo).save("photo.jpg")
    Image.fromarray(mask).save("mask.png")
    exec(compile(code, "README.md", "exec"), {})
    with Image.open("without.jpg") as result:
        assert result.size == (128, 96)
