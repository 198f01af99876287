"""Votes on results without names, and the leaderboard: as a visitor does it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.driver import Visitor, visit, wait_until
from tests.browser.kept import Labels, app_with_labels
from tests.browser.test_compare_tab import choose, mark, over, press
from tests.browser.test_remove_tab import DISC, PHONE
from tests.browser.test_share import shot
from tests.server import App

pytestmark = [pytest.mark.browser, pytest.mark.soak]
QUICK, SMOOTH, LAMA = "patchmatch", "telea", "lama"


@pytest.fixture(scope="module")
def asking(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, Labels]]:
    with app_with_labels(tmp_path_factory.mktemp("voting"), ROREM_WEIGHTS=str(weights)) as started:
        yield started


@pytest.fixture
def labels(asking: tuple[App, Labels]) -> Labels:
    return asking[1]


@pytest.fixture
def visitor(browser: Browser, asking: tuple[App, Labels]) -> Iterator[Visitor]:
    with visit(browser, asking[0].url) as one:
        yield one
        assert not one.trouble


def votes(labels: Labels) -> list[tuple]:
    return labels.rows(
        "SELECT verdict, a.method, b.method FROM events JOIN items a ON a.id = item_a JOIN items b ON b.id = item_b "
        "WHERE kind = 'vote' ORDER BY seq"
    )


def blind(visitor: Visitor, photo: Path, *methods: str) -> None:
    mark(visitor, photo)
    choose(visitor, *methods)
    visitor.page.check(".cp-blind")
    press(visitor)


def titles(visitor: Visitor) -> list[str]:
    return visitor.page.eval_on_selector_all(
        ".cp-cell h3", "all => all.map(one => one.textContent).filter(text => text !== 'Photo')"
    )


def test_a_vote_by_key_tells_the_names(visitor: Visitor, photo: Path, labels: Labels) -> None:
    page, before = visitor.page, len(votes(labels))
    blind(visitor, photo, QUICK, SMOOTH)
    page.wait_for_selector(".cp-vote:visible")
    assert page.inner_text(".cp-vote-ask") == "Which is better, A or B?" and page.is_visible(".cp-pair canvas")
    assert [page.input_value(side) for side in (".cp-left", ".cp-right")] == ["0", "1"]
    shot(visitor, "vote")
    page.keyboard.press("2")
    page.wait_for_selector("[data-act=zip]:visible")
    assert not page.is_visible(".cp-vote button")
    shown = titles(visitor)
    assert {title[3:] for title in shown} == {"Quick fill", "Smooth fill"}
    names = {"Quick fill": QUICK, "Smooth fill": SMOOTH}
    assert votes(labels)[before:] == [("right", *(names[title[3:]] for title in shown))]
    assert page.inner_text(".cp-vote-ask") == f"Thank you, your vote is saved. {shown[0]}, {shown[1]}."
    page.keyboard.press("1")
    page.wait_for_timeout(300)
    assert len(votes(labels)) == before + 1
    shot(visitor, "revealed")


def test_all_pairs_one_after_the_other_or_any(visitor: Visitor, photo: Path, labels: Labels) -> None:
    page, before = visitor.page, len(votes(labels))
    blind(visitor, photo, QUICK, SMOOTH, LAMA)
    page.wait_for_selector(".cp-vote:visible")
    assert "3 pairs are left" in page.inner_text(".cp-vote-ask")
    page.select_option(".cp-left", "2")  # any pair, either way round
    page.select_option(".cp-right", "1")
    assert page.inner_text("[data-act=vote-left]") == "C is better"
    page.click("[data-act=vote-left]")
    wait_until(lambda: "2 pairs are left" in page.inner_text(".cp-vote-ask"))
    assert page.inner_text(".cp-vote-ask").startswith("Which is better, A or B?")
    page.select_option(".cp-left", "2")
    page.select_option(".cp-right", "1")
    assert page.is_disabled("[data-act=vote-tie]") and "not voted on" in page.inner_text(".cp-vote-ask")
    page.select_option(".cp-left", "source")
    assert page.is_disabled("[data-act=vote-tie]")
    page.select_option(".cp-left", "0")
    page.keyboard.press("Escape")
    page.focus(".cp-split")
    page.keyboard.press("3")
    wait_until(lambda: page.inner_text(".cp-vote-ask") == "Which is better, A or C?")
    assert "LaMa" not in page.inner_html(".cp-results") and "Quick" not in page.inner_html(".cp-results")
    page.keyboard.press("4")
    page.wait_for_selector("[data-act=zip]:visible")
    letters = {title[0]: title[3:] for title in titles(visitor)}
    names = {
        letter: {"Quick fill": QUICK, "Smooth fill": SMOOTH, "LaMa": LAMA}[text] for letter, text in letters.items()
    }
    assert votes(labels)[before:] == [
        ("left", names["C"], names["B"]),
        ("tie", names["A"], names["B"]),
        ("both_bad", names["A"], names["C"]),
    ]


def test_no_vote_with_names(visitor: Visitor, photo: Path, labels: Labels) -> None:
    page, before = visitor.page, len(votes(labels))
    blind(visitor, photo, QUICK, SMOOTH)
    page.click("[data-act=reveal]")
    page.wait_for_selector("[data-act=zip]:visible")
    assert not page.is_visible(".cp-vote")
    page.keyboard.press("1")
    page.uncheck(".cp-blind")
    press(visitor)
    assert not page.is_visible(".cp-vote") and not page.is_visible(".cp-pair")
    page.keyboard.press("1")
    page.wait_for_timeout(300)
    assert len(votes(labels)) == before


def test_what_cannot_be_saved_is_not_claimed(visitor: Visitor, photo: Path, labels: Labels) -> None:
    page, before = visitor.page, len(votes(labels))
    blind(visitor, photo, QUICK, SMOOTH)
    sentence = "Votes cannot be saved now, and yours was not."
    page.route("**/vote", lambda route: route.fulfill(status=503, json={"error": sentence}))
    page.click("[data-act=vote-left]")
    page.wait_for_selector(".cp-error:visible")
    assert page.inner_text(".cp-error") == sentence and "saved" not in page.inner_text(".cp-status")
    assert page.is_visible(".cp-vote") and titles(visitor) == ["A", "B"]
    page.unroute("**/vote")
    page.click("[data-act=vote-left]")
    page.wait_for_selector("[data-act=zip]:visible")
    assert not page.is_visible(".cp-error") and len(votes(labels)) == before + 1
    visitor.trouble.clear()  # the browser notes the refusal


def test_the_leaderboard_is_there_when_asked_for(visitor: Visitor, photo: Path, labels: Labels) -> None:
    pytest.importorskip("evalica")
    page = visitor.page
    blind(visitor, photo, QUICK, SMOOTH)
    page.click("[data-act=vote-left]")
    page.wait_for_selector("[data-act=zip]:visible")
    assert not page.is_visible(".cp-leaders-table")
    page.click(".cp-leaders summary")
    page.wait_for_selector(".cp-leaders tbody tr")
    assert "too few to tell" in page.inner_text(".cp-leaders-told")
    rows = page.locator(".cp-leaders tbody tr").all_inner_texts()
    assert any(row.startswith("Quick fill") for row in rows)
    assert all(" to " in row or "–" in row for row in rows)  # without a range where all votes are about one photo
    page.locator(".cp-leaders").scroll_into_view_if_needed()
    shot(visitor, "leaders")


def test_by_touch_on_a_phone(browser: Browser, asking: tuple[App, Labels], photo: Path, labels: Labels) -> None:
    with visit(browser, asking[0].url, **PHONE) as visitor:
        page, before = visitor.page, len(votes(labels))
        visitor.open(photo)
        visitor.brush(60)
        visitor.touch(*DISC)
        page.tap("#tab-compare")
        page.wait_for_selector(".cp-method")
        for box in page.locator(".cp-methods input[type=checkbox]:enabled").all():
            box.set_checked(box.get_attribute("value") in (QUICK, SMOOTH))
        page.check(".cp-blind")
        page.tap("[data-act=compare]")
        over(visitor)
        page.wait_for_selector(".cp-vote:visible")
        for button in page.locator(".cp-vote button").all():
            box = button.bounding_box()
            assert box and box["height"] >= 44 and box["x"] >= 0 and box["x"] + box["width"] <= 390
        page.locator(".cp-vote").scroll_into_view_if_needed()
        shot(visitor, "vote-phone")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.tap("[data-act=vote-both_bad]")
        page.wait_for_selector("[data-act=zip]:visible")
        assert [one[0] for one in votes(labels)[before:]] == ["both_bad"]
        page.tap(".cp-leaders summary")
        page.wait_for_function("document.querySelector('.cp-leaders-told').textContent.length > 0")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        shot(visitor, "leaders-phone")
        assert not visitor.trouble
