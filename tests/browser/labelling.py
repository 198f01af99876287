"""Drives the Label tab: a set of small removals, and an annotator who judges them by keys or by touch."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page

from rorem.triplet import Triplet, write_folder
from tests.browser.driver import Visitor, visit

STAGE = "document.querySelector('.lb')?.dataset.stage"
CHANGED = f"old => window.roremLabel?.item ? roremLabel.item !== old : {STAGE} === 'end'"


def write_set(folder: Path, count: int, size: tuple[int, int] = (160, 120)) -> Path:
    """A folder of removals; the result of number n is grey with the level 10 + 2 n where the thing was."""
    write_folder((_triplet(number, size) for number in range(count)), folder)
    return folder


def _triplet(number: int, size: tuple[int, int]) -> Triplet:
    wide, high = size
    random = np.random.default_rng(number)
    ground = np.full((high, wide, 3), (90, 130, 170), np.uint8) + random.integers(0, 30, (high, wide, 1), np.uint8)
    mask = np.zeros((high, wide), np.uint8)
    mask[high // 3 : 2 * high // 3, wide // 3 : 2 * wide // 3] = 255
    source, result = ground.copy(), ground.copy()
    source[mask > 0] = (200, 30, 30)
    result[mask > 0] = (10 + 2 * number) % 256
    name, kind = f"number-{number}", f"kind {number % 3}"
    return Triplet(name, _png(source), _png(mask), _png(result), method="secret-method", category=kind)


def _png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


@dataclass
class Annotator:
    """Somebody who judges. `visitor.trouble` holds what must not happen."""

    visitor: Visitor

    @property
    def page(self) -> Page:
        return self.visitor.page

    def enter(self, name: str, phrase: str = "", guide: bool = True) -> None:
        """Gives a nickname and goes through the guide to the first item."""
        self.page.wait_for_function(f"{STAGE} === 'enter'")
        self.page.fill(".lb-enter [name=name]", name)
        if phrase:
            self.page.fill(".lb-enter [name=phrase]", phrase)
        self.page.click(".lb-start")
        if guide:
            self.page.click("[data-act=guide-close]")
            self.shown()

    def shown(self, other_than: str | None = None) -> str:
        """Waits until an item is on screen, another than the one named; its hand-out."""
        self.page.wait_for_function("old => window.roremLabel?.item && roremLabel.item !== old", arg=other_than)
        return self.item or ""

    @property
    def item(self) -> str | None:
        return self.page.evaluate("roremLabel.item")

    @property
    def stage(self) -> str:
        return self.page.evaluate(STAGE)

    @property
    def status(self) -> str:
        return self.page.inner_text(".lb-work .lb-status" if self.stage == "work" else ".lb-end .lb-status")

    @property
    def banner(self) -> str:
        return self.page.inner_text(".lb-banner") if self.page.is_visible(".lb-banner") else ""

    def key(self, *keys: str) -> str:
        """Presses keys and waits until another item is on screen; what was on screen before."""
        before = self.item
        for key in keys:
            self.page.keyboard.press(key)
        self.page.wait_for_function(CHANGED, arg=before)
        return before or ""

    def tap(self, *selectors: str) -> str:
        """The same with a finger on buttons."""
        return self._press(self.page.tap, selectors)

    def click(self, *selectors: str) -> str:
        """The same with the mouse."""
        return self._press(self.page.click, selectors)

    def _press(self, how: Callable[[str], None], selectors: tuple[str, ...]) -> str:
        before = self.item
        for selector in selectors:
            how(f".lb-work {selector}")
        self.page.wait_for_function(CHANGED, arg=before)
        return before or ""

    def middle(self) -> tuple[int, int, int]:
        """The colour in the middle of the picture on screen."""
        self.visitor.settle()
        shot = Image.open(io.BytesIO(self.page.locator(".lb-stage canvas").screenshot())).convert("RGB")
        colour = np.asarray(shot)[
            shot.height // 2 - 3 : shot.height // 2 + 3, shot.width // 2 - 3 : shot.width // 2 + 3
        ]
        red, green, blue = colour.reshape(-1, 3).mean(axis=0).round().astype(int).tolist()
        return red, green, blue


@contextmanager
def annotator(browser: Browser, url: str, **context: Any) -> Iterator[Annotator]:
    """Somebody with a browser profile of their own, on the Label tab."""
    with visit(browser, url, **context) as visitor:
        visitor.page.goto(f"{url}/#label", wait_until="domcontentloaded")
        visitor.page.reload(wait_until="domcontentloaded")
        visitor.page.wait_for_selector(".lb[data-page=ready]", state="attached")
        yield Annotator(visitor)


def picture_of(labels: Path, handout: str) -> tuple[str, int]:
    """Of the item that was handed out: its id, and the level of grey that its result has in the middle."""
    with _open(labels) as database:
        wanted = (
            "SELECT items.id, items.name FROM items JOIN handouts ON handouts.item = items.id WHERE handouts.id = ?"
        )
        item, name = database.execute(wanted, [handout]).fetchone()
    return item, 10 + 2 * int(name.removeprefix("number-"))


def events(labels: Path) -> list[dict[str, Any]]:
    """All that is stored, in the order of writing. labels: the label folder."""
    with _open(labels) as database:
        return [dict(row) for row in database.execute("SELECT * FROM events ORDER BY seq")]


@contextmanager
def _open(labels: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(f"file:{labels / 'labels.db'}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    try:
        yield database
    finally:
        database.close()


def times_to_show(page: Page) -> list[float]:
    """Milliseconds from the server's word to the next item on screen, of each item that this page has shown."""
    return page.evaluate("roremLabel.waits")
