"""Filling a fresh store from the data set on the Hub: after a disk was lost, the work goes on where it was.

Items come back with their pictures, answers with their annotators, and nobody is asked again what they answered. It may
be broken off at any time: the next call goes on.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from rorem.labels.event import Event
from rorem.labels.hub_folder import hub_folder
from rorem.labels.hub_repository import Head, HubRepository
from rorem.labels.items import GOLD, LONGEST_CATEGORY, OPEN, OWN, PARTS, add_items, shuffled, size_of
from rorem.labels.kept_pictures import drop_pictures, keep_pictures
from rorem.labels.plan import Plan
from rorem.labels.push_plan import THERE, note_there
from rorem.labels.recount import recount
from rorem.labels.relending import relend
from rorem.labels.shards import EVENTS, ITEMS, kept_of, read_events, read_items, shards_in
from rorem.labels.sql import chunks
from rorem.labels.store import Store, add_events
from rorem.labels.tables import events, facts, handouts, items, shards, strata, withdrawals

log = logging.getLogger(__name__)
FACT = "hub_restore"
RUNNING, DONE = "running", "done"
PAGE = 200  # rows in a transaction
OnStep = Callable[[int, int], None]  # shards that are done, and in all


@dataclass(frozen=True)
class Restored:
    """What was not here before."""

    items: int = 0
    events: int = 0


def is_wanted(store: Store) -> bool:
    """Whether the store is empty, or was when its restoring began, which has not come to its end. Raises CannotSave."""

    def told(connection: Connection) -> bool:
        state = connection.scalar(select(facts.c.value).where(facts.c.name == FACT))
        if state is None:
            any_event = connection.scalar(select(events.c.seq).limit(1))
            state = RUNNING if any_event is None else DONE
            connection.execute(insert(facts).values(name=FACT, value=state))
        return state == RUNNING

    if store.read(lambda connection: connection.scalar(select(facts.c.value).where(facts.c.name == FACT))) == DONE:
        return False
    return store.write(told)


def restore(
    store: Store,
    plan: Plan,
    repository: HubRepository,
    now: Callable[[], int],
    on_step: OnStep = lambda done, total: None,
) -> Restored:
    """Brings all items and events of the data set into a store for which `is_wanted`.

    now: ms. on_step: may raise, to stop. Raises NoRepository where there is no data set that the token may read:
    the store wants it as before; HubTrouble, BadData, Unavailable, CannotSave, OSError.
    """
    head = repository.head()
    there = set(store.read(_noted))
    paths = [path for path in shards_in(head.files, ITEMS) if path not in there]
    told = shards_in(head.files, EVENTS)
    total, new, added = len(paths) + 1, 0, 0
    with hub_folder(store) as folder:
        for number, path in enumerate(paths):
            on_step(number, total)
            new += _bring_items(store, plan, repository, head, path, folder, now)
        on_step(len(paths), total)
        if not there.issuperset(told):
            added = _bring_events(store, plan, repository, head, told, folder, now)
    store.write(lambda connection: connection.execute(update(facts).where(facts.c.name == FACT).values(value=DONE)))
    on_step(total, total)
    log.info("%d removals and %d label events came back from the Hub.", new, added)
    return Restored(new, added)


def _bring_items(
    store: Store,
    plan: Plan,
    repository: HubRepository,
    head: Head,
    path: str,
    folder: Path,
    now: Callable[[], int],
) -> int:
    seed = store.order_seed()
    gone = set(store.read(lambda connection: connection.scalars(select(withdrawals.c.item)).all()))
    file = repository.fetch(path, head.commit, folder)
    ids: list[str] = []
    new = 0
    for page in chunks(_rows(store.pictures, file, plan, seed, now(), gone, ids), PAGE):
        more, late = store.write(lambda connection, page=page: _add_items(connection, page))
        if late:
            drop_pictures(store, [row[f"sha256_{part}"] for row in late for part in PARTS])
        new += more
    store.write(lambda connection: note_there(connection, ITEMS, path, len(ids), ids, now()))
    file.unlink()
    return new


def _rows(
    pictures: Path, file: Path, plan: Plan, seed: int, now: int, gone: set[str], ids: list[str]
) -> Iterator[dict[str, Any]]:
    """Rows of the table of items, whose pictures are kept already, without what is gone. ids: gets those of all."""
    for told in read_items(file):
        ids.append(told["id"])
        if told["id"] in gone:
            continue
        keep_pictures(pictures, [told[part] for part in PARTS])
        yield _row(told, kept_of(told), plan, seed, now)


def _add_items(connection: Connection, rows: Sequence[dict[str, Any]]) -> tuple[int, list[dict[str, Any]]]:
    """How many are new, and those that were withdrawn while they came."""
    added = add_items(connection, rows)
    some = [row["id"] for row in rows]
    over = select(withdrawals.c.item).where(withdrawals.c.item.in_(some), withdrawals.c.shard == "")
    gone = set(connection.scalars(over))
    connection.execute(delete(items).where(items.c.id.in_(gone)))
    return added - len(gone), [row for row in rows if row["id"] in gone]


def _row(told: Mapping[str, Any], kept: Mapping[str, Any], plan: Plan, seed: int, now: int) -> dict[str, Any]:
    """A row of the table of items, without counts."""
    texts = ("id", "sha256_source", "sha256_mask", "sha256_result", "method", "revision", "options", "protocol")
    numbers = ("seed", "network_calls", "round")
    gold = kept.get("gold") if kept.get("gold") in ("yes", "no") else ""
    share = float(kept.get("mask_share") or 0.0)
    wanted = plan.wanted(told["id"])
    category = told["category"] or ""
    return {
        **{name: told[name] or "" for name in texts},
        **{name: told[name] or 0 for name in numbers},
        "category": category,
        "licence": told["licence"] or "",
        "author": told["author"] or "",
        "sample": _sample(told),
        "name": str(kept.get("name") or told["id"][:16]),
        "mask_share": share,
        "removal_seconds": kept.get("removal_seconds"),
        "origin": OWN,
        "place": 0,
        "state": GOLD if gold else OPEN,
        "stratum": f"{category[:LONGEST_CATEGORY]}/{size_of(share)}",
        "rank": shuffled(seed, told["id"]),
        "wanted": wanted,
        "need": 0 if gold else wanted,
        "gold": gold,
        "code": str(kept.get("code") or ""),
        "hold_until": 0,
        "added": int(kept.get("added") or now),
    }


def _bring_events(
    store: Store,
    plan: Plan,
    repository: HubRepository,
    head: Head,
    paths: Sequence[str],
    folder: Path,
    now: Callable[[], int],
) -> int:
    """How many are new.

    Shards are in no order, but which of two answers was the first one matters: all are put in the order of their time.
    """
    told: list[Event] = []
    inside: dict[str, list[str]] = {}
    for path in paths:
        file = repository.fetch(path, head.commit, folder)
        some = list(read_events(file))
        inside[path] = [one.event for one in some]
        told += some
        file.unlink()
    told.sort(key=lambda one: one.at)
    # What was said of items that are still to be deleted there is needed to find it there.
    over = select(withdrawals.c.item).where(withdrawals.c.shard == "")
    gone = set(store.read(lambda connection: connection.scalars(over).all()))
    added = 0
    for page in chunks((one for one in told if not {one.item, one.item_a, one.item_b} & gone), PAGE):
        added += store.write(lambda connection, page=page: _add_events(connection, page))
    about = sorted({one.item for one in told if one.item})
    # All at once, since an annotator's hand-outs are numbered in the order of time.
    store.write(lambda connection: relend(connection, about))
    for page in chunks(about, PAGE):
        store.write(lambda connection, page=page: _recount(connection, plan, page))
    store.write(_balance)
    for path, ids in inside.items():
        store.write(lambda connection, path=path, ids=ids: note_there(connection, EVENTS, path, len(ids), ids, now()))
    return added


def _add_events(connection: Connection, some: Sequence[Event]) -> int:
    known = set(connection.scalars(select(events.c.event).where(events.c.event.in_([one.event for one in some]))))
    new = list({one.event: one for one in some if one.event not in known}.values())
    add_events(connection, new)
    return len(new)


def _recount(connection: Connection, plan: Plan, ids: Sequence[str]) -> None:
    """Somebody may answer meanwhile: they wait until the counts are written."""
    connection.execute(select(items.c.id).where(items.c.id.in_(ids)).order_by(items.c.id).with_for_update()).all()
    recount(connection, plan, ids)


def _balance(connection: Connection) -> None:
    """How often each group was asked about, so that the queue goes on with the one that was asked about least."""
    asked = select(items.c.stratum, func.count()).join(handouts, handouts.c.item == items.c.id)
    for group, count in connection.execute(asked.where(handouts.c.counts).group_by(items.c.stratum)).all():
        connection.execute(update(strata).where(strata.c.id == group).values(asked=count))


def _noted(connection: Connection) -> list[str]:
    return list(connection.scalars(select(shards.c.path).where(shards.c.state == THERE)))


def _sample(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"{told['sha256_source']}:{told['sha256_mask']}".encode()).hexdigest()
