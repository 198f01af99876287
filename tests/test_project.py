"""What is declared, pinned, imported and documented says the same thing everywhere."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.tools.imports import PACKAGES, ROOT, imports_of, project_files
from tests.tools.pyproject import EXTRAS, PROJECT, PYPROJECT, declared, exact_version, pinned

# Interfaces of gradio: it runs on these and hands out their objects.
COMES_WITH_GRADIO = {"fastapi", "starlette", "uvicorn", "anyio", "gradio-client", "pandas"}
DISTRIBUTIONS = packages_distributions()  # import name -> packages that have it, of those installed here
NETWORKS = {"torch", "diffusers", "transformers"}  # never in the base


def test_requirements_are_the_extra_space() -> None:
    assert sorted(pinned()) == sorted(declared("space"))


@pytest.mark.parametrize("package", sorted(pinned()))
def test_every_pin_is_exact_and_in_range(package: str) -> None:
    version = exact_version(pinned()[package])
    assert version, f"{package} needs one exact version in requirements.txt"
    for requirement in declared("space")[package]:
        assert requirement.specifier.contains(version), f"{package} {version} is not within {requirement}"


def test_requirements_have_the_extras_of_the_space() -> None:
    for package, wanted in declared("space").items():
        assert pinned()[package].extras == {extra for requirement in wanted for extra in requirement.extras}


def test_every_range_has_two_ends() -> None:
    tools = {"packaging"}  # counts in years and keeps its promises
    for package, requirements in declared(*EXTRAS).items():
        for requirement in requirements:
            operators = {part.operator for part in requirement.specifier}
            assert operators in ({"=="}, {">=", "<"}) or package in tools, f"{requirement} has an open end"


def test_one_package_has_one_range() -> None:
    for package, requirements in declared(*EXTRAS).items():
        assert len({str(requirement.specifier) for requirement in requirements}) == 1, f"{package} has several ranges"


def test_the_base_has_no_networks() -> None:
    assert not NETWORKS & set(declared())


def test_what_gradio_brings_is_known() -> None:
    """`gradio` may be upgraded without any of the borrowed packages leaving us unnoticed."""
    brought = {canonicalize_name(Requirement(line).name) for line in requires("gradio") or []}
    assert brought >= COMES_WITH_GRADIO


def test_python_is_one_version_everywhere() -> None:
    oldest = min(Version(part.version) for part in SpecifierSet(PROJECT["requires-python"]))
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.major}{oldest.minor}"
    assert PYPROJECT["tool"]["pyright"]["pythonVersion"] == str(oldest)
    assert f"({oldest.major}, {oldest.minor})" in (ROOT / "Makefile").read_text("utf-8")


def undeclared(path: Path, source: str, allowed: set[str]) -> list[str]:
    """Imports of a file that no requirement in `allowed` (package names) stands for."""
    known = set(sys.stdlib_module_names) | {*PACKAGES, "tests", "app"}
    roots = {found.root for found in imports_of(path, source)} - known
    return sorted(
        root
        for root in roots
        if not {canonicalize_name(name) for name in DISTRIBUTIONS.get(root, [root])} & (allowed | COMES_WITH_GRADIO)
    )


@pytest.mark.parametrize("path", project_files(*PACKAGES), ids=str)
def test_every_import_of_the_project_is_declared(path: Path) -> None:
    extras = [extra for extra in EXTRAS if extra != "dev"]
    assert undeclared(path, (ROOT / path).read_text("utf-8"), set(declared(*extras))) == []


@pytest.mark.parametrize("path", project_files("tests"), ids=str)
def test_every_import_of_the_tests_is_declared(path: Path) -> None:
    assert undeclared(path, (ROOT / path).read_text("utf-8"), set(declared(*EXTRAS))) == []


def test_an_undeclared_import_is_seen() -> None:
    source = "import cv2\nfrom PIL import Image\ndef later():\n    import skimage.filters\n    import torch"
    assert undeclared(Path("rorem/mask.py"), source, {"opencv-python-headless", "pillow", "torch"}) == ["skimage"]


def test_the_entry_point_exists() -> None:
    module, _, name = PROJECT["scripts"]["rorem"].partition(":")
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8"))
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    assert name in {target.id for target in targets if isinstance(target, ast.Name)}


def test_the_licence_is_complete() -> None:
    licence = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in licence and "END OF TERMS AND CONDITIONS" in licence
    assert PROJECT["license"] == "Apache-2.0"


def test_the_settings_of_a_space_are_documented() -> None:
    """docs/space.md has every setting of the app with its default and its meaning, and no other."""
    from rorem.ui.settings import PREFIX, Settings

    of_this_machine = {"workers", "data_dir", "label_dir"}
    table = (ROOT / "docs/space.md").read_text("utf-8")
    rows = re.findall(rf"^\| `{PREFIX}(\w+)` \| (.+?) \| (.+) \|$", table, re.MULTILINE)
    assert [name for name, _, _ in rows] == [name.upper() for name in Settings.model_fields]
    for (_, told, meaning), (name, field) in zip(rows, Settings.model_fields.items(), strict=True):
        assert meaning == field.description
        documented = Settings.model_validate({} if name in of_this_machine else {name: told.strip("` ")})
        default = field.get_default(call_default_factory=True)
        assert getattr(documented, name) == default
