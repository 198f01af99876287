"""The store: what was confirmed is there, what was not is not, and it goes on after any trouble."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from rorem.errors import BadData
from rorem.labels.database import CannotSave
from rorem.labels.event import JUDGEMENT, Event, new_id
from rorem.labels.queue import Queue
from rorem.labels.store import MOST_AT_ONCE, Store
from rorem.labels.tables import facts
from rorem.labels.verify import verify
from tests.labels.postgres import Server
from tests.labels.samples import ANNA, BERT, PLAIN, everything, fill, hash_of
from tests.labels.worker import verdict_of
from tests.server import ROOT


def label(**changes: Any) -> Event:
    return replace(Event(new_id(), JUDGEMENT, ANNA, "yes", item=hash_of("x"), handout=new_id()), **changes)


def test_labels_come_back_in_order_and_in_pages(store: Store) -> None:
    written = [label(verdict="no", reasons=("shadow", "colour"), seconds=number / 3) for number in range(25)]
    for one in written:
        store.add(one)
    assert [found for _, found in store.events(most=7)] == written == everything(store)
    numbers = [number for number, _ in store.events()]
    assert numbers == sorted(set(numbers)) and store.count() == 25
    assert [found for _, found in store.events(after=numbers[20])] == written[21:]


def test_the_same_label_again_changes_nothing_and_another_one_is_refused(store: Store) -> None:
    one = label()
    store.add(one)
    store.add(one)
    for other in (replace(one, verdict="no"), label(handout=one.handout)):
        with pytest.raises(IntegrityError):
            store.add(other)
    undo = label(verdict="skip", handout="", supersedes=one.event)
    store.add(undo)
    with pytest.raises(IntegrityError):
        store.add(label(supersedes=one.event))
    with pytest.raises(BadData):
        store.add(label(verdict="perhaps"))
    assert everything(store) == [one, undo]


def test_what_raises_undoes_its_own_writes_only(store: Store) -> None:
    """Many at once, so that they go in one transaction."""
    good, bad, odd = [], [], []

    class Odd(BaseException):
        """Not even an Exception."""

    def one(number: int) -> None:
        def do(connection: Connection) -> int:
            connection.execute(insert(facts).values(name=f"n{number}", value=""))
            if number % 3 == 1:
                raise ValueError(number)
            if number % 3 == 2:
                raise Odd(number)
            return number

        try:
            good.append(store.write(do))
        except ValueError as error:
            bad.append(error.args[0])
        except Odd as error:
            odd.append(error.args[0])

    in_threads([lambda number=number: one(number) for number in range(60)])
    names = store.read(lambda connection: set(connection.scalars(select(facts.c.name).where(facts.c.name.like("n%")))))
    assert sorted(good) == list(range(0, 60, 3)) and names == {f"n{number}" for number in good}
    assert len(bad) == len(odd) == 20


def test_many_writes_share_a_transaction(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/labels.db", tmp_path)
    commits = []
    event.listen(store._engine, "commit", lambda connection: commits.append(1))
    started = threading.Event()
    first = threading.Thread(target=store.write, args=(lambda connection: started.wait(30),))
    first.start()
    time.sleep(0.05)
    threads = [threading.Thread(target=store.add, args=(label(),)) for _ in range(MOST_AT_ONCE)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    started.set()
    for thread in (first, *threads):
        thread.join()
    assert store.count() == MOST_AT_ONCE and len(commits) <= 4
    store.close()


def test_a_closed_store_takes_nothing_and_keeps_nobody_waiting(open_store: Callable[[], Store]) -> None:
    store = open_store()
    told: list[str] = []

    def add() -> None:
        one = label()
        try:
            store.add(one)
            told.append(one.event)
        except CannotSave:
            told.append("")

    threads = [threading.Thread(target=add, daemon=True) for _ in range(30)]
    for number, thread in enumerate(threads):
        thread.start()
        if number == 10:
            threading.Thread(target=store.close).start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    store.close()
    store.close()
    with pytest.raises(CannotSave):
        store.add(label())
    confirmed = {one for one in told if one}
    assert len(told) == 30 and {one.event for one in everything(open_store())} == confirmed


def test_a_forked_process_is_told_that_it_cannot_write(tmp_path: Path) -> None:
    """The thread that writes does not live on in it; to wait for that would be for ever."""
    code = (
        "import os, sys; from pathlib import Path; from rorem.labels.store import Store, CannotSave\n"
        "store = Store(sys.argv[1], Path('.')); child = os.fork()\n"
        "if child: sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        "try: store.write(lambda connection: None)\n"
        "except CannotSave: os._exit(7)\n"
        "os._exit(1)"
    )
    done = subprocess.run([sys.executable, "-c", code, f"sqlite:///{tmp_path}/labels.db"], cwd=ROOT, timeout=60)
    assert done.returncode == 7


@contextmanager
def with_pragma(store: Store, pragma: str) -> Iterator[None]:
    """Each connection gets this before it is used."""

    def checkout(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA {pragma}")

    event.listen(store._engine, "checkout", checkout)
    yield
    event.remove(store._engine, "checkout", checkout)


TROUBLE = {
    "full": ("max_page_count=1", "max_page_count=1073741823"),
    "read only": ("query_only=ON", "query_only=OFF"),
}


@pytest.mark.parametrize("kind", TROUBLE)
def test_trouble_with_the_disk_is_told_and_passes(kind: str, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/labels.db", tmp_path)
    fill(store, 30)
    queue = Queue(store, PLAIN)
    lent = queue.lent(ANNA, 3)
    queue.answer(lent[0].id, ANNA, "yes")
    trouble, end = TROUBLE[kind]
    told = 0
    with with_pragma(store, trouble):
        for _ in range(400):  # a full disk may still have room in its last page
            try:
                store.add(label(item=lent[1].item))
            except CannotSave as error:
                assert str(error) == "Answers cannot be saved now." and str(tmp_path) not in error.advice
                told += 1
                break
        size = store.count()
        for do in (lambda: queue.answer(lent[1].id, ANNA, "no"), lambda: queue.undo(ANNA), lambda: queue.lent(BERT, 3)):
            if kind == "read only":
                with pytest.raises(CannotSave):
                    do()
        assert store.count() == size and told == 1
    with with_pragma(store, end):
        store.add(label())
    assert queue.answer(lent[1].id, ANNA, "no").verdict == "no"
    assert queue.answer(lent[2].id, ANNA, "yes").verdict == "yes"
    assert {one.id for one in lent} <= {one.handout for one in everything(store)}
    store.close()


FULL = """
import resource, sys
from pathlib import Path
from rorem.labels.database import CannotSave
from rorem.labels.queue import Queue
from rorem.labels.store import Store
from tests.labels.samples import ANNA, PLAIN, fill

folder = Path(sys.argv[1])
store = Store(f"sqlite:///{folder}/labels.db", folder)
fill(store, 300)
queue = Queue(store, PLAIN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
said, refused = [], 0
largest = max(path.stat().st_size for path in folder.iterdir())
resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 50_000, hard))
pending = None
while not refused:
    lent = queue.lent(ANNA, 1) if pending is None else [pending]
    pending = lent[0]
    try:
        said.append(queue.answer(pending.id, ANNA, "yes").event)
        pending = None
    except CannotSave:
        refused += 1
for _ in range(5):
    try:
        queue.answer(pending.id, ANNA, "yes")
    except CannotSave:
        refused += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
said.append(queue.answer(pending.id, ANNA, "yes").event)
for _ in range(5):
    said.append(queue.answer(queue.lent(ANNA, 1)[0].id, ANNA, "no").event)
store.close()
store = Store(f"sqlite:///{folder}/labels.db", folder)
assert [event.event for _, event in store.events()] == said, "not what was said"
print(len(said), refused)
"""


def test_a_file_that_cannot_grow_any_more(tmp_path: Path) -> None:
    """The real thing, in a process of its own: the operating system refuses to write, and later does not."""
    pytest.importorskip("resource")
    tried = FULL.replace("lent = queue.lent(ANNA, 1) if pending is None else [pending]", LENT)
    done = subprocess.run(
        [sys.executable, "-c", tried, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said, refused = map(int, done.stdout.split())
    assert said > 5 and refused >= 6


LENT = """try:
        lent = queue.lent(ANNA, 1) if pending is None else [pending]
    except CannotSave:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        lent = queue.lent(ANNA, 1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))"""


def test_one_piece_of_work_that_the_database_cannot_bear_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/labels.db", tmp_path)
    failed = []

    def bad() -> None:
        with pytest.raises(CannotSave):
            store.write(lambda connection: connection.execute(text("SELECT * FROM nowhere")))
        failed.append(1)

    in_threads([bad if number % 7 == 3 else lambda: store.add(label()) for number in range(56)])
    assert store.count() == 48 and len(failed) == 8
    store.close()


def test_a_server_that_goes_away_and_comes_back(postgres: Server, tmp_path: Path) -> None:
    address = postgres.new_database()
    store, other = Store(address, tmp_path), Store(address, tmp_path)
    name = address.rpartition("/")[2]
    end = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
    )
    calls = []

    def do(connection: Connection) -> None:
        calls.append(1)
        connection.execute(insert(facts).values(name="here", value=""))
        if len(calls) == 1:
            other.write(lambda mine: mine.execute(end, {"name": name}))

    store.write(do)
    assert len(calls) == 2
    assert store.read(lambda connection: connection.scalar(text("SELECT count(*) FROM facts WHERE name = 'here'"))) == 1
    other.write(lambda mine: mine.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on")))
    other.write(lambda mine: mine.execute(end, {"name": name}))
    with pytest.raises(CannotSave):
        store.add(label())
    reset = f"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; ALTER DATABASE {name} RESET ALL"
    with other._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = off")
        connection.exec_driver_sql(reset.partition("; ")[2])
    other.write(lambda mine: mine.execute(end, {"name": name}))
    store.add(label())
    assert store.count() == 1
    for one in (store, other):
        one.close()


def test_two_that_wait_for_each_other_are_tried_again(postgres: Server, tmp_path: Path) -> None:
    address = postgres.new_database()
    stores = [Store(address, tmp_path), Store(address, tmp_path)]
    stores[0].write(lambda connection: connection.execute(insert(facts), [dict(name=n, value="0") for n in "ab"]))
    meeting = threading.Barrier(2)
    calls = []

    def cross(store: Store, names: str) -> None:
        def do(connection: Connection) -> None:
            calls.append(names)
            for name in names:
                connection.execute(update(facts).where(facts.c.name == name).values(value=facts.c.value + names))
                if len(calls) <= 2 and name == names[0]:
                    meeting.wait(20)

        store.write(do)

    in_threads([lambda: cross(stores[0], "ab"), lambda: cross(stores[1], "ba")])
    found = stores[0].read(lambda c: {row.name: row.value for row in c.execute(select(facts))})
    assert len(calls) == 3 and sorted((found["a"], found["b"])) in (["0abba"] * 2, ["0baab"] * 2)
    for one in stores:
        one.close()


def killed(address: str, folder: Path, annotators: list[str], seconds: tuple[float, float]) -> list[str]:
    """Runs annotators in processes, kills each hard in the midst; the lines that they had been told were saved."""
    command = [sys.executable, "-m", "tests.labels.worker", address, str(folder)]
    files = [folder / f"told {number}" for number in range(len(annotators))]
    running = []
    for who, path in zip(annotators, files, strict=True):
        with path.open("wb") as out:
            running.append(subprocess.Popen([*command, who, "100000"], cwd=ROOT, stdout=out))
    end = time.monotonic() + 60
    while any(path.stat().st_size < 1000 for path in files) and time.monotonic() < end:
        time.sleep(0.02)
    for process in running:
        time.sleep(random.uniform(*seconds))
        assert process.poll() is None, "it ended by itself"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    lines = [line for path in files for line in path.read_text().splitlines(keepends=True)]
    return [line.strip() for line in lines if line.endswith("\n")]


def check_nothing_is_lost(store: Store, told: list[str]) -> None:
    found = everything(store)
    there = {f"{one.handout} {one.item} {one.verdict}" for one in found}
    assert set(told) <= there, "a confirmed answer is lost"
    assert len(there) == len(found) == len({one.item for one in found}), "an answer is there twice"
    assert all(one.verdict == verdict_of(one.item) for one in found), "an answer is another item's"
    assert verify(store) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_nothing_confirmed_is_lost_when_writers_are_killed(address: str, tmp_path: Path) -> None:
    store = Store(address, tmp_path)
    fill(store, 4000, origin="a set")
    told = killed(address, tmp_path, [ANNA, BERT], (0.1, 0.5))
    assert len(told) > 20
    check_nothing_is_lost(store, told)
    store.close()


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_nothing_confirmed_is_lost_in_many_kills(address: str, tmp_path: Path) -> None:
    store = Store(address, tmp_path)
    fill(store, 30_000, origin="a set")
    told: list[str] = []
    for _ in range(15):
        told += killed(address, tmp_path, [ANNA, BERT, ANNA], (0.2, 2.0))
        check_nothing_is_lost(store, told)
    assert len(told) > 1000
    store.close()


def in_threads(some: list[Callable[[], object]]) -> None:
    """Runs all at once; raises what one of them raised."""
    raised: list[BaseException] = []

    def run(do: Callable[[], object]) -> None:
        try:
            do()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(do,)) for do in some]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    if raised:
        raise raised[0]
