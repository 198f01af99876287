"""Choosing among many: through indexes, whatever the size, and right where its short cuts end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from rorem.labels import choosing
from rorem.labels.items import CLOSED, OPEN, set_state
from rorem.labels.plan import Plan
from rorem.labels.queue import Queue
from rorem.labels.store import Store
from tests.bench_labels import choosing as bench_choosing
from tests.bench_labels import rate
from tests.labels.samples import ANNA, BERT, Clock, fill

LARGE = ("items", "events", "handouts")


def test_no_question_of_the_queue_goes_through_a_whole_table(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/labels.db", tmp_path)
    plan = Plan(gold=0.2, repeats=0.2, distance=1)
    fill(store, 20, plan)
    fill(store, 3, plan, first=100, gold="yes")
    asked: dict[str, Any] = {}

    def remember(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            asked[statement] = parameters

    event.listen(store._engine, "before_cursor_execute", remember)
    clock = Clock()
    queue = Queue(store, plan, clock)
    last = ""
    for number in range(60):
        clock.now += 2
        for one in queue.lent(ANNA, 2)[:1]:
            answered = queue.answer(one.id, ANNA, "yes")
            assert queue.answer(one.id, ANNA, "yes") == answered and queue.item(one.id) is not None
            last = one.id
        if number % 10 == 0:
            queue.undo(ANNA, last)
            queue.undo(ANNA, last)
            clock.now += 1000
            queue.lent(BERT, 1)
    queue.report(queue.lent(BERT, 1)[0].id, BERT)
    queue.progress(ANNA)
    event.remove(store._engine, "before_cursor_execute", remember)
    assert len(asked) > 20
    bad = []
    for statement, parameters in asked.items():
        with store._engine.connect() as connection:
            plans = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        for step in plans:
            if re.match(rf"SCAN ({'|'.join(LARGE)})(_\d+)?\b(?!.*INDEX)", step[3]):
                bad.append((step[3], statement))
    assert bad == []
    store.close()


def test_the_last_items_are_found_behind_many_that_were_seen(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are looked at of a group, in more groups than are tried."""
    monkeypatch.setattr(choosing, "GROUPS", 4)
    plan = Plan(slice_share=1.0, gold=0.0, repeats=0.0)
    for number in range(6):
        fill(store, choosing.LOOKED_AT + 8, plan, first=100 * number, category=f"category {number}")
    queue = Queue(store, plan)
    seen = []
    while lent := queue.lent(ANNA, 50):
        for one in lent:
            seen.append(queue.answer(one.id, ANNA, "yes").item)
    assert len(set(seen)) == len(seen) == 6 * (choosing.LOOKED_AT + 8)
    last = seen[-1]
    store.write(lambda connection: set_state(connection, [id for id in seen if id != last], CLOSED))
    assert [one.item for one in queue.lent(BERT, 5)] == [last]
    store.write(lambda connection: set_state(connection, seen, OPEN))
    assert len(queue.lent(BERT, 5)) == 5 and queue.lent(ANNA, 5) == []


def test_the_bench_measures_something() -> None:
    """In small: the figures of `make bench` are of work that was done."""
    figures = rate(seconds=1.0, clients=5)
    assert figures["rate"] > 10 and 0 < figures["p50"] <= figures["p99"] <= figures["worst"]
    assert 0 < figures["fsync_p50"] <= figures["fsync_p99"]
    figures = bench_choosing(count=3000, draws=5)
    for name in ("lent", "many", "end", "mine"):
        assert 0 < figures[f"{name}_p50"] <= figures[f"{name}_worst"]
        assert figures[f"{name}_progress_p50"] > 0


def test_repeats_are_spread_over_what_was_said(tmp_path: Path) -> None:
    """Not always the oldest: how well people agree with themselves is asked over short and long times."""
    store = Store(f"sqlite:///{tmp_path}/labels.db", tmp_path)
    plan = Plan(slice_share=0.0, gold=0.0, repeats=0.2, distance=5)
    fill(store, 200, plan)
    queue = Queue(store, plan)
    seen: list[str] = []
    while lent := queue.lent(ANNA, 1):
        seen.append(queue.answer(lent[0].id, ANNA, "no").item)
    again = [(at - seen.index(item)) / at for at, item in enumerate(seen) if item in seen[:at]]
    assert len(again) > 10 and min(again) < 0.4 and max(again) > 0.6
    store.close()
