"""Where a run stands, beyond its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class State:
    """step: updates made, also those that were left out; it is the position in the data, too. skipped: updates that
    were left out because the loss was not a number. bad: different records that could not be read since the start or
    the last resume. best: of the metric."""

    step: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    bad: int = 0
    best: float | None = None
    best_step: int = 0

    def as_record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> State:
        """Raises TypeError for other names."""
        return cls(**record)
