"""Only one process at a time pushes: whoever holds the lease, which runs out unless it is renewed.

That saves work and requests. It is not what keeps answers from being pushed twice: see `push_plan`.
"""

from __future__ import annotations

import itertools
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, select, update

from rorem.labels.database import CannotSave
from rorem.labels.sql import insert_into
from rorem.labels.store import Store
from rorem.labels.tables import facts

FACT = "hub_lease"
LENGTH = 60_000  # ms
BEAT = 15.0  # s between two renewals
PROCESS = secrets.token_hex(8)  # tells this process from an earlier one with the same number
NUMBERS = itertools.count()


def new_holder() -> str:
    """Who asks: machine, process and, within it, which one."""
    return f"{socket.gethostname()}|{os.getpid()}|{PROCESS}|{next(NUMBERS)}"


@contextmanager
def lease(store: Store, holder: str, now: Callable[[], int], beat: float = BEAT) -> Iterator[bool]:
    """Whether the holder has it for the length of the block. Raises CannotSave."""
    if not store.write(lambda connection: take(connection, holder, now())):
        yield False
        return
    over = threading.Event()

    def renew() -> None:
        while not over.wait(beat):
            try:
                store.write(lambda connection: take(connection, holder, now()))
            except CannotSave:
                continue  # it lasts for some more beats

    beating = threading.Thread(target=renew, name="labels-lease", daemon=True)
    beating.start()
    try:
        yield True
    finally:
        over.set()
        beating.join()
        with suppress(CannotSave):  # then it runs out by itself
            store.write(lambda connection: give_back(connection, holder))


def take(connection: Connection, holder: str, now: int) -> bool:
    """Gets or renews the lease; False while somebody else has it."""
    put = insert_into(connection, facts).values(name=FACT, value="")
    connection.execute(put.on_conflict_do_nothing(index_elements=["name"]))
    there = connection.scalar(select(facts.c.value).where(facts.c.name == FACT).with_for_update()) or ""
    other, _, until = there.rpartition("|")
    if other and other != holder and int(until) > now and not _is_dead(other):
        return False
    connection.execute(update(facts).where(facts.c.name == FACT).values(value=f"{holder}|{now + LENGTH}"))
    return True


def give_back(connection: Connection, holder: str) -> None:
    mine = facts.c.value.startswith(f"{holder}|", autoescape=True)
    connection.execute(update(facts).where(facts.c.name == FACT, mine).values(value=""))


def _is_dead(holder: str) -> bool:
    """Whether a holder on this machine has ended without a word. Of another machine it is not known."""
    machine, process, told, _ = holder.split("|")
    if machine != socket.gethostname():
        return False
    if int(process) == os.getpid():
        return told != PROCESS  # in a container the first process always has the same number
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
