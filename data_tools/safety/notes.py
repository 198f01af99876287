"""What a checker said of each record, noted as it goes, so that nothing is looked at twice."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

NOTES = ".looked-at.jsonl"


@dataclass(frozen=True)
class Note:
    """scores: the highest of each picture, by its part; above 0 is unsafe. concepts: the numbers of those that were
    met, by part. wrong: why the record could not be looked at, or ""."""

    name: str
    id: str
    scores: Mapping[str, float] = field(default_factory=dict)
    concepts: Mapping[str, list[int]] = field(default_factory=dict)
    wrong: str = ""

    @property
    def unsafe(self) -> bool:
        return bool(self.concepts)


class Notes:
    """A journal in a folder, which is there for one set and one way to look at it. all: by names."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self._path = folder / NOTES
        self.all: dict[str, Note] = {}
        if self._path.exists():
            self._read()

    def add(self, note: Note) -> None:
        """Raises OSError."""
        with self._path.open("ab") as file:
            file.write(json.dumps(asdict(note)).encode() + b"\n")
        self.all[note.name] = note

    def _read(self) -> None:
        """A line that was torn off by a kill is cut away."""
        whole = 0
        with self._path.open("rb") as file:
            for line in file:
                try:
                    note = Note(**json.loads(line)) if line.endswith(b"\n") else None
                except (ValueError, TypeError):
                    note = None
                if note is None:
                    break
                self.all[note.name] = note
                whole += len(line)
        os.truncate(self._path, whole)
