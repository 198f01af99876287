"""The Compare tab, used as a visitor uses it: with the built-in method and two small networks, one of them broken."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.browser.conftest import save_photo
from tests.browser.driver import PATIENCE, Visitor, visit, wait_until
from tests.browser.test_remove_tab import DISC, PHONE, pixels
from tests.server import App, start_app

pytestmark = pytest.mark.browser
QUICK, LAMA, BROKEN = "patchmatch", "lama", "migan"
ENDED = "/^(Done|Stopped)/.test(document.querySelector('.cp-status').textContent)"


@pytest.fixture(scope="module")
def some(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app with LaMa, a MI-GAN whose file is damaged, and no other network."""
    folder = tmp_path_factory.mktemp("some-weights")
    for part in ("big-lama", "migan"):
        shutil.copytree(weights / part, folder / part)
    for file in (folder / "migan").iterdir():
        if file.suffix != ".json":
            file.write_bytes(file.read_bytes()[:1000])
    running = start_app(tmp_path_factory.mktemp("some"), environment={"ROREM_WEIGHTS": str(folder)})
    yield running
    assert running.stop() == 0, "".join(running.log)
    assert "Traceback" not in "".join(running.log), "".join(running.log)


@pytest.fixture
def visitor(browser: Browser, some: App) -> Iterator[Visitor]:
    with visit(browser, some.url) as one:
        yield one
        assert not one.trouble


def choose(visitor: Visitor, *methods: str) -> None:
    """Goes to the tab and ticks these methods and no others."""
    visitor.page.click("#tab-compare")
    visitor.page.wait_for_selector(".cp-method")
    for box in visitor.page.locator(".cp-methods input[type=checkbox]:enabled").all():
        box.set_checked(box.get_attribute("value") in methods)


def mark(visitor: Visitor, photo: Path) -> None:
    visitor.open(photo)
    visitor.brush(40)
    visitor.paint(*DISC)


def press(visitor: Visitor) -> None:
    visitor.page.click("[data-act=compare]")
    visitor.page.wait_for_function(f"!{ENDED}")
    over(visitor)


def over(visitor: Visitor) -> None:
    """Waits until all methods are finished and their pictures are there."""
    visitor.page.wait_for_function(ENDED, timeout=PATIENCE)
    visitor.page.wait_for_function(
        "![...document.querySelectorAll('.cp-veil p')].some(p => p.textContent === 'Loading…' && p.offsetParent)"
    )
    visitor.settle()


def cell(visitor: Visitor, key: str | int) -> str:
    return visitor.page.inner_text(f".cp-cell[data-key='{key}']")


def middle(visitor: Visitor, selector: str, share: float = 0.5) -> np.ndarray:
    """The mean colour on the screen around a place of a canvas. share: how far from its left."""
    canvas = visitor.page.locator(selector)
    canvas.scroll_into_view_if_needed()
    visitor.settle()
    array = np.asarray(Image.open(BytesIO(canvas.screenshot())).convert("RGB")).astype(int)
    y, x = array.shape[0] // 2, int(array.shape[1] * share)
    return array[y - 5 : y + 5, x - 5 : x + 5].reshape(-1, 3).mean(axis=0)


def red(colour: np.ndarray) -> bool:
    return bool(colour[0] - colour[1] > 80)


CANVAS = ".cp-cell[data-key='{}'] canvas"


@pytest.mark.soak
def test_the_same_photo_and_marks_are_in_both_tabs(visitor: Visitor, photo: Path) -> None:
    mark(visitor, photo)
    marked = visitor.marked
    assert visitor.page.is_visible("[data-do=remove]") and not visitor.page.is_visible("[data-act=compare]")
    choose(visitor, QUICK)
    assert not visitor.page.is_visible("[data-do=remove]") and visitor.page.is_visible("[data-tool=brush]")
    assert visitor.marked == marked and visitor.page.is_enabled("[data-act=compare]")
    assert visitor.page.url.endswith("#compare")
    visitor.page.go_back()
    visitor.go("#compare")
    visitor.page.wait_for_selector("#tab-compare[aria-selected=true]")

    def is_left() -> bool:  # a page that is still being built drops the focus
        visitor.page.click("#tab-compare")
        visitor.page.keyboard.press("ArrowLeft")
        return visitor.page.evaluate("document.activeElement.id") == "tab-remove"

    wait_until(is_left)
    assert visitor.page.is_visible("#method, .rr-remove >> nth=0")


def test_results_stand_side_by_side_and_a_failure_costs_only_itself(visitor: Visitor, photo: Path) -> None:
    mark(visitor, photo)
    choose(visitor, QUICK, LAMA, BROKEN)
    press(visitor)
    assert visitor.page.inner_text(".cp-status") == "Done: 2 results. 1 failed."
    quick, lama, broken = (cell(visitor, index) for index in range(3))
    assert "Quick fill" in quick and "Network calls\n0" in quick and "Peak memory" in quick and "Worked at" in quick
    assert "LaMa" in lama and "Network calls\n1" in lama
    assert "MI-GAN" in broken and "damaged" in broken and "Go on from here" not in broken
    assert red(middle(visitor, CANVAS.format("source")))
    assert not red(middle(visitor, CANVAS.format(0))) and not red(middle(visitor, CANVAS.format(1)))


def test_what_is_not_here_says_how_to_get_it(visitor: Visitor) -> None:
    choose(visitor, QUICK)
    visitor.page.click(".cp-others summary")
    assert visitor.page.is_disabled(".cp-methods input[value=rorem]")
    row = visitor.page.locator(".cp-method", has=visitor.page.locator("input[value='sdxl-inp']"))
    assert "Download (7.0 GB)" in row.inner_text()
    by_hand = visitor.page.locator(".cp-method", has=visitor.page.locator("input[value='rorem-4s']"))
    assert "by hand" in by_hand.inner_text()


@pytest.mark.soak
def test_all_pictures_have_one_zoom(visitor: Visitor, photo: Path) -> None:
    mark(visitor, photo)
    choose(visitor, QUICK, LAMA)
    press(visitor)
    left = 0.42  # beside the disc as long as all is shown
    assert not red(middle(visitor, CANVAS.format("source"), left))
    visitor.page.click(".cp-bar [data-act=outline]")
    visitor.page.focus(CANVAS.format(0))
    for _ in range(3):
        visitor.page.keyboard.press("+")
    assert red(middle(visitor, CANVAS.format("source"), left))  # zoomed in by a key on another picture
    for _ in range(4):
        visitor.page.focus(CANVAS.format(0))
        visitor.page.keyboard.press("ArrowDown")
    assert not red(middle(visitor, CANVAS.format("source"), left))
    visitor.page.click(".cp-bar [data-act=fit]")
    assert red(middle(visitor, CANVAS.format("source")))
    visitor.page.hover(CANVAS.format(1))
    visitor.page.mouse.wheel(0, -600)
    assert red(middle(visitor, CANVAS.format("source"), left))
    box = visitor.page.locator(CANVAS.format(1)).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    visitor.page.mouse.move(x, y)
    visitor.page.mouse.down()
    visitor.page.mouse.move(x + 150, y, steps=5)
    visitor.page.mouse.up()
    assert not red(middle(visitor, CANVAS.format("source"), left))


@pytest.mark.soak
def test_the_outline_can_be_seen_and_hidden(visitor: Visitor, photo: Path) -> None:
    mark(visitor, photo)
    choose(visitor, QUICK)
    press(visitor)

    def shot() -> np.ndarray:
        visitor.page.locator(CANVAS.format(0)).scroll_into_view_if_needed()
        visitor.settle()
        picture = visitor.page.locator(CANVAS.format(0)).screenshot()
        array = np.asarray(Image.open(BytesIO(picture)).convert("RGB")).astype(int)
        return (array[..., 0] - array[..., 1] > 60) & (array[..., 0] > 170)

    with_outline = shot().sum()
    visitor.page.click("[data-act=outline]")
    assert shot().sum() == 0 and with_outline > 50
    visitor.page.focus(CANVAS.format(0))
    visitor.page.keyboard.press("m")
    assert shot().sum() == with_outline


@pytest.mark.soak
def test_any_two_lie_under_one_slider(visitor: Visitor, photo: Path) -> None:
    mark(visitor, photo)
    choose(visitor, QUICK, LAMA)
    press(visitor)
    visitor.page.click("[data-act=pair]")
    visitor.page.click("[data-act=outline]")
    options = visitor.page.eval_on_selector_all(".cp-left option", "all => all.map(one => one.textContent)")
    assert options == ["Photo", "Quick fill", "LaMa"]
    visitor.page.select_option(".cp-left", "source")
    visitor.page.select_option(".cp-right", "0")
    slider, seen = visitor.page.locator(".cp-split"), []
    for value in (1000, 0):
        slider.evaluate("(input, to) => { input.value = to; input.dispatchEvent(new Event('input')); }", value)
        seen.append(red(middle(visitor, ".cp-pair canvas")))
    assert seen == [True, False]
    slider.focus()
    visitor.page.keyboard.press("End")
    assert red(middle(visitor, ".cp-pair canvas"))


@pytest.mark.soak
def test_the_large_view_goes_from_one_to_the_next(visitor: Visitor, photo: Path) -> None:
    mark(visitor, photo)
    choose(visitor, QUICK, LAMA)
    press(visitor)
    visitor.page.focus(CANVAS.format(0))
    visitor.page.keyboard.press("Enter")
    title = visitor.page.locator(".cp-large h3")
    assert title.inner_text() == "Quick fill" and not red(middle(visitor, ".cp-large canvas"))
    visitor.page.keyboard.press("ArrowRight")
    assert title.inner_text() == "LaMa"
    visitor.page.keyboard.press("ArrowRight")
    assert title.inner_text() == "Photo" and red(middle(visitor, ".cp-large canvas"))
    visitor.page.keyboard.press("+")
    visitor.page.keyboard.press("ArrowRight")  # now it moves the picture
    assert title.inner_text() == "Photo"
    visitor.page.keyboard.press("PageUp")
    assert title.inner_text() == "LaMa"
    visitor.page.keyboard.press("Escape")
    assert not visitor.page.is_visible(".cp-large")
    assert visitor.page.evaluate("document.activeElement.closest('.cp-cell').dataset.key") == "0"


@pytest.mark.soak
def test_the_truth_brings_numbers(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    mark(visitor, photo)
    choose(visitor, QUICK)
    Image.new("RGB", (300, 200)).save(tmp_path / "small.png")
    visitor.page.locator(".cp-truth-file").set_input_files(str(tmp_path / "small.png"))
    visitor.page.wait_for_selector(".cp-error:visible")
    assert "300 × 200" in visitor.page.inner_text(".cp-error")
    visitor.trouble.clear()  # the browser notes the refusal
    Image.open(photo).save(tmp_path / "behind.png")
    visitor.page.locator(".cp-truth-file").set_input_files(str(tmp_path / "behind.png"))
    visitor.page.wait_for_function("document.querySelector('.cp-truth-name').textContent === 'Truth: behind.png'")
    press(visitor)
    assert "PSNR" in cell(visitor, 0) and "dB" in cell(visitor, 0)
    assert red(middle(visitor, CANVAS.format("truth")))
    visitor.page.click("[data-act=no-truth]")
    visitor.page.wait_for_selector("[data-act=truth]:visible")


def test_an_example_brings_marks_and_truth_with_one_click(visitor: Visitor) -> None:
    choose(visitor, QUICK)
    visitor.page.click("[data-sample] >> nth=0")
    visitor.page.wait_for_function("window.rorem.photo && window.rorem.marked() > 0")
    visitor.page.wait_for_function("document.querySelector('.cp-truth-name').textContent.startsWith('Truth: ')")
    assert not visitor.page.is_visible("[data-sample] >> nth=0")
    press(visitor)
    assert "PSNR" in cell(visitor, 0)


@pytest.mark.soak
def test_hidden_names_are_shown_when_asked_for(visitor: Visitor, photo: Path) -> None:
    answers: list[str] = []
    visitor.page.on(
        "response", lambda answer: answers.append(answer.text()) if answer.url.endswith("/comparison") else None
    )
    mark(visitor, photo)
    choose(visitor, QUICK, LAMA, BROKEN)
    visitor.page.check(".cp-blind")
    press(visitor)
    results = visitor.page.inner_html(".cp-results")
    names = ("Quick fill", "LaMa", "MI-GAN", QUICK, LAMA, BROKEN, "Network calls", "Peak memory")
    assert not [name for name in names if name in results or any(name in answer for answer in answers)]
    assert [visitor.page.inner_text(f".cp-cell[data-key='{key}'] h3") for key in range(3)] == ["A", "B", "C"]
    assert "failed" in visitor.page.inner_text(".cp-grid") and not visitor.page.is_visible("[data-act=zip]")
    visitor.page.click("[data-act=reveal]")
    visitor.page.wait_for_selector("[data-act=zip]:visible")
    titles = [visitor.page.inner_text(f".cp-cell[data-key='{key}'] h3") for key in range(3)]
    assert [title[:3] for title in titles] == ["A: ", "B: ", "C: "]
    assert {title[3:] for title in titles} == {"Quick fill", "LaMa", "MI-GAN"}
    assert "damaged" in visitor.page.inner_text(".cp-grid")


@pytest.mark.soak
def test_going_on_from_a_result_and_back(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    mark(visitor, photo)
    marked = visitor.marked
    choose(visitor, QUICK, LAMA)
    press(visitor)
    with visitor.page.expect_download() as coming:
        visitor.page.click(".cp-cell[data-key='1'] .cp-tools a")
    assert coming.value.suggested_filename == "holiday photo-lama.png"
    coming.value.save_as(tmp_path / "lama.png")
    visitor.page.click(".cp-cell[data-key='1'] [data-act=keep]")
    visitor.wait_for_state(1)
    assert visitor.page.is_visible("[data-file=png]") and "LaMa is now your photo" in visitor.status
    assert (pixels(visitor.download("png", tmp_path)) == pixels(tmp_path / "lama.png")).all()
    assert visitor.marked == 0
    visitor.page.click("#tab-compare")
    visitor.page.click(".cp-cell[data-key='0'] [data-act=keep]")
    visitor.wait_for_state(2)
    assert visitor.page.locator(".rr-choices button").count() == 2
    visitor.do("undo")
    visitor.wait_for_state(0)
    assert visitor.marked == marked
    visitor.page.click("#tab-compare")
    assert visitor.page.is_enabled(".cp-cell[data-key='0'] [data-act=keep]")


def test_the_zip_holds_montage_files_and_result(visitor: Visitor, photo: Path) -> None:
    mark(visitor, photo)
    choose(visitor, QUICK, LAMA)
    visitor.page.fill(".cp-seed", "7")
    press(visitor)
    with visitor.page.expect_download() as coming:
        visitor.page.click("[data-act=zip]")
    assert coming.value.suggested_filename == "holiday photo-compare.zip"
    with zipfile.ZipFile(coming.value.path()) as archive:
        result = json.loads(archive.read("result.json"))
        names = archive.namelist()
        assert Image.open(io.BytesIO(archive.read("montage.png"))).width > 500
        assert archive.read(result["source"]["file"]) == photo.read_bytes()
    assert result["request"]["seed"] == 7 and [one["method"] for one in result["cells"]] == [QUICK, LAMA]
    assert sum(name.endswith(".png") for name in names) == 4  # two results, mask and montage


@pytest.mark.soak
def test_as_published(visitor: Visitor, photo: Path) -> None:
    mark(visitor, photo)
    choose(visitor, QUICK, LAMA)
    visitor.page.get_by_text("As published", exact=True).click()
    press(visitor)
    assert "no published way" in cell(visitor, 0) and "Drift outside" in cell(visitor, 1)
    assert not red(middle(visitor, CANVAS.format(1)))
    assert "As published" in visitor.page.inner_text(".cp-what")


@pytest.mark.soak
def test_a_stop_keeps_what_is_finished_and_a_removal_waits_for_it(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(save_photo(tmp_path / "large.jpg", 3000, 2000))
    visitor.brush(300)
    visitor.paint((300, 300), (1700, 1000))
    choose(visitor, QUICK)
    visitor.page.click("[data-act=compare]")
    visitor.page.wait_for_selector("[data-act=stop]:visible")
    visitor.page.click("#tab-remove")
    visitor.do("remove")
    visitor.page.wait_for_selector(".rr-error:visible")
    assert "at work already" in visitor.error
    visitor.page.click("#tab-compare")
    visitor.page.click("[data-act=stop]")
    visitor.page.wait_for_function(ENDED)
    assert visitor.page.inner_text(".cp-status").startswith("Stopped")
    visitor.page.click("#tab-remove")
    assert visitor.photo["state"] == 0


def test_everything_works_with_keys_alone(visitor: Visitor, photo: Path) -> None:
    page = visitor.page
    visitor.open(photo)
    visitor.brush(120)
    page.focus("#tab-remove")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".cp-method")

    def tab_to(selector: str, most: int = 60) -> None:
        for _ in range(most):
            page.keyboard.press("Tab")
            if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", f"no visible focus on {selector}"
                return
        raise AssertionError(f"Tab does not lead to {selector}")

    tab_to(".rr-stage canvas")
    page.keyboard.press("Enter")
    assert visitor.marked > 0
    for method, wanted in ((QUICK, True), ("telea", True), (LAMA, False), (BROKEN, False)):
        tab_to(f".cp-methods input[value={method}]")
        if page.is_checked(f".cp-methods input[value={method}]") is not wanted:
            page.keyboard.press("Space")
    tab_to("[data-act=compare]")
    page.keyboard.press("Enter")
    over(visitor)
    tab_to(".cp-cell[data-key='0'] canvas")
    page.keyboard.press("+")
    page.keyboard.press("Enter")
    page.wait_for_selector(".cp-large[open]")
    page.keyboard.press("PageDown")
    assert page.inner_text(".cp-large h3") == "Smooth fill"
    page.keyboard.press("Escape")
    tab_to("[data-act=keep]")
    page.keyboard.press("Enter")
    visitor.wait_for_state(1)


@pytest.mark.soak
def test_a_reload_keeps_the_comparison(visitor: Visitor, photo: Path) -> None:
    mark(visitor, photo)
    choose(visitor, QUICK, LAMA)
    press(visitor)
    before = cell(visitor, 0)
    visitor.page.wait_for_timeout(800)  # the browser keeps photo and marks a moment later
    visitor.go("#compare")
    visitor.page.wait_for_selector(".cp-cell[data-key='1']")
    assert cell(visitor, 0) == before
    assert not red(middle(visitor, CANVAS.format(1))) and red(middle(visitor, CANVAS.format("source")))
    assert visitor.page.is_checked(f".cp-methods input[value={LAMA}]")
    visitor.page.click(".cp-cell[data-key='0'] [data-act=keep]")
    visitor.wait_for_state(1)


@pytest.mark.soak
def test_on_a_phone(browser: Browser, some: App, photo: Path) -> None:
    with visit(browser, some.url, **PHONE) as visitor:
        page = visitor.page
        visitor.open(photo)
        visitor.brush(60)
        visitor.touch(*DISC)
        page.tap("#tab-compare")
        page.wait_for_selector(".cp-method")
        for name, wanted in ((QUICK, True), ("telea", False), (LAMA, True), (BROKEN, False)):
            page.set_checked(f".cp-methods input[value={name}]", wanted)
        page.tap("[data-act=compare]")
        over(visitor)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        boxes = [page.locator(CANVAS.format(key)).bounding_box() for key in ("source", 0)]
        assert boxes[0] and boxes[1] and boxes[0]["x"] == boxes[1]["x"] and boxes[0]["y"] < boxes[1]["y"]
        page.tap("[data-act=outline]")
        page.locator(CANVAS.format(0)).scroll_into_view_if_needed()
        box = page.locator(CANVAS.format(0)).bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        tools = page.context.new_cdp_session(page)

        def fingers(kind: str, spread: float) -> None:
            points = [{"x": x - spread, "y": y, "id": 1}, {"x": x + spread, "y": y, "id": 2}]
            tools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if spread else []})

        fingers("touchStart", 20)
        for spread in range(22, 60, 4):
            fingers("touchMove", spread)
        fingers("touchEnd", 0)
        assert red(middle(visitor, CANVAS.format("source"), 0.4))  # the pinch zoomed all of them
        page.tap(".cp-bar [data-act=fit]")
        page.tap(".cp-cell[data-key='1'] [data-act=large]")
        page.wait_for_selector(".cp-large[open]")
        page.tap(".cp-large [data-act=later]")
        assert page.inner_text(".cp-large h3") == "Photo"
        page.tap(".cp-large [data-act=close]")
        page.tap(".cp-cell[data-key='1'] [data-act=keep]")
        visitor.wait_for_state(1)
        assert not visitor.trouble


@pytest.mark.soak
def test_the_compare_tab_alone(browser: Browser, photo: Path, tmp_path: Path) -> None:
    app = start_app(tmp_path / "data", "--tabs", "compare")
    try:
        with visit(browser, app.url) as visitor:
            assert visitor.page.locator("#tabs").count() == 0
            visitor.page.wait_for_selector(".cp-method")
            assert visitor.page.locator("#method").count() == 0
            mark(visitor, photo)
            for box in visitor.page.locator(".cp-methods input[type=checkbox]:enabled").all():
                box.set_checked(box.get_attribute("value") == "telea")
            press(visitor)
            visitor.page.click("[data-act=keep]")
            visitor.wait_for_state(1)
            assert visitor.page.is_visible(".cp-results")
            assert not visitor.trouble
    finally:
        app.stop()
