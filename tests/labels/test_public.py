"""Yes and no of visitors, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from rorem.errors import BadData
from rorem.labels import public
from rorem.labels.current import current
from rorem.labels.event import Event
from rorem.labels.items import PRIVATE, item_of
from rorem.labels.plan import Plan
from rorem.labels.public import Made, bounded, judge, private_row, record
from rorem.labels.queue import Queue
from rorem.labels.store import Store

PLAN = Plan(gold=0.0, repeats=0.0)
ANNA, BERT = "a" * 32, "b" * 32


def row(number: int = 0, method: str = "patchmatch") -> dict[str, Any]:
    made = Made(method, revision="r1", seed=number, seconds=1.25)
    triplet = record(b"source", b"mask", f"result {number}".encode(), made)
    return private_row(triplet, made, PLAN, 7, 0.05, 1000)


def everything(store: Store) -> list[Event]:
    return [event for _, event in store.events()]


def say(store: Store, verdict: str, *reasons: str, who: str = ANNA, number: int = 0, seconds: float = 2.0) -> Event:
    return judge(store, row(number), who, verdict, reasons, seconds, 5000)


def test_an_answer_is_an_event_about_a_private_item(store: Store) -> None:
    say(store, "no", "shadow", "colour")
    (event,) = everything(store)
    assert (event.kind, event.source, event.verdict, event.reasons) == (
        "judgement",
        "public",
        "no",
        ("shadow", "colour"),
    )
    assert (event.annotator, event.seconds, event.at, event.item) == (ANNA, 2.0, 5000, row()["id"])
    item = store.read(lambda connection: item_of(connection, event.item))
    assert item and item["state"] == PRIVATE and item["method"] == "patchmatch" and item["removal_seconds"] == 1.25
    assert item["name"].startswith("visitor-") and not item["origin"]
    assert Queue(store, PLAN).lent(BERT, 5) == []


def test_a_change_of_mind_supersedes_and_the_same_again_changes_nothing(store: Store) -> None:
    first = say(store, "yes")
    assert say(store, "yes") == first
    say(store, "no")
    say(store, "no", "shadow")
    last = say(store, "yes")
    events = everything(store)
    assert [event.verdict for event in events] == ["yes", "no", "no", "yes"]
    assert [event.supersedes for event in events] == ["", *(event.event for event in events[:-1])]
    assert current(events).public == (last,) and not current(events).answers


def test_two_visitors_and_two_results_do_not_touch_each_other(store: Store) -> None:
    say(store, "yes")
    say(store, "no", who=BERT)
    say(store, "no", number=1)
    assert not any(event.supersedes for event in everything(store)) and len(everything(store)) == 3


@pytest.mark.parametrize("verdict", ["skip", "mask_wrong", "left", "", "YES", "x" * 10_000_000])
def test_only_yes_and_no_are_answers(store: Store, verdict: str) -> None:
    with pytest.raises(BadData):
        say(store, verdict)
    assert not everything(store) and store.read(lambda connection: item_of(connection, row()["id"])) is None


@pytest.mark.parametrize("reasons", [("ugly",), ("shadow", "shadow"), ("x" * 10_000_000,)])
def test_only_known_reasons_once_each(store: Store, reasons: tuple[str, ...]) -> None:
    with pytest.raises(BadData):
        say(store, "no", *reasons)
    with pytest.raises(BadData):
        say(store, "yes", "shadow")
    assert not everything(store) and store.read(lambda connection: item_of(connection, row()["id"])) is None


def test_a_mind_changes_only_so_often(store: Store) -> None:
    for turn in range(public.MOST_CHANGES):
        say(store, ("yes", "no")[turn % 2])
    with pytest.raises(BadData):
        say(store, "yes")
    assert len(everything(store)) == public.MOST_CHANGES


def test_presses_at_the_same_time_leave_one_answer(store: Store) -> None:
    together = threading.Barrier(6)
    failures: list[Exception] = []

    def press(verdict: str) -> None:
        together.wait()
        try:
            say(store, verdict)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=press, args=(("yes", "no")[number % 2],)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(current(everything(store)).public) == 1
    assert not failures or not store.on_sqlite


@pytest.mark.parametrize(
    "told, kept", [(-1.0, 0.0), (4.5, 4.5), (9e9, 3600.0), (float("inf"), 3600.0), (float("nan"), 0.0)]
)
def test_times_are_bounded(told: float, kept: float) -> None:
    assert bounded(told) == kept
