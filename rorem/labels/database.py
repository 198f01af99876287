"""Opening the database of labels: SQLite in a file, or PostgreSQL for several servers at once."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from rorem.errors import BadOptions, RoremError, Unavailable
from rorem.labels.tables import VERSION, facts, metadata

BUSY = 15.0  # s that SQLite waits for another process that writes
LOG_BUSY = 0.5  # s that emptying the log waits for a reader; nobody can write meanwhile
POOL: dict[str, int] = {"pool_size": 8, "max_overflow": 40}  # connections; as many as a server has threads
CACHE = "cache_size=-32768"  # KiB, as much as is used; with the 2 MB of SQLite large additions spill to the disk
# fullfsync: on a Mac a plain fsync leaves data in the disk's cache; elsewhere it does nothing.
# secure_delete: what a visitor takes back is overwritten in the database's file; `empty_log` sees to the log beside it.
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "fullfsync=ON", "checkpoint_fullfsync=ON", "secure_delete=ON", CACHE)
LOOK = "Check that it is there, that it may be written and that the disk has room."
ADVICE = "It is sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME."


class CannotSave(RoremError):
    """The store cannot be written at the moment: a full disk, a read-only file, no connection."""

    fix = "Nothing is lost; it is tried again."


def open_engine(url: str) -> Engine:
    """The database at this address, with its tables, made or brought up to date.

    Raises BadOptions for an address that is none, Unavailable where a driver is missing, CannotSave where it cannot be
    opened. None of them shows the address: it may hold a password. One that can only be read opens, and writing fails.
    """
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
        if name not in ("sqlite", "postgresql"):
            raise BadOptions("Labels are kept in SQLite or PostgreSQL.", ADVICE)
        engine = _sqlite(url) if name == "sqlite" else create_engine(url, pool_pre_ping=True, **POOL)
    except (ArgumentError, NoSuchModuleError) as error:
        raise BadOptions("The address of the labels' database is not one.", ADVICE) from error
    except ImportError as error:
        raise Unavailable("PostgreSQL needs the package psycopg.", "pip install 'rorem[labels]' brings it.") from error
    try:
        with engine.begin() as connection:
            _prepare(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        raise CannotSave("The database of the labels cannot be opened or written.", LOOK) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def empty_log(connection: Connection) -> None:
    """Brings what SQLite has in its log into the database's file, and empties the log: what was deleted is in neither.

    For a connection that has read nothing yet. Does what it can: where somebody else reads for long, the log is emptied
    by a later call or when the last one closes the database. PostgreSQL cleans up by itself.
    """
    if connection.dialect.name != "sqlite":
        return
    with contextlib.suppress(SQLAlchemyError):
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(LOG_BUSY * 1000)}")
        try:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(BUSY * 1000)}")


def _sqlite(url: str) -> Engine:
    path = make_url(url).database
    if not path or path == ":memory:":
        raise BadOptions("Labels need a file: in memory they would be lost.", ADVICE)
    try:
        if not path.startswith("file:"):  # an address of SQLite's own, whose folder has to be there
            Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotSave("The folder of the labels cannot be made.", f"Check {Path(path).parent}.") from error
    engine = create_engine(url, connect_args={"timeout": BUSY, "check_same_thread": False}, **POOL)

    @event.listens_for(engine, "connect")
    def durable(connection: Any, record: object) -> None:
        connection.isolation_level = None  # transactions begin where `begin` says so, and nowhere else
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _prepare(connection: Connection) -> None:
    """Makes the tables, or brings older ones up to date. Two processes may do it at once."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(727274)")
    if not inspect(connection).has_table("facts"):
        metadata.create_all(connection)
        told = {"version": str(VERSION), "order_seed": str(secrets.randbits(62))}
        connection.execute(insert(facts), [{"name": name, "value": value} for name, value in told.items()])
        return
    told = connection.scalar(select(facts.c.value).where(facts.c.name == "version")) or ""
    if not (told.isascii() and told.isdigit()):
        raise BadOptions("This database is not one of labels.", ADVICE)
    version = int(told)
    if version > VERSION:
        raise BadOptions("These labels were written by a newer version.", "Update RORem to use them.")
    if missing := [old for old in range(version, VERSION) if old not in MIGRATIONS]:
        raise BadOptions(f"Labels of version {missing[0]} can no longer be read.", "Use an earlier RORem.")
    _migrate(connection, version)


def _migrate(connection: Connection, version: int) -> None:
    """Steps from one version to the next, all in one transaction: a failed one leaves everything as it was."""
    for old in range(version, VERSION):
        MIGRATIONS[old](connection)
        connection.execute(facts.update().where(facts.c.name == "version").values(value=str(old + 1)))


MIGRATIONS: dict[int, Callable[[Connection], None]] = {}  # from this version to the next
