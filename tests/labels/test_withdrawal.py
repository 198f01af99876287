"""What a visitor takes back is gone: here at once, on the Hub with the next push."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from rorem.labels.event import VOTE, Event, new_id
from rorem.labels.items import PARTS, REPORTED, item_of, picture_path, set_state
from rorem.labels.queue import Queue
from rorem.labels.sharing import Decided, refuse
from rorem.labels.store import Store
from rorem.labels.tables import events, handouts, items, pushed, reports, shards, withdrawals
from rorem.labels.withdrawal import Withdrawn, resume, withdraw
from tests.hub import Hub
from tests.labels.pushed import NAME, answer_all, events_on, here, hub, items_on, photo, same, stock, syncer
from tests.labels.samples import ANNA, BERT, PLAIN, Clock, hash_of

__all__ = ["hub"]
CODE = hash_of("a code")


def everywhere(store: Store) -> str:
    """All that the database holds, but for the note that something was withdrawn."""
    tables = (events, items, handouts, reports, pushed, shards)
    return str(
        [store.read(lambda connection, table=table: connection.execute(select(table)).all()) for table in tables]
    )


def lived(store: Store) -> tuple[list[str], str]:
    """Items 0, 2 and 4 of others, and 1, a visitor's, of the same photo as 0. All judged, 0 and 1 compared."""
    others = stock(store, [0, 2, 4])
    (mine,) = stock(store, [1], code=CODE)
    answer_all(store, ANNA)
    store.add(Event(new_id(), VOTE, ANNA, "left", item_a=others[0], item_b=mine, handout=new_id()))
    return others, mine


def test_before_the_push_all_traces_go(store: Store, hub: Hub, tmp_path: Path) -> None:
    others, mine = lived(store)
    queue = Queue(store, PLAIN, Clock())
    assert withdraw(store, CODE, 9) == Withdrawn(found=1, on_hub=0)
    assert mine not in everywhere(store)
    assert not picture_path(store.pictures, photo(1).hashes["sha256_result"] or "").exists()
    for part in PARTS:  # of the other removal from the same photo
        assert picture_path(store.pictures, photo(0).hashes[f"sha256_{part}"] or "").exists()
    assert [one.item for one in here(store)] and {one.item for one in here(store)} == set(others)
    syncer(store, hub).push_now()
    assert mine.encode() not in b"".join(hub.files(NAME).values()) and same(store, hub, tmp_path / "seen")
    assert withdraw(store, CODE, 9) == withdraw(store, "", 9) == withdraw(store, hash_of("no"), 9) == Withdrawn(0, 0)
    assert queue.lent(BERT, 9) == []


def test_after_the_push_a_commit_deletes_it(store: Store, hub: Hub, tmp_path: Path) -> None:
    others, mine = lived(store)
    sync = syncer(store, hub, most_events=1)
    sync.push_now()
    before = hub.files(NAME)
    handout = store.read(lambda connection: connection.scalar(select(handouts.c.id).where(handouts.c.item == mine)))
    assert withdraw(store, CODE, 9) == Withdrawn(found=1, on_hub=1)
    assert Queue(store, PLAIN, Clock()).item(str(handout)) is None  # nobody sees it from now on
    assert not picture_path(store.pictures, photo(1).hashes["sha256_result"] or "").exists()
    assert withdraw(store, CODE, 9) == Withdrawn(found=1, on_hub=1)  # still on its way
    assert sync.push_now().waiting == 0
    assert mine not in everywhere(store) and same(store, hub, tmp_path / "seen")
    assert {row["id"] for row in items_on(hub, tmp_path / "seen")} == set(others)
    assert "deleted" in hub.commits(NAME)[-1]
    untouched = [path for path in before if hub.files(NAME).get(path) == before[path]]
    assert len([path for path in untouched if "events" in path]) == 3  # those that do not name it
    assert store.read(lambda connection: connection.scalars(select(withdrawals.c.shard)).all()) == [""]
    hub.log.clear()
    sync.push_now()
    assert hub.log == []


def test_a_refusal_after_the_push_goes_the_same_way(store: Store, hub: Hub, tmp_path: Path) -> None:
    """Somebody has reported a visitor's photo that was approved and pushed: only the visitor has the code."""
    others, mine = lived(store)
    sync = syncer(store, hub)
    sync.push_now()
    store.write(lambda connection: set_state(connection, [mine, others[0]], REPORTED))
    assert refuse(store, [mine, others[0]], 9) == Decided(done=(mine, others[0]), on_hub=1)
    assert not picture_path(store.pictures, photo(1).hashes["sha256_result"] or "").exists()
    assert sync.push_now().waiting == 0
    assert mine not in everywhere(store)
    assert {row["id"] for row in items_on(hub, tmp_path / "seen")} == set(others)
    fresh = Store(f"sqlite:///{tmp_path / 'fresh' / 'labels.db'}", tmp_path / "fresh" / "pictures")
    syncer(fresh, hub).push_now()
    assert len(here(fresh)) == 3 and mine not in everywhere(fresh)
    fresh.close()


def test_nothing_of_it_stays_in_the_files(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'labels.db'}", tmp_path / "pictures")
    others, mine = lived(store)
    (row,) = store.read(lambda connection: connection.execute(select(items).where(items.c.id == mine)).mappings().all())
    secrets = [CODE, row["sha256_result"], *(one.event for one in here(store) if mine in (one.item, one.item_b))]
    assert len(secrets) == 4 and all(secret.encode() in _bytes_in(tmp_path) for secret in secrets)
    withdraw(store, CODE, 9)
    found = _bytes_in(tmp_path)
    assert others[0].encode() in found and not [secret for secret in secrets if secret.encode() in found]
    store.close()


def _bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("labels.db*"))


@pytest.mark.parametrize("fault", ["lost", "failed", "conflict"])
def test_a_deletion_that_breaks_off_is_repeated(fault: str, store: Store, hub: Hub, tmp_path: Path) -> None:
    _, mine = lived(store)
    syncer(store, hub).push_now()
    withdraw(store, CODE, 9)
    stock(store, [40])
    answer_all(store, BERT)
    faults: dict[str, Callable[[], None]] = {
        "lost": hub.lose_answer,
        "failed": lambda: hub.fail(500, "/commit/"),
        "conflict": hub.conflict,
    }
    faults[fault]()
    syncer(store, hub).push_now()
    assert syncer(store, hub).push_now().waiting == 0
    assert mine not in everywhere(store) and same(store, hub, tmp_path / "seen")


def test_withdrawn_while_it_is_on_its_way(store: Store, hub: Hub, tmp_path: Path) -> None:
    for number, reaches in enumerate((True, False)):
        code = hash_of(f"code {number}")
        stock(store, [50 + 10 * number])
        (mine,) = stock(store, [51 + 10 * number], code=code)
        answer_all(store, ANNA)
        (hub.lose_answer if reaches else lambda: hub.fail(500, "/commit/"))()
        syncer(store, hub).push_now()
        assert withdraw(store, code, 9) == Withdrawn(1, 1)
        syncer(store, hub).push_now()
        assert syncer(store, hub).push_now().waiting == 0
        assert mine not in everywhere(store) and same(store, hub, tmp_path / "seen")


@pytest.mark.parametrize("moment", ["rorem.labels.pushing._removals", "rorem.labels.pushing._title"])
def test_withdrawn_in_the_midst_of_a_push(
    moment: str, store: Store, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after the push has looked at what was withdrawn, and planned already."""
    _, mine = lived(store)
    module, _, name = moment.rpartition(".")
    plain, told = getattr(importlib.import_module(module), name), list[Withdrawn]()

    def meanwhile(*more: object) -> object:
        if not told:
            with ThreadPoolExecutor(1) as pool:  # as in life: not within the transaction of the push
                told.append(pool.submit(withdraw, store, CODE, 9).result())
        return plain(*more)

    monkeypatch.setattr(moment, meanwhile)
    syncer(store, hub).push_now()
    assert told == [Withdrawn(1, 1)]
    assert syncer(store, hub).push_now().waiting == 0
    assert mine not in everywhere(store) and same(store, hub, tmp_path / "seen")


def test_the_last_item_leaves_an_empty_data_set(store: Store, hub: Hub, tmp_path: Path) -> None:
    stock(store, [1], code=CODE)
    answer_all(store, ANNA)
    syncer(store, hub).push_now()
    withdraw(store, CODE, 9)
    assert syncer(store, hub).push_now().safe == 0
    assert set(hub.files(NAME)) == {"README.md"} and b"configs" not in hub.files(NAME)["README.md"]
    stock(store, [2])
    answer_all(store, BERT)
    syncer(store, hub).push_now()
    assert len(events_on(hub, tmp_path / "seen")) == 1


def test_it_goes_on_where_it_broke_off(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _, mine = lived(store)

    def full(*told: object) -> None:
        raise OSError(5, "the disk is ill")

    with monkeypatch.context() as patch:
        patch.setattr("rorem.labels.withdrawal.drop_pictures", full)
        with pytest.raises(OSError):
            withdraw(store, CODE, 9)
    row = store.read(lambda connection: item_of(connection, mine))
    assert row is not None and row["state"] == "private"
    assert withdraw(store, CODE, 9) == Withdrawn(1, 0)
    assert mine not in everywhere(store) and resume(store, 9) == 0


def test_a_new_start_goes_on_with_it(store: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    _, mine = lived(store)
    syncer(store, hub).push_now()
    monkeypatch.setattr("rorem.labels.withdrawal._delete", _killed)
    with pytest.raises(KeyboardInterrupt):
        withdraw(store, CODE, 9)
    monkeypatch.undo()
    assert syncer(store, hub).push_now() and mine in everywhere(store)
    assert resume(store, 9) == 1 and resume(store, 9) == 0
    assert store.read(lambda connection: connection.scalars(select(withdrawals.c.shard)).all()) != [""]


def _killed(*told: object) -> None:
    raise KeyboardInterrupt
