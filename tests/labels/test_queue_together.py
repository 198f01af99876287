"""Many at once: threads, stores and processes on one database. Nothing is lost, doubled or mixed up."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rorem.errors import BadData
from rorem.labels.event import Event
from rorem.labels.plan import Plan
from rorem.labels.queue import Handout, Queue
from rorem.labels.store import Store
from rorem.labels.verify import verify
from tests.labels.samples import ANNA, BERT, PLAIN, Clock, everything, fill, state_of
from tests.labels.test_store import check_nothing_is_lost, in_threads
from tests.server import ROOT

SET = "a set"
MIXED = Plan(slice_share=0.5, gold=0.1, repeats=0.1, distance=3)


def at_once(some: list[Callable[[], Any]]) -> list[Any]:
    """What each returned or raised; all start together."""
    found: list[Any] = []
    start = threading.Barrier(len(some))

    def run(do: Callable[[], Any]) -> None:
        start.wait(30)
        try:
            found.append(do())
        except BadData as error:
            found.append(error)

    in_threads([lambda do=do: run(do) for do in some])
    return found


def test_the_same_annotator_asking_at_once_gets_the_same_items(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]
    fill(stores[0], 50, origin=SET)
    found: list[list[Handout]] = at_once([lambda s=s: Queue(s, PLAIN).lent(ANNA, 4) for s in stores for _ in range(5)])
    assert len(found) == 10 and all(one == found[0] for one in found)
    assert len({one.item for one in found[0]}) == 4 == len(Queue(stores[0], PLAIN).lent(ANNA, 4))
    assert verify(stores[0]) == []


def test_one_hand_out_takes_one_answer_however_many_come_at_once(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]
    fill(stores[0], 8, origin=SET)
    for lent in Queue(stores[0], PLAIN).lent(ANNA, 8):
        asked = [
            lambda s=s, verdict=verdict, lent=lent: Queue(s, PLAIN).answer(lent.id, ANNA, verdict)
            for s in stores
            for verdict in ("yes", "no", "yes")
        ]
        found = at_once(asked)
        events = [one for one in found if isinstance(one, Event)]
        assert len({one.event for one in events}) == 1 and len(events) in (2, 4)
        assert all(str(one).startswith("This removal was answered") for one in found if not isinstance(one, Event))
    assert len(everything(stores[0])) == 8 and verify(stores[0]) == []


def test_undos_at_once_take_back_one_answer_each(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]
    fill(stores[0], 10, origin=SET)
    queue = Queue(stores[0], PLAIN)
    for one in queue.lent(ANNA, 10):
        queue.answer(one.id, ANNA, "yes")
    found = at_once([lambda s=s: Queue(s, PLAIN).undo(ANNA) for s in stores for _ in range(3)])
    assert len({one.item for one in found}) == 6 and queue.progress(ANNA).done == 4
    assert verify(stores[0]) == []


def test_an_answer_and_the_end_of_its_time_at_once(open_store: Callable[[], Store]) -> None:
    """Whichever comes first, the answer is kept and counted once."""
    stores = [open_store(), open_store()]
    ids = fill(stores[0], 12, origin=SET)
    clock = Clock()
    queues = [Queue(store, PLAIN, clock) for store in stores]
    for _ in ids:
        if not (lent := queues[0].lent(ANNA, 1)):
            break
        clock.now += PLAIN.timeout + 1
        at_once(
            [
                lambda lent=lent: queues[0].answer(lent[0].id, ANNA, "yes"),
                lambda: queues[1].lent(BERT, 1),
                lambda: queues[1].lent(ANNA, 1),
            ]
        )
        assert verify(stores[0]) == []
    given = Counter(event.item for event in everything(stores[0]))
    assert all(state_of(stores[0], id)["yes"] == given[id] for id in ids)


def test_a_crowd_on_two_servers(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]
    ids = fill(stores[0], 60, MIXED, origin=SET)
    fill(stores[0], 10, MIXED, first=100, gold="no", origin=SET)
    people = [f"{number:032x}" for number in range(8)]

    def work(number: int) -> None:
        queue, undone = Queue(stores[number % 2], MIXED), 0
        while lent := queue.lent(people[number], 3):
            queue.answer(lent[0].id, people[number], ("yes", "no", "yes", "skip")[number % 4])
            if undone < 3:
                undone += 1
                queue.undo(people[number])

    in_threads([lambda number=number: work(number) for number in range(len(people))])
    assert verify(stores[0]) == []
    for number in range(len(people)):  # who left early may be wanted again, after an undo or in a dispute
        work(number)
    said = {id: {event.annotator for event in everything(stores[0]) if event.item == id} for id in ids}
    left = [id for id in ids if state_of(stores[0], id)["state"] != "closed"]
    assert all(len(said[id]) == len(people) for id in left), "an item waits that somebody could be asked about"
    assert verify(stores[0]) == []
    answered = Counter((event.annotator, event.item) for event in everything(stores[0]) if not event.supersedes)
    assert max(answered.values()) <= 2  # the item, and its repeat


@pytest.mark.soak
def test_processes_share_a_queue(address: str, tmp_path: Path) -> None:
    store = Store(address, tmp_path)
    fill(store, 150, origin=SET)
    command = [sys.executable, "-m", "tests.labels.worker", address, str(tmp_path)]
    # Two of them are the same annotator: a page that was opened twice. A hand-out is answered the same by both.
    running = [
        subprocess.Popen([*command, who, "1000"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for who in (ANNA, BERT, ANNA)
    ]
    told: list[str] = []
    for process in running:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        told += out.splitlines()
    check_nothing_is_lost(store, told)
    assert len(everything(store)) == 150
    store.close()
