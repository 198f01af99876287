"""The store: every write is on disk before the call returns, many of them in one go.

Writes of all threads are gathered into one transaction (group commit): twenty annotators wait for one fsync, not for
twenty. On PostgreSQL each has a transaction of its own, since the server does the gathering.
"""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from rorem.errors import RoremError
from rorem.labels.database import CannotSave, open_engine
from rorem.labels.event import Event, check
from rorem.labels.tables import events, facts

T = TypeVar("T")
MOST_AT_ONCE = 64  # writes in one transaction
TRIES = 6  # of a transaction that another one got in the way of
PAUSE = 0.02  # s before the second try; twice as long before each further one
_INSERT = insert(events)
UNSAVED = "Answers cannot be saved now."


@dataclass(frozen=True)
class Work:
    do: Callable[[Connection], Any]
    done: Future[Any]


Result = tuple[Work, Any, BaseException | None]


class Store:
    """Events, items and hand-outs. May be used from any thread; several processes may have the same one open."""

    def __init__(self, url: str, pictures: Path) -> None:
        """url: see `open_engine`. pictures: the folder for pictures that no set has. Raises what `open_engine` does."""
        self._engine = open_engine(url)
        self.pictures = pictures
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._gather = self._engine.dialect.name == "sqlite"
        self._closed = False
        self._door = threading.Lock()  # nothing gets into the queue behind the word that it is the end
        self._thread = threading.Thread(target=self._write, name="labels", daemon=True)
        if self._gather:
            self._thread.start()

    @property
    def on_sqlite(self) -> bool:
        return self._gather

    def close(self) -> None:
        """Ends when all that was asked for is written."""
        with self._door:
            first, self._closed = not self._closed, True
            if first and self._gather:
                self._queue.put(None)
        if self._gather and self._thread is not threading.current_thread():
            self._thread.join()
        self._engine.dispose()

    def write(self, do: Callable[[Connection], T]) -> T:
        """Calls `do` in a transaction and returns what it returned, once that is on disk.

        `do` may be called again after a conflict or a lost connection, even where the first call was written after all:
        it must have no effects but those on its connection, and find out there whether it is done. What it raises
        undoes its writes and comes through; CannotSave where the database cannot be written.
        """
        if not self._gather:
            if self._closed:
                raise CannotSave(UNSAVED)
            return self._alone(do)
        assert self._thread is not threading.current_thread(), "a write inside of a write would wait for itself"
        done: Future[T] = Future()
        with self._door:
            if self._closed or not self._thread.is_alive():  # dead in a forked process
                raise CannotSave(UNSAVED)
            self._queue.put(Work(do, done))
        return done.result()

    def read(self, do: Callable[[Connection], T]) -> T:
        """Calls `do` with a connection for reading. Raises CannotSave where there is none."""
        try:
            with self._engine.connect().execution_options(reading=True) as connection:
                return do(connection)
        except (DBAPIError, PoolTimeout) as error:
            raise CannotSave("The labels cannot be read now.") from error

    def add(self, event: Event) -> None:
        """Writes one event; the same one again changes nothing.

        Raises BadData for one that is none, IntegrityError for another one with the id or the hand-out of one that is
        there, or that supersedes what was superseded already.
        """
        self.write(lambda connection: None if _is_there(connection, event) else add_events(connection, [event]))

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
                time.sleep(random.uniform(0.5, 1.0) * PAUSE * 2**attempt)  # so that two do not meet again
            except (DBAPIError, PoolTimeout) as error:
                raise CannotSave(UNSAVED) from error
        raise AssertionError("unreachable")

    def _write(self) -> None:
        while (first := self._queue.get()) is not None:
            batch: list[Work | None] = [first]
            while len(batch) < MOST_AT_ONCE and batch[-1] is not None and not self._queue.empty():
                batch.append(self._queue.get())
            self._write_batch([work for work in batch if work is not None])
            if batch[-1] is None:
                return

    def _write_batch(self, batch: Sequence[Work]) -> None:
        """One transaction. Whatever happens, each piece of work is told, and the thread goes on."""
        try:
            results = self._in_one(batch, _trust)
        except _Failed as failed:  # nothing of the batch is on disk
            results = self._apart(batch) if len(batch) > 1 else [(batch[0], None, _told(failed.error))]
        except BaseException as error:
            results = [(work, None, _cannot(error)) for work in batch]
        for work, value, error in results:
            if error is None:
                work.done.set_result(value)
            else:
                work.done.set_exception(error)

    def _apart(self, batch: Sequence[Work]) -> list[Result]:
        """Each piece of work under a savepoint of its own: what one raises undoes only its own."""
        try:
            return self._in_one(batch, _attempt)
        except _Failed:  # one that the database cannot bear must not take the others with it
            for work in batch:
                self._write_batch([work])
            return []
        except BaseException as error:
            return [(work, None, _cannot(error)) for work in batch]

    def _in_one(self, batch: Sequence[Work], run: Callable[[Connection, Work], Result]) -> list[Result]:
        with self._engine.begin() as connection:
            return [run(connection, work) for work in batch]


class _Failed(Exception):
    """The transaction cannot go on."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


def _trust(connection: Connection, work: Work) -> Result:
    """Most work raises nothing, and a savepoint costs as much as two statements. Raises _Failed."""
    try:
        return work, work.do(connection), None
    except BaseException as error:
        raise _Failed(error) from error


def _attempt(connection: Connection, work: Work) -> Result:
    """Raises _Failed where the database has failed and not the work."""
    try:
        inner = connection.begin_nested()
        try:
            value = work.do(connection)
            inner.commit()
            return work, value, None
        except OperationalError:
            raise
        except BaseException as error:
            inner.rollback()
            return work, None, error
    except BaseException as error:
        raise _Failed(error) from error


def _told(error: BaseException) -> BaseException:
    """What the caller hears of an error within its work."""
    return _cannot(error) if isinstance(error, OperationalError) else error


def _cannot(error: BaseException) -> BaseException:
    if isinstance(error, RoremError):
        return error
    told = CannotSave(UNSAVED)
    told.__cause__ = error
    return told


def add_events(connection: Connection, some: Iterable[Event]) -> None:
    """Raises BadData, IntegrityError."""
    rows = [_row(check(event)) for event in some]
    if rows:
        connection.execute(_INSERT, rows if len(rows) > 1 else rows[0])


def _is_there(connection: Connection, event: Event) -> bool:
    """Whether this very event is there, as after a write whose end was not heard of."""
    found = connection.execute(select(events).where(events.c.event == check(event).event)).mappings().first()
    return found is not None and to_event(found) == event


def read_events(connection: Connection, after: int, most: int) -> list[tuple[int, Event]]:
    """Events after that number, in order.

    On PostgreSQL two writers may end in another order than they began: a number below one that was read may come up
    later. So a number is no watermark there.
    """
    found = connection.execute(select(events).where(events.c.seq > after).order_by(events.c.seq).limit(most))
    return [(row["seq"], to_event(row)) for row in found.mappings()]


def to_event(row: RowMapping) -> Event:
    told = {name: row[name] for name in Event.__dataclass_fields__}
    return Event(**{**told, "reasons": tuple(json.loads(told["reasons"]))})


def order_seed(connection: Connection) -> int:
    return int(connection.scalar(select(facts.c.value).where(facts.c.name == "order_seed")) or 0)


def _row(event: Event) -> dict[str, object]:
    told = {name: getattr(event, name) for name in Event.__dataclass_fields__}
    return {**told, "reasons": json.dumps(list(event.reasons))}
