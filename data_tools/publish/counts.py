"""What is in a set, counted while it is read: for the card, and for whoever looks at the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rorem.triplet import Triplet

PARTS = ("result", "truth", "effect")  # that a record may lack
FIELDS = ("method", "category", "round", "accepted_by", "licence", "author")


@dataclass
class Counts:
    """Grows while a set is read. having: records with a result, a truth, an effect mask. by: for each of FIELDS how
    many records have which value, as text; "" = not said. pictures: bytes of all pictures."""

    records: int = 0
    pictures: int = 0
    having: Counter[str] = field(default_factory=Counter)
    by: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in FIELDS})

    def add(self, triplet: Triplet) -> None:
        self.records += 1
        self.pictures += bytes_of(triplet)
        self.having.update(part for part in PARTS if getattr(triplet, part) is not None)
        for name in FIELDS:
            self.by[name][str(getattr(triplet, name))] += 1

    def join(self, other: Counts) -> None:
        self.records += other.records
        self.pictures += other.pictures
        self.having.update(other.having)
        for name in FIELDS:
            self.by[name].update(other.by[name])

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {"records": self.records, "pictures": self.pictures, "having": self.having, "by": self.by}


def counts_of(told: Mapping[str, Any]) -> Counts:
    """Back from JSON. Raises ValueError, TypeError, KeyError for what is none."""
    by = {name: Counter({str(key): int(count) for key, count in told["by"][name].items()}) for name in FIELDS}
    return Counts(int(told["records"]), int(told["pictures"]), Counter(told["having"]), by)


def bytes_of(triplet: Triplet) -> int:
    """Of its pictures."""
    return sum(len(getattr(triplet, part) or b"") for part in ("source", "mask", *PARTS))
