"""What the label store costs: `python -m tests.bench_labels`."""

from __future__ import annotations

import hashlib
import itertools
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from rorem.labels.database import CACHE
from rorem.labels.items import add_items
from rorem.labels.plan import Plan
from rorem.labels.queue import Queue
from rorem.labels.store import Store
from tests.labels.samples import row

CLIENTS = 20
MANY = 1_000_000
PIECE = 100_000  # items added in one transaction; each rewrites most pages of the indexes, however small it is
ROOM = "PRAGMA cache_size=-400000"  # KiB, for the pages of one piece
CATEGORIES = 200


def rate(seconds: float = 10.0, clients: int = CLIENTS) -> dict[str, float]:
    """Clients in threads that take an item and answer it, again and again, on SQLite, each answer on disk.

    Returns `rate`, answers a second; `p50`, `p99` and `worst` of an answer in ms; and `fsync_*`, the same of writing
    4096 bytes and one bare fsync on the same disk, at rest. `cpu`: this process's own seconds for each second.
    """
    with tempfile.TemporaryDirectory() as folder:
        bare = fsyncs(Path(folder))
        store = Store(f"sqlite:///{folder}/labels.db", Path(folder))
        rows = list(_rows(int(seconds * 3000)))
        store.write(lambda connection: add_items(connection, rows))
        queue = Queue(store, Plan())
        took: list[list[float]] = [[] for _ in range(clients)]
        end = time.perf_counter() + seconds
        threads = [
            threading.Thread(target=_client, args=(queue, number, end, took[number])) for number in range(clients)
        ]
        started, cpu = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        whole, cpu = time.perf_counter() - started, time.process_time() - cpu
        count = store.count()
        store.close()
    every = [one for some in took for one in some]
    assert count == len(every)
    return {
        "rate": count / whole,
        "cpu": cpu / whole,
        **_quantiles(every),
        **{f"fsync_{name}": value for name, value in bare.items()},
    }


def choosing(count: int = MANY, draws: int = 300) -> dict[str, float]:
    """Choosing the next item of many, in ms: the whole of `Queue.lent` for one more, and the like.

    `fill` is in seconds, what adding all of them took. `lent_*`: a new annotator. `many_*`: one who has answered
    20,000. `end_*`: 1000 items are left. `mine_*`: the same, and the annotator has seen all but one of them.
    `progress_*`: what is done and left, for each of these.
    """
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/labels.db", Path(folder))
        started = time.perf_counter()
        rows = _rows(count)
        while piece := list(itertools.islice(rows, PIECE)):
            store.write(lambda connection, piece=piece: _add(connection, piece))
        found["fill"] = time.perf_counter() - started
        queue = Queue(store, Plan())
        found |= _draws(queue, "lent", _name("new"), draws)
        store.write(lambda connection: _has_answered(connection, _name("busy"), min(20_000, count // 4)))
        found |= _draws(queue, "many", _name("busy"), draws)
        store.write(lambda connection: _close_all_but(connection, 1000))
        found |= _draws(queue, "end", _name("late"), draws)
        store.write(lambda connection: _has_seen_all(connection, _name("last")))
        found |= _draws(queue, "mine", _name("last"), 1)
        store.close()
    return found


def showing(count: int = 40, size: tuple[int, int] = (1500, 1000)) -> dict[str, float]:
    """From the server's word that an answer is saved to the next item on the screen, in ms, in a real Chromium.

    An answer every half second, or as soon as the page takes one. Empty where there is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    from tests.browser.driver import CHROMIUM_FLAGS
    from tests.browser.labelling import annotator, times_to_show, write_set
    from tests.server import start_app
    from tests.tools.chromium import find_chromium

    chromium = find_chromium()
    if chromium is None:
        return {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        source = write_set(Path(folder) / "set", count, size)
        app = start_app(Path(folder) / "data", "--label-source", str(source))
        browser = playwright.chromium.launch(executable_path=str(chromium), args=CHROMIUM_FLAGS)
        with annotator(browser, app.url) as anna:
            anna.enter("Anna")
            for _ in range(count - 5):
                anna.key("y")
                time.sleep(0.5)
            found = _quantiles([ms / 1000 for ms in times_to_show(anna.page)])
        browser.close()
        app.stop()
    return found


def lines() -> Iterator[str]:
    """All of it, for people to read."""
    told = rate()
    yield (
        f"answers by {CLIENTS} clients               {told['rate']:.0f} a second; an answer p50 {told['p50']:.0f}, "
        f"p99 {told['p99']:.0f}; a bare fsync p50 {told['fsync_p50']:.2f}, p99 {told['fsync_p99']:.2f}"
    )
    told = choosing()
    yield f"adding {MANY:,} removals          {told['fill']:.0f} s"
    whose = {"lent": "new annotator", "many": "20,000 answered", "end": "1000 left", "mine": "1 left to this one"}
    for name, who in whose.items():
        yield f"next of {MANY:,}, {who:19s} p50 {told[f'{name}_p50']:.1f}, p99 {told[f'{name}_p99']:.1f}"
    if told := showing():
        yield f"saved until the next is on screen  p50 {told['p50']:.0f}, p99 {told['p99']:.0f}"


def fsyncs(folder: Path, count: int = 200) -> dict[str, float]:
    """Of writing 4096 bytes and an fsync, in ms."""
    took = []
    with (folder / "bare").open("wb", buffering=0) as file:
        for _ in range(count):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            took.append(time.perf_counter() - started)
    return _quantiles(took)


def _client(queue: Queue, number: int, end: float, took: list[float]) -> None:
    annotator = _name(f"client {number}")
    while time.perf_counter() < end:
        for handout in queue.lent(annotator, 4)[:1]:
            started = time.perf_counter()
            queue.answer(handout.id, annotator, "yes", seconds=1.0)
            took.append(time.perf_counter() - started)


def _draws(queue: Queue, name: str, annotator: str, draws: int) -> dict[str, float]:
    took = []
    for _ in range(draws):
        held = len(queue.lent(annotator, 0))
        started = time.perf_counter()
        queue.lent(annotator, held + 1)
        took.append(time.perf_counter() - started)
        for handout in queue.lent(annotator, 10)[2:3]:
            queue.answer(handout.id, annotator, "yes")
    progress = _timed(lambda: queue.progress(annotator), 20)
    figures = {**_quantiles(took), **{f"progress_{key}": value for key, value in _quantiles(progress).items()}}
    return {f"{name}_{key}": value for key, value in figures.items()}


def _timed(do: Callable[[], object], times: int) -> list[float]:
    took = []
    for _ in range(times):
        started = time.perf_counter()
        do()
        took.append(time.perf_counter() - started)
    return took


def _rows(count: int) -> Iterator[dict[str, Any]]:
    plan = Plan()
    like = row(0, plan)
    for number in range(count):
        id = hashlib.sha256(f"item {number}".encode()).hexdigest()
        wanted = plan.wanted(id)
        stratum = f"category {number * number % CATEGORIES}/medium"
        rank = int(hashlib.sha256(f"rank {number}".encode()).hexdigest()[:15], 16) << 2
        gold = {"gold": "yes", "state": "gold", "need": 0} if number % 1000 == 0 else {"need": wanted}
        yield {**like, "id": id, "wanted": wanted, "stratum": stratum, "rank": rank, **gold}


def _add(connection: Connection, rows: list[dict[str, Any]]) -> None:
    connection.exec_driver_sql(ROOM)
    add_items(connection, rows)
    connection.exec_driver_sql(f"PRAGMA {CACHE}")


def _has_answered(connection: Connection, annotator: str, count: int) -> None:
    """As if this annotator had answered so many items, without the time that it takes."""
    some = f"(SELECT id AS item FROM items WHERE need > 0 ORDER BY given, rank LIMIT {count}) AS some"
    _lend_and_answer(connection, annotator, some)


def _has_seen_all(connection: Connection, annotator: str) -> None:
    some = "(SELECT id AS item FROM items WHERE need > 0 ORDER BY given, rank LIMIT -1 OFFSET 1) AS some"
    _lend_and_answer(connection, annotator, some)


def _lend_and_answer(connection: Connection, annotator: str, some: str) -> None:
    connection.execute(
        text(
            "INSERT INTO handouts (id, item, annotator, purpose, counts, status, at, expires, number) SELECT"
            f" lower(hex(randomblob(16))), item, :who, 'ask', 1, 'answered', 0, 0, row_number() OVER () FROM {some}"
        ),
        {"who": annotator},
    )
    connection.execute(
        text(
            "INSERT INTO events (event, kind, annotator, verdict, item, item_a, item_b, reasons, seconds, order_seed,"
            " handout, source, supersedes, at, schema) SELECT lower(hex(randomblob(16))), 'judgement', annotator,"
            " 'yes', item, '', '', '[]', 1.0, 0, id, 'annotator', '', 0, 1 FROM handouts"
            " WHERE annotator = :who AND at = 0"
        ),
        {"who": annotator},
    )
    answered = "(SELECT item FROM handouts WHERE annotator = :who AND at = 0)"
    connection.execute(
        text(f"UPDATE items SET given = given + 1, yes = yes + 1, need = max(0, need - 1) WHERE id IN {answered}"),
        {"who": annotator},
    )
    connection.execute(text("UPDATE items SET state = 'closed' WHERE given >= wanted AND state = 'open'"))
    told = {"who": annotator}
    connection.execute(text("INSERT INTO annotators (id, order_seed, draws, since) VALUES (:who, 7, 30000, 0)"), told)


def _close_all_but(connection: Connection, left: int) -> None:
    some = f"(SELECT id FROM items WHERE need > 0 ORDER BY random() LIMIT {left})"
    connection.execute(
        text(f"UPDATE items SET state = 'closed', need = 0, given = wanted WHERE need > 0 AND id NOT IN {some}")
    )


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _quantiles(seconds: list[float]) -> dict[str, float]:
    """p50, p99 and the worst, in ms."""
    ordered = sorted(seconds)
    at = min(len(ordered) - 1, int(0.99 * len(ordered)))
    return {"p50": 1e3 * statistics.median(ordered), "p99": 1e3 * ordered[at], "worst": 1e3 * ordered[-1]}


def main() -> None:
    for line in lines():
        print(line)


if __name__ == "__main__":
    main()
