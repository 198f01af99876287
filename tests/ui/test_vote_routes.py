"""Votes on results without names, over HTTP, and the leaderboard that comes of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from rorem.errors import Unavailable
from rorem.labels import leaderboard
from rorem.labels.items import item_of
from rorem.labels.leaderboard import Standing
from rorem.methods import catalog
from rorem.ui import leaders
from rorem.ui.compare_routes import routes as compare_routes
from rorem.ui.comparing import begin
from rorem.ui.downloads import Downloads
from rorem.ui.leaders import told_of
from rorem.ui.line import Line
from rorem.ui.pick import Picker
from rorem.ui.routes import routes as photo_routes
from rorem.ui.vote_routes import Leaders, routes
from tests.ui.asked import App
from tests.ui.compared import REFUSED, Paint, PaintAsPublished, ended, methods, noise, png, press


class Visitor:
    """Has a photo open and compares."""

    def __init__(self, app: App, http: TestClient) -> None:
        self.app, self.http = app, http
        self.line = Line(2, 2, 4)
        self.session = app.sessions.open_bytes(png(noise()), "photo.png")

    def compare(self, *methods: str, blind: bool = True, **sent: Any) -> dict[str, Any]:
        told = begin(self.app.sessions, self.line, press(self.session, *methods, blind=blind, **sent), "visitor")
        assert not told["error"]
        ended(self.session.board)
        return self.told()

    def told(self) -> dict[str, Any]:
        return self.http.get(f"/photo/{self.session.token}/comparison").json()["comparison"]

    @property
    def board(self) -> str:
        assert self.session.board is not None
        return f"/photo/{self.session.token}/comparison/{self.session.board.id}"

    def vote(self, verdict: str, left: Any = 0, right: Any = 1, **sent: Any) -> Any:
        told = {"left": left, "right": right, "verdict": verdict, "seconds": 4.5, **sent}
        return self.http.post(f"{self.board}/vote", json=told)


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


@pytest.fixture
def http(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    stubs = methods(
        patchmatch=Paint(50), telea=Paint(200), migan=Paint(error=REFUSED), lama=PaintAsPublished(70, size=(40, 30))
    )
    monkeypatch.setattr(catalog, "prepare", stubs)
    monkeypatch.setattr("rorem.remover.road.match_tone", lambda filled, *_: filled)
    every = [
        *photo_routes(app.sessions, Picker(lambda: None)),
        *compare_routes(app.sessions, Downloads(False)),
        *routes(app.sessions, app.office),
    ]
    with app.serving(*every) as made:
        yield made


@pytest.fixture
def visitor(app: App, http: TestClient) -> Visitor:
    return Visitor(app, http)


def names(app: App) -> list[tuple[str, str, str]]:
    """Of each vote what it was, the method on the left and the one on the right."""
    told = []
    for event in app.events():
        rows = [
            app.store.read(lambda connection, id=id: item_of(connection, id)) for id in (event.item_a, event.item_b)
        ]
        assert rows[0] and rows[1] and {row["state"] for row in rows if row} == {"private"}
        told.append((event.verdict, rows[0]["method"], rows[1]["method"]))
    return told


def test_a_vote_is_kept_and_then_names_are_told(app: App, visitor: Visitor) -> None:
    before = visitor.compare("patchmatch", "telea")
    assert before["pairs"] == [[0, 1]] and before["hidden"]
    after = visitor.vote("right").json()["comparison"]
    assert not after["hidden"] and after["pairs"] == [] and after["votes"] == 1
    shown = [cell["method"] for cell in after["cells"]]
    assert names(app) == [("right", *shown)]
    (event,) = app.events()
    board = visitor.session.board
    assert board and event.order_seed == board.request.order_seed and event.seconds == 4.5
    assert (event.kind, event.source) == ("vote", "public") and not app.kept()
    row = app.store.read(lambda connection: item_of(connection, event.item_a))
    assert row and row["removal_seconds"] is not None


def test_every_pair_once_and_names_after_the_last(app: App, visitor: Visitor) -> None:
    told = visitor.compare("patchmatch", "telea", "migan", "lama")
    good = [cell["index"] for cell in told["cells"] if cell["phase"] == "done"]
    assert told["pairs"] == [[good[0], good[1]], [good[0], good[2]], [good[1], good[2]]]
    for count, (left, right) in enumerate(told["pairs"], 1):
        after = visitor.vote("tie", right, left).json()["comparison"]  # the visitor may have them the other way round
        assert len(after["pairs"]) == 3 - count and after["hidden"] is (count < 3)
        assert ("method" in after["cells"][0]) is (count == 3)
    assert len(app.events()) == 3 and len({event.handout for event in app.events()}) == 3


def test_a_pair_counts_once_even_if_the_answer_was_lost(app: App, visitor: Visitor) -> None:
    visitor.compare("patchmatch", "telea", "lama")
    assert visitor.vote("left").status_code == 200
    assert visitor.vote("left").status_code == 200
    for verdict, left, right in (("right", 0, 1), ("right", 1, 0), ("tie", 0, 1)):
        refused = visitor.vote(verdict, left, right)
        assert refused.status_code == 422 and "already" in refused.json()["error"]
    assert len(app.events()) == 1


def test_no_vote_after_names_were_shown(app: App, visitor: Visitor) -> None:
    visitor.compare("patchmatch", "telea")
    visitor.http.post(f"{visitor.board}/reveal")
    refused = visitor.vote("left")
    assert refused.status_code == 422 and "names are shown already" in refused.json()["error"]
    visitor.compare("patchmatch", "telea", blind=False)
    refused = visitor.vote("left")
    assert refused.status_code == 422 and "without names" in refused.json()["error"]
    assert not app.events()


@pytest.mark.parametrize("left, right", [(0, 9), (-1, 0), (0, 0), (0, "source"), (None, 1), (0, 10**30), ("../x", 1)])
def test_only_pairs_of_this_comparison(app: App, visitor: Visitor, left: Any, right: Any) -> None:
    visitor.compare("patchmatch", "telea")
    refused = visitor.vote("left", left, right)
    assert refused.status_code in (400, 422) and refused.json()["error"].endswith(".")
    assert not app.events()


def test_a_failed_result_cannot_be_voted_on(app: App, visitor: Visitor) -> None:
    told = visitor.compare("patchmatch", "migan")
    assert told["pairs"] == []
    assert visitor.vote("left").status_code == 422 and not app.events()


@pytest.mark.parametrize(
    "sent", [{"verdict": "yes"}, {"verdict": "x" * 3000}, {"annotator": "f" * 32}, {"item_a": "x"}]
)
def test_what_is_no_vote_is_refused(app: App, visitor: Visitor, sent: dict[str, Any]) -> None:
    visitor.compare("patchmatch", "telea")
    refused = visitor.vote(sent.pop("verdict", "left"), **sent)
    assert refused.status_code in (400, 422) and refused.json()["error"].endswith(".")
    assert not app.events()
    told = visitor.told()
    assert told["hidden"] and told["pairs"] == [[0, 1]]


def test_another_visitor_cannot_vote_here(app: App, visitor: Visitor) -> None:
    visitor.compare("patchmatch", "telea")
    assert visitor.session.board
    other = Visitor(app, visitor.http)
    theirs = f"/photo/{other.session.token}/comparison/{visitor.session.board.id}/vote"
    sent = {"left": 0, "right": 1, "verdict": "left"}
    assert other.http.post(theirs, json=sent).status_code == 422
    other.compare("patchmatch", "telea")
    assert other.http.post(theirs, json=sent).status_code == 422
    assert other.http.post("/photo/guessed/comparison/x/vote", json=sent).status_code == 410
    assert not app.events()


def test_no_vote_while_it_runs(app: App, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Paint(9, go_on=threading.Event())
    monkeypatch.setattr(catalog, "prepare", methods(telea=slow, patchmatch=Paint(1)))
    begin(app.sessions, visitor.line, press(visitor.session, "patchmatch", "telea", blind=True), "visitor")
    assert slow.begun.wait(20) and visitor.told()["pairs"] == []
    assert "not all" in visitor.vote("left").json()["error"].lower()
    slow.go_on.set()  # type: ignore[union-attr]
    ended(visitor.session.board)
    assert not app.events()


def test_a_vote_that_cannot_be_saved_tells_no_names(app: App, visitor: Visitor) -> None:
    visitor.compare("patchmatch", "telea")
    app.break_store()
    refused = visitor.vote("left")
    assert refused.status_code == 503 and "cannot be saved" in refused.json()["error"]
    told = visitor.told()
    assert told["hidden"] and told["pairs"] == [[0, 1]] and told["votes"] == 0 and not app.events()


def test_two_methods_with_the_same_picture(app: App, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "prepare", methods(patchmatch=Paint(50), telea=Paint(50)))
    visitor.compare("patchmatch", "telea")
    refused = visitor.vote("left")
    assert refused.status_code == 422 and "same picture" in refused.json()["error"] and not app.events()


def test_results_as_published_can_be_voted_on(app: App, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    stubs = methods(lama=PaintAsPublished(70, size=(40, 30)), migan=PaintAsPublished(90))
    monkeypatch.setattr(catalog, "prepare", stubs)
    visitor.compare("lama", "migan", published=True)
    assert visitor.vote("both_bad").status_code == 200
    assert {name for vote in names(app) for name in vote} == {"both_bad", "lama", "migan"}


def test_the_leaderboard_of_real_votes(app: App, visitor: Visitor) -> None:
    pytest.importorskip("evalica")
    assert visitor.http.get("/leaderboard").json() == {"standings": [], "notes": [leaders.NONE]}
    told = visitor.compare("patchmatch", "telea")
    after = visitor.vote("left").json()["comparison"]
    found = told_of(app.store)
    assert [one["method"] for one in found["standings"]] == [cell["method"] for cell in after["cells"]]
    best, worst = found["standings"]
    assert best["score"] > worst["score"] and best["low"] <= best["score"] <= best["high"] and told["hidden"]
    assert best["votes"] == 1 and best["few"] and "too few to tell" in found["notes"][0]
    assert best["seconds"] >= 0 and best["title"] == after["cells"][0]["title"]


def test_with_enough_votes_nothing_is_said_of_few(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [Standing(id, 1000, 900, 1100, leaders.FEW, 5, 5, 0, 0, None, 0) for id in ("telea", "gone-method")]
    monkeypatch.setattr(leaderboard, "board", lambda store: many)
    told = told_of(app.store)
    assert told["notes"] == [] and not told["standings"][0]["few"] and told["standings"][1]["title"] == "gone-method"


def test_a_missing_package_is_a_sentence(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(store: object) -> list[Standing]:
        raise Unavailable("A leaderboard needs the package evalica.", "pip install 'rorem[labels]' brings it.")

    monkeypatch.setattr(leaderboard, "board", missing)
    answer = visitor.http.get("/leaderboard")
    assert answer.status_code == 200 and "pip install 'rorem[labels]'" in answer.json()["notes"][0]


def test_it_is_counted_once_in_a_while() -> None:
    now, counted = [0.0], []

    def count() -> dict[str, Any]:
        counted.append(now[0])
        return {"standings": [], "notes": []}

    board = Leaders(count, lambda: now[0])
    for now[0] in (0.0, 10.0, 29.0, 31.0, 40.0):
        board.get()
    assert counted == [0.0, 31.0]
