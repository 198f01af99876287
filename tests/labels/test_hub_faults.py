"""Whatever goes wrong on the way to the Hub: nothing is lost, nothing is there twice, and people are told."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest
from sqlalchemy import select

from rorem.labels.store import Store
from rorem.labels.syncing import LONGEST_PAUSE, REFUSED_PAUSE
from rorem.labels.tables import facts, pushed
from tests.hub import TOKEN, Hub
from tests.labels.pushed import NAME, answer_all, here, hub, same, stock, syncer
from tests.labels.samples import ANNA, BERT

__all__ = ["hub"]


@pytest.fixture
def address(tmp_path: Path) -> str:
    """What fails here is the Hub, so one kind of database will do."""
    return f"sqlite:///{tmp_path / 'labels.db'}"


FAULTS = {
    "429": lambda hub: hub.fail(429, headers={"Retry-After": "7"}),
    "429 for the commit": lambda hub: hub.fail(429, "/commit/", headers={"Retry-After": "7"}),
    "500 for the commit": lambda hub: hub.fail(500, "/commit/"),
    "503 for the list": lambda hub: hub.fail(503, f"/api/datasets/{NAME}"),
    "500s for the upload": lambda hub: hub.fail(500, "/large/", times=99),
    "half an upload": lambda hub: hub.cut("/large/", times=99),
    "half a commit": lambda hub: hub.cut("/commit/"),
    "no answer": lambda hub: hub.silence("/commit/"),
    "an answer that is lost": lambda hub: hub.lose_answer("/commit/"),
    "nobody makes it": lambda hub: hub.fail(500, "/api/repos/create"),
    "a new one that is not heard of": lambda hub: hub.lose_answer("/api/repos/create"),
    "no answer to the batch": lambda hub: hub.lose_answer("objects/batch", times=99),
    "400": lambda hub: hub.fail(400, "/commit/"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_push_that_fails_changes_nothing_and_is_repeated(fault: str, store: Store, hub: Hub, tmp_path: Path) -> None:
    stock(store, range(4))
    answer_all(store, ANNA)
    sync = syncer(store, hub, patience=0.5)
    FAULTS[fault](hub)
    failed = sync.push_now()
    came_through = fault == "an answer that is lost"
    assert len(hub.commits(NAME)) == came_through
    assert (failed.safe, failed.waiting, failed.last_push_ms) == (4, 4, None)
    assert len(failed.sentence) > len("4 answers safe here, 4 not yet on the Hub. ")
    assert syncer(store, hub).status().sentence == failed.sentence  # another server tells the same
    hub.calm()
    stock(store, [8])
    answer_all(store, BERT)
    done = sync.push_now()
    assert (done.safe, done.waiting) == (5, 0)
    assert done.sentence == "5 answers safe here, 0 not yet on the Hub."
    assert same(store, hub, tmp_path / "seen")


def test_an_unheard_commit_is_found_and_not_repeated(store: Store, hub: Hub, tmp_path: Path) -> None:
    stock(store, range(4))
    answer_all(store, ANNA)
    hub.lose_answer("/commit/")
    syncer(store, hub).push_now()
    before = hub.files(NAME)
    hub.log.clear()
    assert syncer(store, hub).push_now().waiting == 0  # after a new start
    assert hub.files(NAME) == before and len(hub.commits(NAME)) == 1
    assert not [one for one in hub.log if one.method != "GET"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_was_revoked(status: int, store: Store, hub: Hub, tmp_path: Path) -> None:
    stock(store, range(4))
    answer_all(store, ANNA)
    sync = syncer(store, hub)
    sync.push_now()
    stock(store, [8])
    answer_all(store, BERT)
    hub.revoke(status)
    told = sync.push_now()
    assert (told.safe, told.waiting) == (5, 1)
    assert "The Hub refused the token. HF_TOKEN must be allowed to write to someone/labels." in told.sentence
    assert sync._round() >= 0.75 * REFUSED_PAUSE
    hub.revoke(0)
    assert sync.push_now().waiting == 0
    assert same(store, hub, tmp_path / "seen")


def test_no_network_and_then_one(store: Store, hub: Hub, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        stock(store, range(4))
        answer_all(store, ANNA)
        sync = syncer(store, hub, endpoint=nowhere)
        assert sync.push_now().sentence.endswith("4 not yet on the Hub. The Hub cannot be reached.")
        pauses = [sync._round() for _ in range(12)]
    assert pauses[0] < pauses[3] < pauses[6] and max(pauses) <= LONGEST_PAUSE and len(set(pauses)) == 12
    assert syncer(store, hub).push_now().waiting == 0


def test_the_hub_says_how_long_to_wait(store: Store, hub: Hub) -> None:
    stock(store, range(2))
    answer_all(store, ANNA)
    sync = syncer(store, hub)
    sync.push_now()
    stock(store, [8])
    answer_all(store, BERT)
    hub.fail(429, f"/api/datasets/{NAME}", headers={"Retry-After": "1234"})
    assert sync._round() == 1234
    assert "The Hub asks to be left alone for a while." in sync.push_now().sentence or sync.status().waiting == 0


def test_the_token_is_nowhere(
    store: Store, hub: Hub, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stock(store, range(2))
    answer_all(store, ANNA)
    sync = syncer(store, hub)
    for status in (400, 403, 429, 500):
        for path in ("/api/datasets/", "/preupload/", "/commit/"):
            hub.fail(status, path, times=9, message=f"no {TOKEN} no")
            told = sync.push_now()
            assert TOKEN not in told.sentence and told.waiting == 2
            hub.calm()
    ours = [one for one in caplog.records if one.name.startswith("rorem")]
    assert ours and "***" in "".join(one.getMessage() for one in ours)
    for one in ours:
        assert TOKEN not in one.getMessage() and one.exc_info is None
    assert TOKEN not in repr(sync) + repr(vars(sync)["_repository"]) + "".join(capfd.readouterr())
    noted = store.read(lambda connection: connection.execute(select(facts)).all())
    assert TOKEN not in str(noted)


def test_a_hub_that_fails_half_the_time_gets_everything(store: Store, hub: Hub, tmp_path: Path) -> None:
    hub.shake(0.5, seed=3)
    sync = syncer(store, hub, most_events=3)
    for round in range(6):
        stock(store, range(4 * round, 4 * round + 4))
        answer_all(store, (ANNA, BERT)[round % 2])
        sync.push_now()
        sync = syncer(store, hub, most_events=3)
    hub.calm()
    assert sync.push_now().waiting == 0
    assert same(store, hub, tmp_path / "seen") and len(here(store)) == 24
    rows = store.read(lambda connection: connection.execute(select(pushed)).all())
    assert len(rows) == 48
