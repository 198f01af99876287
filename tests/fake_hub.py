"""A Hub on this machine that huggingface_hub reads from, and a plain web server; both can fail on demand.

    with FakeHub() as hub:
        commit = hub.publish("someone/weights", {"model.safetensors": b"..."})
        hub.cut(after=1000, times=1)

It keeps the wire as the real one has it: commits and their listing, files with ETag and X-Repo-Commit, Range requests,
401 for what is not there or private, 403 for what is gated. It knows whole commits and branches, nothing shorter.
Models and data sets are the same to it.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin", ".pt", ".parquet")  # kept by content, not in git: their ETag is a sha256
TOKEN = "hf_test"
RANGES = True  # whether a part of a file can be had


@dataclass(frozen=True)
class Request:
    """What was asked. start: the first byte wanted."""

    method: str
    path: str
    start: int
    status: int


@dataclass
class Repository:
    gated: bool
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        revision = self.branches.get(revision, revision)
        return next((commit for commit in self.commits if commit[0] == revision), None)


@dataclass
class Fault:
    """after: bytes that still go out, or a status to answer with instead."""

    times: int
    path: str
    after: int | None = None
    status: int = 0


class FakeHub:
    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.web: dict[str, bytes] = {}
        self.log: list[Request] = []
        self.faults: list[Fault] = []
        self._served: dict[str, bytes] = {}
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                """Tests look at `log` instead."""

            def do_GET(self) -> None:
                _Answer(hub, self).give()

            do_HEAD = do_GET

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeHub:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def publish(self, name: str, files: Mapping[str, bytes], gated: bool = False, branch: str = "main") -> str:
        """A new commit with just these files. Returns its 40 digits."""
        repository = self.repositories.setdefault(name, Repository(gated))
        commit = hashlib.sha1(f"{name} {len(repository.commits)}".encode()).hexdigest()
        repository.commits.append((commit, dict(files)))
        repository.branches[branch] = commit
        return commit

    def cut(self, after: int, path: str = "", times: int = 1) -> None:
        """The next answers with a body to GET requests of this path break off after so many bytes of it."""
        self.faults.append(Fault(times, path, after=after))

    def fail(self, status: int, path: str = "", times: int = 1) -> None:
        self.faults.append(Fault(times, path, status=status))

    def spoil(self, path: str, served: bytes) -> None:
        """From now on these bytes go out under a path, with the headers of the right ones."""
        self._served[path] = served

    def got(self, name: str) -> list[Request]:
        """The GET requests for a file."""
        return [one for one in self.log if one.method == "GET" and one.path.endswith(f"/{name}")]


class _Answer:
    """To one request."""

    def __init__(self, hub: FakeHub, handler: BaseHTTPRequestHandler) -> None:
        self.hub, self.handler = hub, handler
        self.path = unquote(urlsplit(handler.path).path)
        self.start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.fault = next((one for one in hub.faults if one.times > 0 and one.path in self.path), None)
        if handler.command == "GET" and self.fault:
            self.fault.times -= 1
        else:
            self.fault = None

    def give(self) -> None:
        if self.fault and self.fault.status:
            return self._error(self.fault.status, "", "injected")
        # The name of a branch may hold slashes, which are written as %2F then.
        parts = [unquote(part) for part in urlsplit(self.handler.path).path.strip("/").split("/")]
        if parts[0] == "web":
            data = self.hub.web.get("/".join(parts[1:]))
            return self._error(404, "", "not here") if data is None else self._file(data, {})
        of_api = parts[:2] in (["api", "models"], ["api", "datasets"])
        owner, name, *rest = parts[2:] if of_api else parts[parts[0] == "datasets" :]
        repository = self.hub.repositories.get(f"{owner}/{name}")
        if repository is None:
            return self._error(401, "RepoNotFound", "Repository not found")
        if of_api and rest[:1] == ["commits"]:
            listed = [{"id": id, "title": "", "message": "", "date": "2026-01-01T00:00:00.000Z", "authors": []}
                      for id, _ in reversed(repository.commits)]  # fmt: skip
            return self._json(listed)
        commit = repository.at(rest[1] if len(rest) > 1 else "main")
        if commit is None:
            return self._error(404, "RevisionNotFound", "Invalid rev id")
        if of_api and rest[:1] == ["tree"]:
            return self._json([_in_tree(name, data) for name, data in commit[1].items()])
        if of_api:
            siblings = [_sibling(name, data) for name, data in commit[1].items()]
            return self._json({"id": f"{owner}/{name}", "sha": commit[0], "siblings": siblings})
        if repository.gated and self.handler.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._error(403, "GatedRepo", "Access is restricted")
        data = commit[1].get("/".join(rest[2:]))
        if data is None:
            return self._error(404, "EntryNotFound", "Entry not found")
        return self._file(data, {"X-Repo-Commit": commit[0], "ETag": f'"{_etag("/".join(rest[2:]), data)}"'})

    def _file(self, data: bytes, headers: dict[str, str]) -> None:
        data = self.hub._served.get(self.path, data)
        if not self.start or not RANGES:
            return self._send(200, data, headers)
        if self.start >= len(data):
            return self._error(416, "", "out of range")
        span = f"bytes {self.start}-{len(data) - 1}/{len(data)}"
        self._send(206, data[self.start :], {**headers, "Content-Range": span})

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _error(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message}
        self._send(status, b"{}", {name: value for name, value in headers.items() if value})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        handler = self.handler
        self.hub.log.append(Request(handler.command, self.path, self.start, status))
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command == "GET":
            cut = self.fault.after if self.fault else None
            handler.wfile.write(body[:cut])
            handler.close_connection = handler.close_connection or cut is not None


def _etag(name: str, data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if name.endswith(LARGE) else _git(data)


def _git(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _sibling(name: str, data: bytes) -> dict[str, object]:
    told: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": _git(data)}
    if name.endswith(LARGE):
        told["lfs"] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "pointerSize": 130}
    return told


def _in_tree(name: str, data: bytes) -> dict[str, object]:
    return {"type": "file", "path": name, "size": len(data), "oid": _git(data)}
