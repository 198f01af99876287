"""The Pick tool: clicks that mark a thing, and clicks that take something of it away again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.browser.driver import Visitor, visit
from tests.browser.test_remove_tab import PHONE
from tests.server import App

pytestmark = [pytest.mark.browser, pytest.mark.soak]
RED, BLUE = (200, 30, 30), (30, 60, 200)
LEFT, RIGHT, FAR = (270, 200), (330, 200), (100, 320)  # in a thing of two colours, and in another thing


@pytest.fixture(scope="module")
def ball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 600 x 400 photo with a ball at (300, 200), half red and half blue, and a small red one at (100, 320)."""
    rows, columns = np.mgrid[:400, :600]
    random = np.random.default_rng(3)
    picture = 110 + 30 * np.sin(columns / 9)[..., None] * np.ones(3) + random.normal(0, 5, (400, 600, 1))
    disc = (columns - 300) ** 2 + (rows - 200) ** 2 < 70**2
    picture[disc & (columns < 300)] = RED
    picture[disc & (columns >= 300)] = BLUE
    picture[(columns - 100) ** 2 + (rows - 320) ** 2 < 30**2] = RED
    path = tmp_path_factory.mktemp("ball") / "ball.png"
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path)
    return path


HALF, SMALL = np.pi * 70**2 / 2, np.pi * 30**2


def click(visitor: Visitor, point: Sequence[float], shift: bool = False) -> None:
    """Clicks and waits for the answer."""
    visitor.page.locator(".rr-stage canvas").scroll_into_view_if_needed()
    if shift:
        visitor.page.keyboard.down("Shift")
    visitor.page.mouse.click(*visitor.to_page(point))
    if shift:
        visitor.page.keyboard.up("Shift")
    answered(visitor)


def answered(visitor: Visitor) -> None:
    visitor.page.wait_for_function("!document.querySelector('.rr-status').textContent.startsWith('Looking')")
    visitor.settle()


def picked(visitor: Visitor) -> int:
    return visitor.page.evaluate("window.rorem.picked()")


def mask(visitor: Visitor, folder: Path) -> np.ndarray:
    """The marks, as the page saves them."""
    if not visitor.page.is_visible("[data-do=mask-out]"):
        visitor.page.click(".rr-more summary")
    with visitor.page.expect_download() as coming:
        visitor.do("mask-out")
    coming.value.save_as(folder / "mask.png")
    return np.asarray(Image.open(folder / "mask.png"))


def holds(marks: np.ndarray, *points: tuple[int, int]) -> list[bool]:
    return [bool(marks[y, x]) for x, y in points]


def near(count: int, wanted: float) -> bool:
    return abs(count - wanted) < 0.12 * wanted


def test_clicks_add_up_and_a_shift_click_takes_a_part_away(visitor: Visitor, ball: Path, tmp_path: Path) -> None:
    visitor.open(ball)
    visitor.brush(20)
    visitor.paint((500, 50), (540, 50))
    stroke = visitor.marked
    visitor.page.keyboard.press("p")
    assert visitor.status == "Click the thing. Shift-click what is not part of it."
    click(visitor, LEFT)
    assert near(visitor.marked - stroke, HALF)
    click(visitor, RIGHT)
    assert near(visitor.marked - stroke, 2 * HALF)
    assert holds(mask(visitor, tmp_path), LEFT, RIGHT, (520, 50)) == [True, True, True]
    click(visitor, (340, 210), shift=True)
    assert near(visitor.marked - stroke, HALF)
    marks = mask(visitor, tmp_path)
    assert holds(marks, LEFT, RIGHT, (520, 50), FAR) == [True, False, True, False]
    assert picked(visitor) == 3


def test_every_click_is_one_step_of_undo_and_goes_on_from_there(visitor: Visitor, ball: Path) -> None:
    visitor.open(ball)
    visitor.tool("thing")
    counts = [visitor.marked]
    for point, shift in ((LEFT, False), (RIGHT, False), ((340, 210), True)):
        click(visitor, point, shift)
        counts.append(visitor.marked)
    for count in counts[-2::-1]:
        visitor.page.keyboard.press("Control+z")
        visitor.page.wait_for_function("count => window.rorem.marked() === count", arg=count)
    assert picked(visitor) == 0
    for count in counts[1:3]:
        visitor.page.keyboard.press("Control+y")
        visitor.page.wait_for_function("count => window.rorem.marked() === count", arg=count)
    assert picked(visitor) == 2
    click(visitor, (260, 190), shift=True)  # the red half, which was clicked before the undo
    assert near(visitor.marked, HALF)


def test_enter_begins_another_thing_and_leaves_the_first(visitor: Visitor, ball: Path, tmp_path: Path) -> None:
    visitor.open(ball)
    visitor.tool("thing")
    click(visitor, LEFT)
    visitor.page.keyboard.press("Enter")
    assert picked(visitor) == 0 and near(visitor.marked, HALF)
    click(visitor, FAR)
    assert near(visitor.marked, HALF + SMALL)
    click(visitor, (105, 325), shift=True)  # red as the half, but it is no part of this thing
    assert holds(mask(visitor, tmp_path), LEFT, FAR) == [True, False]
    assert visitor.status == "Nothing is left of it. Undo brings it back."


def test_a_box_and_a_click_mark_together(visitor: Visitor, ball: Path, tmp_path: Path) -> None:
    visitor.open(ball)
    visitor.tool("thing")
    visitor.paint((210, 110), (390, 290))
    answered(visitor)
    assert near(visitor.marked, 2 * HALF)
    click(visitor, RIGHT, shift=True)
    assert holds(mask(visitor, tmp_path), LEFT, RIGHT) == [True, False]


def test_the_clicks_are_shown_until_the_tool_is_left(visitor: Visitor, ball: Path) -> None:
    visitor.open(ball)
    assert not visitor.page.is_visible(".rr-pick")
    visitor.tool("thing")
    assert visitor.page.is_visible(".rr-pick") and not visitor.page.is_visible("[data-do=next]")
    click(visitor, LEFT)
    click(visitor, RIGHT, shift=True)  # changes nothing, so it does not stay
    assert picked(visitor) == 1 and visitor.page.is_visible("[data-do=next]")
    assert dot(visitor, LEFT) and not dot(visitor, RIGHT)
    visitor.page.keyboard.press("b")
    visitor.settle()
    assert picked(visitor) == 0 and not dot(visitor, LEFT)
    assert not visitor.page.is_visible(".rr-pick")
    marked = visitor.marked
    visitor.page.keyboard.press("p")
    click(visitor, RIGHT, shift=True)
    assert visitor.status == "Click the thing first." and visitor.marked == marked


def dot(visitor: Visitor, point: Sequence[float]) -> bool:
    """Whether the place is as green as the dot of a click is, beside its sign."""
    red, green, blue = visitor.page.evaluate(
        """([x, y]) => { const c = document.querySelector('.rr-stage canvas'), frame = c.getBoundingClientRect();
            const ratio = c.width / frame.width, [px, py] = window.rorem.toPage(x, y);
            const at = [(px - frame.left + 4) * ratio, (py - frame.top - 3.5) * ratio];
            return [...c.getContext('2d').getImageData(...at, 1, 1).data].slice(0, 3); }""",
        list(point),
    )
    return green - max(red, blue) > 50


def test_what_is_painted_meanwhile_is_kept(visitor: Visitor, ball: Path, tmp_path: Path) -> None:
    visitor.open(ball)
    visitor.page.route("**/select?*", lambda route: visitor.page.wait_for_timeout(1000) or route.continue_())
    visitor.brush(20)
    visitor.tool("thing")
    visitor.page.mouse.click(*visitor.to_page(LEFT))
    visitor.page.keyboard.press("b")
    visitor.paint((500, 50), (540, 50))
    visitor.page.wait_for_function("window.rorem.marked() > 5000")
    assert holds(mask(visitor, tmp_path), LEFT, (520, 50)) == [True, True]
    assert picked(visitor) == 0
    visitor.do("undo")
    visitor.page.wait_for_function("window.rorem.marked() < 5000")
    assert holds(mask(visitor, tmp_path), LEFT, (520, 50)) == [False, True]


def test_a_click_without_an_answer_leaves_nothing_behind(visitor: Visitor, ball: Path) -> None:
    visitor.open(ball)
    visitor.tool("thing")
    visitor.page.route("**/select?*", lambda route: route.fulfill(status=500, json={"error": "It broke."}))
    click(visitor, LEFT)
    assert visitor.error == "It broke." and visitor.status == ""
    assert visitor.marked == picked(visitor) == 0 and not dot(visitor, LEFT)
    visitor.page.unroute("**/select?*")
    click(visitor, LEFT)
    assert near(visitor.marked, HALF) and not visitor.error
    visitor.trouble.clear()  # the browser's own line about status 500


def test_the_keyboard_picks(visitor: Visitor, ball: Path) -> None:
    visitor.open(ball)
    visitor.brush(60)
    visitor.tool("thing")
    visitor.page.mouse.move(2, 2)
    visitor.page.focus(".rr-stage canvas")
    for _ in range(2):
        visitor.page.keyboard.press("ArrowLeft")  # from the middle, 20 px each
    visitor.page.keyboard.press("Enter")
    answered(visitor)
    assert near(visitor.marked, HALF) and picked(visitor) == 1
    visitor.page.keyboard.press("Enter")
    assert picked(visitor) == 0
    for _ in range(4):
        visitor.page.keyboard.press("ArrowRight")
    visitor.page.keyboard.press("Enter")
    answered(visitor)
    assert near(visitor.marked, 2 * HALF)


def test_a_finger_uses_the_switch(browser: Browser, app: App, ball: Path, tmp_path: Path) -> None:
    with visit(browser, app.url, **PHONE) as visitor:
        visitor.open(ball)
        visitor.page.locator("[data-tool=thing]").tap()
        assert visitor.status == "Tap the thing. With −, tap what is not part of it."
        for point in (LEFT, RIGHT):
            visitor.touch(point)
            answered(visitor)
        visitor.page.locator("[data-aim=minus]").tap()
        visitor.touch((340, 210))
        answered(visitor)
        assert near(visitor.marked, HALF) and picked(visitor) == 3
        visitor.page.locator("[data-do=next]").tap()
        assert picked(visitor) == 0
        assert visitor.page.get_attribute("[data-aim=plus]", "aria-pressed") == "true"
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert not visitor.trouble
