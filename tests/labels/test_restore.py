"""A fresh disk gets its state back from the Hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from rorem.labels.event import VOTE, Event, new_id
from rorem.labels.hub_repository import HubRepository
from rorem.labels.hub_trouble import HubTrouble
from rorem.labels.items import PARTS, Pictures, item_of, where
from rorem.labels.queue import Queue
from rorem.labels.restore import Restored, is_wanted, restore
from rorem.labels.store import Store
from rorem.labels.tables import annotators, facts, handouts, items, pushed
from tests.hub import TOKEN, Hub
from tests.labels.pushed import NAME, answer_all, here, hub, no_set, photo, same, stock, syncer
from tests.labels.samples import ANNA, BERT, CARL, PLAIN, Clock

__all__ = ["hub"]
COUNTS = ("yes", "no", "mask_wrong", "skips", "given", "wanted", "state", "gold", "code", "mask_share", "name")


@pytest.fixture
def fresh(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'fresh' / 'labels.db'}", tmp_path / "fresh" / "pictures")


def repository(hub: Hub) -> HubRepository:
    return HubRepository(NAME, TOKEN, endpoint=hub.url)


def lived(store: Store, hub: Hub) -> None:
    """Answers of two people, with an undo that was answered anew, one that was not, a check and a vote; all pushed."""
    ids = stock(store, range(8), code="c" * 64)
    stock(store, [30, 31], gold="no")
    queue = Queue(store, PLAIN, Clock())
    answer_all(store, ANNA)
    queue.undo(ANNA)
    lent = queue.lent(ANNA, 1)[0]
    queue.answer(lent.id, ANNA, "no", ("colour",))
    stock(store, range(10, 14))
    answer_all(store, BERT, "no")
    queue.undo(BERT)
    gold = store.read(lambda connection: connection.scalars(select(items.c.id).where(items.c.gold != "")).all())
    store.add(Event(new_id(), "judgement", BERT, "no", gold[0], source="gold", handout=new_id(), at=10**9 + 5))
    store.add(Event(new_id(), VOTE, BERT, "tie", item_a=ids[0], item_b=ids[1], handout=new_id(), at=10**9 + 6))
    syncer(store, hub, most_events=5).push_now()


def told(store: Store) -> dict[str, dict[str, object]]:
    with_events = {id for one in here(store) for id in (one.item, one.item_a, one.item_b) if id}
    rows = store.read(lambda connection: connection.execute(select(items)).mappings().all())
    return {row["id"]: {name: row[name] for name in COUNTS} for row in rows if row["id"] in with_events}


def test_all_comes_back(store: Store, fresh: Store, hub: Hub, tmp_path: Path) -> None:
    lived(store, hub)
    assert is_wanted(fresh)
    back = restore(fresh, PLAIN, repository(hub), lambda: 5)
    assert back == Restored(items=len(told(store)), events=len(here(store)))
    assert here(fresh) == here(store) and told(fresh) == told(store)
    for number in (0, 5, 12):
        row = fresh.read(lambda connection, number=number: item_of(connection, photo(number).id))
        assert row is not None
        read = Pictures(fresh.pictures, no_set).read
        assert [read(where(row), part) for part in PARTS] == [getattr(photo(number), part) for part in PARTS]
    assert not is_wanted(fresh)
    hub.log.clear()
    assert syncer(fresh, hub).push_now().waiting == 0
    assert hub.log == [] and same(fresh, hub, tmp_path / "seen")


def test_nobody_is_asked_again(store: Store, fresh: Store, hub: Hub) -> None:
    lived(store, hub)
    restore(fresh, PLAIN, repository(hub), lambda: 5)
    queue = Queue(fresh, PLAIN, Clock())
    undone = [one.item for one in here(store) if one.annotator == BERT and not one.handout and one.supersedes]
    assert [one.item for one in queue.lent(BERT, 9)] == undone  # that one was taken back, so it is asked again
    answered = {one.item for one in here(store) if one.annotator == ANNA}
    assert answered and not answered & {one.item for one in queue.lent(ANNA, 9)}
    seeds = [
        dict(one.read(lambda connection: connection.execute(select(annotators.c.id, annotators.c.order_seed)).all()))  # type: ignore[arg-type]
        for one in (store, fresh)
    ]
    assert seeds[0] == seeds[1]
    stock(fresh, range(20, 24))
    assert len(queue.lent(CARL, 9)) == 4


def test_it_goes_on_after_an_interruption(store: Store, fresh: Store, hub: Hub, tmp_path: Path) -> None:
    lived(store, hub)

    class Enough(Exception): ...

    def stop_at(step: int) -> Callable[[int, int], None]:
        def on_step(done: int, total: int) -> None:
            if done == step:
                raise Enough

        return on_step

    for step in range(3):
        with pytest.raises(Enough):
            assert is_wanted(fresh)
            restore(fresh, PLAIN, repository(hub), lambda: 5, stop_at(step))
    answer_all(fresh, CARL)  # somebody is quicker
    mine = [one for one in here(fresh) if one.annotator == CARL]
    assert is_wanted(fresh)
    hub.fail(500, "/resolve/", times=99)
    with pytest.raises(HubTrouble):
        restore(fresh, PLAIN, repository(hub), lambda: 5)
    hub.calm()
    restore(fresh, PLAIN, repository(hub), lambda: 5)
    assert here(fresh) == sorted([*here(store), *mine], key=lambda one: one.event)
    syncer(fresh, hub).push_now()
    assert same(fresh, hub, tmp_path / "seen")


def test_only_an_empty_store_wants_it(store: Store, fresh: Store, hub: Hub) -> None:
    lived(store, hub)
    assert not is_wanted(store)
    assert is_wanted(fresh) and is_wanted(fresh)
    nothing = HubRepository("someone/nothing", TOKEN, endpoint=hub.url)
    assert restore(fresh, PLAIN, nothing, lambda: 5) == Restored()
    assert not is_wanted(fresh)


def test_who_hands_out_waits_for_earlier_answers(store: Store, fresh: Store, hub: Hub) -> None:
    lived(store, hub)
    assert syncer(fresh, hub).is_open(0.0)  # nobody pushes, so nobody fetches
    runs = syncer(fresh, hub)
    try:
        runs.start()
        assert runs.is_open(30.0) and here(fresh) == here(store)
    finally:
        runs.stop()


def test_nobody_waits_for_a_hub_that_fails(store: Store, fresh: Store, hub: Hub) -> None:
    lived(store, hub)
    hub.fail(500, "/resolve/", times=99)
    runs = syncer(fresh, hub)
    try:
        runs.start()
        assert runs.is_open(30.0) and here(fresh) == []
    finally:
        runs.stop(30)


def test_the_syncer_restores_first(store: Store, fresh: Store, hub: Hub) -> None:
    lived(store, hub)
    hub.fail(500, "/resolve/", times=99)
    told = syncer(fresh, hub).push_now()
    assert told.restoring is False or "fetched" in told.sentence
    assert here(fresh) == []
    hub.calm()
    told = syncer(fresh, hub).push_now()
    assert (told.waiting, told.restoring) == (0, False) and here(fresh) == here(store)
    noted = fresh.read(lambda connection: connection.scalar(select(facts.c.value).where(facts.c.name == "hub_repo")))
    assert noted == NAME
    counted = [one.read(lambda connection: len(connection.execute(select(pushed)).all())) for one in (store, fresh)]
    assert counted[0] == counted[1]
    assert fresh.read(lambda connection: len(connection.execute(select(handouts)).all())) > 10
