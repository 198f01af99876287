"""Items and their pictures."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rorem.errors import BadData
from rorem.labels.items import (
    CLOSED,
    GOLD,
    HELD,
    OPEN,
    OWN,
    REPORTED,
    Pictures,
    Where,
    add_items,
    item_of,
    keep_picture,
    picture_path,
    set_state,
    shuffled,
    size_of,
    where,
)
from rorem.labels.plan import Plan
from rorem.labels.queue import Queue
from rorem.labels.store import Store
from tests.labels.samples import ANNA, BERT, CARL, PLAIN, fill, row, state_of, triplet


def test_items_are_added_once_and_keep_their_counts(store: Store) -> None:
    fill(store, 3)
    queue = Queue(store, PLAIN)
    answered = queue.answer(queue.lent(ANNA, 1)[0].id, ANNA, "yes")
    again = [row(number, PLAIN, origin="another", place=number + 7) for number in (2, 1, 3, 0, 3)]
    assert store.write(lambda connection: add_items(connection, again)) == 1
    found = state_of(store, answered.item)
    assert (found["yes"], found["state"], found["origin"]) == (1, CLOSED, "another")
    assert where(found).place == found["place"] >= 7  # type: ignore[arg-type]


def test_an_origin_is_not_forgotten(store: Store) -> None:
    fill(store, 1, origin="set", place=4)
    fill(store, 1, origin=OWN)
    assert (state_of(store, triplet(0).id)["origin"], state_of(store, triplet(0).id)["place"]) == ("set", 4)


def test_no_items_are_added(store: Store) -> None:
    assert store.write(lambda connection: add_items(connection, [])) == 0


def test_two_who_add_the_same_items_in_another_order_do_not_block(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]
    rows = [row(number, PLAIN, category=f"category {number % 9}") for number in range(600)]
    added: list[int] = []

    def add(store: Store, some: list[dict[str, Any]]) -> None:
        added.append(store.write(lambda connection: add_items(connection, some)))

    threads = [threading.Thread(target=add, args=pair) for pair in zip(stores, (rows, rows[::-1]), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(added) == 600


@pytest.mark.parametrize(
    "changes",
    [{"category": "a\0b"}, {"name": "\ud800"}, {"options": "\0"}, {"seed": 2**63}, {"round": 2**31}],
    ids=lambda changes: "-".join(changes),
)
def test_what_a_database_cannot_hold_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadData):
        row(0, PLAIN, **changes)


def test_odd_texts_come_back_as_they_were(store: Store) -> None:
    odd = "'; DROP TABLE items; -- \x01\x1f\u202e <script>\U0001f415" * 50
    fill(store, 1, category=odd, author=odd, options=odd)
    found = state_of(store, triplet(0).id)
    assert found["category"] == found["author"] == found["options"] == odd
    assert len(Queue(store, PLAIN).lent(ANNA, 1)) == 1


def test_states(store: Store) -> None:
    (id,) = fill(store, 1, Plan(slice_share=1.0), state=HELD)
    assert state_of(store, id)["need"] == 0
    assert store.write(lambda connection: set_state(connection, [id, id, "0" * 64], OPEN)) == 1
    assert (state_of(store, id)["state"], state_of(store, id)["need"]) == (OPEN, 3)
    store.write(lambda connection: set_state(connection, [id], REPORTED))
    assert state_of(store, id)["need"] == 0


def test_opening_again_does_not_ask_for_what_is_there(store: Store) -> None:
    (id,) = fill(store, 1)
    queue = Queue(store, PLAIN)
    queue.answer(queue.lent(ANNA, 1)[0].id, ANNA, "no")
    (known,) = fill(store, 1, first=1, gold="yes")
    for state in (REPORTED, OPEN):
        store.write(lambda connection, state=state: set_state(connection, [id, known], state))
    assert (state_of(store, id)["state"], state_of(store, known)["state"]) == (CLOSED, GOLD)


def test_opening_again_does_not_ask_for_what_nobody_can_tell(store: Store) -> None:
    (id,) = fill(store, 1)
    queue = Queue(store, PLAIN)
    for who in (ANNA, BERT, CARL):
        queue.answer(queue.lent(who, 1)[0].id, who, "skip")
    assert state_of(store, id)["state"] == CLOSED
    for state in (REPORTED, OPEN):
        store.write(lambda connection, state=state: set_state(connection, [id], state))
    assert (state_of(store, id)["state"], state_of(store, id)["need"]) == (CLOSED, 0)


def test_groups_are_by_category_and_size() -> None:
    assert [size_of(share) for share in (0.0, 0.02, 0.021, 0.1, 0.2, 1.0)] == [
        *("small", "small", "medium", "medium", "large", "large")
    ]
    assert row(0, PLAIN, mask_share=0.5)["stratum"] == "dog/large"
    assert len(row(0, PLAIN, category="x" * 5000)["stratum"]) < 100


def test_the_shuffle_is_fixed_and_in_range() -> None:
    ranks = [shuffled(7, str(number)) for number in range(1000)]
    assert ranks == [shuffled(7, str(number)) for number in range(1000)] != sorted(ranks)
    assert shuffled(8, "0") != ranks[0] and all(0 <= rank < 2**62 for rank in ranks)


def test_a_new_group_starts_where_the_others_are(store: Store) -> None:
    fill(store, 30)
    queue = Queue(store, PLAIN)
    for _ in range(20):
        queue.answer(queue.lent(ANNA, 1)[0].id, ANNA, "yes")
    fill(store, 30, first=30, category="cat")
    seen = []
    for _ in range(10):
        handout = queue.lent(ANNA, 1)[0]
        seen.append(state_of(store, handout.item)["category"])
        queue.answer(handout.id, ANNA, "yes")
    assert seen.count("cat") == 5


def test_pictures_are_kept_once_under_their_hash(tmp_path: Path) -> None:
    digits = keep_picture(tmp_path, b"a picture")
    assert digits == keep_picture(tmp_path, b"a picture") == hashlib.sha256(b"a picture").hexdigest()
    assert picture_path(tmp_path, digits).read_bytes() == b"a picture"


@pytest.mark.parametrize(
    "digits", ["", "../" * 21 + "x", "/etc/passwd", "0" * 63, "A" * 64, "0" * 63 + "\n", "\0" * 64]
)
def test_no_path_is_made_of_what_is_no_hash(tmp_path: Path, digits: str) -> None:
    with pytest.raises(ValueError, match="hash"):
        picture_path(tmp_path, digits)


def test_pictures_are_read_from_the_folder_and_the_sets(store: Store, tmp_path: Path) -> None:
    first, second = triplet(0), triplet(1)
    rows = [row(0, PLAIN, origin="set", place=0), row(1, PLAIN, origin="set", place=5), row(2, PLAIN)]
    store.write(lambda connection: add_items(connection, rows))
    opened: list[str] = []

    def open_set(name: str) -> list[Any]:
        opened.append(name)
        return [first]

    pictures = Pictures(tmp_path, open_set)
    at = [where(item) for one in rows if (item := store.read(lambda c, one=one: item_of(c, one["id"]))) is not None]
    assert pictures.read(at[0], "mask") == first.mask and pictures.read(at[0], "result") == first.result
    assert pictures.read(at[0], "truth") is None and pictures.read(at[0], "../mask") is None
    assert pictures.read(at[1], "mask") is None  # the set is shorter now
    assert pictures.read(at[2], "mask") is None
    keep_picture(tmp_path, second.mask)
    assert pictures.read(at[1], "mask") == second.mask
    assert opened == ["set", "set"]  # again, in case all of it had changed


def test_a_picture_that_is_another_one_now_is_not_shown(tmp_path: Path) -> None:
    digits = keep_picture(tmp_path, b"a picture")
    picture_path(tmp_path, digits).write_bytes(b"another one")
    at = Where(OWN, 0, dict.fromkeys(("source", "mask", "result"), digits))
    assert Pictures(tmp_path, lambda name: []).read(at, "source") is None
