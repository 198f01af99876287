"""A fresh disk gets its state back from the Hub."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from rorem.labels import restore as restoring
from rorem.labels.event import VOTE, Event, new_id
from rorem.labels.hub_removal import due
from rorem.labels.hub_repository import HubRepository
from rorem.labels.hub_trouble import HubTrouble, NoRepository
from rorem.labels.items import PARTS, Pictures, item_of, picture_path, where
from rorem.labels.lease import give_back, new_holder, take
from rorem.labels.queue import Queue
from rorem.labels.restore import Restored, is_wanted, restore
from rorem.labels.store import Store
from rorem.labels.tables import annotators, facts, handouts, items, pushed
from rorem.labels.verify import verify
from rorem.labels.withdrawal import Withdrawn, withdraw
from tests.hub import TOKEN, Hub
from tests.labels.pushed import NAME, answer_all, events_on, here, hub, items_on, no_set, photo, same, stock, syncer
from tests.labels.samples import ANNA, BERT, CARL, PLAIN, Clock, hash_of

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
    restore(fresh, PLAIN, repository(hub), lambda: 5)
    assert not is_wanted(fresh)


def test_a_token_that_may_not_read_is_not_the_end(store: Store, fresh: Store, hub: Hub, tmp_path: Path) -> None:
    """For it, there is no data set. Put right later, it brings the earlier answers after all."""
    lived(store, hub)
    hub.fail(404, f"/api/datasets/{NAME}", times=99, headers={"X-Error-Code": "RepoNotFound"})
    assert is_wanted(fresh)
    with pytest.raises(NoRepository):
        restore(fresh, PLAIN, repository(hub), lambda: 5)
    syncer(fresh, hub).push_now()
    stock(fresh, [90])
    answer_all(fresh, CARL)  # nobody has to wait for that
    syncer(fresh, hub).push_now()
    assert is_wanted(fresh)
    hub.calm()
    assert syncer(fresh, hub).push_now().waiting == 0
    assert {one.event for one in here(store)} < {one.event for one in here(fresh)}
    assert not is_wanted(fresh) and same(fresh, hub, tmp_path / "seen") and verify(fresh) == []


def test_the_first_data_set_is_ones_own(fresh: Store, hub: Hub, tmp_path: Path) -> None:
    runs = syncer(fresh, hub)
    assert runs.push_now().trouble == "" and hub.repositories == {}
    stock(fresh, range(4))
    answer_all(fresh, ANNA)
    assert runs.push_now().waiting == 0
    before, asked = here(fresh), len(hub.log)
    runs.push_now()
    assert not is_wanted(fresh) and here(fresh) == before and same(fresh, hub, tmp_path / "seen")
    assert len(hub.log) == asked + 1  # what is known is not fetched
    runs.push_now()
    assert len(hub.log) == asked + 1


def of_a_visitor(store: Store, number: int) -> str:
    """The code that takes it back."""
    code = hash_of("a code")
    store.write(
        lambda connection: connection.execute(update(items).where(items.c.id == photo(number).id).values(code=code))
    )
    return code


@pytest.mark.parametrize("moment", ["chunks", "read_events"])
def test_what_is_withdrawn_amid_a_restore_is_deleted_everywhere(
    moment: str, store: Store, fresh: Store, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the item and the note that the Hub has it, and before the answers come."""
    stock(store, range(8))
    mine = photo(3)
    code = of_a_visitor(store, 3)
    answer_all(store, ANNA)
    store.add(Event(new_id(), VOTE, ANNA, "left", item_a=photo(0).id, item_b=mine.id, handout=new_id()))
    syncer(store, hub).push_now()
    withdrawn: list[Withdrawn] = []
    plain = getattr(restoring, moment)

    def meanwhile(*told: Any) -> Iterator[Any]:
        yield from plain(*told)
        if not withdrawn:
            withdrawn.append(withdraw(fresh, code, 9))

    monkeypatch.setattr(restoring, moment, meanwhile)
    assert syncer(fresh, hub).push_now().trouble == ""
    assert withdrawn and withdrawn[0].found == 1
    assert mine.id not in str(items_on(hub, tmp_path / "seen")) + str(events_on(hub, tmp_path / "seen"))
    assert same(fresh, hub, tmp_path / "seen") and verify(fresh) == []
    assert fresh.read(lambda connection: item_of(connection, mine.id)) is None
    assert len(items_on(hub, tmp_path / "seen")) == 7 and fresh.read(due) == []


def test_what_was_withdrawn_between_two_tries_does_not_come_back(
    store: Store, fresh: Store, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock(store, range(8))
    mine, code = photo(3), of_a_visitor(store, 3)
    answer_all(store, ANNA)
    syncer(store, hub).push_now()
    with monkeypatch.context() as patch, pytest.raises(OSError, match="no more"):
        patch.setattr(restoring, "note_there", _no_more)
        assert is_wanted(fresh)
        restore(fresh, PLAIN, repository(hub), lambda: 5)
    plain, late = restoring.keep_pictures, list[Withdrawn]()

    def meanwhile(folder: Path, files: Any) -> None:
        if not late:
            late.append(withdraw(fresh, code, 9))
        plain(folder, files)

    monkeypatch.setattr(restoring, "keep_pictures", meanwhile)
    restore(fresh, PLAIN, repository(hub), lambda: 5)
    assert late == [Withdrawn(1, 0)]
    assert fresh.read(lambda connection: item_of(connection, mine.id)) is None
    assert not picture_path(fresh.pictures, mine.hashes["sha256_result"] or "").exists()
    assert fresh.read(due) == [mine.id]  # the Hub still has it
    syncer(fresh, hub).push_now()
    assert same(fresh, hub, tmp_path / "seen") and fresh.read(due) == [] and verify(fresh) == []


def _no_more(*told: object) -> None:
    raise OSError(5, "no more")


def test_a_second_process_waits_for_the_first_ones_restore(
    store: Store, fresh: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(store, hub)
    monkeypatch.setattr("rorem.labels.syncing.TURN", 0.05)
    elsewhere = new_holder().replace(socket.gethostname(), "another-machine")
    assert fresh.write(lambda connection: take(connection, elsewhere, int(time.time() * 1000)))
    second = syncer(fresh, hub)
    try:
        second.start()
        assert not second.is_open(0.5)  # the first is at it
        fresh.write(lambda connection: give_back(connection, elsewhere))  # it was killed
        assert second.is_open(30.0) and here(fresh) == here(store)
    finally:
        second.stop()


def test_who_was_at_it_before_a_crash_goes_on_at_once(fresh: Store, hub: Hub) -> None:
    """The Hub never answered, so the first restore never ended; and the lease of the killed process lasts on."""
    assert is_wanted(fresh)
    stock(fresh, range(2))
    answer_all(fresh, ANNA)
    elsewhere = new_holder().replace(socket.gethostname(), "another-machine")
    assert fresh.write(lambda connection: take(connection, elsewhere, int(time.time() * 1000)))
    after = syncer(fresh, hub)
    try:
        after.start()
        assert after.is_open(10.0) and is_wanted(fresh)
    finally:
        after.stop()


def test_a_second_process_need_not_wait_where_nothing_is_fetched(fresh: Store, hub: Hub) -> None:
    stock(fresh, range(2))
    answer_all(fresh, ANNA)
    elsewhere = new_holder().replace(socket.gethostname(), "another-machine")
    assert fresh.write(lambda connection: take(connection, elsewhere, int(time.time() * 1000)))
    second = syncer(fresh, hub)
    try:
        second.start()
        assert second.is_open(10.0)
    finally:
        second.stop()


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
