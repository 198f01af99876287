"""From the store to the Hub, by one process or several: nothing lost, nothing twice."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from rorem.errors import BadOptions
from rorem.labels.event import VOTE, Event, new_id
from rorem.labels.items import HELD, PRIVATE, picture_path, set_state
from rorem.labels.lease import new_holder, take
from rorem.labels.queue import Queue
from rorem.labels.shards import EVENTS, ITEMS, shards_in, told_by
from rorem.labels.store import Store
from rorem.labels.syncing import NO_TOKEN, Syncer
from rorem.labels.tables import facts, shards
from rorem.triplet import Triplet
from tests.hub import Hub
from tests.labels import pushed as samples
from tests.labels.pushed import NAME, answer_all, events_on, here, hub, items_on, photo, same, stock, syncer
from tests.labels.samples import ANNA, BERT, PLAIN, Clock

__all__ = ["hub"]


def test_answers_reach_the_hub_once(store: Store, hub: Hub, tmp_path: Path) -> None:
    ids = stock(store, range(6))
    answer_all(store, ANNA)
    stock(store, [50])  # nobody has said anything about it
    sync = syncer(store, hub)
    before = sync.status()
    assert (before.safe, before.waiting, before.kept_here, before.last_push_ms) == (6, 6, 0, None)
    assert before.sentence == "6 answers safe here, 6 not yet on the Hub."
    after = sync.push_now()
    assert (after.safe, after.waiting, after.kept_here, after.repo) == (6, 0, 0, NAME)
    assert after.sentence == "6 answers safe here, 0 not yet on the Hub."
    assert after.last_push_ms is not None and abs(after.last_push_ms - time.time() * 1000) < 60_000
    assert same(store, hub, tmp_path / "seen")
    rows = {row["id"]: row for row in items_on(hub, tmp_path / "seen")}
    assert set(rows) == set(ids)
    for number in range(6):
        one = photo(number)
        row = rows[one.id]
        assert (row["source"], row["mask"], row["result"]) == (one.source, one.mask, one.result)  # byte for byte
        assert (row["votes_yes"], row["votes_no"], row["p_yes"], row["accepted_by"]) == (1, 0, 1.0, "human")
    assert hub.repositories[NAME].private
    assert len(hub.commits(NAME)) == 1 and "6 removals" in hub.commits(NAME)[0]
    hub.log.clear()
    assert sync.push_now().waiting == 0
    assert hub.log == [] and len(hub.commits(NAME)) == 1  # nothing new, nobody asked


def test_what_was_pushed_is_never_pushed_again(store: Store, hub: Hub, tmp_path: Path) -> None:
    stock(store, range(4))
    sync = syncer(store, hub)
    queue = Queue(store, PLAIN, Clock())
    first = queue.lent(ANNA, 1)[0]
    queue.answer(first.id, ANNA, "yes")
    sync.push_now()
    before = hub.files(NAME)
    queue.undo(ANNA)
    answer_all(store, ANNA, "no")
    syncer(store, hub).push_now()  # another process
    after = hub.files(NAME)
    assert {path: data for path, data in after.items() if path in before and path != "README.md"} == {
        path: data for path, data in before.items() if path != "README.md"
    }
    assert same(store, hub, tmp_path / "seen")
    assert sync.push_now().safe == 5  # an undo is pushed and is no answer
    assert len(here(store)) == 6


def test_a_photo_is_kept_once_in_a_shard(store: Store, hub: Hub) -> None:
    big = {number: samples.picture(number, side=400) for number in (1000, 2000)}  # 480 kB each
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "picture", lambda number, plain=samples.picture: big.get(number) or plain(number))
        patch.setattr(samples, "photo", of_one_photo)
        stock(store, range(12))
    answer_all(store, ANNA)
    syncer(store, hub).push_now()
    (path,) = shards_in(hub.files(NAME), ITEMS)
    assert len(hub.files(NAME)[path]) < 1.1 * sum(map(len, big.values()))


def of_one_photo(number: int) -> Triplet:
    source, mask = samples.picture(1000), samples.picture(2000)
    return replace(photo(0), name=f"photo {number}", result=samples.picture(number), source=source, mask=mask)


def test_many_answers_go_in_several_commits(store: Store, hub: Hub, tmp_path: Path) -> None:
    stock(store, range(9))
    answer_all(store, ANNA)
    assert syncer(store, hub, most_events=4).push_now().waiting == 0
    sizes = sorted(told.rows for path in shards_in(hub.files(NAME), EVENTS) if (told := told_by(path)))
    assert sizes == [1, 4, 4] and len(hub.commits(NAME)) == 3
    assert same(store, hub, tmp_path / "seen")


def test_what_is_not_shared_stays_here(store: Store, hub: Hub, tmp_path: Path) -> None:
    ids = stock(store, range(4))
    answer_all(store, ANNA)
    store.add(Event(new_id(), VOTE, ANNA, "left", item_a=ids[0], item_b=ids[1], handout=new_id()))
    store.add(Event(new_id(), VOTE, ANNA, "tie", item_a=ids[2], item_b=ids[3], handout=new_id()))
    store.write(lambda connection: set_state(connection, [ids[3]], HELD))
    (mine,) = stock(store, [7], state=PRIVATE)
    store.add(Event(new_id(), "judgement", BERT, "no", mine, source="public"))
    told = syncer(store, hub).push_now()
    assert (told.safe, told.waiting, told.kept_here) == (7, 0, 3)
    assert told.sentence == "7 answers safe here, 0 waiting for the Hub, 3 stay here on purpose."
    there = events_on(hub, tmp_path / "seen")
    assert not {id for one in there for id in (one.item, one.item_a, one.item_b)} & {ids[3], mine}
    assert {row["id"] for row in items_on(hub, tmp_path / "seen")} == set(ids[:3])
    store.write(lambda connection: set_state(connection, [ids[3]], "open"))  # the operator has approved it
    told = syncer(store, hub).push_now()
    assert (told.waiting, told.kept_here) == (0, 1)
    assert len(events_on(hub, tmp_path / "seen")) == 6


def test_pictures_that_are_gone_hold_up_nothing_else(store: Store, hub: Hub, tmp_path: Path) -> None:
    ids = stock(store, range(6))
    answer_all(store, ANNA)
    lost = picture_path(store.pictures, photo(2).hashes["sha256_result"] or "")
    data = lost.read_bytes()
    lost.unlink()
    sync = syncer(store, hub, most_events=1)
    assert sync.push_now().waiting == 1
    assert photo(2).id not in {row["id"] for row in items_on(hub, tmp_path / "seen")}
    lost.write_bytes(data)
    assert sync.push_now().waiting == 0
    assert same(store, hub, tmp_path / "seen") and len(ids) == len(items_on(hub, tmp_path / "seen"))


def test_commits_by_others_come_first(store: Store, hub: Hub, tmp_path: Path) -> None:
    hub.put(NAME, {"README.md": b"---\nlicense: mit\n---\n# Ours\n\nWords of the operator.\n", "data/other.csv": b"1"})
    stock(store, range(4))
    answer_all(store, ANNA)
    hub.conflict(3)
    assert syncer(store, hub).push_now().waiting == 0
    files = hub.files(NAME)
    assert files["data/other.csv"] == b"1" and len([path for path in files if path.startswith("notes/")]) == 3
    card = files["README.md"].decode()
    assert "Words of the operator." in card and "license: mit" in card and "4 removals and 4 label events." in card
    hub.conflict(99)
    stock(store, [8])
    answer_all(store, BERT)
    told = syncer(store, hub).push_now()
    assert told.waiting == 1 and "Others write to someone/labels all the time." in told.sentence
    hub.calm()
    assert syncer(store, hub).push_now().waiting == 0
    assert same(store, hub, tmp_path / "seen")


def test_two_writers_keep_out_of_each_others_way(store: Store, hub: Hub, tmp_path: Path) -> None:
    other = Store(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "other")
    other.write(lambda connection: connection.execute(facts.insert().values(name="hub_restore", value="done")))
    stock(store, range(4))
    stock(other, range(10, 14))
    answer_all(store, ANNA)
    answer_all(other, BERT)
    syncer(store, hub).push_now()
    first = {path: data for path, data in hub.files(NAME).items() if path != "README.md"}
    syncer(other, hub).push_now()
    assert first.items() <= hub.files(NAME).items()
    told = events_on(hub, tmp_path / "seen")
    assert told == sorted([*here(store), *here(other)], key=lambda one: one.event)
    assert "8 removals and 8 label events." in hub.files(NAME)["README.md"].decode()
    other.close()


def test_a_plan_of_a_process_that_died_is_kept(store: Store, hub: Hub, tmp_path: Path) -> None:
    stock(store, range(6))
    answer_all(store, ANNA)
    hub.fail(500, "/commit/")
    syncer(store, hub).push_now()
    planned = store.read(lambda connection: set(connection.scalars(select(shards.c.path))))
    stock(store, [20, 21])  # more comes before the repetition, and votes change what the rows say
    answer_all(store, BERT)
    assert syncer(store, hub).push_now().waiting == 0
    assert planned < set(hub.files(NAME))
    assert same(store, hub, tmp_path / "seen")


def test_a_plan_is_given_up_where_it_may_not_be_kept(store: Store, hub: Hub, tmp_path: Path) -> None:
    ids = stock(store, range(6))
    answer_all(store, ANNA)
    hub.fail(500, "/commit/")
    syncer(store, hub).push_now()
    store.write(lambda connection: set_state(connection, [ids[2]], "reported"))
    told = syncer(store, hub).push_now()
    assert (told.waiting, told.kept_here) == (0, 1)
    assert {row["id"] for row in items_on(hub, tmp_path / "seen")} == set(ids) - {ids[2]}
    assert len(events_on(hub, tmp_path / "seen")) == 5
    states = store.read(lambda connection: set(connection.scalars(select(shards.c.state))))
    assert states == {"there"}


def test_a_file_of_a_plan_that_was_given_up_is_deleted_if_it_turns_up(store: Store, hub: Hub, tmp_path: Path) -> None:
    ids = stock(store, range(4))
    answer_all(store, ANNA)
    hub.fail(500, "/commit/")
    syncer(store, hub).push_now()
    late = {
        path: b"came late" for path in store.read(lambda connection: set(connection.scalars(select(shards.c.path))))
    }
    store.write(lambda connection: set_state(connection, [ids[0]], "reported"))
    hub.fail(500, "/commit/")
    syncer(store, hub).push_now()  # it is given up now
    hub.put(NAME, late)
    assert syncer(store, hub).push_now().waiting == 0
    assert not late.keys() & hub.files(NAME).keys()
    assert len(events_on(hub, tmp_path / "seen")) == 3


def test_without_a_token_all_stays_here(store: Store, hub: Hub) -> None:
    stock(store, range(2))
    answer_all(store, ANNA)
    sync = syncer(store, hub, token="")
    sync.start()
    told = sync.push_now()
    sync.stop()
    assert told.sentence == f"2 answers safe here. {NO_TOKEN}" and hub.log == []
    with pytest.raises(BadOptions, match="no name"):
        syncer(store, hub, repo="labels")


def test_another_data_set_is_refused(store: Store, hub: Hub) -> None:
    stock(store, range(2))
    answer_all(store, ANNA)
    syncer(store, hub).push_now()
    stock(store, [8])
    answer_all(store, BERT)
    told = syncer(store, hub, repo="someone/else").push_now()
    assert told.waiting == 1 and "These answers belong to the data set someone/labels." in told.sentence
    assert hub.files("someone/else") == {}


def test_public_if_asked(store: Store, hub: Hub) -> None:
    stock(store, range(2))
    answer_all(store, ANNA)
    syncer(store, hub, public=True).push_now()
    assert not hub.repositories[NAME].private


def test_one_at_a_time(store: Store, hub: Hub) -> None:
    stock(store, range(2))
    answer_all(store, ANNA)
    now = int(time.time() * 1000)
    elsewhere = new_holder().replace(socket.gethostname(), "another-machine")
    assert store.write(lambda connection: take(connection, elsewhere, now))
    sync = syncer(store, hub)
    told = sync.push_now()
    assert told.waiting == 2 and told.sentence == "2 answers safe here, 2 not yet on the Hub." and hub.log == []
    assert told.elsewhere and not sync.status().elsewhere
    dead = f"{socket.gethostname()}|{2**22 + 7}|x|0|{now + 10**9}"  # a process of this machine that is no more
    store.write(
        lambda connection: connection.execute(update(facts).where(facts.c.name == "hub_lease").values(value=dead))
    )
    told = sync.push_now()
    assert (told.waiting, told.elsewhere) == (0, False)
    assert (
        store.read(lambda connection: connection.scalar(select(facts.c.value).where(facts.c.name == "hub_lease"))) == ""
    )


def test_a_lease_runs_out(store: Store) -> None:
    one, other = (new_holder().replace(socket.gethostname(), machine) for machine in ("here", "there"))
    assert store.write(lambda connection: take(connection, one, 0))
    assert not store.write(lambda connection: take(connection, other, 59_000))
    assert store.write(lambda connection: take(connection, one, 59_000))  # renewed
    assert not store.write(lambda connection: take(connection, other, 118_000))
    assert store.write(lambda connection: take(connection, other, 120_000))


def test_the_thread_pushes_by_itself(store: Store, hub: Hub, tmp_path: Path) -> None:
    stock(store, range(2))
    answer_all(store, ANNA)
    sync = syncer(store, hub, minutes=60)
    sync.start()
    _until(lambda: len(hub.commits(NAME)) == 1)
    stock(store, [8])
    answer_all(store, BERT)
    sync.wake()
    _until(lambda: len(hub.commits(NAME)) == 2)
    stock(store, [10])
    answer_all(store, "c" * 32)
    sync.stop()  # with a last push
    assert same(store, hub, tmp_path / "seen")
    sync.stop()


def _until(there, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_two_pushers_at_once(store: Store, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease only saves work: without it nothing is pushed twice either."""
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setattr("rorem.labels.lease.take", lambda connection, holder, now: True)
    stock(store, range(12))
    answer_all(store, ANNA)
    both = [syncer(store, hub, most_events=2) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Syncer.push_now, both))
    assert both[0].push_now().waiting == 0
    assert same(store, hub, tmp_path / "seen")
