"""Strangers' photos: held, approved, refused; on SQLite and on PostgreSQL."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select, update

from rorem.errors import BadData
from rorem.labels import sharing
from rorem.labels.items import HELD, OPEN, REFUSED, SHARED, Pictures, add_items, item_of, picture_path, set_state
from rorem.labels.plan import Plan
from rorem.labels.public import Made, judge, private_row, record
from rorem.labels.queue import Queue
from rorem.labels.review import review_page
from rorem.labels.sharing import DAY, LEAST_ROOM, Decided, approve, pending, refuse, share
from rorem.labels.store import Store
from rorem.labels.tables import withdrawals
from rorem.labels.withdrawal import resume, withdraw
from tests.labels import samples

PLAN = Plan(slice_share=0.0, gold=0.0, repeats=0.0)
ANNA, BERT = "a" * 32, "b" * 32
CODE = "c" * 64


def png(level: int, mask: bool = False) -> bytes:
    pixels = np.full((40, 60) if mask else (40, 60, 3), level, np.uint8)
    if mask:
        pixels[10:20, 10:20] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def offered(number: int = 0, method: str = "patchmatch") -> tuple[dict[str, Any], dict[str, bytes]]:
    """Removals of one photo."""
    files = {"source": png(200), "mask": png(0, mask=True), "result": png(number)}
    made = Made(method, seconds=1.0)
    return private_row(record(files["source"], files["mask"], files["result"], made), made, PLAN, 7, 0.05, 1000), files


def give(
    store: Store, number: int = 0, now: int = 1000, days: float = 7.0, method: str = "patchmatch", code: str = CODE
) -> str:
    row, files = offered(number, method)
    share(store, row, files, code, now, days)
    return row["id"]


def state(store: Store, id: str) -> str | None:
    row = store.read(lambda connection: item_of(connection, id))
    return None if row is None else str(row["state"])


def kept(store: Store) -> set[str]:
    return {path.name for path in store.pictures.rglob("*") if path.is_file()}


def test_what_is_shared_is_held_with_its_pictures(store: Store) -> None:
    row, files = offered()
    id = give(store)
    item = store.read(lambda connection: item_of(connection, id))
    assert item and item["state"] == HELD and item["hold_until"] == 1000 + 7 * DAY and item["code"] == CODE
    for part, data in files.items():
        assert picture_path(store.pictures, row[f"sha256_{part}"]).read_bytes() == data
    assert Queue(store, PLAN).lent(ANNA, 5) == []
    (one,) = pending(store)
    assert (one.id, one.state, one.visitor, one.reports) == (id, HELD, True, 0)


def test_an_answer_that_was_given_before_belongs_to_it(store: Store) -> None:
    row, _ = offered()
    judge(store, row, ANNA, "yes", (), 1.0, 500)
    assert state(store, row["id"]) == "private" and not pending(store)
    assert give(store) == row["id"] and state(store, row["id"]) == HELD


def test_nothing_is_shared_twice(store: Store) -> None:
    id = give(store)
    with pytest.raises(BadData):
        give(store, code="d" * 64)
    assert state(store, id) == HELD and len(kept(store)) == 3


def test_shared_again_under_its_own_code_it_stays_as_it_is(store: Store) -> None:
    id = give(store, days=0)
    before = store.read(lambda connection: item_of(connection, id))
    assert give(store, now=5000) == id
    assert store.read(lambda connection: item_of(connection, id)) == before
    approve(store, [id], 6000)
    assert give(store, now=7000) == id and state(store, id) == OPEN and len(kept(store)) == 3


def test_only_so_many_photos_wait(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "MOST_WAITING", 2)
    first, _ = give(store, 0), give(store, 1)
    before = kept(store)
    with pytest.raises(BadData, match="wait") as caught:
        give(store, 2)
    assert "docs" not in caught.value.advice and kept(store) == before and len(pending(store)) == 2
    give(store, 1)  # is there already
    refuse(store, [first], 5)
    give(store, 2)


def test_the_disk_is_left_to_the_answers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    give(store, 0)
    usage = shutil.disk_usage(store.pictures)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=LEAST_ROOM - 1))
    give(store, 0)
    with pytest.raises(BadData, match="disk"):
        give(store, 1)
    assert len(pending(store)) == 1 and len(kept(store)) == 3
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=LEAST_ROOM))
    give(store, 1)


def test_what_was_withdrawn_may_be_shared_again_once_it_is_gone(store: Store) -> None:
    id = give(store)
    assert withdraw(store, CODE, 2000).found == 1 and state(store, id) is None and not kept(store)
    tombstone = update(withdrawals).where(withdrawals.c.item == id)
    store.write(lambda connection: connection.execute(tombstone.values(shard="data/one.parquet")))
    with pytest.raises(BadData):
        give(store)
    assert state(store, id) is None and not kept(store)
    store.write(lambda connection: connection.execute(tombstone.values(shard="")))
    give(store)
    left = store.read(lambda connection: connection.execute(select(withdrawals)).all())
    assert state(store, id) == HELD and not left


def test_nobody_sees_it_before_the_hold_is_over_and_it_was_approved(store: Store) -> None:
    id = give(store)
    assert approve(store, [id], 1000 + 7 * DAY - 1).early == (id,)
    assert state(store, id) not in SHARED and Queue(store, PLAN).lent(ANNA, 5) == []
    assert approve(store, [id], 1000 + 7 * DAY).done == (id,)
    assert state(store, id) == OPEN
    (lent,) = Queue(store, PLAN).lent(ANNA, 5)
    assert lent.item == id and not pending(store)


def test_the_hold_alone_opens_nothing(store: Store) -> None:
    id = give(store, days=0)
    assert Queue(store, PLAN).lent(ANNA, 5) == [] and state(store, id) == HELD
    assert approve(store, [id], 1000).done == (id,)


def test_an_operator_may_be_early_on_purpose(store: Store) -> None:
    id = give(store)
    assert approve(store, [id], 1001, early=True).done == (id,) and state(store, id) == OPEN


def test_only_what_waits_is_decided(store: Store) -> None:
    private, _ = offered(5)
    judge(store, private, ANNA, "yes", (), 1.0, 500)
    others = ["f" * 64, private["id"], "../../etc/passwd", ""]
    for decided in (approve(store, others, 10**15), refuse(store, others, 5)):
        assert not decided.done and set(decided.unknown) == set(others)
    assert state(store, private["id"]) == "private" and store.count() == 1


def test_a_refusal_leaves_no_trace_and_what_others_need(store: Store) -> None:
    row, _ = offered(0)
    judge(store, row, ANNA, "yes", (), 1.0, 500)
    first, second = give(store, 0), give(store, 1)
    assert len(kept(store)) == 4  # one photo, one mask, two results
    assert refuse(store, [first], 5).done == (first,)
    assert state(store, first) is None and store.count() == 0
    assert len(kept(store)) == 3 and row["sha256_result"] not in kept(store)
    refuse(store, [second], 5)
    assert not kept(store) and not pending(store)


def test_an_operator_takes_a_visitor_s_photo_out_at_any_time(store: Store) -> None:
    id = give(store, days=0)
    approve(store, [id], 2000)
    queue = Queue(store, PLAN)
    queue.answer(queue.lent(ANNA, 1)[0].id, ANNA, "yes")
    assert state(store, id) == "closed"
    assert refuse(store, [id], 5) == Decided(done=(id,), on_hub=0)
    assert state(store, id) is None and store.count() == 0 and not kept(store)


def test_a_refusal_that_broke_off_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def ill(*told: object) -> None:
        raise OSError(5, "the disk is ill")

    first, second = give(store, 0), give(store, 1)
    with monkeypatch.context() as patch:
        patch.setattr("rorem.labels.withdrawal.drop_pictures", ill)
        for id in (first, second):
            with pytest.raises(OSError):
                refuse(store, [id], 5)
    assert state(store, first) == state(store, second) == "private" and len(kept(store)) == 4
    assert refuse(store, [first], 5).done == (first,)
    assert state(store, first) is None and len(kept(store)) == 1
    assert resume(store, 6) == 1 and resume(store, 6) == 0
    assert state(store, second) is None and not kept(store)


def test_a_private_item_with_the_same_photo_keeps_no_pictures_alive(store: Store) -> None:
    other, _ = offered(1)
    judge(store, other, ANNA, "yes", (), 1.0, 500)
    refuse(store, [give(store, 0)], 5)
    assert not kept(store)


def test_what_was_reported_waits_too_and_comes_back_or_goes(store: Store) -> None:
    rows = [samples.row(number, PLAN, origin="set") for number in range(2)]
    store.write(lambda connection: add_items(connection, rows))
    queue = Queue(store, PLAN)
    for lent in queue.lent(ANNA, 2):
        queue.report(lent.id, ANNA)
    good, bad = (one.id for one in pending(store))
    assert [(one.reports, one.visitor) for one in pending(store)] == [(1, False), (1, False)]
    assert approve(store, [good], 5).done == (good,) and state(store, good) == OPEN
    assert refuse(store, [bad], 5).done == (bad,) and state(store, bad) == REFUSED
    assert [lent.item for lent in queue.lent(BERT, 5)] == [good] and not pending(store)


def test_a_full_disk_keeps_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        if data == offered()[1]["result"]:
            raise OSError(28, "No space left on device")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    monkeypatch.setattr("rorem.labels.items.write_whole", full)
    with pytest.raises(OSError):
        give(store)
    assert not kept(store) and not pending(store)


def test_the_page_for_the_operator_shows_it_all_and_runs_nothing(store: Store) -> None:
    wild = "<script>alert(1)</script>"
    id, gone = give(store, 0, method=wild), give(store, 1)
    row, _ = offered(1)
    picture_path(store.pictures, row["sha256_result"]).unlink()
    page = review_page(store, Pictures(store.pictures, lambda name: []), 2000)
    assert id in page and gone in page and "2 removals wait" in page
    assert page.count("data:image/jpeg") == 2 and "cannot be shown" in page
    assert "<script" not in page and "&lt;script&gt;" in page and "http" not in page.replace("http-equiv", "")
    assert "may be approved from 1970-01-08" in page


def test_a_page_about_nothing(store: Store) -> None:
    assert "0 removals wait" in review_page(store, Pictures(store.pictures, lambda name: []), 0)


def test_refused_states_are_known(store: Store) -> None:
    id = give(store)
    store.write(lambda connection: set_state(connection, [id], REFUSED))
    assert not pending(store) and approve(store, [id], 10**15).unknown == (id,)
