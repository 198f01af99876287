"""A store whose items have pictures, a Hub on this machine, and a syncer between the two."""

from __future__ import annotations

import io
import random
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rorem.labels.event import Event
from rorem.labels.items import PARTS, Pictures, add_items, keep_picture, row_of
from rorem.labels.queue import Queue
from rorem.labels.shards import EVENTS, ITEMS, read_events, read_items, shards_in
from rorem.labels.store import Store
from rorem.labels.syncing import Syncer
from rorem.triplet import Triplet
from tests.hub import TOKEN, Hub
from tests.labels.samples import PLAIN, Clock

NAME = "someone/labels"


def picture(number: int, side: int = 12) -> bytes:
    """A PNG that no other number has."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def photo(number: int, **told: Any) -> Triplet:
    """Items 0 and 1 are of one photo, 2 and 3 of the next one and so on."""
    source, mask = picture(1000 + number // 2), picture(2000 + number // 2)
    return Triplet(f"photo {number}", source, mask, picture(number), method="patchmatch", category="dog", **told)


def stock(store: Store, numbers: Sequence[int], **told: Any) -> list[str]:
    """Adds items with pictures in the store's own folder; their ids."""
    rows = []
    for number in numbers:
        one = photo(number)
        for part in PARTS:
            keep_picture(store.pictures, getattr(one, part))
        rows.append(row_of(one, PLAIN, 7, 0, mask_share=0.05, **told))
    store.write(lambda connection: add_items(connection, rows))
    return [row["id"] for row in rows]


def answer_all(store: Store, annotator: str, verdict: str = "yes") -> int:
    """Answers whatever there is for this annotator; how many that were."""
    queue, count = Queue(store, PLAIN, Clock()), 0
    while lent := queue.lent(annotator, 1):
        queue.answer(lent[0].id, annotator, verdict, ("shadow",) if verdict == "no" else (), 1.5)
        count += 1
    return count


def no_set(name: str) -> Sequence[Triplet]:
    raise AssertionError(f"{name} is not to be opened")


def syncer(store: Store, hub: Hub, **more: Any) -> Syncer:
    told: dict[str, Any] = {"repo": NAME, "token": TOKEN, "endpoint": hub.url, "chance": random.Random(1), **more}
    return Syncer(store, Pictures(store.pictures, no_set), PLAIN, **told)


def events_on(hub: Hub, folder: Path, name: str = NAME) -> list[Event]:
    """All events of a data set, sorted by their ids; twice what is there twice."""
    found: list[Event] = []
    for path, file in _laid_out(hub, folder, name, EVENTS):
        assert f"-{len(list(read_events(file))):05}-" in path
        found += read_events(file)
    return sorted(found, key=lambda one: one.event)


def items_on(hub: Hub, folder: Path, name: str = NAME) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for _, file in _laid_out(hub, folder, name, ITEMS):
        found += read_items(file)
    return sorted(found, key=lambda row: row["id"])


def here(store: Store) -> list[Event]:
    return sorted((event for _, event in store.events()), key=lambda one: one.event)


def same(store: Store, hub: Hub, folder: Path) -> bool:
    """Whether the data set has just what the store has: nothing lost, nothing twice."""
    told = events_on(hub, folder)
    assert told == here(store), f"{len(told)} there, {len(here(store))} here"
    about = {id for one in told for id in (one.item, one.item_a, one.item_b) if id}
    assert [row["id"] for row in items_on(hub, folder)] == sorted(about)
    return True


def _laid_out(hub: Hub, folder: Path, name: str, kind: str) -> Iterator[tuple[str, Path]]:
    folder.mkdir(exist_ok=True)
    for path in shards_in(hub.files(name), kind):
        file = folder / path.replace("/", "-")
        file.write_bytes(hub.files(name)[path])
        yield path, file


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub that may be asked although all tests are offline, by a library that does not wait."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils import _http

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(_http, "time", types.SimpleNamespace(sleep=lambda seconds: None))
    with Hub() as hub:
        yield hub
    set_client_factory(_http.default_client_factory)
