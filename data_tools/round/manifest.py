"""The manifest of a round: where every pair came from, so that the same set can be made again.

OUT/manifest.json             inputs and their fingerprints, settings, counts, calibrations, hashes of all files
OUT/manifest.pairs.jsonl      one line a pair: its input, its number there, who or what accepted it, its votes
OUT/manifest.left-out.jsonl   one line for each that was accepted and did not stay: why, and what stands for it
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_tools.round.choosing import LeftOut, Pair
from rorem.errors import BadData
from rorem.triplet.sets import shown

MANIFEST, PAIRS, LEFT_OUT = "manifest.json", "manifest.pairs.jsonl", "manifest.left-out.jsonl"
_line = json.JSONEncoder(allow_nan=False).encode
FIX = "`python -m data_tools.round make` writes such a folder."


@dataclass(frozen=True, slots=True)
class Origin:
    """A line of the pairs: which record of which input it is, and what is said of it; see `choosing.Pair`."""

    name: str
    id: str
    input: int
    at: int
    record: str
    round: int
    accepted_by: str
    p_yes: float | None
    votes_yes: int
    votes_no: int
    raw: float | None
    calibration: str


def origin_of(pair: Pair) -> Origin:
    return Origin(
        name=pair.name,
        id=pair.item.id,
        input=pair.input,
        at=pair.item.at,
        record=pair.item.name,
        round=pair.round,
        accepted_by=pair.accepted_by,
        p_yes=pair.p_yes,
        votes_yes=pair.votes_yes,
        votes_no=pair.votes_no,
        raw=pair.raw,
        calibration=pair.calibration,
    )


def write_pairs(file: Path, origins: Iterable[Origin]) -> None:
    """Raises OSError."""
    _write_lines(file, ({name: getattr(one, name) for name in Origin.__slots__} for one in origins))


def write_left_out(file: Path, some: Iterable[LeftOut]) -> None:
    """Raises OSError."""
    _write_lines(
        file,
        (
            {"record": one.pair.item.name, "id": one.pair.item.id, "input": one.pair.input, "at": one.pair.item.at}
            | {"why": one.why, "twin": one.twin}
            for one in some
        ),
    )


def page(told: Mapping[str, Any]) -> bytes:
    """manifest.json."""
    return (json.dumps(told, indent=1, allow_nan=False) + "\n").encode()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Raises BadData if there is none, or none that can be understood."""
    file = folder / MANIFEST
    if not file.is_file():
        raise BadData(f"{folder} has no {MANIFEST}, so it is no round.", FIX)
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadData(f"{file} cannot be read.", FIX) from error
    if not isinstance(told, dict) or not {"edition", "round", "inputs", "set", "files"} <= set(told):
        raise BadData(f"{file} is no manifest of a round.", FIX)
    return told


def read_pairs(file: Path) -> Iterator[Origin]:
    """Raises BadData, OSError."""
    with file.open(encoding="ascii") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield Origin(**json.loads(line))
            except (ValueError, TypeError, RecursionError) as error:
                raise BadData(f"Line {number} of {shown(str(file))} is no pair.", FIX) from error


def digest_of(file: Path) -> dict[str, object]:
    """Of a file of the set, for the manifest: its name, its bytes, its SHA-256. Raises OSError."""
    with file.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    return {"name": file.name, "bytes": file.stat().st_size, "sha256": digest}


def _write_lines(file: Path, records: Iterable[Mapping[str, object]]) -> None:
    with file.open("w", encoding="ascii", newline="\n") as lines:
        lines.writelines(f"{_line(record)}\n" for record in records)
