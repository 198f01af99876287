"""Reads which modules a source file imports, without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("rorem", "training", "data_tools")


class Import(NamedTuple):
    """`from rorem.picture import crop` is the module "rorem.picture" and the name "crop"."""

    module: str
    name: str
    line: int

    @property
    def root(self) -> str:
        return self.module.partition(".")[0]


def project_files(*folders: str) -> list[Path]:
    """Python files of these folders and, always, app.py; relative to the project's root."""
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return [file.relative_to(ROOT) for file in [*files, ROOT / "app.py"] if file.is_file()]


def imports_of(path: Path, source: str) -> list[Import]:
    """All imports of a file at `path` (relative to the root), lazy ones and `import_module("literal")` included."""
    return [found for node in ast.walk(ast.parse(source)) for found in _imports_at(node, path)]


def _imports_at(node: ast.AST, path: Path) -> Iterator[Import]:
    match node:
        case ast.Import(names=names):
            yield from (Import(alias.name, "", node.lineno) for alias in names)
        case ast.ImportFrom(names=names):
            yield from (Import(_absolute(node, path), alias.name, node.lineno) for alias in names)
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(module)), *_],
        ):
            yield Import(module, "", node.lineno)


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    """`from ..mask import x` in rorem/picture/open.py is "rorem.mask"."""
    if not node.level:
        return node.module or ""
    package = path.parts[:-1]
    parts = [*package[: len(package) - node.level + 1], *filter(None, [node.module])]
    return ".".join(parts)
