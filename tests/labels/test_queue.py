"""Handing out and answering, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from rorem.errors import BadData, RoremError
from rorem.labels import queue as queue_room
from rorem.labels.identity import NotAllowed
from rorem.labels.items import CLOSED, OPEN, REPORTED, set_state
from rorem.labels.plan import Plan
from rorem.labels.queue import Handout, Queue
from rorem.labels.store import Store
from rorem.labels.tables import annotators, handouts, items, reports
from rorem.labels.verify import verify
from tests.labels.samples import ANNA, BERT, CARL, PLAIN, Clock, everything, fill, hash_of, state_of

THREE = Plan(slice_share=1.0, gold=0.0, repeats=0.0)
SET = "a set"


def answer_all(queue: Queue, annotator: str, verdict: str = "yes", most: int = 10_000) -> list[str]:
    """Answers until there is nothing left; the items."""
    done: list[str] = []
    while len(done) < most and (lent := queue.lent(annotator, 1)):
        done.append(queue.answer(lent[0].id, annotator, verdict, seconds=1.0).item)
    return done


def count(store: Store, table: Any, *where: Any) -> int:
    return store.read(lambda connection: connection.scalar(select(func.count()).select_from(table).where(*where))) or 0


def test_every_item_is_answered_once(store: Store) -> None:
    ids = fill(store, 12, origin=SET)
    queue = Queue(store, PLAIN)
    seen = []
    while lent := queue.lent(ANNA, 3):
        seen.append(lent[0].item)
        queue.answer(lent[0].id, ANNA, "yes", seconds=1.5)
    assert sorted(seen) == sorted(ids)
    assert sorted(event.item for event in everything(store)) == sorted(ids)
    assert queue.lent(BERT, 3) == []
    assert queue.progress(ANNA).done == 12 and queue.progress(ANNA).left == 0 and queue.progress(ANNA).pace == 1.5
    assert verify(store) == []


def test_who_comes_back_gets_what_they_had_in_the_same_order(store: Store) -> None:
    fill(store, 20)
    queue = Queue(store, PLAIN)
    first = queue.lent(ANNA, 5)
    assert queue.lent(ANNA, 5) == first == Queue(store, PLAIN).lent(ANNA, 5)
    assert queue.lent(ANNA, 2) == first[:2] and queue.lent(ANNA, 7)[:5] == first
    assert queue.lent(ANNA, 0) == [] and len({one.item for one in queue.lent(ANNA, 9)}) == 9


def test_two_annotators_get_different_items_while_one_answer_is_wanted(store: Store) -> None:
    fill(store, 10)
    queue = Queue(store, PLAIN)
    both = [one.item for who in (ANNA, BERT) for one in queue.lent(who, 8)]
    assert len(both) == len(set(both)) == 10


def test_three_answers_come_from_three_people(store: Store) -> None:
    (id,) = fill(store, 1, THREE, origin=SET)
    queue = Queue(store, THREE)
    for who in (ANNA, BERT, CARL):
        assert answer_all(queue, who) == [id]
    assert answer_all(queue, "d" * 32) == []
    found = state_of(store, id)
    assert (found["state"], found["yes"], found["wanted"]) == (CLOSED, 3, 3) and verify(store) == []


def test_the_slice_is_in_the_rows(store: Store) -> None:
    plan = replace(PLAIN, slice_share=0.5)
    ids = fill(store, 40, plan)
    assert {id for id in ids if state_of(store, id)["wanted"] == 3} == {id for id in ids if plan.wanted(id) == 3}
    queue = Queue(store, plan)
    for number in range(4):
        answer_all(queue, f"{number}" * 32)
    answers = Counter(event.item for event in everything(store))
    assert answers == {id: plan.wanted(id) for id in ids}


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (("yes", "yes", "yes"), 3),
        (("yes", "no", "yes", "yes", "yes"), 5),  # 2 of 3 is too few, 4 of 5 is clear
        (("yes", "no", "yes", "no", "yes", "no", "yes"), 7),  # never clear, and 7 is the limit
        (("mask_wrong", "mask_wrong", "mask_wrong"), 3),
        (("yes", "skip", "yes", "yes"), 4),  # a skip is no answer
        (("skip", "skip", "skip"), 3),  # nobody is asked again
    ],
)
def test_a_disputed_item_is_asked_again_up_to_a_limit(store: Store, said: tuple[str, ...], asked: int) -> None:
    (id,) = fill(store, 1, THREE, origin=SET)
    queue = Queue(store, THREE)
    for number in range(9):
        if lent := queue.lent(f"{number}" * 32, 1):
            queue.answer(lent[0].id, f"{number}" * 32, said[number] if number < len(said) else "yes")
    assert len(everything(store)) == asked and state_of(store, id)["state"] == CLOSED and verify(store) == []


def test_known_items_and_repeats_come_in_their_shares_and_never_count(store: Store) -> None:
    plan = Plan(slice_share=0.0, gold=0.2, repeats=0.2, distance=5)
    ids = fill(store, 120, plan, origin=SET)
    known = fill(store, 60, plan, first=200, gold="yes", origin=SET)
    queue = Queue(store, plan)
    seen = answer_all(queue, ANNA)
    events = everything(store)
    gold = [event for event in events if event.source == "gold"]
    repeats = len(events) - len(gold) - 120
    assert {event.item for event in gold} <= set(known) and len(gold) == len({event.item for event in gold})
    assert set(seen) - set(known) == set(ids)
    assert 15 < len(gold) < 70 and 15 < repeats < 70  # about 40 of 200, five standard deviations
    assert max(Counter(seen).values()) == 2
    assert all(state_of(store, id)["yes"] == 1 for id in ids) and all(state_of(store, id)["yes"] == 0 for id in known)
    for id in {one for one in seen if seen.count(one) == 2}:
        first = seen.index(id)
        assert seen.index(id, first + 1) - first >= plan.distance
    assert verify(store) == []


def test_the_default_shares_are_those_that_were_asked_for(store: Store) -> None:
    assert (Plan().answers, Plan().slice_share, Plan().slice_answers, Plan().gold, Plan().repeats) == (
        *(1, 0.15, 3, 0.05, 0.02),
    )


def test_skips_and_wrong_masks_are_not_repeated(store: Store) -> None:
    plan = Plan(slice_share=0.0, gold=0.0, repeats=0.9, distance=1)
    fill(store, 12, plan)
    queue = Queue(store, plan)
    assert len(answer_all(queue, ANNA, "skip")) == 12
    fill(store, 3, plan, first=50)
    assert len(answer_all(queue, BERT, "mask_wrong")) == 15


def test_an_item_comes_back_after_its_time(store: Store) -> None:
    (id,) = fill(store, 1, origin=SET)
    clock = Clock()
    queue = Queue(store, PLAIN, clock)
    (mine,) = queue.lent(ANNA, 1)
    clock.now += PLAIN.timeout - 1
    assert queue.lent(BERT, 1) == []
    clock.now += 2
    (theirs,) = queue.lent(BERT, 1)
    assert theirs.item == id and theirs.id != mine.id
    assert queue.lent(ANNA, 1) == []  # somebody else has it now
    late = queue.answer(mine.id, ANNA, "no")  # but what was said late is kept
    queue.answer(theirs.id, BERT, "no")
    assert everything(store)[0] == late
    assert state_of(store, id)["no"] == 2 and verify(store) == []


def test_who_was_away_gets_their_item_again_under_the_same_hand_out(store: Store) -> None:
    fill(store, 3, origin=SET)
    clock = Clock()
    queue = Queue(store, PLAIN, clock)
    mine = queue.lent(ANNA, 3)
    clock.now += PLAIN.timeout + 1
    again = queue.lent(ANNA, 3)
    assert [one.id for one in again] == [one.id for one in mine]
    assert all(one.expires > mine[0].expires for one in again)
    clock.now += PLAIN.timeout + 1
    assert len(queue.lent(BERT, 1)) == 1
    assert len(queue.lent(ANNA, 3)) == 2 and verify(store) == []


def test_items_are_balanced_over_category_and_size(store: Store) -> None:
    fill(store, 300, category="person")
    fill(store, 30, first=300, category="dog")
    fill(store, 30, first=400, category="dog", mask_share=0.5)
    seen = Counter(state_of(store, id)["stratum"] for id in answer_all(Queue(store, PLAIN), ANNA, most=30))
    assert seen == {"person/medium": 10, "dog/medium": 10, "dog/large": 10}


def test_items_without_answers_come_first(store: Store) -> None:
    ids = fill(store, 20, THREE)
    queue = Queue(store, THREE)
    first = answer_all(queue, ANNA, most=7)
    assert set(answer_all(queue, BERT, most=13)) == set(ids) - set(first)


def test_the_order_is_shuffled_under_a_seed_that_is_kept(store: Store) -> None:
    ids = fill(store, 60, THREE)
    queue = Queue(store, THREE)
    orders = [answer_all(queue, who) for who in (ANNA, BERT)]
    assert all(sorted(order) == sorted(ids) for order in orders)
    assert orders[0] != orders[1] != ids != orders[0]
    found = store.read(lambda c: {row.id: row.order_seed for row in c.execute(select(annotators))})
    assert all(event.order_seed == found[event.annotator] for event in everything(store))


def test_the_same_seed_gives_the_same_order(open_store: Callable[[], Store]) -> None:
    store = open_store()
    fill(store, 30)
    told = {"id": ANNA, "order_seed": 5, "draws": 0, "since": 0}
    store.write(lambda connection: connection.execute(annotators.insert(), told))
    first = [one.item for one in Queue(store, PLAIN).lent(ANNA, 30)]
    store.write(lambda c: [c.execute(table.delete()) for table in (handouts, annotators)])
    store.write(lambda c: c.execute(items.update().values(pending=0, need=1)))
    store.write(lambda connection: connection.execute(annotators.insert(), told))
    assert [one.item for one in Queue(store, PLAIN).lent(ANNA, 30)] == first


def test_undo_twice_and_again(store: Store) -> None:
    fill(store, 5, THREE, origin=SET)
    queue = Queue(store, THREE)
    first, second = answer_all(queue, ANNA, "yes", most=2)
    redo = queue.undo(ANNA)
    assert redo is not None and redo.item == second and queue.progress(ANNA).done == 1
    assert queue.lent(ANNA, 1) == [redo]
    earlier = queue.undo(ANNA)
    assert earlier is not None and earlier.item == first
    assert queue.lent(ANNA, 2) == [earlier, redo]
    assert queue.undo(ANNA) is None
    assert state_of(store, first)["yes"] == state_of(store, second)["yes"] == 0 and verify(store) == []
    queue.answer(earlier.id, ANNA, "no", ("shadow",))
    queue.answer(redo.id, ANNA, "mask_wrong")
    again = queue.undo(ANNA)
    assert again is not None and again.item == second
    queue.answer(again.id, ANNA, "no")
    found = [state_of(store, id) for id in (first, second)]
    assert [(one["yes"], one["no"], one["mask_wrong"], one["given"]) for one in found] == [(0, 1, 0, 1)] * 2
    events = everything(store)
    assert [event.verdict for event in events if not event.handout] == ["skip"] * 3
    assert len({event.supersedes for event in events if event.supersedes}) == 6 and len(events) == 8
    assert verify(store) == []


def test_an_undone_answer_can_be_asked_of_others_only_if_it_is_missing(store: Store) -> None:
    (id,) = fill(store, 1, origin=SET)
    clock = Clock()
    queue = Queue(store, PLAIN, clock)
    answer_all(queue, ANNA)
    redo = queue.undo(ANNA)
    assert redo is not None and state_of(store, id)["state"] == OPEN and queue.lent(BERT, 1) == []
    clock.now += PLAIN.timeout + 1
    (theirs,) = queue.lent(BERT, 1)
    queue.answer(theirs.id, BERT, "yes")
    queue.answer(redo.id, ANNA, "no")
    assert (state_of(store, id)["yes"], state_of(store, id)["no"]) == (1, 1) and verify(store) == []


def test_the_answer_of_an_undone_hand_out_that_comes_late_is_refused(store: Store) -> None:
    fill(store, 2, origin=SET)
    queue = Queue(store, PLAIN)
    (lent,) = queue.lent(ANNA, 1)
    queue.answer(lent.id, ANNA, "yes")
    queue.undo(ANNA)
    with pytest.raises(BadData, match="no longer"):
        queue.answer(lent.id, ANNA, "yes")
    assert len(everything(store)) == 2 and verify(store) == []


def test_an_undo_that_is_asked_for_twice_takes_back_one_answer(store: Store) -> None:
    fill(store, 3)
    queue = Queue(store, PLAIN)
    lent = queue.lent(ANNA, 3)
    for one in lent[:2]:
        queue.answer(one.id, ANNA, "yes")
    with pytest.raises(BadData, match="last answer"):
        queue.undo(ANNA, lent[0].id)
    redo = queue.undo(ANNA, lent[1].id)
    assert redo is not None and queue.undo(ANNA, lent[1].id) == redo
    queue.answer(redo.id, ANNA, "no")
    with pytest.raises(BadData, match="last answer"):
        queue.undo(ANNA, lent[1].id)
    with pytest.raises(BadData, match="last answer"):
        queue.undo(ANNA, "../../x")
    assert len(everything(store)) == 4 and queue.undo(BERT, lent[0].id) is None


def test_an_undo_whose_end_was_not_heard_of_is_done_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction was written, the word was lost, and the store tries again."""
    fill(store, 3)
    queue = Queue(store, PLAIN)
    answer_all(queue, ANNA, most=2)
    write = store.write
    monkeypatch.setattr(store, "write", lambda do: (write(do), write(do))[1])
    redo = queue.undo(ANNA)
    assert redo is not None and len(everything(store)) == 3
    assert queue.lent(ANNA, 2)[0] == redo and len(queue.lent(ANNA, 2)) == 2
    assert queue.answer(redo.id, ANNA, "no").verdict == "no" and len(everything(store)) == 4


def test_the_undo_of_a_repeat_still_does_not_count(store: Store) -> None:
    plan = Plan(slice_share=0.0, gold=0.0, repeats=1.0, distance=1)
    (id,) = fill(store, 1, plan, origin=SET)
    queue = Queue(store, plan)
    assert answer_all(queue, ANNA) == [id, id]
    redo = queue.undo(ANNA)
    assert redo is not None and verify(store) == []
    queue.answer(redo.id, ANNA, "no")
    assert (state_of(store, id)["yes"], state_of(store, id)["no"]) == (1, 0) and verify(store) == []


def test_a_report_takes_an_item_out_until_somebody_has_looked(store: Store) -> None:
    (id,) = fill(store, 1, THREE, origin=SET)
    queue = Queue(store, THREE)
    (mine,), (theirs,) = queue.lent(ANNA, 1), queue.lent(BERT, 1)
    queue.report(mine.id, ANNA)
    queue.report(mine.id, ANNA)
    assert count(store, reports) == 1 and state_of(store, id)["state"] == REPORTED
    assert queue.item(mine.id) is None and queue.item(theirs.id) is None
    assert queue.lent(ANNA, 1) == queue.lent(BERT, 1) == queue.lent(CARL, 1) == []
    assert verify(store) == []
    queue.answer(theirs.id, BERT, "yes")  # it was on the screen already
    assert state_of(store, id)["state"] == REPORTED
    store.write(lambda connection: set_state(connection, [id], OPEN))
    queue.report(mine.id, ANNA)  # the same word again
    assert state_of(store, id)["state"] == OPEN and len(queue.lent(CARL, 1)) == 1
    assert verify(store) == []


def test_an_answer_can_be_reported_too_and_is_then_not_undone(store: Store) -> None:
    fill(store, 2, origin=SET)
    queue = Queue(store, PLAIN)
    first, second = queue.lent(ANNA, 2)
    queue.answer(first.id, ANNA, "yes")
    queue.answer(second.id, ANNA, "yes")
    queue.report(second.id, ANNA)
    redo = queue.undo(ANNA)
    assert redo is not None and redo.item == first.item and verify(store) == []


def test_progress_counts_what_is_left_for_me(store: Store) -> None:
    fill(store, 10, THREE)
    queue = Queue(store, THREE)
    assert queue.progress(ANNA) == queue_room.Progress(0, 10, None)
    lent = queue.lent(ANNA, 2)
    queue.answer(lent[0].id, ANNA, "yes", seconds=2)
    queue.answer(lent[1].id, ANNA, "no", seconds=4)
    assert queue.progress(ANNA) == queue_room.Progress(2, 8, 3.0)
    assert queue.progress(BERT) == queue_room.Progress(0, 10, None)


def test_progress_of_many_is_bounded_and_right_near_the_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_room, "LOOKED_AT", 2000)
    fill(store, 1100)
    queue = Queue(store, PLAIN)
    assert queue.progress(ANNA).left == 1000
    fill(store, 1500, THREE, first=2000)
    told = {"annotator": ANNA, "purpose": "ask", "counts": True, "status": "dropped", "at": 0, "expires": 0}
    first = select(items.c.id).where(items.c.need > 0).order_by(items.c.given, items.c.rank).limit(2500)
    ids = store.read(lambda connection: connection.scalars(first).all())
    rows = [{"id": hash_of(id)[:32], "item": id, **told} for id in ids]
    store.write(lambda connection: connection.execute(handouts.insert(), rows))
    assert queue.progress(ANNA).left == 100


SNEAKY = ("", "x", "../../labels.db", "\0", "' OR 1=1 --", "0" * 32, "\ud800" * 32, "A" * 10_000_000, None, 7, ["x"])


@pytest.mark.parametrize("id", SNEAKY, ids=range(len(SNEAKY)))
def test_what_was_not_handed_out_cannot_be_answered(store: Store, id: Any) -> None:
    fill(store, 3)
    queue = Queue(store, PLAIN)
    (lent,) = queue.lent(ANNA, 1)
    for handout, annotator in ((id, ANNA), (lent.id, id)):
        for do in (lambda h, a: queue.answer(h, a, "yes"), queue.report):
            with pytest.raises(NotAllowed) as caught:
                do(handout, annotator)
            assert len(caught.value.advice) < 200
    if id != "0" * 32:
        with pytest.raises(NotAllowed):
            queue.lent(id, 1)
        with pytest.raises(NotAllowed):
            queue.progress(id)
    assert queue.item(id) is None and queue.undo(id) is None
    assert everything(store) == [] and count(store, reports) == 0 and count(store, annotators) == 1


def test_another_s_hand_out_cannot_be_answered_and_sounds_the_same_as_none(store: Store) -> None:
    fill(store, 3)
    queue = Queue(store, PLAIN)
    (theirs,) = queue.lent(BERT, 1)
    told = []
    for id in (theirs.id, "0" * 32):
        for who in (ANNA, CARL):
            with pytest.raises(NotAllowed) as caught:
                queue.answer(id, who, "yes")
            told.append(caught.value.advice)
    queue.lent(ANNA, 1)
    with pytest.raises(NotAllowed):
        queue.answer(theirs.id, ANNA, "yes")
    assert len(set(told)) == 1 and everything(store) == []
    queue.answer(theirs.id, BERT, "yes")
    with pytest.raises(NotAllowed):
        queue.answer(theirs.id, ANNA, "yes")  # nor does a guess tell what was said


BAD: list[dict[str, Any]] = [
    {"verdict": "perhaps"},
    {"verdict": "left"},
    {"verdict": ""},
    {"verdict": None},
    {"verdict": ["yes"]},
    {"verdict": "yes\0"},
    {"verdict": "yes", "reasons": ("shadow",)},
    {"verdict": "no", "reasons": ("x" * 10_000_000,)},
    {"verdict": "no", "reasons": ("shadow",) * 100_000},
    {"verdict": "no", "reasons": ("\0", "shadow\x1b[2J")},
    {"verdict": "no", "reasons": "shadow"},
    {"verdict": "no", "reasons": [{"a": 1}]},
    {"verdict": "no", "reasons": None},
    {"verdict": "yes", "seconds": float("nan")},
    {"verdict": "yes", "seconds": -1},
    {"verdict": "yes", "seconds": 1e9},
    {"verdict": "yes", "seconds": 10**400},
    {"verdict": "yes", "seconds": "1"},
    {"verdict": "yes", "seconds": True},
]


def test_an_answer_that_is_none_is_refused_and_leaves_the_hand_out_as_it_was(store: Store) -> None:
    fill(store, 1, origin=SET)
    queue = Queue(store, PLAIN)
    (lent,) = queue.lent(ANNA, 1)
    for bad in BAD:
        with pytest.raises(BadData) as caught:
            queue.answer(lent.id, ANNA, **bad)
        assert len(caught.value.advice) < 200, bad
    assert everything(store) == [] and queue.lent(ANNA, 1) == [lent] and verify(store) == []
    assert queue.answer(lent.id, ANNA, "no", ["shadow", "colour"], 2).seconds == 2.0  # type: ignore[arg-type]


def test_the_same_request_again_gives_the_same_answer_and_another_one_none(store: Store) -> None:
    fill(store, 2)
    queue = Queue(store, PLAIN)
    (lent,) = queue.lent(ANNA, 1)
    first = queue.answer(lent.id, ANNA, "no", ("shadow",), 1.0)
    assert queue.answer(lent.id, ANNA, "no", ("shadow",), 9.0) == first
    for verdict, reasons in (("yes", ()), ("no", ()), ("perhaps", ())):
        with pytest.raises(BadData, match="answered already"):
            queue.answer(lent.id, ANNA, verdict, reasons)
    assert everything(store) == [first]


def test_the_answer_to_a_withdrawn_photo_is_refused(store: Store) -> None:
    (id,) = fill(store, 1)
    queue = Queue(store, PLAIN)
    (lent,) = queue.lent(ANNA, 1)
    store.write(lambda connection: connection.execute(items.delete().where(items.c.id == id)))
    with pytest.raises(BadData, match="withdrawn"):
        queue.answer(lent.id, ANNA, "yes")
    queue.report(lent.id, ANNA)
    assert queue.item(lent.id) is None and queue.lent(ANNA, 1) == [] and everything(store) == []


def test_only_what_may_be_shared_is_handed_out(store: Store) -> None:
    for number, state in enumerate(("held", "private", "reported", "refused", "closed")):
        fill(store, 1, first=number, state=state)
    assert Queue(store, PLAIN).lent(ANNA, 5) == []


def test_a_hand_out_s_pictures_can_be_seen_until_it_is_dropped(store: Store) -> None:
    (id,) = fill(store, 1)
    queue = Queue(store, PLAIN)
    (lent,) = queue.lent(ANNA, 1)
    found = queue.item(lent.id)
    assert isinstance(lent, Handout) and found is not None and found["id"] == id
    queue.answer(lent.id, ANNA, "yes")
    assert queue.item(lent.id) is not None
    queue.undo(ANNA)
    assert queue.item(lent.id) is None


def test_errors_are_ours(store: Store) -> None:
    assert issubclass(NotAllowed, RoremError)
    with pytest.raises(NotAllowed) as caught:
        Queue(store, PLAIN).answer("0" * 32, ANNA, "yes")
    assert str(caught.value).endswith(".") and caught.value.fix.endswith(".")
