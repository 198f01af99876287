"""A Hub on this machine that huggingface_hub pushes to and `datasets` reads from; it fails when it is told to.

    with Hub() as hub:                     # or, as a process of its own: python -m tests.hub [port]
        hub.fail(429, "/commit/", headers={"Retry-After": "3"})
        ...                                # HF_ENDPOINT=hub.url HF_TOKEN=TOKEN HF_HUB_DISABLE_XET=1
        hub.files("someone/labels")

The wire is as the real one has it, see `tests.hub_api`. Not there: Xet, pull requests, other branches than main.
(`tests.fake_hub` is the smaller one for files that are only read.) A process of its own is told to fail by
POST /-/fault with the fields of a `Fault` as JSON, and by POST /-/revoke; GET /-/files/OWNER/NAME lists what it holds.
"""

from __future__ import annotations

import hashlib
import json
import random
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from tests.hub_api import Answer, Repository, answer

TOKEN = "hf_testtokenoftheuser"
COMMIT = "/commit/"
Kind = Literal["status", "cut", "silent", "conflict", "lost"]


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose path has `path` in it.

    status: it is answered with that status. cut: with a 500 after half of the body was read. silent: not at all.
    conflict: somebody else's commit comes first. lost: it is done, but nobody hears of it.
    """

    kind: Kind = "status"
    path: str = ""
    times: int = 1
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "injected"


@dataclass(frozen=True)
class Seen:
    """A request. status: what it was answered with, 0 for no answer."""

    method: str
    path: str
    status: int


class Hub:
    """In this process; `url` says where. May be used from any thread."""

    def __init__(self, port: int = 0, token: str = TOKEN) -> None:
        self.token = token
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}  # files kept by content, by their sha256
        self.log: list[Seen] = []
        self.refuses = 0  # status for every token; 0 = the right one is taken
        self.lock = threading.RLock()
        self._faults: list[Fault] = []
        self._shaky: tuple[float, random.Random] | None = None
        self._over = threading.Event()
        hub = self

        class Handler(_Handler):
            owner = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Hub:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self) -> None:
        self._server.serve_forever()

    def files(self, name: str) -> dict[str, bytes]:
        """What a data set holds now; {} where there is none."""
        with self.lock:
            there = self.repositories.get(name)
            return dict(there.files) if there else {}

    def commits(self, name: str) -> list[str]:
        """The titles of its commits, the first one first; that of an empty one is left out."""
        with self.lock:
            there = self.repositories.get(name)
            return [title for _, title, _ in there.commits[1:]] if there else []

    def put(self, name: str, files: Mapping[str, bytes], title: str = "by somebody else") -> None:
        """A commit by somebody else, with these files more than before."""
        with self.lock:
            there = self.repositories.setdefault(name, Repository())
            there.commit(title, {**there.files, **files})

    def fail(
        self,
        status: int,
        path: str = "",
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        message: str = "injected",
    ) -> None:
        self.add(Fault("status", path, times, status, headers or {}, message))

    def cut(self, path: str = COMMIT, times: int = 1) -> None:
        self.add(Fault("cut", path, times))

    def silence(self, path: str = COMMIT, times: int = 1) -> None:
        self.add(Fault("silent", path, times))

    def conflict(self, times: int = 1) -> None:
        self.add(Fault("conflict", COMMIT, times))

    def lose_answer(self, path: str = COMMIT, times: int = 1) -> None:
        self.add(Fault("lost", path, times))

    def revoke(self, status: int = 401) -> None:
        """No token is taken any more; 0 takes it back."""
        self.refuses = status

    def shake(self, share: float, seed: int = 0) -> None:
        """From now on this share of all writing requests fails, each in a way of its own."""
        self._shaky = (share, random.Random(seed)) if share else None

    def add(self, fault: Fault) -> None:
        with self.lock:
            self._faults.append(fault)

    def calm(self) -> None:
        """Nothing fails any more."""
        with self.lock:
            self._faults.clear()
            self._shaky = None

    def next_fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for one in self._faults:
                if one.times > 0 and one.path in path:
                    one.times -= 1
                    return one
            if self._shaky and method in ("POST", "PUT") and self._shaky[1].random() < self._shaky[0]:
                kind = self._shaky[1].choice(("status", "cut", "lost", "conflict"))
                return Fault(kind, status=self._shaky[1].choice((500, 502, 503)))
            return None

    def wait(self) -> None:
        """Until the Hub is closed: what a silent one does."""
        self._over.wait(60)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms for its body
    owner: Hub

    def log_message(self, format: str, *args: object) -> None:
        """Tests look at `Hub.log` instead."""

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client may go at any time
            super().handle()

    def do_GET(self) -> None:
        hub = self.owner
        if self.path.startswith("/-/"):
            return self._told(self._body())
        fault = hub.next_fault(self.command, self.path)
        kind = fault.kind if fault else ""
        if kind == "silent":
            hub.wait()
            return self._vanish()
        body = self._body(half=kind == "cut")
        if fault and kind in ("status", "cut"):
            status = 500 if kind == "cut" else fault.status
            told = {"X-Error-Message": fault.message, **fault.headers}
            self.close_connection = kind == "cut"
            return self._send(Answer(status, json.dumps({"error": fault.message}).encode(), told))
        if kind == "conflict" and COMMIT in self.path:
            name = "/".join(self.path.split("/")[3:5])
            note = hashlib.sha256(body).hexdigest()[:8]
            hub.put(name, {f"notes/{note}.txt": b"of somebody else"})
        given = answer(hub, self.command, self.path, self.headers, body)
        if kind == "lost":
            return self._vanish()
        self._send(given)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def _body(self, half: bool = False) -> bytes:
        if (self.headers.get("Transfer-Encoding") or "").lower() != "chunked":
            length = int(self.headers.get("Content-Length") or 0)
            return self.rfile.read(length // 2 if half else length)
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
            if half:
                return body
        self.rfile.readline()
        return body

    def _send(self, given: Answer) -> None:
        self.owner.log.append(Seen(self.command, self.path, given.status))
        self.send_response(given.status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(given.body)),
            **given.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(given.body)

    def _vanish(self) -> None:
        self.owner.log.append(Seen(self.command, self.path, 0))
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _told(self, body: bytes) -> None:
        """What a test in another process says or asks."""
        hub, what = self.owner, self.path.removeprefix("/-/")
        value: object = {}
        if what == "fault":
            hub.add(Fault(**json.loads(body)))
        elif what == "revoke":
            hub.revoke(json.loads(body or b"{}").get("status", 401))
        elif what == "shake":
            hub.shake(**json.loads(body))
        elif what.startswith("files/"):
            value = {path: len(data) for path, data in hub.files(what.removeprefix("files/")).items()}
        self._send(Answer(200, json.dumps(value).encode()))


if __name__ == "__main__":
    told = Hub(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    sys.stdout.write(f"{told.url}\n")
    sys.stdout.flush()
    told.serve()
