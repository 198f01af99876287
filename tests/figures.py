"""Makes the README's tables of the evaluation anew, on this machine: `python -m tests.figures`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.server import ROOT

README = ROOT / "README.md"
METHODS, SEEDS = "patchmatch,telea", "0,1,2"
LEFT_OUT = ("psnr_bg/composite", "peak_memory", "network_calls")  # they say nothing of these two methods


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        _run(Path(folder), "--methods", METHODS, "--seeds", SEEDS, "--out", "evaluation")
        table = (Path(folder) / "evaluation" / "table.md").read_text("utf-8")
        _run(Path(folder), "--probes", "--out", "probes")
        probes = (Path(folder) / "probes" / "probes.md").read_text("utf-8")
    text = README.read_text("utf-8")
    text = replaced(text, "evaluation", "\n".join(lines(table)))
    text = replaced(text, "probes", "\n".join(lines(probes)))
    README.write_text(text, "utf-8")


def lines(page: str) -> Iterator[str]:
    """The lines of the first table of a page, without the metrics that are left out."""
    for line in page.splitlines():
        if line.startswith("|") and not any(f"`{id}`" in line.split("|")[1] for id in LEFT_OUT):
            yield line


def replaced(text: str, name: str, table: str) -> str:
    """The text with another table between the marks of this name."""
    marked = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
    assert marked.search(text), name
    return marked.sub(lambda found: found[1] + table + found[2], text)


def _run(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "rorem.cli", "evaluate", *arguments]
    subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)


if __name__ == "__main__":
    main()
