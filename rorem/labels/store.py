"""The store: every write is on disk before the call returns, many of them in one go.

Writes of all threads are gathered into one transaction (group commit): twenty annotators wait for one fsync, not for
twenty. On PostgreSQL each has a transaction of its own, since the server does the gathering.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from rorem.errors import RoremError
from rorem.labels.database import CannotSave, open_engine
from rorem.labels.event import Event, check
from rorem.labels.tables import events, facts

T = TypeVar("T")
MOST_AT_ONCE = 64  # writes in one transaction
TRIES = 4  # of a transaction that another one got in the way of
UNSAVED = "Answers cannot be saved now."


@dataclass(frozen=True)
class Work:
    do: Callable[[Connection], Any]
    done: Future[Any]


class Store:
    """Events, items and hand-outs. May be used from any thread; several processes may have the same one open."""

    def __init__(self, url: str, pictures: Path) -> None:
        """url: see `open_engine`. pictures: the folder for pictures that no set has. Raises what `open_engine` does."""
        self._engine = open_engine(url)
        self.pictures = pictures
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._gather = self._engine.dialect.name == "sqlite"
        self._closed = False
        if self._gather:
            self._thread = threading.Thread(target=self._write, name="labels", daemon=True)
            self._thread.start()

    @property
    def on_sqlite(self) -> bool:
        return self._gather

    def close(self) -> None:
        """Ends when all that was asked for is written."""
        if self._closed:
            return
        self._closed = True
        if self._gather:
            self._queue.put(None)
            self._thread.join()
        self._engine.dispose()

    def write(self, do: Callable[[Connection], T]) -> T:
        """Calls `do` in a transaction and returns what it returned, once that is on disk.

        `do` may be called again after a conflict, so it must have no effects but those on its connection.
        What it raises undoes its writes and comes through; CannotSave where the database cannot be written.
        """
        if self._closed:
            raise CannotSave(UNSAVED)
        if not self._gather:
            return self._alone(do)
        done: Future[T] = Future()
        self._queue.put(Work(do, done))
        return done.result()

    def read(self, do: Callable[[Connection], T]) -> T:
        """Calls `do` with a connection for reading. Raises CannotSave where there is none."""
        try:
            with self._engine.connect().execution_options(reading=True) as connection:
                return do(connection)
        except DBAPIError as error:
            raise CannotSave("The labels cannot be read now.") from error

    def add(self, event: Event) -> None:
        """Writes one event. Raises BadData for one that is none, IntegrityError for one that is there."""
        self.write(lambda connection: add_events(connection, [event]))

    def events(self, after: int = 0, most: int = 10_000) -> Iterator[tuple[int, Event]]:
        """Every event in the order of writing, with its number; read in pages of `most`."""
        while True:
            page = self.read(lambda connection, after=after: read_events(connection, after, most))
            yield from page
            if len(page) < most:
                return
            after = page[-1][0]

    def count(self) -> int:
        return self.read(lambda connection: connection.scalar(select(func.count()).select_from(events)) or 0)

    def order_seed(self) -> int:
        return self.read(order_seed)

    def _alone(self, do: Callable[[Connection], T]) -> T:
        for attempt in range(TRIES):
            try:
                with self._engine.begin() as connection:
                    return do(connection)
            except IntegrityError:
                raise
            except OperationalError as error:  # a deadlock or a failed serialization; a lost connection
                if attempt == TRIES - 1:
                    raise CannotSave(UNSAVED) from error
            except DBAPIError as error:
                raise CannotSave(UNSAVED) from error
        raise AssertionError("unreachable")

    def _write(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            last = False
            while len(batch) < MOST_AT_ONCE and not self._queue.empty():
                more = self._queue.get()
                if more is None:
                    last = True
                    break
                batch.append(more)
            self._write_batch(batch)
            if last:
                return

    def _write_batch(self, batch: Sequence[Work]) -> None:
        """One transaction, each piece of work under a savepoint of its own: what one raises undoes only its own."""
        results: list[tuple[Work, Any, BaseException | None]] = []
        try:
            with self._engine.begin() as connection:
                for work in batch:
                    results.append(_attempt(connection, work))
        except Exception as error:  # nothing of the batch is on disk
            for work in batch:
                work.done.set_exception(_cannot(error))
            return
        for work, value, error in results:
            if error is None:
                work.done.set_result(value)
            else:
                work.done.set_exception(error)


def _attempt(connection: Connection, work: Work) -> tuple[Work, Any, BaseException | None]:
    """Raises what means that the database itself cannot go on."""
    inner = connection.begin_nested()
    try:
        value = work.do(connection)
        inner.commit()
        return work, value, None
    except OperationalError:
        raise
    except Exception as error:
        inner.rollback()
        return work, None, error


def _cannot(error: Exception) -> Exception:
    if isinstance(error, RoremError):
        return error
    told = CannotSave(UNSAVED)
    told.__cause__ = error
    return told


def add_events(connection: Connection, some: Iterable[Event]) -> None:
    """Raises BadData, IntegrityError."""
    rows = [_row(check(event)) for event in some]
    if rows:
        connection.execute(insert(events), rows)


def read_events(connection: Connection, after: int, most: int) -> list[tuple[int, Event]]:
    """Events after that number, in order."""
    found = connection.execute(select(events).where(events.c.seq > after).order_by(events.c.seq).limit(most))
    return [(row["seq"], to_event(row)) for row in found.mappings()]


def to_event(row: RowMapping) -> Event:
    told = {name: row[name] for name in Event.__dataclass_fields__}
    return Event(**{**told, "reasons": tuple(json.loads(told["reasons"]))})


def order_seed(connection: Connection) -> int:
    return int(connection.scalar(select(facts.c.value).where(facts.c.name == "order_seed")) or 0)


def _row(event: Event) -> dict[str, object]:
    return {**asdict(event), "reasons": json.dumps(list(event.reasons))}
