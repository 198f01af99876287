"""One push: what waits goes to the Hub in one commit, and counts as there once the Hub has said so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from rorem.errors import RoremError
from rorem.labels import hub_losses, hub_removal, push_plan
from rorem.labels.card import card
from rorem.labels.database import CannotSave, empty_log
from rorem.labels.hub_folder import hub_folder
from rorem.labels.hub_removal import Rewrite
from rorem.labels.hub_repository import README, Head, HubRepository
from rorem.labels.hub_trouble import Conflict, NoRepository
from rorem.labels.items import Pictures, where
from rorem.labels.push_plan import DROPPED, PLANNED, Planned
from rorem.labels.shards import EVENTS, ITEMS, SHARD, path_of, sort_key, write_events, write_items
from rorem.labels.store import Store

log = logging.getLogger(__name__)
MOST_EVENTS = 10_000  # in a shard, and in a push
MOST_SHARDS = 4  # of items, in a push
CONFLICTS = 6  # commits by others that a push gives way to, before it waits


@dataclass
class _Files:
    """Shards that lie in the temporary folder, by their paths on the Hub."""

    folder: Path
    made: dict[str, Path] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def new(self) -> Path:
        return self.folder / f"{next(self.numbers)}.parquet"


class Pusher:
    """Pushes from a store to one data set. To be called by one thread at a time."""

    def __init__(
        self,
        store: Store,
        pictures: Pictures,
        repository: HubRepository,
        now: Callable[[], int],
        *,
        licence: str = "other",
        most_events: int = MOST_EVENTS,
        most_bytes: int = SHARD,
    ) -> None:
        """now: ms. most_events, most_bytes: in a shard; bytes of different pictures."""
        self._store = store
        self._pictures = pictures
        self._repository = repository
        self._now = now
        self._licence = licence
        self._most_events = most_events
        self._most_bytes = most_bytes

    def push(self) -> bool:
        """Makes at most one commit. Whether there was one, so that more may wait.

        Raises HubTrouble, BadData, Unavailable, CannotSave, OSError. Whatever it raises, what is on the Hub is whole,
        and the next push goes on from there.
        """
        with hub_folder(self._store) as folder:
            files = _Files(folder)
            if not self._plan(files):
                return False
            for _ in range(CONFLICTS):
                noted = self._read(hub_losses.noted)
                head = self._head()
                self._hold(noted, head)
                if not self._plan(files, head):
                    return False
                try:
                    return self._commit(head, files)
                except Conflict as conflict:
                    log.info("%s", conflict)
            raise Conflict(f"Others write to {self._repository.name} all the time.")

    def _plan(self, files: _Files, head: Head | None = None) -> bool:
        """Whether there is something to do: as long as the Hub was not asked, whether there may be."""
        if head is not None:
            self._confirm(head)
        if head is None:
            states = (PLANNED, DROPPED)
            doing = any(self._read(push_plan.in_state, one) for one in states) or self._store.read(hub_removal.due)
            return bool(doing) or self._compose(files)
        planned = self._read(push_plan.in_state, PLANNED)
        if not all(self._may_go(one) and (one.path in files.made or self._write(one, files)) for one in planned):
            self._drop([one.path for one in planned])  # all: events must not go without their items
        if not self._read(push_plan.in_state, PLANNED):
            self._compose(files)
        self._erase_what_never_left()
        doing = self._read(push_plan.in_state, PLANNED) or self._store.read(hub_removal.due)
        return bool(doing) or bool(self._strays(head))

    def _hold(self, noted: Sequence[str], head: Head) -> None:
        """Somebody may have deleted what was pushed."""
        if told := self._store.write(lambda connection: hub_losses.hold(connection, noted, head.files)):
            log.warning("%s: %s", self._repository.name, told)

    def _confirm(self, head: Head) -> None:
        """A push whose end was not heard of may have come through."""
        there = [one.path for one in self._read(push_plan.in_state, PLANNED) if one.path in head.files]
        if there:
            self._store.write(lambda connection: push_plan.confirm(connection, there, self._now()))

    def _drop(self, paths: Sequence[str]) -> None:
        def drop(connection: Connection) -> None:
            for path in paths:
                push_plan.drop(connection, path, self._now())

        self._store.write(drop)

    def _erase_what_never_left(self) -> None:
        """Items that were withdrawn while they were planned, whose plan was given up since."""

        def erase(connection: Connection) -> None:
            gone = [item for item in hub_removal.due(connection) if not hub_removal.rewrites(connection, [item])]
            hub_removal.settle(connection, gone, [], (), self._now())

        if self._store.read(hub_removal.due):
            self._store.write(erase)

    def _strays(self, head: Head) -> list[str]:
        """Files of plans that were given up, although the Hub has them after all."""
        return [one.path for one in self._read(push_plan.in_state, DROPPED) if one.path in head.files]

    def _commit(self, head: Head, files: _Files) -> bool:
        """Raises Conflict."""
        planned = self._read(push_plan.in_state, PLANNED)
        dropped = self._read(push_plan.in_state, DROPPED)
        withdrawn, rewrites = self._store.read(_removals)
        adds: dict[str, Path | bytes] = {one.path: files.made[one.path] for one in planned}
        more, deletes = hub_removal.changes(self._repository, head, rewrites, files.folder)
        adds |= more
        deletes += self._strays(head)
        after = (head.files | set(adds)) - set(deletes)
        if adds or deletes:
            adds |= self._readme(head, after, files.folder)
            still = partial(self._may_all_go, planned)
            self._repository.commit(_title(planned, deletes), adds, deletes, head.commit, still)
        now = self._now()

        def done(connection: Connection) -> None:
            push_plan.confirm(connection, [one.path for one in planned], now)
            hub_removal.settle(connection, withdrawn, rewrites, after, now)
            # A push that was given up would have to build on a commit that is not the last one any more.
            push_plan.forget_dropped(connection, [one.path for one in dropped])

        self._store.write(done)
        if withdrawn:
            with suppress(CannotSave):  # all that matters is done
                self._store.read(empty_log)
        return bool(adds or deletes)

    def _readme(self, head: Head, files: frozenset[str], folder: Path) -> dict[str, bytes]:
        """The card, if it has to change."""
        before = ""
        if README in head.files:
            path = self._repository.fetch(README, head.commit, folder)
            before = path.read_text("utf-8", errors="replace")
            path.unlink()
        agreement = self._store.read(push_plan.agreement)
        after = card(before, self._repository.name, files, agreement, self._licence)
        return {} if after == before else {README: after.encode()}

    def _head(self) -> Head:
        with suppress(NoRepository):
            return self._repository.head()
        self._repository.create()
        return self._repository.head()

    def _compose(self, files: _Files) -> bool:
        """Plans what waits, and writes its shards. Whether there was something that can be pushed now."""
        after = 0
        while page := self._read(push_plan.waiting_events, after, self._most_events):
            after = page[-1][0]
            about = {one.event: {one.item, one.item_a, one.item_b} - {""} for _, one in page}
            new = self._read(push_plan.unpushed_items, sorted(set().union(*about.values())))
            made, missing = self._write_items(new, files)
            ready = [one for _, one in page if not about[one.event] & missing]
            if not ready:
                continue
            path = path_of(EVENTS, [one.event for one in ready])
            files.made[path] = files.new()
            write_events(files.made[path], ready)
            made[Planned(path, EVENTS, len(ready))] = [one.event for one in ready]
            if self._note(made):
                return True
            after = 0  # something was withdrawn or planned elsewhere meanwhile
        return False

    def _note(self, made: Mapping[Planned, Sequence[str]]) -> bool:
        try:
            return self._store.write(lambda connection: push_plan.plan(connection, made, self._now()))
        except IntegrityError:
            return False

    def _write_items(
        self, rows: Sequence[Mapping[str, Any]], files: _Files
    ) -> tuple[dict[Planned, Sequence[str]], set[str]]:
        """Shards of items, and the ids of items that are in none: no pictures, or no room in this push."""
        made: dict[Planned, Sequence[str]] = {}
        missing: set[str] = set()
        left = sorted(rows, key=sort_key)
        while left and len(made) < MOST_SHARDS:
            file = files.new()
            written = write_items(file, left, self._picture, self._most_bytes)
            missing |= set(written.missing)
            if written.ids:
                path = path_of(ITEMS, written.ids)
                files.made[path] = file
                made[Planned(path, ITEMS, len(written.ids))] = written.ids
            over = {*written.ids, *written.missing}
            left = [row for row in left if row["id"] not in over]
        if missing:
            log.warning("%d removals cannot be pushed: their pictures are not there.", len(missing))
        return made, missing | {row["id"] for row in left}

    def _write(self, shard: Planned, files: _Files) -> bool:
        """Writes the file of a plan anew. False where that cannot be done, since a picture is gone."""
        ids = self._read(push_plan.ids_in, shard.path)
        file = files.new()
        if shard.kind == ITEMS:
            rows = self._read(push_plan.items_of, ids)
            if write_items(file, rows, self._picture, most=2**62).missing:
                return False
        else:
            write_events(file, self._read(push_plan.events_of, ids))
        files.made[shard.path] = file
        return True

    def _may_go(self, shard: Planned) -> bool:
        """Whether all its rows are still here and may be pushed."""
        ids = self._read(push_plan.ids_in, shard.path)
        return len(ids) >= shard.rows and len(self._read(push_plan.valid, shard.kind, ids)) == len(ids)

    def _may_all_go(self, planned: Sequence[Planned]) -> bool:
        return all(map(self._may_go, planned))

    def _picture(self, row: Mapping[str, Any], part: str) -> bytes | None:
        try:
            return self._pictures.read(where(row), part)  # type: ignore[arg-type]  # read as a mapping
        except RoremError as error:
            log.info("%s", error)
            return None

    def _read(self, what: Callable[..., Any], *more: Any) -> Any:
        return self._store.read(lambda connection: what(connection, *more))


def _removals(connection: Connection) -> tuple[list[str], list[Rewrite]]:
    """What was withdrawn. What is in a shard that is only about to be pushed is left for the next push."""
    planned = {one.path for one in push_plan.in_state(connection, PLANNED)}
    withdrawn = [
        item
        for item in hub_removal.due(connection)
        if not planned & {one.old for one in hub_removal.rewrites(connection, [item])}
    ]
    return withdrawn, hub_removal.rewrites(connection, withdrawn)


def _title(planned: Sequence[Planned], deletes: Sequence[str]) -> str:
    rows = {kind: sum(one.rows for one in planned if one.kind == kind) for kind in (ITEMS, EVENTS)}
    parts = [f"{rows[EVENTS]} label events, {rows[ITEMS]} removals"] if planned else []
    return ", ".join([*parts, *(["withdrawn removals deleted"] if deletes else [])])
