"""What pyproject.toml and requirements.txt say, as values."""

from __future__ import annotations

import tomllib
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tools.imports import ROOT

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def declared(*extras: str) -> dict[str, list[Requirement]]:
    """Every requirement of the base and these extras by package; extras that name other extras are followed."""
    found: dict[str, list[Requirement]] = {}
    todo = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    while todo:
        requirement = Requirement(todo.pop())
        if requirement.name == PROJECT["name"]:
            todo += [line for extra in requirement.extras for line in EXTRAS[extra]]
        else:
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def pinned() -> dict[str, Requirement]:
    """The lines of requirements.txt by package."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines())
    requirements = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def exact_version(requirement: Requirement) -> str | None:
    """ "1.2" of `name==1.2`, None for anything looser."""
    match list(requirement.specifier):
        case [only] if only.operator == "==" and "*" not in only.version:
            return only.version
    return None
