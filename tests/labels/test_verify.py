"""What `rorem labels verify` finds: each kind of damage, and nothing where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from rorem.labels import verify as verify_room
from rorem.labels.event import JUDGEMENT, Event, new_id
from rorem.labels.items import keep_picture, picture_path
from rorem.labels.plan import Plan
from rorem.labels.queue import Queue
from rorem.labels.store import Store
from rorem.labels.verify import verify
from tests.labels.samples import ANNA, BERT, PLAIN, everything, fill, hash_of, triplet

THREE = Plan(slice_share=1.0, gold=0.0, repeats=0.0)


@pytest.fixture
def busy(store: Store) -> Store:
    """Three items with an answer, one of them taken back, one skipped; two handed out."""
    fill(store, 5, THREE, origin="a set")
    queue = Queue(store, THREE)
    for number, one in enumerate(queue.lent(ANNA, 3)):
        queue.answer(one.id, ANNA, ("yes", "skip", "no")[number])
    queue.undo(ANNA)
    queue.lent(BERT, 1)
    assert verify(store) == []
    return store


def change(store: Store, statement: str) -> None:
    done = store.write(lambda connection: connection.execute(text(statement)).rowcount)
    assert done > 0


ANSWERED = "(SELECT min(id) FROM handouts WHERE status = 'answered')"
SOME = "(SELECT min(id) FROM items WHERE yes = 1)"
DAMAGE = {
    "count of yes": (f"UPDATE items SET yes = 7 WHERE id = {SOME}", "says yes 7, and it should be 1"),
    "count of skips": ("UPDATE items SET skips = 0 WHERE skips = 1", "says skips 0, and it should be 1"),
    "given": (f"UPDATE items SET given = 0 WHERE id = {SOME}", "says given 0, and it should be 1"),
    "pending": ("UPDATE items SET pending = 5 WHERE pending > 0", "says pending 5, and it should be"),
    "need": (f"UPDATE items SET need = 9 WHERE id = {SOME}", "says need 9, and it should be"),
    "open": (f"UPDATE items SET wanted = 1, need = 0 WHERE id = {SOME}", "has all its answers, but is open"),
    "closed": ("UPDATE items SET state = 'closed', need = 0 WHERE yes = 1", "is closed, but lacks answers"),
    "state": (f"UPDATE items SET state = 'lost' WHERE id = {SOME}", "is in a state called lost"),
    "gold": (f"UPDATE items SET state = 'gold' WHERE id = {SOME}", "is a known one, but has no answer"),
    "item gone": (f"DELETE FROM items WHERE id = {SOME}", "has labels, but is not there"),
    "verdict": ("UPDATE events SET verdict = 'perhaps' WHERE verdict = 'yes'", "This is not one of the answers"),
    "reasons": ("UPDATE events SET reasons = 'x' WHERE verdict = 'yes'", "Its reasons cannot be read"),
    "label gone": ("DELETE FROM events WHERE verdict = 'yes'", "is answered, but there is no label"),
    "not told": (f"UPDATE handouts SET status = 'out' WHERE id = {ANSWERED}", "but waits for an answer"),
    "other item": (f"UPDATE handouts SET item = '{'0' * 64}' WHERE id = {ANSWERED}", "or about something else"),
    "hand-out": (f"UPDATE handouts SET status = 'lost' WHERE id = {ANSWERED}", "is in a state called lost"),
    "taken back": ("UPDATE handouts SET status = 'dropped' WHERE status = 'answered'", "was taken back, but its label"),
    "undone": ("UPDATE handouts SET status = 'answered' WHERE status = 'dropped'", "but its label"),
    "chain": ("DELETE FROM events WHERE verdict = 'no'", ", which is not there"),
    "thief": (
        f"UPDATE events SET annotator = '{BERT}' WHERE supersedes <> ''",
        "which is somebody else's or about something else",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_damage_is_found_and_nothing_is_changed(kind: str, busy: Store) -> None:
    statement, told = DAMAGE[kind]
    change(busy, statement)
    found = verify(busy)
    assert any(told in problem for problem in found), found
    assert all(problem.endswith(".") and len(problem) < 250 for problem in found)
    assert verify(busy) == found


def test_forks_and_circles_are_found(busy: Store) -> None:
    change(busy, "UPDATE facts SET value = value")
    busy.write(lambda connection: connection.execute(text("DROP INDEX events_supersedes")))
    one = next(event for event in everything(busy) if event.verdict == "yes")
    for _ in range(2):
        busy.add(replace(one, event=new_id(), handout="", supersedes=one.event))
    assert f"Label {one.event} is superseded twice." in verify(busy)
    first, second = new_id(), new_id()
    item = hash_of("circle")
    busy.add(Event(first, JUDGEMENT, ANNA, "yes", item=item, supersedes=second))
    busy.add(Event(second, JUDGEMENT, ANNA, "yes", item=item, supersedes=first))
    found = verify(busy)
    assert [problem for problem in found if "by way of others" in problem] == [
        f"Label {first} supersedes itself, by way of others."
    ]


def test_pictures_of_the_store_s_own_are_looked_at(open_store: Callable[[], Store], tmp_path: Path) -> None:
    store = open_store()
    one = triplet(0)
    fill(store, 1)
    fill(store, 1, first=1, origin="a set")
    fill(store, 1, first=2, state="private")
    assert verify(store) == [f"Item {one.id}: its {part} is not there." for part in ("source", "mask", "result")]
    digits = [keep_picture(store.pictures, data) for data in (one.source, one.mask, one.result or b"")]
    assert verify(store) == []
    picture_path(store.pictures, digits[1]).write_bytes(b"another")
    assert verify(store) == [f"Item {one.id}: its mask is damaged."]


def test_many_problems_are_cut_short(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_room, "MOST", 5)
    monkeypatch.setattr(verify_room, "PAGE", 3)
    fill(store, 20, origin="a set")
    change(store, "UPDATE items SET need = 9")
    found = verify(store)
    assert len(found) == 6 and found[-1] == "There are more of this kind."


def test_a_repeat_and_a_late_answer_are_no_problem(store: Store) -> None:
    plan = Plan(slice_share=0.0, gold=0.0, repeats=1.0, distance=1)
    fill(store, 3, plan, origin="a set")
    queue = Queue(store, plan)
    for _ in range(6):
        for one in queue.lent(ANNA, 1):
            queue.answer(one.id, ANNA, "yes")
    assert len(everything(store)) == 6 and verify(store) == []


def test_an_empty_store_is_sound(store: Store) -> None:
    assert verify(store) == [] and Queue(store, PLAIN).lent(ANNA, 1) == []
