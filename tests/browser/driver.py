"""Drives the app as a visitor does: a real server process, a real Chromium, mouse, touch and keys."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
PATIENCE = 90_000  # ms: a removal on two busy cores


@dataclass
class Visitor:
    """A page of one visitor. `trouble` collects script errors and every request that leaves this machine."""

    page: Page
    url: str
    trouble: list[str] = field(default_factory=list)

    def go(self, query: str = "") -> None:
        self.page.goto(f"{self.url}/{query}", wait_until="domcontentloaded")
        self.page.wait_for_selector(".rr[data-ready=yes]")

    @property
    def photo(self) -> dict[str, Any]:
        return self.page.evaluate("window.rorem.photo")

    @property
    def marked(self) -> int:
        return self.page.evaluate("window.rorem.marked()")

    @property
    def status(self) -> str:
        return self.page.inner_text(".rr-status")

    @property
    def error(self) -> str:
        return self.page.inner_text(".rr-error") if self.page.is_visible(".rr-error") else ""

    def open(self, file: Path) -> None:
        before = self.page.evaluate("window.rorem.photo?.token ?? null")
        self.page.locator(".rr-file").set_input_files(str(file))
        self.page.wait_for_function(
            "old => window.rorem.photo?.token && window.rorem.photo.token !== old", arg=before, timeout=PATIENCE
        )
        self.settle()

    def settle(self) -> None:
        """Waits until what was done is drawn."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def tool(self, name: str) -> None:
        self.page.click(f"[data-tool={name}]")

    def do(self, name: str) -> None:
        self.page.click(f"[data-do={name}]")

    def brush(self, size: int) -> None:
        self.page.locator(".rr-size input").evaluate(
            "(input, size) => { input.value = size; input.dispatchEvent(new Event('input')); }", size
        )

    def to_page(self, point: Sequence[float]) -> tuple[float, float]:
        x, y = self.page.evaluate("([x, y]) => window.rorem.toPage(x, y)", list(point))
        return x, y

    def paint(self, *points: Sequence[float]) -> None:
        """Drags the mouse through points, given in proxy pixels."""
        self.page.locator(".rr-stage canvas").scroll_into_view_if_needed()
        first, *rest = [self.to_page(point) for point in points]
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for x, y in rest or [(first[0] + 1, first[1])]:
            self.page.mouse.move(x, y, steps=6)
        self.page.mouse.up()
        self.settle()

    def touch(self, *points: Sequence[float]) -> None:
        """The same with a finger."""
        self.page.locator(".rr-stage canvas").scroll_into_view_if_needed()
        spots = [self.to_page(point) for point in points]
        tools = self.page.context.new_cdp_session(self.page)

        def send(kind: str, spot: tuple[float, float] | None) -> None:
            touches = [] if spot is None else [{"x": spot[0], "y": spot[1]}]
            tools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

        send("touchStart", spots[0])
        for one, other in pairwise(spots):
            for part in range(1, 7):
                share = part / 6
                send("touchMove", (one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share))
        send("touchEnd", None)
        self.settle()

    def remove(self, button: str = "remove") -> None:
        """Presses the button and waits for another state of the photo."""
        before = self.photo["state"]
        self.do(button)
        self.wait_for_state_other_than(before)

    def wait_for_state_other_than(self, state: int) -> None:
        self.page.wait_for_function(
            "old => !window.rorem.running && window.rorem.photo.state !== old", arg=state, timeout=PATIENCE
        )
        self.settle()

    def wait_for_state(self, state: int) -> None:
        self.page.wait_for_function(
            "wanted => !window.rorem.running && window.rorem.photo.state === wanted", arg=state, timeout=PATIENCE
        )
        self.settle()

    def download(self, kind: str, folder: Path) -> Path:
        """Clicks a download link (source or png) and returns the file under the name the page gave it."""
        with self.page.expect_download() as coming:
            self.page.click(f"[data-file={kind}]")
        file = folder / coming.value.suggested_filename
        coming.value.save_as(file)
        return file


@contextmanager
def visit(browser: Browser, url: str, **context: Any) -> Iterator[Visitor]:
    """A visitor with a browser profile of their own, on the app's first page."""
    made = browser.new_context(viewport=context.pop("viewport", {"width": 1280, "height": 1000}), **context)
    page = made.new_page()
    page.set_default_timeout(60_000)
    visitor = Visitor(page, url)
    page.on("pageerror", lambda error: visitor.trouble.append(f"script error: {error}"))
    page.on("console", lambda told: visitor.trouble.append(told.text) if told.type == "error" else None)
    page.on("dialog", lambda dialog: dialog.accept())
    page.on("request", lambda asked: _watch(visitor, asked.url))
    try:
        visitor.go()
        yield visitor
    finally:
        made.close()


def _watch(visitor: Visitor, url: str) -> None:
    if not url.startswith((visitor.url, "data:", "blob:")):
        visitor.trouble.append(f"request to {url}")


def wait_until(check: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)
