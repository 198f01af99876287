"""Counts and hand-outs that are made anew are those that the queue had."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from rorem.labels.items import add_items
from rorem.labels.plan import Plan
from rorem.labels.queue import Queue
from rorem.labels.recount import recount, tally
from rorem.labels.relending import relend
from rorem.labels.store import Store
from rorem.labels.tables import annotators, handouts, items
from rorem.labels.verify import verify
from tests.labels.events import ANNA, BERT, CARL, said, undone
from tests.labels.samples import row

PLAN = Plan(slice_share=0.5, gold=0.1, repeats=0.2, distance=2, skips=2)
PEOPLE = (ANNA, BERT, CARL, "d" * 32)
KEPT = ("yes", "no", "mask_wrong", "skips", "given", "wanted", "state", "need")


def busy(store: Store, seed: int, answers: int = 120) -> None:
    """Four annotators answer at random, and take back every seventh or so."""
    rows = [row(number, PLAN, origin="a set") for number in range(30)]
    rows += [row(1000 + number, PLAN, gold="yes", origin="a set") for number in range(4)]
    store.write(lambda connection: add_items(connection, rows))
    chance, queue, left = random.Random(seed), Queue(store, PLAN), list(PEOPLE)
    for _ in range(answers):
        who = chance.choice(left)
        lent = queue.lent(who, 2)
        if not lent:
            continue
        verdict = chance.choice(["yes", "yes", "no", "no", "skip", "mask_wrong"])
        queue.answer(lent[0].id, who, verdict, seconds=1.0)
        if chance.random() < 0.15:
            queue.undo(who)


def kept(store: Store) -> dict[str, tuple[Any, ...]]:
    wanted = select(items)
    rows = store.read(lambda connection: connection.execute(wanted).mappings().all())
    return {row["id"]: tuple(row[name] for name in KEPT) for row in rows}


def spoil(store: Store) -> None:
    wrong = {"yes": 7, "no": 0, "mask_wrong": 1, "skips": 1, "given": 8, "need": 5}
    # What is wanted is never lowered, so it starts where it started.
    store.write(lambda connection: connection.execute(update(items).values(wrong)))
    store.write(
        lambda connection: [
            connection.execute(update(items).where(items.c.id == id).values(wanted=PLAN.wanted(id)))
            for id in connection.scalars(select(items.c.id)).all()
        ]
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_counts_come_back(store: Store, seed: int) -> None:
    busy(store, seed)
    before = kept(store)
    assert store.write(lambda connection: recount(connection, PLAN)) == 0
    spoil(store)
    assert kept(store) != before
    assert store.write(lambda connection: recount(connection, PLAN)) > 0
    assert kept(store) == before
    assert verify(store) == []


def test_only_the_items_that_are_named_are_counted(store: Store) -> None:
    busy(store, 4)
    before = kept(store)
    chosen = sorted(before)[0]
    spoil(store)
    spoilt = kept(store)
    store.write(lambda connection: recount(connection, PLAN, [chosen]))
    after = kept(store)
    assert after[chosen] == before[chosen]
    assert all(after[id] == spoilt[id] for id in after if id != chosen)


@pytest.mark.parametrize("seed", [5, 6])
def test_hand_outs_come_back_and_nobody_is_asked_again(store: Store, seed: int) -> None:
    busy(store, seed)
    answered = [event for _, event in store.events() if event.handout]
    wanted = select(handouts.c.id, handouts.c.purpose, handouts.c.counts, handouts.c.status, handouts.c.item)
    done = wanted.where(handouts.c.id.in_([event.handout for event in answered])).order_by(handouts.c.id)

    def read() -> list[Any]:
        return store.read(lambda connection: list(connection.execute(done)))

    before = read()
    store.write(lambda connection: (connection.execute(delete(handouts)), connection.execute(delete(annotators))))
    store.write(lambda connection: connection.execute(update(items).values(pending=0)))
    ids = {event.item for event in answered}
    assert store.write(lambda connection: relend(connection, ids)) >= len(answered)
    assert read() == before
    store.write(lambda connection: recount(connection, PLAN))
    assert verify(store) == []
    assert store.write(lambda connection: relend(connection, ids)) == 0
    lasting = {(event.annotator, event.item) for event in answered}
    plain = Queue(store, Plan(slice_share=0.5, gold=0.0, repeats=0.0))
    redone = select(handouts.c.id).where(handouts.c.purpose == "redo", handouts.c.status == "expired")
    open_again = set(store.read(lambda connection: list(connection.scalars(redone))))
    for who in PEOPLE:
        for lent in plain.lent(who, 30):
            assert lent.id in open_again or (who, lent.item) not in lasting


def test_what_was_taken_back_is_asked_again(store: Store, open_store: Callable[[], Store], tmp_path: Path) -> None:
    one = row(1, PLAN)
    first = said(ANNA, one["id"], "yes")
    taken = undone(first)
    store.write(lambda connection: add_items(connection, [one]))
    for event in (first, taken):
        store.add(event)
    store.write(lambda connection: (relend(connection, [one["id"]]), recount(connection, PLAN, [one["id"]])))
    queue = Queue(store, PLAN)
    (again,) = queue.lent(ANNA, 3)
    answer = queue.answer(again.id, ANNA, "no")
    assert answer.supersedes == taken.event
    assert kept(store)[one["id"]][:2] == (0, 1)


def test_a_dispute_asks_for_more() -> None:
    some = [said(ANNA, "x", "yes"), said(BERT, "x", "no"), said(CARL, "x", "yes")]
    assert tally(some, 3, Plan()).wanted == 5
    assert tally(some[::2], 3, Plan()).wanted == 3
    assert tally(some, 3, Plan(most_answers=4)).wanted == 3
    told = tally([*some, undone(some[1])], 3, Plan())
    assert (told.yes, told.no, told.given, told.wanted) == (2, 0, 2, 5)  # it stays so, as in the queue
