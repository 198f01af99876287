"""A push amid withdrawals, and after somebody has deleted what was pushed before."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from rorem.labels.event import JUDGEMENT, Event, new_id
from rorem.labels.hub_losses import hold
from rorem.labels.hub_repository import HubRepository
from rorem.labels.hub_trouble import HubTrouble
from rorem.labels.shards import EVENTS, ITEMS, shards_in
from rorem.labels.store import Store
from rorem.labels.tables import items, pushed, shards
from rorem.labels.withdrawal import Withdrawn, withdraw
from tests import hub_api
from tests.hub import TOKEN, Hub
from tests.labels.pushed import NAME, answer_all, events_on, hub, items_on, photo, same, stock, syncer
from tests.labels.samples import ANNA, BERT, CARL, hash_of

__all__ = ["hub"]
CODE = hash_of("a code")


@pytest.fixture
def address(tmp_path: Path) -> str:
    """What matters here is the Hub, so one kind of database will do."""
    return f"sqlite:///{tmp_path / 'labels.db'}"


def delete(hub: Hub, *paths: str) -> None:
    """Somebody deletes files of the data set."""
    there = hub.repositories[NAME]
    there.commit("by hand", {path: data for path, data in there.files.items() if path not in paths})


def states(store: Store) -> dict[str, str]:
    wanted = select(shards.c.path, shards.c.state)
    return dict(store.read(lambda connection: connection.execute(wanted).all()))  # type: ignore[arg-type]


MOMENTS = ("rorem.labels.pushing.card", "rorem.labels.pushing._title", "tests.hub_api._put")


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_is_withdrawn_before_the_commit_is_in_none(
    moment: str, store: Store, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When all is composed already; the last moment is amid the upload."""
    others = stock(store, [0, 2, 4])
    (mine,) = stock(store, [1], code=CODE)
    answer_all(store, ANNA)
    module, _, name = moment.rpartition(".")
    plain: Callable[..., object] = getattr(importlib.import_module(module), name)
    told: list[Withdrawn] = []
    door = threading.Lock()  # files are uploaded side by side

    def meanwhile(*more: object) -> object:
        with door:
            if not told:
                told.append(withdraw(store, CODE, 9))
        return plain(*more)

    monkeypatch.setattr(moment, meanwhile)
    assert syncer(store, hub).push_now().waiting == 0
    assert told == [Withdrawn(1, 1)]
    commits = hub.repositories[NAME].commits
    assert len(commits) == 2 and {row["id"] for row in items_on(hub, tmp_path / "seen")} == set(others)
    published = b"".join(data for _, _, files in commits for data in files.values())
    assert mine.encode() not in published and (photo(1).result or b"") not in published
    assert (photo(0).result or b"nothing") in published
    assert same(store, hub, tmp_path / "seen")
    assert store.read(lambda connection: connection.scalar(select(items.c.id).where(items.c.id == mine))) is None
    assert set(states(store).values()) == {"there"}


@pytest.mark.parametrize("anew", [False, True])
def test_a_data_set_that_was_deleted_gets_everything_again(
    anew: bool, store: Store, hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stock(store, range(5))
    answer_all(store, ANNA)
    syncer(store, hub, most_events=2).push_now()
    del hub.repositories[NAME]
    if anew:
        hub.put(NAME, {"README.md": b"# Anew\n"})
    stock(store, [10])
    answer_all(store, BERT)
    with caplog.at_level(logging.WARNING, "rorem"):
        done = syncer(store, hub).push_now()
    assert (done.waiting, done.trouble) == (0, "") and done.sentence.endswith("0 not yet on the Hub.")
    assert "all is pushed again" in caplog.text
    assert same(store, hub, tmp_path / "seen") and len(items_on(hub, tmp_path / "seen")) == 6
    assert set(states(store)) == {path for path in hub.files(NAME) if path != "README.md"}


def test_files_that_somebody_deleted_stay_away_and_that_is_told(
    store: Store, hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stock(store, range(5))
    answer_all(store, ANNA)
    syncer(store, hub, most_events=2).push_now()
    before = hub.files(NAME)
    first, second, _ = shards_in(before, EVENTS)
    delete(hub, first, second)
    stock(store, [10])
    answer_all(store, BERT)
    sync = syncer(store, hub)
    with caplog.at_level(logging.WARNING, "rorem"):
        told = sync.push_now()
        stock(store, [12])
        answer_all(store, CARL)
        told = sync.push_now()
    assert told.sentence.endswith("0 not yet on the Hub. 2 files that were pushed are no longer on the Hub.")
    assert told.trouble == "" and not {first, second} & hub.files(NAME).keys()
    assert caplog.text.count(first) == caplog.text.count(second) == 1  # once in the log
    assert syncer(store, hub).status().sentence == told.sentence  # after a new start
    hub.put(NAME, {first: before[first], second: before[second]})  # they have thought better of it
    stock(store, [14])
    answer_all(store, ANNA)
    assert "no longer" not in sync.push_now().sentence
    assert same(store, hub, tmp_path / "seen")


def test_a_shard_that_is_gone_is_not_said_to_be_rewritten(store: Store, hub: Hub, tmp_path: Path) -> None:
    stock(store, range(3))
    answer_all(store, ANNA)
    syncer(store, hub).push_now()
    (mine,) = stock(store, [51], code=CODE)
    stock(store, [52])
    answer_all(store, BERT)
    sync = syncer(store, hub)
    sync.push_now()
    which = select(pushed.c.shard).where(pushed.c.kind == ITEMS, pushed.c.id == mine)
    old = store.read(lambda connection: connection.scalar(which))
    assert old is not None
    delete(hub, old)
    assert withdraw(store, CODE, 9) == Withdrawn(1, 1)
    sync.push_now()
    stock(store, [60])
    answer_all(store, CARL)
    told = sync.push_now()
    assert told.sentence.endswith("1 file that was pushed is no longer on the Hub.")
    known = states(store)
    assert {path for path, state in known.items() if state == "there"} == set(hub.files(NAME)) - {"README.md"}
    assert known[old] == "missing"
    assert mine not in str(events_on(hub, tmp_path / "seen"))
    rows = store.read(lambda connection: connection.execute(select(pushed)).all())
    assert mine not in str(rows) and len([row for row in rows if row.shard == old]) == 1  # item 52


def test_an_unheard_rewriting_of_all_shards_is_no_loss(store: Store, hub: Hub, tmp_path: Path) -> None:
    """None of what is noted is on the Hub then, and yet nothing is missing there."""
    ids = [*stock(store, [0]), *stock(store, [1], code=CODE)]
    for person in (ANNA, BERT):  # a shard each
        for item in ids:
            store.add(Event(new_id(), JUDGEMENT, person, "yes", item, handout=new_id()))
        syncer(store, hub).push_now()
    assert len(states(store)) == 3
    withdraw(store, CODE, 9)
    hub.lose_answer()
    assert "cannot be reached" in syncer(store, hub).push_now().sentence
    done = syncer(store, hub).push_now()
    assert (done.waiting, done.trouble) == (0, "")
    assert same(store, hub, tmp_path / "seen") and len(events_on(hub, tmp_path / "seen")) == 2
    assert set(states(store).values()) == {"there"} and len(states(store)) == 3


def test_the_hub_is_believed_only_about_what_was_noted_before_it_was_asked(store: Store, hub: Hub) -> None:
    """Another process may have pushed since."""
    stock(store, range(2))
    answer_all(store, ANNA)
    syncer(store, hub).push_now()
    before = states(store)
    assert store.write(lambda connection: hold(connection, [], frozenset())) == ""
    assert states(store) == before


def test_half_an_answer_about_the_files_is_none(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = hub_api._json

    def without_files(value: object, status: int = 200) -> hub_api.Answer:
        return plain({name: one for name, one in value.items() if name != "siblings"}, status)  # type: ignore

    hub.put(NAME, {})
    monkeypatch.setattr(hub_api, "_json", without_files)
    with pytest.raises(HubTrouble, match="cannot be understood"):
        HubRepository(NAME, TOKEN, endpoint=hub.url).head()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "of the system"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder


def test_no_photo_is_in_the_systems_temporary_folder(
    store: Store, hub: Hub, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There a killed push would leave it for ever."""
    stock(store, range(2))
    answer_all(store, ANNA)
    plain, seen = hub_api._put, list[Path]()

    def look(call: hub_api.Call) -> hub_api.Answer:
        seen.extend(temporary.rglob("*"))
        seen.extend(store.pictures.parent.rglob("*.parquet"))
        return plain(call)

    monkeypatch.setattr(hub_api, "_put", look)
    assert syncer(store, hub).push_now().waiting == 0
    assert seen and not [path for path in seen if path.is_relative_to(temporary)]
    assert not list(store.pictures.parent.rglob("*.parquet"))
