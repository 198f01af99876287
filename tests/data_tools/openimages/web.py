"""A web server for files, with the faults that real ones have: lines that break, busy hours, files that change."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Web:
    """files: by path. kind: "google", "amazon" or "" for what the server says of a file's content."""

    address: str = ""
    kind: str = "google"
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # path and Range
    breaks: Counter[str] = field(default_factory=Counter)  # how often the line breaks after half of what is left
    busy: Counter[str] = field(default_factory=Counter)  # how often the answer is 503
    answers: dict[str, int] = field(default_factory=dict)  # another status
    wrong: set[str] = field(default_factory=set)  # files of which the server tells another MD5
    elsewhere: dict[str, str] = field(default_factory=dict)  # where else a file is, as it says
    deaf: bool = False  # does not know ranges
    untold: bool = False  # does not say how long files are

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@contextmanager
def serving() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def version_string(self) -> str:
            return "AmazonS3" if web.kind == "amazon" else "test"

        def do_GET(self) -> None:
            asked = self.headers.get("Range") or ""
            web.asked.append((self.path, asked))
            data = web.files.get(self.path)
            if web.busy[self.path] > 0:
                web.busy[self.path] -= 1
                return self.send_error(503)
            if self.path in web.elsewhere:
                self.send_response(302)
                self.send_header("Location", web.elsewhere[self.path])
                self.send_header("Content-Length", "0")
                return self.end_headers()
            if data is None or self.path in web.answers:
                return self.send_error(web.answers.get(self.path, 404))
            md5 = hashlib.md5(data if self.path not in web.wrong else b"another").digest()
            tag = f'"{md5.hex()}"'
            start = 0
            if asked and not web.deaf and self.headers.get("If-Range") in (None, tag):
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start and start >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.send_header("Content-Length", "0")
                return self.end_headers()
            self.send_response(206 if start else 200)
            if not web.untold:
                self.send_header("Content-Length", str(len(data) - start))
            self.send_header("ETag", tag)
            if web.kind == "google":
                self.send_header("x-goog-hash", "crc32c=AAAAAA==")
                self.send_header("x-goog-hash", f"md5={base64.b64encode(md5).decode()}")
            self.end_headers()
            rest = data[start:]
            if web.breaks[self.path] > 0:
                web.breaks[self.path] -= 1
                rest = rest[: len(rest) // 2]
            self.wfile.write(rest)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    web.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
