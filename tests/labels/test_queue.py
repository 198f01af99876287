"""Handing out and answering, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from rorem.errors import BadData
from rorem.labels.event import Event
from rorem.labels.identity import NotAllowed
from rorem.labels.items import add_items, item_of
from rorem.labels.plan import Plan
from rorem.labels.queue import Queue
from rorem.labels.store import Store
from tests.labels.samples import row

PLAIN = Plan(slice_share=0.0, gold=0.0, repeats=0.0)
ANNA, BERT, CARL = ("a" * 32, "b" * 32, "c" * 32)


def filled(store: Store, count: int, plan: Plan = PLAIN, **changes: object) -> list[str]:
    rows = [row(number, plan, **changes) for number in range(count)]
    store.write(lambda connection: add_items(connection, rows))
    return [one["id"] for one in rows]


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def everything(store: Store) -> list[Event]:
    return [event for _, event in store.events()]


def test_every_item_is_answered_once(store: Store) -> None:
    ids = filled(store, 12)
    queue = Queue(store, PLAIN)
    seen = []
    while lent := queue.lent(ANNA, 3):
        seen.append(lent[0].item)
        queue.answer(lent[0].id, ANNA, "yes", seconds=1.5)
    assert sorted(seen) == sorted(ids)
    assert sorted(event.item for event in everything(store)) == sorted(ids)
    assert queue.lent(BERT, 3) == []
    assert queue.progress(ANNA).done == 12 and queue.progress(ANNA).left == 0 and queue.progress(ANNA).pace == 1.5
