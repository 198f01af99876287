"""Events without a queue, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from rorem.labels.event import Event, check, new_id
from tests.labels.samples import hash_of

ANNA, BERT, CARL = ("a" * 32, "b" * 32, "c" * 32)


def said(annotator: str, item: str, verdict: str, **more: Any) -> Event:
    """An answer to a hand-out. item: any text, or a hash. A change of `handout` to "" makes an undo of a skip."""
    told: dict[str, Any] = {"handout": new_id(), "seconds": 1.0, **more}
    id = item if len(item) == 64 else hash_of(item)
    return check(Event(new_id(), "judgement", annotator, verdict, item=id, **told))


def undone(before: Event) -> Event:
    return said(before.annotator, before.item, "skip", handout="", supersedes=before.event, source=before.source)


def voted(left: str, right: str, verdict: str, annotator: str = ANNA) -> Event:
    told: dict[str, Any] = {"item_a": left, "item_b": right, "handout": new_id(), "source": "public"}
    return check(Event(new_id(), "vote", annotator, verdict, **told))
