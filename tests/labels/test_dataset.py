"""The data set as those see it who use it: `load_dataset`, and who trains a discriminator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rorem.errors import BadData, RoremError
from rorem.labels.dataset import read_labelled
from rorem.labels.event import VOTE, Event, new_id
from rorem.labels.queue import Queue
from rorem.labels.shards import EVENTS, path_of, write_events
from rorem.labels.store import Store
from tests.hub import TOKEN, Hub
from tests.labels.pushed import NAME, answer_all, here, hub, photo, stock, syncer
from tests.labels.samples import ANNA, BERT, CARL, PLAIN, Clock

__all__ = ["hub"]
READ = """
import json, sys
from datasets import Image, load_dataset
told = {}
for name in sys.argv[2:]:
    rows = load_dataset(sys.argv[1], *([] if name == "default" else [name]), split="train")
    if name == "default":
        told["size"] = rows[0]["source"].size
        parts = ("source", "mask", "result")
        for part in parts:
            rows = rows.cast_column(part, Image(decode=False))
        told[name] = {row["id"]: {part: row[part]["bytes"].hex() for part in parts} for row in rows}
        told["plain"] = {row["id"]: [row["method"], row["votes_yes"], row["source"]["path"]] for row in rows}
    else:
        told[name] = list(rows)
        streamed = load_dataset(sys.argv[1], name, split="train", streaming=True)
        assert list(streamed) == told[name]
print(json.dumps(told))
"""


@pytest.fixture
def address(tmp_path: Path) -> str:
    """What is read here lies on the Hub, so one kind of database will do."""
    return f"sqlite:///{tmp_path / 'labels.db'}"


def loaded(hub: Hub, tmp_path: Path, *configs: str) -> dict:
    """What `load_dataset` gives, in a process of its own, since HF_ENDPOINT is read when it is imported."""
    told = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}
    environment = {**os.environ, **told, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", READ, NAME, *configs], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_load_dataset_works_as_is(store: Store, hub: Hub, tmp_path: Path) -> None:
    ids = stock(store, range(4))
    answer_all(store, ANNA, "no")
    syncer(store, hub).push_now()
    stock(store, range(6, 8))
    answer_all(store, BERT)
    store.add(Event(new_id(), VOTE, ANNA, "left", item_a=ids[0], item_b=ids[1], handout=new_id()))
    syncer(store, hub).push_now()  # a second shard of each kind
    told = loaded(hub, tmp_path, "default", "events")
    assert told["default"] == {
        one.id: {part: getattr(one, part).hex() for part in ("source", "mask", "result")}
        for one in map(photo, (0, 1, 2, 3, 6, 7))
    }
    assert told["size"] == [12, 12] and told["plain"][ids[0]] == ["patchmatch", 0, "photo 0.png"]
    fields = Event.__dataclass_fields__
    rows = sorted((Event(**{**row, "reasons": tuple(row["reasons"])}) for row in told["events"]), key=lambda e: e.event)
    assert rows == here(store) and set(told["events"][0]) == set(fields)


def test_load_dataset_works_with_events_alone(hub: Hub, tmp_path: Path) -> None:
    from rorem.labels.card import card

    event = Event(new_id(), "judgement", ANNA, "yes", "0" * 64)
    path = path_of(EVENTS, [event.event])
    write_events(tmp_path / "one.parquet", [event])
    readme = card("", NAME, [path], None).encode()
    hub.put(NAME, {path: (tmp_path / "one.parquet").read_bytes(), "README.md": readme})
    assert [row["event"] for row in loaded(hub, tmp_path, "events")["events"]] == [event.event]
    assert b"config_name: default" not in readme


def judged(store: Store) -> list[str]:
    """Item 0: Anna's no, which she took back for a yes; Bert's no; and Anna again, unawares. 1: a skip. 2: gold. 3: a
    visitor's no. 4: nothing that counts any more."""
    ids = stock(store, range(5))
    seen = [Event(new_id(), "judgement", ANNA, "no", ids[0], handout=new_id(), at=1)]
    seen.append(Event(new_id(), "judgement", ANNA, "skip", ids[0], supersedes=seen[0].event, at=2))
    seen.append(Event(new_id(), "judgement", ANNA, "yes", ids[0], supersedes=seen[1].event, handout=new_id(), at=3))
    seen.append(Event(new_id(), "judgement", BERT, "no", ids[0], handout=new_id(), at=4))
    seen.append(Event(new_id(), "judgement", CARL, "yes", ids[0], handout=new_id(), at=5))
    seen.append(Event(new_id(), "judgement", ANNA, "no", ids[0], handout=new_id(), at=6))
    seen.append(Event(new_id(), "judgement", ANNA, "skip", ids[1], handout=new_id(), at=7))
    seen.append(Event(new_id(), "judgement", ANNA, "yes", ids[2], source="gold", handout=new_id(), at=8))
    seen.append(Event(new_id(), "judgement", BERT, "no", ids[3], source="public", at=9))
    seen.append(Event(new_id(), "judgement", BERT, "no", ids[4], handout=new_id(), at=10))
    seen.append(Event(new_id(), "judgement", BERT, "skip", ids[4], supersedes=seen[-1].event, at=11))
    for one in seen:
        store.add(one)
    return ids


def test_who_trains_gets_the_answers_that_hold(store: Store, hub: Hub, tmp_path: Path) -> None:
    ids = judged(store)
    syncer(store, hub, most_events=2).push_now()  # in shards that are in no order
    there = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_TOKEN": TOKEN}
    (one,) = read_labelled(NAME, there)
    assert (one.id, one.votes_yes, one.votes_no, one.p_yes, one.accepted_by) == (ids[0], 2, 1, 2 / 3, "human")
    assert (one.source, one.mask, one.result) == (photo(0).source, photo(0).mask, photo(0).result)
    assert (one.name, one.method, one.category) == ("photo 0", "patchmatch", "dog")
    found = {one.id: (one.votes_yes, one.votes_no) for one in read_labelled(NAME, there, public=True)}
    assert found == {ids[0]: (2, 1), ids[3]: (0, 1)}
    folder = tmp_path / "folder"
    for path, data in hub.files(NAME).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    assert [one.id for one in read_labelled(folder)] == [ids[0]]
    assert Queue(store, PLAIN, Clock()).lent(ANNA, 1)


def test_what_cannot_be_read_is_told(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="holds no removals"):
        list(read_labelled(tmp_path))
    there = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_TOKEN": TOKEN}
    with pytest.raises(RoremError, match="no data set someone/nothing"):
        list(read_labelled("someone/nothing", there))
