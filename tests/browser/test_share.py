"""What visitors say of their removals, and photos that they share: as a visitor does it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import save_photo
from tests.browser.driver import Visitor, visit, wait_until
from tests.browser.kept import Labels, app_with_labels
from tests.browser.test_remove_tab import DISC, PHONE, remove_disc
from tests.server import App, start_app

pytestmark = pytest.mark.browser
TOLD = ".rr-verdict-told"


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, Labels]]:
    with app_with_labels(tmp_path_factory.mktemp("asking")) as started:
        yield started


@pytest.fixture
def labels(asking: tuple[App, Labels]) -> Labels:
    return asking[1]


@pytest.fixture
def visitor(browser: Browser, asking: tuple[App, Labels]) -> Iterator[Visitor]:
    with visit(browser, asking[0].url) as one:
        yield one
        assert not one.trouble


def told(visitor: Visitor, text: str) -> None:
    visitor.page.wait_for_function(
        "([where, text]) => document.querySelector(where).textContent.includes(text)", arg=[TOLD, text]
    )


def pressed(visitor: Visitor) -> list[str]:
    return visitor.page.eval_on_selector_all(
        ".rr-verdict [aria-pressed=true]", "all => all.map(one => one.dataset.verdict ?? one.dataset.reason)"
    )


def shot(visitor: Visitor, name: str) -> None:
    """Keeps a picture of the page where somebody wants to look at it."""
    if folder := os.environ.get("ROREM_SHOTS"):
        visitor.page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_yes_then_no_with_a_reason_and_a_new_result_asks_anew(visitor: Visitor, photo: Path, labels: Labels) -> None:
    before, kept = len(labels.answers()), labels.pictures()
    visitor.open(photo)
    assert not visitor.page.is_visible(".rr-verdict")
    remove_disc(visitor, photo)
    assert pressed(visitor) == [] and not visitor.page.is_visible(".rr-why")
    visitor.page.click("[data-verdict=yes]")
    told(visitor, "saved")
    assert pressed(visitor) == ["yes"]
    visitor.page.click("[data-verdict=no]")
    told(visitor, "saved")
    visitor.page.click("[data-reason=shadow]")
    visitor.page.click("[data-reason=colour]")
    wait_until(lambda: labels.answers()[-1][1] == '["shadow", "colour"]')
    told(visitor, "saved")
    shot(visitor, "verdict")
    answers = labels.answers()[before:]
    assert [one[0] for one in answers[:3]] == ["yes", "no", "no"] and {one[2] for one in answers} == {"public"}
    visitor.do("undo")
    visitor.wait_for_state(0)
    assert not visitor.page.is_visible(".rr-verdict")
    visitor.do("redo")
    visitor.wait_for_state(1)
    assert sorted(pressed(visitor)) == ["colour", "no", "shadow"]
    visitor.paint((100, 100), (150, 100))
    visitor.remove()
    assert pressed(visitor) == [] and visitor.page.inner_text(TOLD) == ""
    assert labels.answers()[before:] == answers and labels.pictures() == kept


def test_a_photo_is_shared_on_purpose_only_and_taken_back_by_its_code(
    visitor: Visitor, photo: Path, labels: Labels, browser: Browser, asking: tuple[App, Labels]
) -> None:
    page, kept, held = visitor.page, labels.pictures(), labels.held()
    remove_disc(visitor, photo)
    assert not page.is_visible(".rr-share-tick")
    page.click("[data-verdict=yes]")
    told(visitor, "saved")
    assert not page.is_checked(".rr-share-tick") and not page.is_visible(".rr-terms")
    page.check(".rr-share-tick")
    said = page.inner_text(".rr-terms")
    for part in ("the photo, your marks, the result and your answer", "7 days", "operator", "this server", "code"):
        assert part in said
    shot(visitor, "terms")
    assert labels.pictures() == kept and labels.held() == held
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click(".rr-share-it")
    page.wait_for_selector(".rr-shared:visible")
    code = page.inner_text(".rr-code")
    shot(visitor, "shared")
    page.click(".rr-copy")
    page.wait_for_function("document.querySelector('.rr-copy').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == code
    assert not page.is_visible(".rr-share-tick") and labels.pictures() == kept + 3
    assert labels.held() == held + 1
    with visit(browser, asking[0].url) as later:  # without a photo, as somebody who comes back
        later.page.click(".rr-withdraw summary")
        later.page.fill(".rr-withdraw-code", "AAAAA-BBBBB-CCCCC-DDDDD")
        later.page.keyboard.press("Enter")
        wait_until(lambda: "No photo has this code" in later.page.inner_text(".rr-withdraw-told"))
        later.trouble.clear()  # the browser notes the refusal
        later.page.fill(".rr-withdraw-code", code)
        later.page.click(".rr-withdraw button")
        wait_until(lambda: "was deleted here" in later.page.inner_text(".rr-withdraw-told"))
        shot(later, "withdrawn")
        assert not later.trouble
    assert labels.pictures() == kept and labels.held() == held


@pytest.mark.soak
def test_another_result_is_not_ticked(visitor: Visitor, photo: Path) -> None:
    remove_disc(visitor, photo)
    visitor.page.click("[data-verdict=no]")
    visitor.page.check(".rr-share-tick")
    visitor.remove("again")
    assert not visitor.page.is_visible(".rr-share-tick")
    visitor.page.click("[data-verdict=yes]")
    told(visitor, "saved")
    assert not visitor.page.is_checked(".rr-share-tick") and not visitor.page.is_visible(".rr-terms")


@pytest.mark.soak
def test_what_cannot_be_saved_is_not_claimed(visitor: Visitor, photo: Path, labels: Labels) -> None:
    remove_disc(visitor, photo)
    before = len(labels.answers())
    sentence = "Answers cannot be saved now, and yours was not."
    visitor.page.route("**/verdict", lambda route: route.fulfill(status=503, json={"error": sentence}))
    visitor.page.click("[data-verdict=yes]")
    told(visitor, sentence)
    assert pressed(visitor) == [] and not visitor.page.is_visible(".rr-share-tick")
    visitor.page.unroute("**/verdict")
    visitor.page.context.set_offline(True)
    visitor.page.click("[data-verdict=no]")
    told(visitor, "does not answer")
    assert pressed(visitor) == []
    visitor.page.context.set_offline(False)
    visitor.page.click("[data-verdict=no]")
    told(visitor, "saved")
    assert len(labels.answers()) == before + 1
    visitor.trouble.clear()  # the browser notes the refusals


def test_by_touch_on_a_phone(browser: Browser, asking: tuple[App, Labels], photo: Path, labels: Labels) -> None:
    with visit(browser, asking[0].url, **PHONE) as visitor:
        visitor.open(photo)
        visitor.brush(60)
        visitor.touch(*DISC)
        visitor.page.tap(".rr-remove")
        visitor.wait_for_state(1)
        visitor.page.tap("[data-verdict=no]")
        told(visitor, "saved")
        for button in visitor.page.locator(".rr-verdict button:visible").all():
            box = button.bounding_box()
            assert box and box["height"] >= 40 and box["x"] >= 0 and box["x"] + box["width"] <= 390
        visitor.page.tap("[data-reason=left_over]")
        visitor.page.tap(".rr-share-tick")
        visitor.page.wait_for_selector(".rr-terms:visible")
        shot(visitor, "phone")
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
        wait_until(lambda: labels.answers()[-1][:2] == ("no", '["left_over"]'))
        assert not visitor.trouble


@pytest.mark.soak
def test_where_nothing_is_shared_nothing_is_offered(browser: Browser, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    app = start_app(tmp_path / "data", "--no-sharing", environment={"ROREM_LABEL_DIR": str(folder)})
    try:
        with visit(browser, app.url) as visitor:
            remove_disc(visitor, photo)
            assert visitor.page.locator(".rr-share-tick, .rr-withdraw").count() == 0
            visitor.page.click("[data-verdict=yes]")
            told(visitor, "saved")
            assert not visitor.trouble
    finally:
        app.stop()


@pytest.mark.soak
def test_a_large_photo_is_answered_for(visitor: Visitor, tmp_path: Path, labels: Labels) -> None:
    kept, held = labels.pictures(), labels.held()
    visitor.open(save_photo(tmp_path / "large.jpg", 5200, 3600))  # 19 megapixels
    visitor.brush(60)
    visitor.paint((400, 300), (460, 300))
    visitor.remove()
    visitor.page.click("[data-verdict=yes]")
    told(visitor, "saved")
    visitor.page.check(".rr-share-tick")
    visitor.page.click(".rr-share-it")
    visitor.page.wait_for_selector(".rr-shared:visible")
    assert labels.pictures() == kept + 3 and labels.held() == held + 1
