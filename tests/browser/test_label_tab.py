"""The Label tab, used as an annotator uses it: by keys, by touch, too fast, without a connection, on a full disk."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.driver import wait_until
from tests.browser.labelling import Annotator, annotator, events, picture_of, times_to_show, write_set
from tests.browser.test_remove_tab import PHONE
from tests.hub import TOKEN, Hub
from tests.labels.pushed import events_on
from tests.server import App, start_app

pytestmark = pytest.mark.browser
COUNT, DATA_SET = 40, "someone/labels"
SLOW_ANSWERS = """
const plain = window.fetch;
window.fetch = async (path, options) => {
  const slow = String(path).endsWith('/label/answer') && window.slow;
  if (slow) await new Promise(done => setTimeout(done, window.slow * Math.random()));
  const answer = await plain(path, options);
  if (slow) await new Promise(done => setTimeout(done, window.slow * Math.random()));
  return answer;
};
"""
SEEN = """
window.seen = [];
new MutationObserver(() => { const {item} = document.querySelector('.lb').dataset; if (item) seen.push(item); })
  .observe(document.querySelector('.lb'), {attributes: true, attributeFilter: ['data-item']});
"""
REFUSED = "Failed to load resource: "  # what the browser notes of each request that fails


@pytest.fixture(scope="module")
def removals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("removals") / "set", COUNT)


@contextmanager
def running(folder: Path, removals: Path | None, *options: str, **how: object) -> Iterator[App]:
    """An app whose annotators all get all removals."""
    source = ["--label-source", str(removals)] if removals else []
    app = start_app(folder / "data", *source, "--label-answers", "99", *options, **how)  # type: ignore[arg-type]
    try:
        yield app
    finally:
        code = app.stop()
    assert code == 0, "".join(app.log)
    assert "Traceback" not in "".join(app.log), "".join(app.log)


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("label") / "labels"


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub() as started:
        yield started


@pytest.fixture(scope="module")
def app(labels: Path, removals: Path, hub: Hub) -> Iterator[App]:
    """One that pushes to a Hub on this machine every second."""
    there = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    options = ("--label-hub", DATA_SET, "--push-minutes", "0.016")
    with running(labels.parent, removals, *options, environment=there) as started:
        yield started
        assert TOKEN not in "".join(started.log)


@contextmanager
def judging(browser: Browser, app: App, name: str, **context: object) -> Iterator[Annotator]:
    with annotator(browser, app.url, **context) as one:
        one.enter(name)
        yield one
        assert not [told for told in one.visitor.trouble if not told.startswith(REFUSED)]


def given(labels: Path, *handouts: str) -> list[tuple[str, str]]:
    """Verdict and reasons of the answers to these hand-outs, in the order of writing. Each has one."""
    found = {event["handout"]: event for event in events(labels) if event["handout"]}
    mine = [event for event in events(labels) if event["handout"] in handouts]
    assert len(mine) == len(handouts)
    return [(found[handout]["verdict"], found[handout]["reasons"]) for handout in handouts]


def there(hub: Hub, folder: Path, *handouts: str) -> list[tuple[str, str]]:
    """The same of what is on the Hub; an answer that is not there is left out."""
    found = [event for event in events_on(hub, folder, DATA_SET) if event.handout in handouts]
    by = {event.handout: (event.verdict, json.dumps(list(event.reasons))) for event in found}
    assert len(by) == len(found)
    return [by[handout] for handout in handouts if handout in by]


def test_ten_by_keyboard_alone(browser: Browser, app: App, labels: Path, hub: Hub, tmp_path: Path) -> None:
    with judging(browser, app, "Anna") as anna:
        assert anna.middle()[0] == picture_of(labels, anna.item or "")[1]
        anna.page.keyboard.down(" ")
        assert anna.middle() == (200, 30, 30)  # the photo before
        anna.page.keyboard.up(" ")
        assert anna.middle()[0] == picture_of(labels, anna.item or "")[1]
        keys = [["y"], ["s"], ["m"], ["3"], ["n", "1", "4", "Enter"], ["n", "N"], ["n", "2", "y"], ["Y"], ["5"]]
        handouts = [anna.key(*some) for some in keys]
        anna.page.keyboard.press("n")
        anna.page.keyboard.press("1")
        anna.page.keyboard.press("Escape")  # another mind
        handouts.append(anna.key("m"))
        wanted = [
            ("yes", "[]"),
            ("skip", "[]"),
            ("mask_wrong", "[]"),
            ("no", '["blur_or_seam"]'),
            ("no", '["left_over", "colour"]'),
            ("no", "[]"),
            ("yes", "[]"),
            ("yes", "[]"),
            ("no", '["shadow"]'),
            ("mask_wrong", "[]"),
        ]
        assert given(labels, *handouts) == wanted
        wait_until(lambda: there(hub, tmp_path / "there", *handouts) == wanted, 60)
        kept = "document.querySelector('.lb-kept').textContent"
        anna.page.wait_for_function(f"/[1-9]\\d* answers safe here, 0 not yet on the Hub/.test({kept})", timeout=90_000)
        assert anna.page.inner_text(".lb-progress").startswith(f"10 done · {COUNT - 10} left · ")
        assert len({picture_of(labels, handout)[0] for handout in handouts}) == 10
        assert all(0 < event["seconds"] < 60 for event in events(labels) if event["handout"] in handouts)
        print("ms to the next item:", [round(time) for time in times_to_show(anna.page)])


@pytest.mark.soak
def test_ten_by_touch(browser: Browser, app: App, labels: Path, hub: Hub, tmp_path: Path) -> None:
    with judging(browser, app, "Thumb", **PHONE) as thumb:
        assert thumb.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        why = [f".lb-reasons [data-key='{number}']" for number in range(1, 6)]
        taps = [["[data-key=y]"], ["[data-key=s]"], ["[data-key=m]"], ["[data-key=n]", why[2], "[data-key=enter]"]]
        taps += [["[data-key=n]", *why, "[data-key=enter]"], ["[data-key=n]", why[0], why[0], "[data-key=enter]"]]
        taps += [["[data-key=n]", "[data-key=escape]", "[data-key=y]"], *[["[data-key=y]"]] * 3]
        handouts = [thumb.tap(*some) for some in taps]
        every = '["left_over", "new_object", "blur_or_seam", "colour", "shadow"]'
        wanted = [("yes", "[]"), ("skip", "[]"), ("mask_wrong", "[]"), ("no", '["blur_or_seam"]'), ("no", every)]
        wanted += [("no", "[]"), *[("yes", "[]")] * 4]
        assert given(labels, *handouts) == wanted
        wait_until(lambda: there(hub, tmp_path / "there", *handouts) == wanted, 60)
        small = "[...document.querySelectorAll('.lb-work button')].filter(b => b.offsetParent && b.offsetHeight < 40)"
        assert thumb.page.evaluate(f"{small}.length") == 0


@pytest.mark.soak
def test_undo_two(browser: Browser, app: App, labels: Path) -> None:
    with judging(browser, app, "Bert") as bert:
        bert.page.keyboard.press("u")
        bert.page.wait_for_function("document.querySelector('.lb-work .lb-status').textContent.includes('nothing')")
        first, second, third = bert.key("y"), bert.key("y"), bert.key("s")
        fourth = bert.item
        bert.key("u")
        assert picture_of(labels, bert.item or "")[0] == picture_of(labels, third)[0]
        bert.click("[data-key=u]")
        again = bert.item or ""
        assert picture_of(labels, again)[0] == picture_of(labels, second)[0]
        assert bert.page.inner_text(".lb-progress").startswith("1 done")
        bert.page.reload()  # what was taken back still comes first
        bert.shown()
        assert bert.item == again
        assert bert.key("2") == again
        assert picture_of(labels, bert.item or "")[0] == picture_of(labels, third)[0]
        other = bert.key("y")
        assert bert.item == fourth
        mine = [event for event in events(labels) if event["handout"] in (first, second, third, again, other)]
        undos = {event["supersedes"]: event for event in events(labels) if event["supersedes"] and not event["handout"]}
        by = {event["handout"]: event for event in mine}
        assert undos[by[second]["event"]]["verdict"] == "skip"
        assert by[again]["supersedes"] == undos[by[second]["event"]]["event"]
        assert by[other]["supersedes"] == undos[by[third]["event"]]["event"]
        assert (by[again]["verdict"], by[again]["reasons"]) == ("no", '["new_object"]')


def test_hammered_keys_give_each_item_its_own_answer(browser: Browser, app: App, labels: Path) -> None:
    keys = [*"ys1mn4", "Enter", *"y2sn", "Enter", *"uy5ymysyy3"]
    wanted = ["yes", "skip", "no", "mask_wrong", "no", "yes", "no", "skip", "no", "yes", "no", "yes", "mask_wrong"]
    wanted += ["yes", "skip", "yes", "yes", "no"]
    with judging(browser, app, "Quick") as quick:
        quick.page.evaluate(SLOW_ANSWERS)
        quick.page.evaluate("window.slow = 120")
        quick.page.evaluate(SEEN)
        first = quick.item
        for key in keys:
            quick.page.keyboard.press(key)
        assert quick.page.evaluate("roremLabel.held") > 5  # they came much faster than the server
        quick.page.wait_for_function(f"seen.length === {len(wanted) + 1} && !roremLabel.held")
        seen = [first, *quick.page.evaluate("seen")]
        undone, tenth, again = seen[8], seen.pop(9), seen[9]  # the tenth was on screen when the ninth was taken back
        assert tenth == seen[10] and picture_of(labels, undone)[0] == picture_of(labels, again)[0]
        answered = [event for event in events(labels) if event["handout"] in seen]
        assert [event["verdict"] for event in answered] == wanted
        assert [event["handout"] for event in answered] == seen[: len(wanted)]  # in order, each its own, none twice


@pytest.mark.soak
def test_without_a_connection_one_answer_is_kept(browser: Browser, app: App, labels: Path) -> None:
    with judging(browser, app, "Offline") as one:
        one.key("y")
        wait_until(lambda: one.page.evaluate("roremLabel.ready") >= 4)  # the one on screen and three that follow
        one.page.context.set_offline(True)
        item = one.item or ""
        for key in ("s", "y", "m"):
            one.page.keyboard.press(key)
        one.page.wait_for_selector(".lb-banner:not([hidden])")
        assert one.banner == "No connection: your last answer is kept and sent again."
        one.page.keyboard.press("1")
        assert one.item == item
        one.page.context.set_offline(False)
        one.shown(item)
        one.page.wait_for_selector(".lb-banner", state="hidden")
        after = one.key("y")
        assert given(labels, item, after) == [("skip", "[]"), ("yes", "[]")]


@pytest.mark.soak
def test_a_reload_does_not_lose_the_answer_that_was_not_sent(browser: Browser, app: App, labels: Path) -> None:
    with judging(browser, app, "Reload") as one:
        one.page.route("**/label/answer", lambda route: route.abort())
        item = one.item or ""
        one.page.keyboard.press("4")
        one.page.wait_for_selector(".lb-banner:not([hidden])")
        one.page.reload()
        one.page.wait_for_selector(".lb-banner:not([hidden])")
        assert not [event for event in events(labels) if event["handout"] == item]
        one.page.unroute("**/label/answer")
        one.shown(item)
        assert given(labels, item) == [("no", '["colour"]')]
        assert not one.page.evaluate("Object.keys(localStorage).filter(key => key.includes('pending')).length")


@pytest.mark.soak
def test_two_windows_of_one_annotator(browser: Browser, app: App, labels: Path) -> None:
    with judging(browser, app, "Both") as one:
        other = Annotator(one.visitor.__class__(one.page.context.new_page(), app.url))
        other.page.goto(f"{app.url}/#label")
        other.page.wait_for_selector(".lb[data-page=ready]", state="attached")
        assert other.shown() == one.item  # no item is lent twice to the same person
        item = one.key("y")
        other.page.keyboard.press("s")
        other.shown(item)
        assert "answered already" in other.status
        assert given(labels, item) == [("yes", "[]")]
        assert other.item == one.item


@pytest.mark.soak
def test_nobody_sees_what_another_said(browser: Browser, app: App, labels: Path) -> None:
    with judging(browser, app, "Carla") as carla, judging(browser, app, "Dora") as dora:
        heard: list[str] = []
        dora.page.on("response", lambda answer: heard.append(answer.text()) if "/label/items" in answer.url else None)
        hers = carla.key("1")
        dora.key("y")
        dora.page.keyboard.press("u")  # her own
        dora.page.wait_for_function("document.querySelector('.lb-progress').textContent.startsWith('0 done')")
        assert given(labels, hers) == [("no", '["left_over"]')]
        assert heard and not re.search(r"left_over|verdict|secret-method|number-|\bno\b", "".join(heard))
        assert len({event["annotator"] for event in events(labels)}) >= 2
        assert "Carla" not in str(events(labels)) + str(heard)


def test_guide_first_and_back_on_demand(browser: Browser, app: App) -> None:
    with annotator(browser, app.url) as one:
        one.enter("Reader", guide=False)
        one.page.wait_for_selector(".lb-guide[open]")
        assert one.page.locator(".lb-guide figure.lb-good").count() == 1
        assert one.page.locator(".lb-guide figure.lb-bad").count() == 3
        loaded = "[...document.querySelectorAll('.lb-guide img')].filter(one => one.naturalWidth > 100).length"
        one.page.wait_for_function(f"{loaded} === 8")
        assert "Aitzol Berasategi" in one.page.inner_text(".lb-credit")
        one.page.keyboard.press("y")  # answers nothing behind the guide
        one.page.keyboard.press("Escape")
        item = one.shown()
        one.page.keyboard.press("?")
        one.page.wait_for_selector(".lb-guide[open]")
        one.page.keyboard.press("Enter")  # the button has the focus
        one.page.wait_for_selector(".lb-guide[open]", state="hidden")
        assert one.item == item
        one.page.reload()
        assert one.shown() == item and not one.page.is_visible(".lb-guide")
        assert not one.visitor.trouble


@pytest.mark.soak
def test_keys_that_are_not_answers(browser: Browser, app: App) -> None:
    with judging(browser, app, "Careful") as one:
        item = one.item
        for keys in ("Control+y", "Alt+s", "Meta+m", "x", "6", "Enter", "Escape"):
            one.page.keyboard.press(keys)
        one.page.keyboard.down("n")
        for _ in range(3):
            one.page.keyboard.down("n")  # held down: repeats, not presses
        one.page.keyboard.up("n")
        assert one.page.is_visible(".lb-why")
        one.page.keyboard.press("Escape")
        one.page.click("#tab-remove")
        one.page.keyboard.press("y")
        one.page.click("#tab-label")
        one.visitor.settle()
        assert one.item == item and one.stage == "work"
        one.page.click("[data-act=split]")
        one.page.keyboard.down(" ")  # looks at the photo before, and does not press the button again
        assert one.page.get_attribute(".lb", "data-before") == "yes"
        one.page.keyboard.up(" ")
        assert one.page.get_attribute("[data-act=split]", "aria-pressed") == "true"
        one.page.focus("[data-key=s]")
        one.page.keyboard.press(" ")  # here it does: someone went there by keys
        one.shown(item)


@pytest.mark.soak
def test_report_asks_first(browser: Browser, app: App, labels: Path) -> None:
    with judging(browser, app, "Worried") as one:
        item = one.item or ""
        one.page.click("[data-act=report]")
        one.page.click("[data-act=report-close]")
        assert one.item == item
        one.page.click("[data-act=report]")
        one.page.click("[data-act=report-now]")
        one.shown(item)
        assert "Reported" in one.status
        assert not [event for event in events(labels) if event["handout"] == item]


@pytest.mark.soak
def test_on_a_full_disk_no_answer_is_taken(
    browser: Browser, removals: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("full")
    with running(folder, removals) as app, judging(browser, app, "Full") as one:
        one.key("y")
        wait_until(lambda: one.page.evaluate("roremLabel.ready") >= 4)
        process = app.process.pid
        limits = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (4096, limits[1]))  # as a full disk: no file can grow
        item = one.item or ""
        one.page.keyboard.press("2")
        one.page.wait_for_selector(".lb-banner:not([hidden])")
        assert one.banner == "Answers cannot be saved now: your last answer is kept and sent again."
        one.page.keyboard.press("y")
        assert one.item == item and len(events(folder / "labels")) == 1
        resource.prlimit(process, resource.RLIMIT_FSIZE, limits)
        one.shown(item)  # by itself
        assert given(folder / "labels", item) == [("no", '["new_object"]')]
        one.key("y")
        assert [event["verdict"] for event in events(folder / "labels")] == ["yes", "no", "yes"]


@pytest.mark.soak
def test_a_late_database_a_pass_phrase_and_thanks_after_the_last_one(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("few")
    few = write_set(folder / "set", 3)
    (folder / "labels").write_bytes(b"in the way of the folder")
    phrase = {"ROREM_LABEL_PHRASE": "open sesame"}
    with running(folder, few, environment=phrase) as app, annotator(browser, app.url) as one:
        one.page.wait_for_selector(".lb-banner:not([hidden])")
        assert "cannot be opened" in one.banner and str(folder) not in one.banner
        one.page.click("#tab-remove")
        assert one.page.is_visible(".rr[data-ready=yes]")  # the rest needs no database
        one.page.click("#tab-label")
        (folder / "labels").unlink()
        one.enter("Patient", "wrong", guide=False)  # the database is tried again
        one.page.wait_for_selector(".lb-refused:not([hidden])")
        assert "not the pass phrase" in one.page.inner_text(".lb-refused")
        one.page.fill(".lb-enter [name=phrase]", " open sesame ")
        one.page.click(".lb-start")
        one.page.click("[data-act=guide-close]")
        one.shown()
        for _ in range(3):
            one.key("y")
        assert one.stage == "end" and "Thank you" in one.page.inner_text(".lb-end")
        assert re.search(r"\d answers? safe here, on this server only", one.page.inner_text(".lb-end .lb-kept"))
        one.page.keyboard.press("u")
        one.shown()
        one.key("s")
        assert one.stage == "end"
        one.page.click(".lb-end [data-act=leave]")
        assert one.page.is_visible(".lb-enter") and one.page.input_value(".lb-enter [name=name]") == "Patient"
        assert not one.page.input_value(".lb-enter [name=phrase]")


def test_nothing_to_judge_yet(browser: Browser, app: App) -> None:
    """The sentence is the server's; here it comes from elsewhere, since this server has something."""
    nothing = {
        "held": [],
        "items": [],
        "done": 0,
        "left": 0,
        "pace": None,
        "last": "",
        "kept": "",
        "nothing": "Add some.",
    }
    with annotator(browser, app.url) as one:
        one.page.route("**/label/items", lambda route: route.fulfill(json=nothing))
        one.enter("Early", guide=False)
        one.page.click("[data-act=guide-close]")
        one.page.wait_for_selector(".lb-end", state="visible")
        assert "Nothing to judge yet" in one.page.inner_text(".lb-end") and "Add some." in one.page.inner_text(
            ".lb-end"
        )
