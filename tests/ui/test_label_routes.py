"""The HTTP side of the Label tab: what annotators are told, what they are not, and what is refused in one sentence."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from rorem.labels import items as label_items
from rorem.labels.database import CannotSave
from rorem.labels.event import Event
from rorem.labels.queue import Queue
from rorem.triplet import Triplet, write_folder
from rorem.ui import label_entry
from rorem.ui.desk import Desk, Office
from rorem.ui.label_routes import PAUSE, WHO, routes
from rorem.ui.settings import read
from tests.ui.compared import png

SPACE = {"SPACE_ID": "someone/rorem", "OAUTH_CLIENT_ID": "client"}


def removal(number: int, **changes: Any) -> Triplet:
    """A removal whose source is `number` all over, and its result 100 more."""
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 20:30] = 255
    parts = {"source": plane(number), "mask": png(mask), "result": plane(number + 100), **changes}
    return Triplet(f"file-{number}", method="secret-method", revision="secret-revision", category="kind", **parts)


def plane(level: int, size: tuple[int, int] = (40, 60)) -> bytes:
    return png(np.full((*size, 3), level, np.uint8))


class Someone:
    """A browser with a token, or without."""

    def __init__(self, http: TestClient, office: Office, token: str = "") -> None:
        self.http, self.office, self.token = http, office, token

    def post(self, path: str, told: object = None, **headers: str) -> Any:
        sent = told if isinstance(told, (str, bytes)) else json.dumps({} if told is None else told)
        return self.http.post(f"/label/{path}", content=sent, headers={WHO: self.token, **headers})

    def enter(self, name: str, **more: str) -> Someone:
        answer = self.post("enter", {"name": name, **more})
        assert answer.status_code == 200, answer.text
        return Someone(self.http, self.office, answer.json()["token"])

    def items(self, most: int = 4, have: tuple[str, ...] = ()) -> dict[str, Any]:
        answer = self.post("items", {"most": most, "have": have})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def answer(self, handout: object, verdict: object = "yes", reasons: object = (), seconds: object = 1.5) -> Any:
        return self.post("answer", {"handout": handout, "verdict": verdict, "reasons": reasons, "seconds": seconds})

    def picture(self, handout: str, part: str = "result", query: str = "") -> Any:
        return self.http.get(f"/label/picture/{handout}/{part}{query}")

    @property
    def events(self) -> list[Event]:
        return [event for _, event in self.office.desk().store.events()]


Opened = Callable[..., Someone]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Opens an app's label side. some: the removals in its source; None has no source."""
    monkeypatch.setattr("rorem.ui.label_routes.PAUSE", 0.0)
    offices: list[Office] = []

    def open(
        some: list[Triplet] | None, environment: dict[str, str] | None = None, session: Any = None, **settings: Any
    ) -> Someone:
        if some is not None:
            write_folder(some, tmp_path / "set")
            settings = {"label_source": (str(tmp_path / "set"),), **settings}
        office = Office(read({"label_dir": tmp_path / "labels", **settings}, {}), environment or {})
        offices.append(office)
        if some is not None:
            office.desk()
            until(lambda: "read in" not in office.nothing())
        middleware = [Middleware(WithSession, session)] if session is not None else []
        return Someone(TestClient(Starlette(routes=routes(office), middleware=middleware)), office)

    yield open
    for office in offices:
        office.close()


class WithSession:
    """As the middleware of Gradio's login: it puts what a signed cookie says into the scope."""

    def __init__(self, app: ASGIApp, session: Any) -> None:
        self.app, self.session = app, session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app({**scope, "session": self.session}, receive, send)


def until(check: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end
        time.sleep(0.01)


def many(count: int) -> list[Triplet]:
    return [removal(number) for number in range(count)]


def level(answer: Any) -> int:
    assert answer.status_code == 200, answer.text
    return int(np.asarray(Image.open(io.BytesIO(answer.content)))[0, 0].max())


def test_a_round(opened: Opened) -> None:
    anna = opened(many(6)).enter("Anna")
    told = anna.items(most=3)
    assert (told["done"], told["left"], told["pace"], told["last"], told["nothing"]) == (0, 6, None, "", "")
    assert told["kept"] == "0 answers safe here, on this server only."
    first, second, third = told["held"]
    assert [item["handout"] for item in told["items"]] == told["held"]
    assert told["items"][0]["size"] == [60, 40] and told["items"][0]["window"] == [0, 0, 60, 40]
    assert level(anna.picture(first, "result")) == level(anna.picture(first, "source")) + 100
    assert np.asarray(Image.open(io.BytesIO(anna.picture(first, "mask").content))).sum() == 100
    assert anna.answer(first, "no", ["colour", "left_over"]).json() == {"saved": first}
    assert anna.answer(second, "yes", ["colour"]).status_code == 200  # reasons are for a no
    again = anna.items(most=3, have=(third,))
    assert (again["done"], again["left"], again["pace"], again["last"]) == (2, 4, 1.5, second)
    assert again["held"][0] == third and len(again["held"]) == 3 and len(again["items"]) == 2
    undone = anna.post("undo", {"last": second}).json()
    assert undone["last"] == first and undone["item"]["handout"] not in (second, *again["held"])
    assert anna.post("undo", {"last": second}).json() == undone  # the same request once more
    assert anna.items()["held"][0] == undone["item"]["handout"]
    assert anna.answer(undone["item"]["handout"], "skip").status_code == 200
    assert [(event.verdict, event.reasons) for event in anna.events] == [
        ("no", ("left_over", "colour")),
        ("yes", ()),
        ("skip", ()),
        ("skip", ()),
    ]
    assert anna.events[3].supersedes == anna.events[2].event and anna.events[2].supersedes == anna.events[1].event


def test_nothing_tells_how_a_result_came_about(opened: Opened, tmp_path: Path) -> None:
    anna = opened(many(3)).enter("Anna")
    told = anna.items()
    assert all(set(item) == {"handout", "size", "window", "focus"} for item in told["items"])
    pictures = [anna.picture(one, part) for one in told["held"] for part in ("source", "result", "mask")]
    for picture in pictures:
        assert set(picture.headers) == {"content-type", "cache-control", "content-length"}
        assert picture.headers["cache-control"].startswith("private")
        assert set(Image.open(io.BytesIO(picture.content)).info) <= {"transparency"}
    everything = json.dumps(told).encode() + b"".join(picture.content for picture in pictures)
    ids = [anna.office.desk().queue.item(one) for one in told["held"]]
    for secret in (b"secret", b"file-", b"kind", str(tmp_path).encode(), *(row["id"].encode() for row in ids if row)):
        assert secret not in everything


def test_the_name_stays_where_it_is(opened: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    someone = opened(many(2), {"ROREM_LABEL_PHRASE": "open sesame"})
    entered = someone.post("enter", {"name": "Wilhelmina", "phrase": "open sesame"})
    assert set(entered.json()) == {"token"} and "ilhelm" not in entered.text
    one = Someone(someone.http, someone.office, entered.json()["token"])
    one.answer(one.items()["held"][0])
    someone.office.close()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "labels").rglob("*") if path.is_file())
    for secret in ("Wilhelmina", "wilhelmina", "open sesame"):
        assert secret.encode() not in kept and secret not in caplog.text
    assert "open sesame" not in repr(Desk(*[None] * 7, phrase="open sesame"))  # type: ignore[arg-type]


def test_what_is_not_an_answer_is_refused_and_not_stored(opened: Opened) -> None:
    anna = opened(many(4)).enter("Anna")
    bert, nobody = anna.enter("Bert"), Someone(anna.http, anna.office)
    mine, other = anna.items(1)["held"][0], bert.items(1)["held"][0]
    forged = Someone(anna.http, anna.office, bert.token.split(".")[0] + "." + anna.token.split(".")[1])
    wrong = {
        "nobody": (nobody.answer(mine), 401),
        "forged": (forged.answer(other), 401),
        "no signature": (Someone(anna.http, anna.office, bert.token.split(".")[0]).answer(other), 401),
        "another's": (anna.answer(other), 403),
        "unknown": (anna.answer("0" * 32), 403),
        "path": (anna.answer("../../etc/passwd"), 403),
        "number": (anna.answer(7), 403),
        "zero byte": (anna.answer("a\0" * 16), 403),
        "verdict": (anna.answer(mine, "perhaps"), 422),
        "verdict list": (anna.answer(mine, ["yes"]), 422),
        "verdict of a vote": (anna.answer(mine, "left"), 422),
        "reason": (anna.answer(mine, "no", ["ugly"]), 422),
        "reasons text": (anna.answer(mine, "no", "colour"), 422),
        "reason object": (anna.answer(mine, "no", [{}]), 422),
        "seconds": (anna.answer(mine, "yes", [], "1"), 400),
        "seconds NaN": (anna.answer(mine, "yes", [], float("nan")), 400),
        "seconds true": (anna.answer(mine, "yes", [], True), 400),
        "10 MB": (anna.answer(mine, "no", ["x" * 10_000_000]), 400),
        "no JSON": (anna.post("answer", "verdict=yes"), 400),
        "a list": (anna.post("answer", "[]"), 400),
        "deep": (anna.post("answer", "[" * 9000), 400),
        "from elsewhere": (anna.post("answer", {}, **{"sec-fetch-site": "cross-site"}), 403),
        "report another's": (anna.post("report", {"handout": other}), 403),
        "undo another's": (anna.post("undo", {"last": other}), 422),
        "items of nobody": (nobody.post("items"), 401),
        "most nothing": (anna.post("items", {"most": None}), 400),
        "most list": (anna.post("items", {"most": [1]}), 400),
    }
    for name, (answer, status) in wrong.items():
        assert answer.status_code == status, (name, answer.text)
        assert set(answer.json()) <= {"error", "unknown", "gone"} and "\n" not in answer.json()["error"], name
    assert not anna.events
    for path in ("..%2F..%2Fetc", "x", "0" * 32, mine[:-1], f"{mine}%00"):
        assert anna.picture(path).status_code in (403, 404)
    assert anna.picture(mine, "name").status_code == 404 and anna.picture(mine, "..").status_code == 404


def test_a_request_that_is_sent_again_changes_nothing(opened: Opened) -> None:
    anna = opened(many(3)).enter("Anna")
    one = anna.items(1)["held"][0]
    assert [anna.answer(one, "no", ["colour"]).status_code for _ in range(3)] == [200] * 3
    refused = anna.answer(one, "yes")
    assert refused.status_code == 422 and "answered already" in refused.json()["error"]
    assert [event.verdict for event in anna.events] == ["no"]


def test_seconds_are_what_somebody_can_take(opened: Opened) -> None:
    anna = opened(many(3)).enter("Anna")
    for one, seconds in zip(anna.items(3)["held"], (-5, 1e9, 2), strict=True):
        assert anna.answer(one, seconds=seconds).status_code == 200
    assert [event.seconds for event in anna.events] == [0.0, 3600.0, 2.0]


def test_a_report_takes_an_item_from_everybody(opened: Opened) -> None:
    anna = opened(many(1), label_answers=2).enter("Anna")
    bert = anna.enter("Bert")
    hers, his = anna.items()["held"][0], bert.items()["held"][0]
    assert anna.post("report", {"handout": hers}).status_code == 200
    assert bert.picture(his).status_code == 403
    assert bert.items(have=(his,))["held"] == [] and anna.items()["held"] == []
    assert not anna.events


@pytest.mark.parametrize(
    "name",
    ["", "   ", "<script>alert(1)</script>", "=HYPERLINK(1)", "+1", "-1", "@x", "a\nb\0", "a" * 41, 7, None, ["a"]],
)
def test_nicknames_that_are_none(opened: Opened, name: object) -> None:
    refused = opened(None).post("enter", {"name": name})
    assert refused.status_code == 422 and "script" not in refused.text and "ickname" in refused.json()["error"]


def test_one_name_is_one_annotator_however_it_is_typed(opened: Opened) -> None:
    someone = opened(None)
    tokens = [someone.enter(name).token for name in ("José  Ünal", " jose\u0301 ünal ", "JOSÉ ÜNAL")]
    assert len(set(tokens)) == 1
    assert someone.enter("Jose Unal").token != tokens[0]


def test_the_pass_phrase_and_who_guesses(opened: Opened) -> None:
    someone = opened(None, {"ROREM_LABEL_PHRASE": "open sesame"})
    assert someone.http.get("/label/state").json() == {"login": False, "signed": False, "phrase": True, "error": ""}
    for phrase in ("", "open", "open sesamE", 7, None):
        refused = someone.post("enter", {"name": "Anna", "phrase": phrase})
        assert refused.status_code == 403 and "not the pass phrase" in refused.json()["error"]
    assert someone.post("enter", {"name": "Anna", "phrase": "open sesame"}).status_code == 429  # right, but too late


def test_a_pause_makes_guessing_slow() -> None:
    assert PAUSE >= 0.3  # s; the tests above have none


def test_on_a_space_one_logs_in(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_entry.importlib.util, "find_spec", lambda name: object())
    session: dict[str, Any] = {}
    someone = opened(None, {**SPACE, "ROREM_LABEL_PHRASE": "open sesame"}, session=session)
    assert someone.http.get("/label/state").json() == {"login": True, "signed": False, "phrase": False, "error": ""}
    refused = someone.post("enter", {"name": "Anna", "phrase": "open sesame"})
    assert refused.status_code == 403 and "logged in" in refused.json()["error"]
    session["oauth_info"] = {"userinfo": {"preferred_username": "Anna"}, "expires_at": time.time() + 60}
    assert someone.http.get("/label/state").json()["signed"]
    entered = someone.post("enter")
    pseudonyms = someone.office.desk().identities
    assert entered.json() == {"token": pseudonyms.token(pseudonyms.pseudonym("hf", "Anna"))}
    assert entered.json() != {"token": pseudonyms.token(pseudonyms.pseudonym("nickname", "Anna"))}
    session["oauth_info"]["expires_at"] = time.time() - 1
    assert someone.post("enter").status_code == 403


def test_a_space_without_login_asks_for_a_nickname(opened: Opened) -> None:
    assert not label_entry.login_works({"SPACE_ID": "someone/rorem"})
    assert opened(None, {"SPACE_ID": "someone/rorem"}).enter("Anna").token


def test_odd_items_are_left_out_and_the_others_are_shown(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    odd = [
        removal(1, result=plane(101, (40, 61))),  # another size
        removal(2, result=plane(102)[:60]),  # broken
        removal(4, source=b"no picture"),
        removal(5, result=plane(105)),  # its file changes below
    ]
    someone = opened([*odd, *(removal(number) for number in (10, 11, 12))])
    changed = next((Path(someone.office.settings.label_source[0]) / "GT").glob("file-5*"))
    changed.write_bytes(plane(200))
    anna = someone.enter("Anna")
    told = anna.items(most=3)
    assert sorted(level(anna.picture(one, "source")) for one in told["held"]) == [10, 11, 12]
    for one in told["held"]:
        anna.answer(one)
    assert anna.items()["held"] == []
    left_out = [record.message for record in caplog.records if "left out" in record.message]
    assert len([line for line in left_out if "removal is left out" in line]) >= 3
    assert [event.verdict for event in anna.events] == ["yes"] * 3


def test_a_set_that_cannot_be_read_now_costs_no_item(opened: Opened) -> None:
    someone = opened(many(3))
    anna = someone.enter("Anna")
    folder = Path(someone.office.settings.label_source[0])
    away = folder.rename(folder.with_name("away"))
    assert anna.items(most=2)["held"] == []
    away.rename(folder)
    one, *others = anna.items(most=3)["held"]
    assert len(others) == 2
    folder.rename(away)
    seen = anna.picture(one, query="?whole=1")
    assert seen.status_code == 422 and seen.json()["error"].startswith("This removal cannot be shown now.")
    assert anna.answer(one).status_code == 200
    assert anna.post("undo", {"last": one}).json()["item"] is not None  # drawn already
    away.rename(folder)
    assert len(anna.items(most=3)["held"]) == 3


def test_a_file_that_is_gone_is_told_to_nobody_by_its_name(opened: Opened) -> None:
    someone = opened(many(3))
    anna = someone.enter("Anna")
    held = anna.items(most=2)["held"]
    for file in (Path(someone.office.settings.label_source[0]) / "GT").iterdir():
        file.unlink()
    seen = anna.picture(held[0], query="?whole=1")
    assert seen.status_code == 422 and "file-" not in seen.text and "GT" not in seen.text
    bert = anna.enter("Bert")
    assert "file-" not in json.dumps(bert.items(most=3))
    assert bert.items(most=3)["left"] == 0  # the operator has to look at them


def test_a_database_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "labels").write_bytes(b"in the way")
    now = [0.0]
    office = Office(read({"label_dir": tmp_path / "labels"}, {}), {}, lambda: now[0])
    someone = Someone(TestClient(Starlette(routes=routes(office))), office)
    told = someone.http.get("/label/state").json()
    assert "cannot be opened" in told["error"] and str(tmp_path) not in told["error"]
    refused = someone.post("enter", {"name": "Anna"})
    assert refused.status_code == 507 and refused.json()["unsaved"]
    (tmp_path / "labels").unlink()
    assert someone.post("enter", {"name": "Anna"}).status_code == 507  # not at once again
    now[0] = 6.0
    assert someone.post("enter", {"name": "Anna"}).status_code == 200
    office.close()
    assert someone.post("enter", {"name": "Anna"}).status_code == 507


def test_answers_that_cannot_be_saved(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = opened(many(2)).enter("Anna")
    one = anna.items(1)["held"][0]

    def full(*told: object) -> None:
        raise CannotSave("Answers cannot be saved now.")

    monkeypatch.setattr(Queue, "answer", full)
    refused = anna.answer(one)
    assert refused.status_code == 507 and refused.json()["unsaved"] and "cannot be saved" in refused.json()["error"]
    monkeypatch.undo()
    assert anna.answer(one).status_code == 200


def test_why_there_is_nothing_to_judge(opened: Opened, tmp_path: Path) -> None:
    assert "--label-source" in opened(None).enter("Anna").items()["nothing"]
    someone = opened(None, label_source=(str(tmp_path / "nowhere"),), label_hub="")
    someone.office.desk()
    until(lambda: "could not be read" in someone.office.nothing())
    some = opened(many(1))
    anna = some.enter("Anna")
    anna.answer(anna.items()["held"][0])
    assert anna.items()["nothing"] == ""  # all is judged


def test_nothing_is_handed_out_before_earlier_answers_are_back(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = opened(many(2)).enter("Anna")
    back = [False]
    monkeypatch.setattr(anna.office, "_desk", replace(anna.office.desk(), syncer=Fetching(back)))
    told = anna.items()
    assert told["held"] == [] and told["nothing"] == "Earlier answers are being fetched from the Hub."
    back[0] = True
    assert len(anna.items()["held"]) == 2


class Fetching:
    """A syncer that is at it still."""

    def __init__(self, back: list[bool]) -> None:
        self.back = back

    def is_open(self, timeout: float) -> bool:
        return self.back[0]

    def stop(self) -> None:
        pass


def test_one_annotator_does_not_see_what_another_said(opened: Opened) -> None:
    anna = opened(many(3), label_answers=2).enter("Anna")
    bert = anna.enter("Bert")
    for one in anna.items(3)["held"]:
        anna.answer(one, "no", ["shadow"])
    told = bert.items(3)
    assert (told["done"], told["last"], told["pace"]) == (0, "", None) and len(told["held"]) == 3
    assert "shadow" not in json.dumps(told)
    assert bert.post("undo").status_code == 422
    assert len(anna.events) == 3


def test_a_picture_goes_with_its_item(opened: Opened) -> None:
    anna = opened(many(2)).enter("Anna")
    one = anna.items(1)["held"][0]
    row = anna.office.desk().queue.item(one)
    assert row is not None and anna.picture(one).status_code == 200
    anna.office.desk().store.write(lambda now: label_items.set_state(now, [row["id"]], label_items.REFUSED))
    assert anna.picture(one).status_code == 403
    assert one not in anna.items(have=(one,))["held"]
