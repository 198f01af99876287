"""Twenty annotators over HTTP while the app is killed again and again and the Hub fails half of the time.

Every client writes down what it was told was saved. Afterwards the store and the data set on the Hub have to agree with
that: nothing lost, nothing twice, nobody's answer under another's name.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rorem.labels.event import Event
from rorem.labels.store import Store
from rorem.labels.verify import verify
from tests.browser.driver import wait_until
from tests.browser.labelling import write_set
from tests.hub import TOKEN, Hub
from tests.labels.postgres import Server
from tests.labels.pushed import events_on
from tests.server import App, start_app

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
ANNOTATORS, SECONDS, LEAST, KILLS = 20, 120.0, 500, 4
VERDICTS = ("yes", "no", "skip", "mask_wrong")
NAME = "someone/labels"


@dataclass(eq=False)  # a thread is hashed
class Client(threading.Thread):
    """Judges until told to stop. sent: hand-out -> what was said; confirmed: those that the server said it has."""

    number: int
    urls: list[str]
    stopped: threading.Event
    sent: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    failures: int = 0
    token: str = ""
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.chance = random.Random(self.number)

    @property
    def pseudonym(self) -> str:
        return self.token.split(".")[0]

    def run(self) -> None:
        self.token = self.ask("enter", {"name": f"annotator {self.number}"})["token"]
        while not self.stopped.is_set():
            told = self.ask("items", {"have": [], "most": 4})
            for item in told["items"]:
                if self.stopped.is_set():
                    return
                self.judge(item["handout"])
            if not told["items"]:
                time.sleep(0.5)

    def judge(self, handout: str) -> None:
        verdict = self.chance.choices(VERDICTS, (10, 5, 1, 1))[0]
        reasons = ["shadow"] if verdict == "no" and self.chance.random() < 0.5 else []
        self.sent.setdefault(handout, (verdict, reasons))
        verdict, reasons = self.sent[handout]
        time.sleep(self.chance.uniform(0.05, 0.3))
        told = self.ask("answer", {"handout": handout, "verdict": verdict, "reasons": reasons, "seconds": 1.0})
        if told.get("saved") == handout:
            self.confirmed.add(handout)
        if self.chance.random() < 0.03:
            self.ask("undo", {"last": handout})

    def ask(self, what: str, sent: dict[str, Any]) -> dict[str, Any]:
        """Asks until there is an answer, as the page does. A refusal is an answer, and noted."""
        while True:
            url = self.chance.choice(self.urls)
            headers = {"Content-Type": "application/json", "X-RORem-Annotator": self.token}
            request = urllib.request.Request(f"{url}/label/{what}", json.dumps(sent).encode(), headers)
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                text = error.read().decode()
                if error.code != 507:
                    self.refused.append(f"{what} {error.code} {text}")
                    return {"items": []}
            except (OSError, ValueError):  # nobody is there, or was killed in the midst of an answer
                self.failures += 1
            if self.stopped.is_set() and self.failures > 10_000:
                return {"items": []}
            time.sleep(0.2)


def hub_settings(hub: Hub) -> dict[str, str]:
    return {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
        "ROREM_LABEL_HUB": NAME,
        "ROREM_PUSH_MINUTES": "0.05",
        "ROREM_LABEL_ANSWERS": str(ANNOTATORS),
        "ROREM_LABEL_KEY": "a key that outlives the disk",
        "ROREM_TABS": "label",
    }


def hold(store: Store, clients: list[Client]) -> list[Event]:
    """Whether the store has what the clients were told. Returns the events."""
    events = [event for _, event in store.events()]
    assert verify(store) == []
    assert len({event.event for event in events}) == len(events)
    by_handout = {event.handout: event for event in events if event.handout}
    assert len(by_handout) == sum(1 for event in events if event.handout)
    owners = {handout: client for client in clients for handout in client.sent}
    assert len(owners) == sum(len(client.sent) for client in clients)  # nobody was given another's hand-out
    lost = [handout for client in clients for handout in client.confirmed if handout not in by_handout]
    assert lost == []
    for handout, event in by_handout.items():
        client = owners[handout]
        assert event.annotator == client.pseudonym
        assert (event.verdict, list(event.reasons)) == client.sent[handout]
    first = Counter((event.annotator, event.item) for event in events if not event.supersedes)
    assert sum(count - 1 for count in first.values()) <= 0.1 * len(events)  # planned repeats alone
    return events


def start(folder: Path, port: int, urls: list[str], environment: dict[str, str], source: Path) -> App:
    told = ("--label-source", str(source), "--port", str(port))
    app = start_app(folder / f"data {port}", *told, environment=environment)
    if app.url not in urls:
        urls.append(app.url)
    return app


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def work(clients: list[Client], apps: list[App], again: Any, least: float, pauses: tuple[float, float]) -> None:
    """Lets the clients work while apps are killed and started again: so many seconds, and KILLS times amid answers."""
    chance, kills, began = random.Random(3), 0, time.monotonic()
    while time.monotonic() < began + least or kills < KILLS:
        assert time.monotonic() < began + 5 * least, f"{kills} kills in the midst of work"
        time.sleep(chance.uniform(*pauses))
        victim = chance.randrange(len(apps))
        before = sum(len(client.confirmed) for client in clients)
        time.sleep(0.3)
        kills += sum(len(client.confirmed) for client in clients) > before
        apps[victim].process.send_signal(signal.SIGKILL)
        apps[victim].process.wait(10)
        apps[victim] = again(apps[victim])


def run(folder: Path, environment: dict[str, str], hub: Hub, address: str, count: int, seconds: float) -> None:
    """`count` apps on one database, and what has to hold after all that."""
    source = write_set(folder / "set", 2000, (48, 36))  # more than are judged in that time
    urls: list[str] = []
    ports = [free_port() for _ in range(count)]
    apps: list[App] = []

    def again(dead: App) -> App:
        port = ports[apps.index(dead)]
        return start(folder, port, urls, environment, source)

    stopped = threading.Event()
    clients = [Client(number, urls, stopped) for number in range(ANNOTATORS)]
    try:
        apps += [start(folder, port, urls, environment, source) for port in ports]
        for client in clients:
            client.start()
        hub.shake(0.5, 5)
        work(clients, apps, again, seconds, (20.0, 28.0) if count == 1 else (8.0, 12.0))
        stopped.set()
        for client in clients:
            client.join(60)
        assert not any(client.is_alive() for client in clients)
        refused = Counter(line[:80] for client in clients for line in client.refused)
        assert not [line for line in refused if not line.startswith(("answer 422", "undo 422"))], refused
        store = Store(address, folder / "labels" / "pictures")
        try:
            events = hold(store, clients)
            saved = sum(len(client.confirmed) for client in clients)
            broken = sum(client.failures for client in clients)
            print(f"{saved} answers confirmed, {broken} requests broken off")
            assert saved >= LEAST
            hub.calm()
            expected = sorted(event.event for event in events)
            reads = folder / "reads"

            def there() -> bool:
                reads.mkdir(exist_ok=True)
                try:
                    found = [event.event for event in events_on(hub, reads, NAME)]
                except KeyError:
                    return False
                assert len(found) == len(set(found))
                return found == expected

            wait_until(there, 240)
        finally:
            store.close()
    finally:
        stopped.set()
        for app in apps:
            app.stop()


def test_kills_and_a_failing_hub_lose_and_double_nothing(tmp_path: Path) -> None:
    with Hub() as hub:
        address = f"sqlite:///{tmp_path / 'labels' / 'labels.db'}"
        run(tmp_path, hub_settings(hub), hub, address, 1, SECONDS)


def test_two_apps_on_one_postgresql(tmp_path: Path, postgres: Server) -> None:
    with Hub() as hub:
        address = postgres.new_database()
        run(tmp_path, {**hub_settings(hub), "ROREM_LABELS": address}, hub, address, 2, 45.0)
