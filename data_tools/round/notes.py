"""What other tools wrote beside a set to say how it was made: it goes into the manifest of the round."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from data_tools.round.judged import finite
from data_tools.round.manifest import MANIFEST, read_manifest
from rorem.errors import BadData

NAMES = ("generate.json", "safety.json")
LISTS = ("dropped",)  # a line for each record, which can be millions: they are counted, and the hash stands for them
LARGEST = 1 << 28  # bytes of a file that is read
MOST = 1 << 20  # bytes of what goes into the manifest
TOO_LARGE, UNREADABLE, ELSEWHERE = "too large", "cannot be read", "not looked for on the Hub"
ON_HUB: Mapping[str, object] = {name: {"not_told": ELSEWHERE} for name in NAMES}


def notes_of(folder: Path) -> dict[str, object]:
    """By their paths in the folder, also of sets in it: `bytes` and `sha256` of the file, and `told`, what it says, or
    `not_told`, why that is not here. A round's manifest is told by its number and what it was made with."""
    files = (file for name in NAMES for where in (name, f"*/{name}") for file in sorted(folder.glob(where)))
    found: dict[str, object] = {file.relative_to(folder).as_posix(): _note(file) for file in files}
    if (folder / MANIFEST).is_file():
        found[MANIFEST] = _round(folder)
    return found


def _note(file: Path) -> dict[str, object]:
    known: dict[str, object] = {}
    try:
        with file.open("rb") as data:
            known = {"bytes": file.stat().st_size, "sha256": hashlib.file_digest(data, "sha256").hexdigest()}
        if file.stat().st_size > LARGEST:
            return known | {"not_told": TOO_LARGE}
        told = finite(_short(json.loads(file.read_text("utf-8"))))
        return known | ({"told": told} if len(json.dumps(told)) <= MOST else {"not_told": TOO_LARGE})
    except (OSError, ValueError, RecursionError):
        return known | {"not_told": UNREADABLE}


def _short(told: object) -> object:
    if not isinstance(told, dict):
        return told
    return {name: len(value) if name in LISTS and isinstance(value, list) else value for name, value in told.items()}


def _round(folder: Path) -> dict[str, object]:
    try:
        told = read_manifest(folder)
    except BadData:
        return {"not_told": UNREADABLE}
    return {name: told.get(name) for name in ("round", "made_with")}
