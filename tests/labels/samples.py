"""Items without pictures, for tests of the queue."""

from __future__ import annotations

import hashlib
from typing import Any

from rorem.labels.items import row_of
from rorem.labels.plan import Plan
from rorem.triplet import Triplet


def triplet(number: int, **changes: Any) -> Triplet:
    parts = {part: f"{part} {number}".encode() for part in ("source", "mask", "result")}
    told: dict[str, Any] = {"name": f"photo {number}", "method": "patchmatch", "category": "dog", **parts, **changes}
    return Triplet(**told)


def row(number: int, plan: Plan, *, mask_share: float = 0.05, **changes: Any) -> dict[str, Any]:
    """A row of the table of items. Changes that Triplet does not have are for the row."""
    known = {name: changes.pop(name) for name in list(changes) if name in Triplet.__dataclass_fields__}
    return row_of(triplet(number, **known), plan, 7, 0, mask_share=mask_share, **changes)


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
