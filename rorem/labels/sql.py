"""What many of the database's questions share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, Table, and_
from sqlalchemy.dialects import postgresql, sqlite

from rorem.labels.tables import events

T = TypeVar("T")
AT_ONCE = 400  # values; databases take only so many in one question
IS_UNDO = and_(events.c.verdict == "skip", events.c.handout == "", events.c.supersedes != "")


def chunks(values: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """The values, at most `size` at a time."""
    left = iter(values)
    while chunk := list(islice(left, size)):
        yield chunk


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that can say what happens to rows which are there already: each database has its own words for it."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
