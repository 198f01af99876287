"""The report: what it says, and that nothing from the data gets out of hand in it."""

from __future__ import annotations

import random
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rorem.errors import Unavailable
from rorem.labels.findings import findings
from rorem.labels.items import add_items
from rorem.labels.plan import Plan
from rorem.labels.report import write
from rorem.labels.store import Store, add_events
from tests.labels.events import ANNA, BERT, CARL, said, voted
from tests.labels.samples import row

NOW = 1_790_000_000.0
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


class Seen(HTMLParser):
    """Tags, attributes, and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.handlers += [name] if name.startswith("on") else []
            self.links += [value or ""] if name in ("src", "href", "data", "action") else []

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


@pytest.fixture
def full(store: Store) -> Store:
    rows = [
        row(number, Plan(), name=f"{EVIL} {number}", category=EVIL, method="rorem", round=1 + number % 2)
        for number in range(30)
    ]
    gold = [row(100, Plan(), gold="yes")]
    held = [row(200 + number, Plan(), state="private", method=f"m{number} {EVIL}") for number in range(2)]
    store.write(lambda connection: add_items(connection, [*rows, *gold, *held]))
    chance, events = random.Random(0), []
    for number, one in enumerate(rows):
        for who in (ANNA, BERT, CARL):
            verdict = "yes" if chance.random() < 0.7 else "no"
            reasons = ("shadow",) if verdict == "no" else ()
            at = int(NOW * 1000) + number * 60_000
            events.append(said(who, one["id"], verdict, reasons=reasons, at=at, seconds=1.0 + number % 3))
    events += [said(ANNA, gold[0]["id"], "yes", source="gold"), said(ANNA, rows[0]["id"], "yes")]
    events += [voted(held[0]["id"], held[1]["id"], "left")]
    store.write(lambda connection: add_events(connection, events))
    return store


def test_it_tells_what_the_labels_say(full: Store, tmp_path: Path) -> None:
    found = write(full, tmp_path / "page.html", NOW)
    page = (tmp_path / "page.html").read_text()
    seen = Seen(page)
    assert len(found.state.answers) == 90 and [one.round for one in found.agreement] == [1, 2]
    told = found.agreement[0]
    assert f"{told.alpha.value:.2f}" in seen.text and f"{told.ac1.low:.2f} to {told.ac1.high:.2f}" in seen.text
    assert all(one.id[:8] in seen.text for one in found.people) and all(one.id not in page for one in found.people)
    assert found.in_dispute == len(found.disputed) > 0
    assert found.disputed[0].id[:8] in seen.text
    assert seen.tags.count("svg") == 2 and "Blind votes" in seen.text and "shadow or reflection" in seen.text
    assert sum(one.yes.whole for one in found.accepted) == 30


def test_nothing_in_it_is_run_or_fetched(full: Store, tmp_path: Path) -> None:
    write(full, tmp_path / "page.html", NOW)
    page = (tmp_path / "page.html").read_text()
    seen = Seen(page)
    assert not {"script", "img", "link", "iframe", "object"} & set(seen.tags)
    assert seen.handlers == [] and all(link.startswith("#") for link in seen.links)
    assert EVIL not in page and "alert(1)" in seen.text  # it is there as text
    assert "default-src 'none'" in page and not re.search(r"url\((?!#)", page) and "://" not in page


def test_the_same_labels_give_the_same_page(full: Store, tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write(full, tmp_path / name, NOW)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_an_empty_store_has_a_page_too(store: Store, tmp_path: Path) -> None:
    found = write(store, tmp_path / "page.html", NOW)
    assert found.agreement == [] and "Nobody has said yes or no yet." in (tmp_path / "page.html").read_text()


def test_one_answer_has_a_page_too(store: Store, tmp_path: Path) -> None:
    one = row(1, Plan())
    store.write(lambda connection: add_items(connection, [one]))
    store.add(said(ANNA, one["id"], "mask_wrong"))
    store.add(said(BERT, one["id"], "yes", at=2**62))  # no calendar goes so far
    store.add(said(ANNA, "gone", "skip"))
    found = write(store, tmp_path / "page.html", NOW)
    assert len(found.likely) == 1 and found.slots == [] and found.judged[one["id"]].mask_wrong == 1


def test_answers_on_items_that_are_gone_count_for_people_only(store: Store) -> None:
    for who in (ANNA, BERT):
        store.add(said(who, "gone", "yes"))
    found = findings(store)
    assert found.agreement == [] and found.accepted == [] and len(found.people) == 2


def test_without_the_packages_it_says_so(full: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(Unavailable, match="jinja2"):
        write(full, tmp_path / "page.html", NOW)
    assert not (tmp_path / "page.html").exists()
