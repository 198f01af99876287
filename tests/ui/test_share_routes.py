"""What visitors say of their removals, over HTTP: yes or no, a shared photo, and what is refused in one sentence."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import insert, select
from starlette.testclient import TestClient

from rorem.geometry import Box
from rorem.labels.current import current
from rorem.labels.items import item_of, keep_picture, picture_path
from rorem.labels.sharing import DAY, pending
from rorem.labels.tables import items, pushed
from rorem.ui.desk import Office
from rorem.ui.label_pictures import Drawn, Views
from rorem.ui.line import Line
from rorem.ui.pick import Picker
from rorem.ui.public import question, terms, withdrawing
from rorem.ui.remove_tab import Wish, removal
from rorem.ui.routes import routes as photo_routes
from rorem.ui.session import Session
from rorem.ui.settings import Settings, read
from rorem.ui.share_routes import FORGOTTEN, WRONG_CODES, Guesses, routes
from tests.ui.asked import App
from tests.ui.compared import mask, noise, png
from tests.ui.test_removal import press


class Visitor:
    """Has a photo open."""

    def __init__(self, app: App, http: TestClient, photo: bytes = b"") -> None:
        self.app, self.http = app, http
        self.session: Session = app.sessions.open_bytes(photo or png(noise()), "my secret name.png", "1.2.3.4")
        self.line = Line(1, 2, 2)

    def remove(self, left: int = 20, **sent: Any) -> int:
        from tests.ui.test_removal import marks

        told = list(
            removal(
                self.app.sessions,
                self.line,
                press(self.session, mask=marks(left), **sent),
                Wish("telea", {"radius": 3}),
                "x",
            )
        )
        assert told[-1]["phase"] == "done", told[-1]
        return self.session.state

    def post(self, path: str, **sent: Any) -> Any:
        return self.http.post(f"/photo/{self.session.token}/{path}", json=sent)

    def say(self, verdict: str, *reasons: str, **sent: Any) -> Any:
        told = {"state": self.session.state, "verdict": verdict, "reasons": reasons, "seconds": 2.5, **sent}
        return self.post("verdict", **told)

    def share(self, **sent: Any) -> Any:
        return self.post("share", **{"state": self.session.state, **sent})


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


@pytest.fixture
def http(app: App) -> Iterator[TestClient]:
    every = [*photo_routes(app.sessions, Picker(lambda: None)), *routes(app.sessions, app.office)]
    with app.serving(*every) as made:
        yield made


@pytest.fixture
def visitor(app: App, http: TestClient) -> Visitor:
    return Visitor(app, http)


def test_an_answer_is_about_these_pictures_and_keeps_none_of_them(app: App, visitor: Visitor) -> None:
    visitor.remove()
    answer = visitor.say("no", "shadow")
    assert answer.status_code == 200 and answer.json() == {"saved": True}
    (event,) = app.events()
    assert (event.verdict, event.reasons, event.source, event.seconds) == ("no", ("shadow",), "public", 2.5)
    row = app.store.read(lambda connection: item_of(connection, event.item))
    assert row and (row["state"], row["method"], row["options"]) == ("private", "telea", '{"radius":3}')
    assert row["revision"] and row["protocol"] == "same pipeline" and row["removal_seconds"] > 0
    assert row["mask_share"] == pytest.approx(mask().mean())
    assert not app.kept()
    everything = (app.folder / "labels" / "labels.db").read_bytes()
    wal = app.folder / "labels" / "labels.db-wal"
    everything += wal.read_bytes() if wal.exists() else b""
    assert b"secret name" not in everything and b"1.2.3.4" not in everything
    assert visitor.session.token.encode() not in everything


def test_a_change_of_mind_counts_and_an_undone_result_is_not_asked_about(app: App, visitor: Visitor) -> None:
    visitor.remove()
    visitor.say("yes")
    visitor.say("no")
    (held,) = current(app.events()).public
    assert held.verdict == "no" and len(app.events()) == 2
    visitor.http.post(f"/photo/{visitor.session.token}/undo")
    refused = visitor.say("yes", state=1)
    assert refused.status_code == 422 and "no longer" in refused.json()["error"] and len(app.events()) == 2
    assert visitor.say("yes", state=0).status_code == 422
    visitor.http.post(f"/photo/{visitor.session.token}/redo")
    visitor.say("yes")
    (held,) = current(app.events()).public
    assert held.verdict == "yes"


def test_a_second_removal_is_judged_by_what_was_before_it(app: App, visitor: Visitor) -> None:
    visitor.remove()
    before = visitor.session.encoded("PNG", mark=False, keep_gps=False)[0]
    visitor.remove(left=50)
    visitor.say("yes")
    assert visitor.share().status_code == 200
    (one,) = pending(app.store)
    source, result = (picture_path(app.store.pictures, one.pictures.hashes[part]) for part in ("source", "result"))
    source, result = (np.asarray(Image.open(path)) for path in (source, result))
    assert (source == np.asarray(Image.open(io.BytesIO(before)).convert("RGB"))).all()
    changed = np.argwhere((source != result).any(axis=2))
    assert changed[:, 1].min() >= 45  # the first removal, at 20 to 30, is in both


def test_another_version_is_another_item(app: App, visitor: Visitor) -> None:
    visitor.remove()
    visitor.say("no")
    visitor.remove(again=True)
    assert visitor.session.state == 2
    assert visitor.say("yes").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"verdict": "skip"},
        {"verdict": "left"},
        {"verdict": "x" * 3000},
        {"verdict": "no", "reasons": ["x" * 1000]},
        {"verdict": "no", "reasons": ["shadow"] * 5},
        {"verdict": "yes", "reasons": ["shadow"]},
        {"verdict": "yes", "state": 99},
        {"verdict": "yes", "state": "1; DROP TABLE events"},
        {"verdict": "yes", "annotator": "f" * 32},
        {"verdict": "yes", "item": "../../etc/passwd"},
        {"verdict": None},
    ],
)
def test_what_is_no_answer_is_refused_in_a_sentence(app: App, visitor: Visitor, sent: dict[str, Any]) -> None:
    visitor.remove()
    refused = visitor.post("verdict", **{"state": 1, "reasons": [], "seconds": 1, **sent})
    assert refused.status_code in (400, 422) and refused.json()["error"].endswith(".")
    assert app.store.count() == 0


def test_ten_megabytes_are_not_read(app: App, visitor: Visitor) -> None:
    visitor.remove()
    assert visitor.say("no", "x" * 10_000_000).status_code == 400
    assert visitor.http.post(f"/photo/{visitor.session.token}/verdict", content=b"[" * 3000).status_code == 400
    assert app.store.count() == 0


def test_nobody_answers_for_another_s_photo(app: App, visitor: Visitor) -> None:
    visitor.remove()
    answer = visitor.http.post("/photo/guessed/verdict", json={"state": 1, "verdict": "yes"})
    assert answer.status_code == 410 and app.store.count() == 0


def test_two_visitors_of_one_photo_are_two_annotators(app: App, visitor: Visitor) -> None:
    other = Visitor(app, visitor.http)
    for one in (visitor, other):
        one.remove()
        assert one.say("yes").status_code == 200
    first, second = app.events()
    assert first.item == second.item and first.annotator != second.annotator


def test_nothing_is_claimed_when_the_store_cannot_save(app: App, visitor: Visitor) -> None:
    visitor.remove()
    app.break_store()
    for answer in (visitor.say("yes"), visitor.share()):
        assert answer.status_code == 503 and "cannot be" in answer.json()["error"] and "saved" not in answer.json()
    assert app.store.count() == 0 and not app.kept()


def test_an_answer_costs_a_removal_nothing(app: App, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> bytes:
        raise AssertionError("something was encoded")

    monkeypatch.setattr("rorem.ui.records.plain", never)
    visitor.remove()
    assert not (app.folder / "labels").exists()


def test_a_photo_is_shared_as_its_pixels_with_the_answer(app: App, http: TestClient) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    file = io.BytesIO()
    Image.fromarray(noise()).save(file, "JPEG", quality=100, exif=exif)
    visitor = Visitor(app, http, file.getvalue())
    visitor.remove()
    visitor.say("yes")
    answer = visitor.share()
    code = answer.json()["code"]
    assert re.fullmatch(r"([A-Z2-9]{5}-){3}[A-Z2-9]{5}", code) and answer.headers["cache-control"] == "no-store"
    (one,) = pending(app.store)
    (event,) = app.events()
    assert event.item == one.id and one.state == "held"
    assert one.hold_until == one.added + 7 * DAY
    row = app.store.read(lambda connection: item_of(connection, one.id))
    assert row and row["code"] == app.office.desk().identities.code_hash(code) and code not in str(dict(row))
    files = {part: picture_path(app.store.pictures, digits) for part, digits in one.pictures.hashes.items()}
    assert len(app.kept()) == 3 and not any(b"Secret" in path.read_bytes() for path in app.kept())
    shown = np.asarray(Image.open(file).convert("RGB"))
    source, result = (np.asarray(Image.open(files[part])) for part in ("source", "result"))
    assert (source == shown).all() and (np.asarray(Image.open(files["mask"])) == mask()).all()
    assert (source != result).any() and (source[:10] == result[:10]).all()
    assert visitor.share().json() == {"code": code}  # whose answer was lost asks again
    assert len(pending(app.store)) == 1 and len(app.kept()) == 3
    other = Visitor(app, http, file.getvalue())
    other.remove()
    again = other.share()
    assert again.status_code == 422 and "already" in again.json()["error"] and "code" not in again.json()
    visitor.say("no")
    assert [event.item for event in app.events()] == [one.id, one.id]


@pytest.mark.parametrize("changes", [{"sharing": False}, {"tabs": ("remove", "compare")}])
def test_no_sharing_where_the_operator_wants_none(tmp_path: Path, changes: dict[str, Any]) -> None:
    app = App(tmp_path, **changes)
    with app.serving(*routes(app.sessions, app.office)) as http:
        visitor = Visitor(app, http)
        visitor.remove()
        assert visitor.share().status_code == 422 and not app.kept() and not pending(app.store)
        assert visitor.say("yes").status_code == 200
        assert "rr-share-tick" not in question(app.settings) and withdrawing(app.settings) == ""


def test_a_shared_photo_is_withdrawn_by_its_code_alone(app: App, visitor: Visitor) -> None:
    visitor.remove()
    visitor.say("yes")
    code = visitor.share().json()["code"]
    assert visitor.http.post("/label/withdraw", json={"code": "AAAAA-BBBBB-CCCCC-DDDDD"}).status_code == 422
    assert len(app.kept()) == 3
    app.sessions.delete(visitor.session.token)
    answer = visitor.http.post("/label/withdraw", json={"code": f" {code.lower()} "})
    assert answer.status_code == 200 and "deleted here" in answer.json()["text"]
    assert not app.kept() and not app.events() and not pending(app.store)
    again = visitor.http.post("/label/withdraw", json={"code": code})
    assert again.status_code == 422 and "No photo has this code" in again.json()["error"]


def test_what_is_withdrawn_is_not_in_memory_either(app: App, visitor: Visitor) -> None:
    visitor.remove()
    code = visitor.share().json()["code"]
    (one,) = pending(app.store)
    drawn, box = Drawn(), Box(0, 0, 1, 1)
    for id in (one.id, "another"):
        drawn.get(id, lambda: Views((1, 1), box, box, {}))
    visitor.http.post("/label/withdraw", json={"code": code})
    assert list(drawn._kept) == ["another"]


class Fetching:
    """Stands in for a syncer that brings earlier photos back. tried: and does not reach the Hub."""

    def __init__(self, tried: bool) -> None:
        self.tried, self.restoring, self.woken = tried, True, 0

    def is_open(self, patience: float) -> bool:
        return self.tried or not self.restoring

    def status(self) -> Any:
        return SimpleNamespace(restoring=self.restoring)

    def wake(self) -> None:
        self.woken += 1

    def stop(self) -> None:
        pass


@pytest.mark.parametrize("tried", [False, True])
def test_a_code_is_not_called_wrong_while_photos_are_fetched(app: App, visitor: Visitor, tried: bool) -> None:
    syncer = Fetching(tried)
    app.office._desk = replace(app.office.desk(), syncer=syncer)  # type: ignore[arg-type]
    for _ in range(WRONG_CODES + 1):
        answer = visitor.http.post("/label/withdraw", json={"code": "AAAAA-BBBBB-CCCCC-DDDDD"})
        assert answer.status_code == 422 and "being fetched" in answer.json()["error"]
    syncer.restoring = False
    assert "No photo" in visitor.http.post("/label/withdraw", json={"code": "wrong"}).json()["error"]


def test_what_the_hub_does_not_have_back_yet_is_taken_back_here(app: App, visitor: Visitor) -> None:
    visitor.remove()
    code = visitor.share().json()["code"]
    app.office._desk = replace(app.office.desk(), syncer=Fetching(tried=True))  # type: ignore[arg-type]
    assert visitor.http.post("/label/withdraw", json={"code": code}).status_code == 200 and not app.kept()


def test_of_a_published_photo_is_told_what_to_do_if_it_comes_back(app: App, visitor: Visitor) -> None:
    visitor.remove()
    code = visitor.share().json()["code"]
    (one,) = pending(app.store)
    told = insert(pushed).values(kind="items", id=one.id, shard="data/items-x.parquet")
    app.store.write(lambda connection: connection.execute(told))
    syncer = Fetching(tried=True)
    app.office._desk = replace(app.office.desk(), syncer=syncer)  # type: ignore[arg-type]
    text = visitor.http.post("/label/withdraw", json={"code": code}).json()["text"]
    assert "within minutes" in text and "tomorrow" in text and syncer.woken == 1


def test_a_full_house_is_told_in_a_sentence(app: App, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rorem.labels.sharing.MOST_WAITING", 0)
    visitor.remove()
    answer = visitor.share()
    assert answer.status_code == 422 and "Too many photos wait" in answer.json()["error"] and not app.kept()


def test_a_new_start_ends_what_was_left_over(app: App, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.remove()
    code = visitor.share().json()["code"]
    with monkeypatch.context() as patch:
        patch.setattr("rorem.labels.withdrawal.drop_pictures", _ill)
        assert visitor.http.post("/label/withdraw", json={"code": code}).status_code == 503
    lost = picture_path(app.store.pictures, keep_picture(app.store.pictures, b"of a share that was killed"))
    os.utime(lost, (1, 1))
    assert len(app.kept()) == 4
    app.office.close()
    again = Office(app.settings, {})
    store = again.desk().store
    assert not [path for path in store.pictures.rglob("*") if path.is_file()]
    assert store.read(lambda connection: connection.scalars(select(items.c.id)).all()) == []
    again.close()


def test_what_cannot_be_tidied_keeps_nothing_closed(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rorem.ui.desk.sweep", _ill)
    assert app.store.count() == 0
    app.office.close()


def _ill(*told: object) -> None:
    raise OSError(5, "the disk is ill")


def test_codes_cannot_be_tried_on_and_on(visitor: Visitor) -> None:
    assert visitor.http.post("/label/withdraw", json={"code": "x" * 3000}).status_code == 400
    for _ in range(WRONG_CODES):
        assert "No photo" in visitor.http.post("/label/withdraw", json={"code": "wrong"}).json()["error"]
    assert "too many" in visitor.http.post("/label/withdraw", json={"code": "wrong"}).json()["error"]


def test_wrong_codes_are_forgotten_and_cost_others_nothing() -> None:
    now = [0.0]
    guesses = Guesses(lambda: now[0])
    for _ in range(WRONG_CODES):
        guesses.check("here")
        guesses.wrong("here")
    with pytest.raises(Exception, match="too many"):
        guesses.check("here")
    guesses.check("elsewhere")
    now[0] += FORGOTTEN + 1
    guesses.check("here")


def settings(**changes: Any) -> Settings:
    return read(changes, {})


def test_the_terms_tell_what_the_settings_say() -> None:
    here = " ".join(terms(settings()))
    assert "7 days" in here and "kept on this server" in here and "data set" not in here and "operator" in here
    hub = " ".join(terms(settings(label_hub="someone/<answers>", hold_days=1)))
    assert "1 day." in hub and "someone/<answers>" in hub and "this server" not in hub
    assert "someone/&lt;answers&gt;" in question(settings(label_hub="someone/<answers>"))
    assert "days" not in " ".join(terms(settings(hold_days=0)))
