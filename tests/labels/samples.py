"""Items without pictures, and what tests of the queue do with them."""

from __future__ import annotations

import hashlib
from typing import Any

from rorem.labels.event import Event
from rorem.labels.items import add_items, item_of, row_of
from rorem.labels.plan import Plan
from rorem.labels.store import Store
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


PLAIN = Plan(slice_share=0.0, gold=0.0, repeats=0.0)  # one answer an item, and no checks
ANNA, BERT, CARL = ("a" * 32, "b" * 32, "c" * 32)


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def fill(store: Store, count: int, plan: Plan = PLAIN, **changes: Any) -> list[str]:
    """Adds items, numbered from `first` (0); their ids."""
    first = changes.pop("first", 0)
    rows = [row(number, plan, **changes) for number in range(first, first + count)]
    store.write(lambda connection: add_items(connection, rows))
    return [one["id"] for one in rows]


def everything(store: Store) -> list[Event]:
    """All events, in the order of writing."""
    return [event for _, event in store.events()]


def state_of(store: Store, item: str) -> dict[str, Any]:
    """The row of an item."""
    found = store.read(lambda connection: item_of(connection, item))
    assert found is not None
    return dict(found)
