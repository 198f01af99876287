"""What the tests of generate have in common: small sets, and a look at what lies in a folder."""

from __future__ import annotations

import json
from pathlib import Path

from data_tools.generate import Settings
from rorem.triplet import Triplet, open_set
from tests.evaluation.sets import folder

QUICK = Settings("telea", size=3)


def photos(path: Path, count: int = 8) -> str:
    """The name of a set of that many small photos with masks."""
    return str(folder(path / "photos", count, truth=False))


def shards(out: Path) -> dict[str, bytes]:
    """What another run must give to the byte: the files of the parts, and generate.json."""
    files = [*sorted(out.rglob("*.parquet")), out / "generate.json"]
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in files}


def removals(out: Path) -> dict[str, Triplet]:
    return {one.name: one for one in open_set(str(out)) if isinstance(one, Triplet)}


def notes(out: Path) -> list[dict]:
    return [json.loads(file.read_bytes()) for file in sorted((out / "parts").iterdir())]
