"""Rooms know only the floors below them. These rules keep the house easy to change; CONTRIBUTING.md explains them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.imports import PACKAGES, ROOT, Import, imports_of, project_files

TOP = "rorem/__init__.py"
# From the ground up. A room is a module or package directly in rorem/; rooms of one floor do not know each other.
FLOORS = (
    ("errors", "figures", "files", "geometry", "hosting", "memory", "version"),
    ("mask", "picture"),
    ("mask_file", "opacity", "selection", "window"),
    ("nets", "remover", "triplet", "weights"),
    ("judge", "labels", "methods", "metrics", "segment"),
    ("api", "comparison", "evaluation"),
    ("batch",),
    (TOP,),
    ("terminal", "ui"),
    ("cli_compare", "cli_evaluate", "cli_judge", "cli_labels", "cli_methods", "cli_weights"),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
NO_TORCH = {room for rooms in FLOORS[:3] for room in rooms} | {"labels"}
NOT_OURS_TO_KNOW = {"training", "data_tools", "tests", "app"}
INTERFACE = {"gradio", "gradio_client"}
HEAVY = ("torch", "gradio", "cv2", "diffusers", "transformers", "huggingface_hub", "pandas")


def broken_rules(path: Path, source: str) -> Iterator[str]:
    """What a file at `path` (relative to the project's root) may not import, one sentence each."""
    own = _room(path)
    for found in imports_of(path, source):
        where = f"{path}:{found.line}"
        if found.root in INTERFACE and own != "ui" and path != Path("app.py"):
            yield f"{where} imports {found.root}; only rorem/ui and app.py know the interface."
        if own is None:
            continue
        if found.root in NOT_OURS_TO_KNOW:
            yield f"{where} imports {found.root}; rorem knows neither training, data_tools, tests nor app."
        if found.root == "torch" and own in NO_TORCH:
            yield f"{where} imports torch; {own} has to work without it."
        if found.root == "rorem" and (other := _imported_room(found)) != own and not below(other, own):
            yield f"{where}: {own} imports {other}, which is not on a floor below it."


def below(room: str, own: str) -> bool:
    """Rooms without a floor are another test's concern."""
    return room not in FLOOR or own not in FLOOR or FLOOR[room] < FLOOR[own]


def _room(path: Path) -> str | None:
    """The room that a file belongs to, or None outside of rorem."""
    if path.parts[0] != "rorem":
        return None
    return TOP if path == Path(TOP) else path.parts[1].removesuffix(".py")


def _imported_room(found: Import) -> str:
    """Of `import rorem.mask`, `from rorem.mask import x`, `from rorem import mask`: mask; of other names: the top."""
    if "." in found.module:
        return found.module.split(".")[1]
    return found.name if found.name in FLOOR else TOP


@pytest.mark.parametrize("path", project_files(*PACKAGES), ids=str)
def test_every_file_keeps_the_rules(path: Path) -> None:
    assert list(broken_rules(path, (ROOT / path).read_text("utf-8"))) == []


@pytest.mark.parametrize("path", project_files("rorem"), ids=str)
def test_every_room_has_a_floor(path: Path) -> None:
    assert (_room(path) or TOP) in FLOOR, f"Give {path} a floor in {Path(__file__).name} and a line in CONTRIBUTING.md."


def test_the_house_is_drawn_as_it_stands() -> None:
    """The table of floors in CONTRIBUTING.md has the same rooms, floor by floor."""
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    drawn = [(int(number), set(re.findall(r"`(\w+)`", row))) for number, row in rows]
    assert drawn == [(number, {_name(room) for room in rooms}) for number, rooms in enumerate(FLOORS, start=1)]


def _name(room: str) -> str:
    return "rorem" if room == TOP else room


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("rorem/mask.py", "from rorem.window import plan"),
        ("rorem/mask.py", "from rorem import window"),
        ("rorem/mask.py", "import rorem.picture"),
        ("rorem/mask.py", "from .remover import remove"),
        ("rorem/mask.py", "from rorem import remove"),
        ("rorem/mask.py", "import rorem"),
        ("rorem/geometry.py", "from rorem.errors import BadMask"),
        ("rorem/picture/encode.py", "from ..methods.catalog import find"),
        ("rorem/remover.py", "def later():\n    from rorem.methods import catalog"),
        ("rorem/methods/telea.py", "from rorem.ui import suite"),
        ("rorem/labels/store.py", "from rorem.judge import score"),
        ("rorem/api.py", "from rorem.cli import app"),
        ("rorem/window.py", "import torch"),
        ("rorem/labels/store.py", "def later():\n    import torch.nn as nn"),
        ("rorem/picture/open.py", "import importlib\nimportlib.import_module('torch')"),
        ("rorem/judge.py", "from gradio import Blocks"),
        ("rorem/cli.py", "import gradio as gr"),
        ("training/loop.py", "import gradio"),
        ("rorem/evaluation.py", "from training.loop import train"),
        ("rorem/ui/suite.py", "import data_tools.check"),
    ],
)
def test_a_broken_rule_is_seen(path: str, source: str) -> None:
    assert len(list(broken_rules(Path(path), source))) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("rorem/window.py", "import numpy as np\nfrom rorem.geometry import Box\nfrom .mask import masks"),
        (
            "rorem/picture/open.py",
            "from rorem.picture.icc import convert\nfrom . import icc\nfrom ..errors import BadPicture",
        ),
        ("rorem/methods/lama.py", "import torch\nfrom rorem.nets import lama\nfrom rorem import remover"),
        ("rorem/ui/suite.py", "import gradio as gr\nimport rorem\nfrom rorem.labels import store"),
        ("rorem/cli.py", "from rorem.ui.suite import build"),
        ("app.py", "import gradio as gr\nfrom rorem.ui.suite import build"),
        ("data_tools/check.py", "import torch\nfrom rorem import triplet"),
    ],
)
def test_what_is_allowed_is_not_seen(path: str, source: str) -> None:
    assert list(broken_rules(Path(path), source)) == []


def run_python(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_rorem_is_light() -> None:
    loaded = run_python("import sys, rorem; print(*sys.modules)").split()
    assert [name for name in HEAVY if name in loaded] == []


def test_the_ground_floors_work_where_torch_and_gradio_are_missing() -> None:
    here = {_room(path) for path in project_files("rorem")}
    rooms = sorted(f"rorem.{room}" for room in NO_TORCH & here)
    run_python(f"import sys; sys.modules['torch'] = sys.modules['gradio'] = None; import {', '.join(rooms)}")
