"""One press of the button, without a browser: what the page is told, in which order, and what is left afterwards."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rorem.methods import catalog
from rorem.picture import Limits
from rorem.remover import Fill, Job, Method, OnStep, no_step
from rorem.ui.line import Line
from rorem.ui.remove_tab import Wish, removal
from rorem.ui.session import Session
from rorem.ui.sessions import Sessions
from rorem.ui.work import ENDED


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    made = Sessions(tmp_path, Limits(), 3600, 10**9)
    yield made
    made.close()


@pytest.fixture
def session(sessions: Sessions) -> Session:
    noise = np.random.default_rng(2).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    return sessions.open_bytes(png(noise), "a.png")


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def marks(left: int = 20) -> str:
    mask = np.zeros((60, 80), bool)
    mask[20:40, left : left + 10] = True
    return "data:image/png;base64," + base64.b64encode(png(mask)).decode()


def press(session: Session, **sent: Any) -> dict[str, Any]:
    return {"token": session.token, "press": 1, "again": False, "mask": marks(), "avoid": None, **sent}


def line() -> Line:
    return Line(places=1, per_visitor=2, longest=2)


def last(sessions: Sessions, sent: dict[str, Any], wish: Wish | None = None) -> dict[str, Any]:
    wish = wish or Wish("telea", {"radius": 3})
    *_, told = removal(sessions, line(), sent, wish, "visitor")
    assert told["phase"] in ENDED and told["press"] == sent["press"]
    return told


def test_done_is_told_when_the_photo_is_free_again(sessions: Sessions, session: Session) -> None:
    told: dict[str, Any] = {}
    for told in removal(sessions, line(), press(session), Wish("telea", {}), "visitor"):
        assert session.busy is (told["phase"] not in ENDED)
    assert told["phase"] == "done" and told["facts"]["state"] == session.state == 1
    assert told["text"].startswith("Done in")


def test_another_version_has_the_next_seed_and_starts_from_the_same_photo(sessions: Sessions, session: Session) -> None:
    start = np.array(session.picture.colour)
    assert last(sessions, press(session), Wish("patchmatch", {}, seed=7))["phase"] == "done"
    told = last(sessions, press(session, press=2, again=True), Wish("patchmatch", {}, seed=99))
    assert told["again"] and told["facts"]["version"]["seed"] == 8
    assert (session.before().colour == start).all()


def test_several_versions_at_once_show_the_first(sessions: Sessions, session: Session) -> None:
    facts = last(sessions, press(session), Wish("patchmatch", {}, candidates=3))["facts"]
    assert facts["choices"] == [1, 2, 3] and facts["state"] == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"mask": None}, "mask"),
        ({"mask": "data:image/png;base64,%%%"}, "marks did not arrive"),
        ({"mask": 7}, "marks did not arrive"),
        ({"mask": "data:image/png;base64," + base64.b64encode(png(np.ones((60, 80), bool))).decode()}, "whole photo"),
    ],
)
def test_bad_marks_are_refused_in_a_sentence(
    sessions: Sessions, session: Session, change: dict[str, Any], sentence: str
) -> None:
    told = last(sessions, press(session, **change))
    assert told["phase"] == "failed" and sentence in told["text"]
    assert not session.busy and session.state == 0


def test_a_photo_that_was_put_away_is_told_as_gone(sessions: Sessions, session: Session) -> None:
    sessions.delete(session.token)
    assert last(sessions, press(session))["gone"]


@pytest.mark.parametrize(
    "wish", [Wish("telea", {"radius": 99}), Wish("telea", {}, seed=-1), Wish("magic", {}), Wish("telea", {"nope": 1})]
)
def test_bad_wishes_are_refused_in_a_sentence(sessions: Sessions, session: Session, wish: Wish) -> None:
    told = last(sessions, press(session), wish)
    assert told["phase"] == "failed" and told["text"] and "\n" not in told["text"]


class Patient:
    """A method that waits for a sign and then fills with black."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        self.begun.set()
        assert self.go_on.wait(20)
        return Fill(np.where(job.hole[..., None], np.uint8(0), job.crop))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Patient:
    made = Patient()
    traits = catalog.find("telea").traits
    monkeypatch.setattr(
        catalog, "prepare", lambda id, settings: (Method(traits, made), catalog.find("telea").parse({}))
    )
    return made


def test_a_stop_leaves_the_photo_as_it_was(sessions: Sessions, session: Session, patient: Patient) -> None:
    start = np.array(session.picture.colour)
    updates = removal(sessions, line(), press(session), Wish("telea", {}), "visitor")
    assert next(updates)["phase"] == "working"
    session.request_stop()
    assert [told["phase"] for told in updates] == ["stopped"]
    patient.go_on.set()
    assert not session.busy and session.state == 0
    assert (session.picture.colour == start).all()


def test_one_photo_has_one_removal_at_a_time(sessions: Sessions, session: Session, patient: Patient) -> None:
    updates = removal(sessions, line(), press(session), Wish("telea", {}), "visitor")
    next(updates)
    assert "at work already" in last(sessions, press(session, press=2))["text"]
    assert session.busy
    patient.go_on.set()
    assert [told["phase"] for told in updates][-1] == "done"


def test_a_visitor_who_leaves_frees_the_photo(sessions: Sessions, session: Session, patient: Patient) -> None:
    updates = removal(sessions, line(), press(session), Wish("telea", {}), "visitor")
    next(updates)
    updates.close()  # type: ignore[attr-defined]
    patient.go_on.set()
    assert not session.busy and session.state == 0
