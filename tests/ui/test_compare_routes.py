"""The HTTP side of the Compare tab: pictures, files, the truth, the methods, and what is refused in one sentence."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rorem.methods import catalog
from rorem.picture import Limits
from rorem.ui import samples
from rorem.ui.compare_routes import routes
from rorem.ui.comparing import begin
from rorem.ui.downloads import Downloads
from rorem.ui.line import Line
from rorem.ui.pick import Picker
from rorem.ui.routes import routes as photo_routes
from rorem.ui.sessions import Sessions
from tests.ui.compared import REFUSED, Paint, PaintAsPublished, ended, mask, methods, noise, png, press


class Client:
    """A visitor with a photo open."""

    def __init__(self, http: TestClient, sessions: Sessions) -> None:
        self.http, self.sessions = http, sessions
        self.line = Line(2, 2, 4)
        self.session = sessions.open_bytes(png(noise()), "ä photo.png")
        self.photo = f"/photo/{self.session.token}"

    def compare(self, *methods: str, **sent: Any) -> dict[str, Any]:
        assert not begin(self.sessions, self.line, press(self.session, *methods, **sent), "visitor")["error"]
        ended(self.session.board)
        return self.told()

    def told(self) -> dict[str, Any]:
        return self.http.get(f"{self.photo}/comparison").json()["comparison"]

    @property
    def board(self) -> str:
        assert self.session.board is not None
        return f"{self.photo}/comparison/{self.session.board.id}"

    def picture(self, path: str, **query: Any) -> np.ndarray:
        answer = self.http.get(f"{self.board}/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return np.asarray(Image.open(io.BytesIO(answer.content)))


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    sessions = Sessions(tmp_path / "data", Limits(max_bytes=3_000_000, max_pixels=1_000_000), 3600, 10**9)
    every = [*photo_routes(sessions, Picker(lambda: None)), *routes(sessions, Downloads(False))]
    stubs = methods(patchmatch=Paint(50), telea=Paint(200), migan=Paint(error=REFUSED), lama=PaintAsPublished(70))
    monkeypatch.setattr(catalog, "prepare", stubs)
    monkeypatch.setattr("rorem.remover.road.match_tone", lambda filled, *_: filled)
    with TestClient(Starlette(routes=every)) as http:
        yield Client(http, sessions)
    sessions.close()


def test_there_is_nothing_before_the_first_comparison(client: Client) -> None:
    assert client.http.get(f"{client.photo}/comparison").json() == {"truth": None, "comparison": None}
    assert client.http.get(f"{client.photo}/comparison/x/0/view").status_code == 422
    assert client.http.get("/photo/nobody/comparison").status_code == 410


def test_pictures_and_files(client: Client) -> None:
    told = client.compare("patchmatch", "telea", "migan")
    assert [cell["phase"] for cell in told["cells"]] == ["done", "done", "failed"] and told["fits"]
    assert np.abs(client.picture("source/view").astype(int)[:5] - noise()[:5]).mean() < 8  # a JPEG
    assert abs(int(client.picture("0/view", box="22,22,28,38", side=100).mean()) - 50) < 3
    assert abs(int(client.picture("1/view", box="22,22,28,38", side=100).mean()) - 200) < 3
    assert (client.picture("mask") == mask()).all()
    exact = client.http.get(f"{client.board}/1/file")
    assert "ä photo-telea.png" in unquote(exact.headers["content-disposition"])
    assert (np.asarray(Image.open(io.BytesIO(exact.content)))[mask()] == 200).all()
    for key in ("2", "9", "-1", "truth"):
        assert client.http.get(f"{client.board}/{key}/view").status_code == 404
    assert client.http.get(f"{client.board}/2/file").status_code == 400
    assert client.http.get(f"{client.board}/x/view").status_code == 400
    assert client.http.get(f"{client.board}/0/view", params={"box": "1,2,nan,4"}).status_code == 400
    assert client.http.get(f"{client.board}/0/view", params={"box": "-9,-9,-1,-1"}).status_code == 404


def test_the_zip_holds_what_repeats_it(client: Client) -> None:
    truth = png(noise(9))
    client.http.post(f"{client.photo}/truth", params={"name": "behind.png"}, content=truth)
    client.compare("patchmatch", "migan", seed=5)
    answer = client.http.get(f"{client.board}/zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = set(archive.namelist())
        result = json.loads(archive.read("result.json"))
        assert archive.read("truth.png") == truth
        (made,) = [name for name in names if "patchmatch" in name]
        pixels = np.asarray(Image.open(io.BytesIO(archive.read(made))))
        assert (pixels[mask()] == 50).all()
        assert (np.asarray(Image.open(io.BytesIO(archive.read("mask.png")))) == mask()).all()
    assert {"result.json", "montage.png", "mask.png", "truth.png"} < names
    assert result["request"]["seed"] == 5 and result["request"]["methods"] == ["patchmatch", "migan"]
    assert [bool(cell["error"]) for cell in result["cells"]] == [False, True]


def test_hidden_names_stay_hidden_until_they_are_asked_for(client: Client) -> None:
    told = client.compare("patchmatch", "telea", blind=True)
    assert told["hidden"] and "method" not in told["cells"][0]
    for path, verb in (("zip", "get"), ("0/keep", "post")):
        answer = getattr(client.http, verb)(f"{client.board}/{path}")
        assert answer.status_code == 409 and "names" in answer.json()["error"]
    file = client.http.get(f"{client.board}/0/file")
    assert "photo-A.png" in unquote(file.headers["content-disposition"])
    shown = client.http.post(f"{client.board}/reveal").json()["comparison"]
    assert {cell["method"] for cell in shown["cells"]} == {"patchmatch", "telea"} and not shown["hidden"]
    with zipfile.ZipFile(io.BytesIO(client.http.get(f"{client.board}/zip").content)) as archive:
        result = json.loads(archive.read("result.json"))
    assert isinstance(result["request"]["order_seed"], int)
    assert [cell["method"] for cell in result["cells"]] == [cell["method"] for cell in shown["cells"]]


def test_names_cannot_be_shown_while_it_runs(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Paint(9, go_on=threading.Event())
    monkeypatch.setattr(catalog, "prepare", methods(telea=slow))
    begin(client.sessions, client.line, press(client.session, "telea", blind=True), "visitor")
    assert slow.begun.wait(20)
    assert client.http.post(f"{client.board}/reveal").status_code == 409
    assert client.http.get(f"{client.board}/0/view").status_code == 404
    assert client.http.post(f"{client.photo}/undo").status_code == 409
    slow.go_on.set()  # type: ignore[union-attr]
    ended(client.session.board)


def test_going_on_and_back(client: Client) -> None:
    client.compare("patchmatch", "telea")
    answer = client.http.post(f"{client.board}/1/keep").json()
    assert answer["facts"]["state"] == 1 and not answer["again"]
    assert client.told()["fits"]
    assert client.http.post(f"{client.board}/0/keep").json()["again"]
    assert client.http.post(f"{client.photo}/undo").json()["state"] == 0


def test_what_came_out_in_another_size_can_only_be_downloaded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "prepare", methods(lama=PaintAsPublished(70, size=(40, 40))))
    assert "40 × 40" in client.compare("lama", published=True)["cells"][0]["why_not"]
    refused = client.http.post(f"{client.board}/0/keep")
    assert refused.status_code == 422 and "only be downloaded" in refused.json()["error"]
    file = client.http.get(f"{client.board}/0/file")
    assert Image.open(io.BytesIO(file.content)).size == (40, 40)


def test_the_truth_is_taken_refused_and_put_away(client: Client) -> None:
    other = client.http.post(f"{client.photo}/truth", content=png(noise(3, (40, 30))))
    assert other.status_code == 422 and "40 × 30" in other.json()["error"] and "80 × 60" in other.json()["error"]
    assert client.http.post(f"{client.photo}/truth", content=b"no picture").status_code == 422
    told = client.http.post(f"{client.photo}/truth", params={"name": "behind.png"}, content=png(noise(9))).json()
    assert told["truth"] == "behind.png"
    assert client.compare("telea")["truth"]
    assert np.abs(client.picture("truth/view").astype(int) - noise(9)).mean() < 8
    assert client.http.delete(f"{client.photo}/truth").json()["truth"] is None
    assert client.picture("truth/view").shape == (60, 80, 3)  # the comparison that was made with it still shows it
    assert not client.compare("telea")["truth"]
    assert client.http.get(f"{client.board}/truth/view").status_code == 404


def test_a_truth_that_nothing_shows_any_more_is_deleted(client: Client) -> None:
    def give(seed: int) -> None:
        client.http.post(f"{client.photo}/truth", content=png(noise(seed)))

    def kept() -> int:
        return len([path for path in client.session.folder.glob("truth-*") if path.suffix != ".npy"])

    give(8)
    client.compare("telea")
    give(9)
    assert kept() == 2, "the comparison still shows the first"
    client.compare("telea")
    assert kept() == 1 and np.abs(client.picture("truth/view").astype(int) - noise(9)).mean() < 8
    client.compare("telea")
    assert kept() == 1, "the same truth again"
    client.http.delete(f"{client.photo}/truth")
    client.compare("telea")
    assert not list(client.session.folder.glob("truth-*"))


def test_no_room_for_the_truth_is_one_sentence(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rorem.ui.truth.write_whole", full)
    answer = client.http.post(f"{client.photo}/truth", content=png(noise(9)))
    assert answer.status_code == 507 and "no room" in answer.json()["error"]
    assert client.http.get(f"{client.photo}/comparison").json()["truth"] is None


def test_another_site_s_page_cannot_start_a_download(client: Client) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    for send in (client.http.post, client.http.delete):
        assert send("/methods/lama/download", headers=headers).status_code == 403
        refused = send("/methods/lama/download")
        assert refused.status_code == 422 and "rorem weights pull lama" in refused.json()["error"]


def test_samples_open_with_marks_and_truth(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("source", noise(1)), ("mask", mask()), ("TRUTH", noise(4))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.png").write_bytes(png(content))
    record = {
        "source": "source/one.png",
        "mask": "mask/one.png",
        "category": "red-ball",
        "author": "A",
        "licence": "CC0",
    }
    (tmp_path / "meta.json").write_text(json.dumps([record]))
    found = samples.every(tmp_path)
    monkeypatch.setattr(samples, "every", lambda: found)
    assert (found[0].title, found[0].credit) == ("Red ball", "A, CC0")
    facts = client.http.post("/sample/one").json()
    assert facts["name"] == "one.png"
    told = client.http.get(f"/photo/{facts['token']}/comparison").json()
    assert told["truth"] == "one"
    assert (np.asarray(Image.open(io.BytesIO(client.http.get("/sample/one/mask").content))) == mask()).all()
    assert client.http.get("/sample/one/photo").content == png(noise(1))
    assert Image.open(io.BytesIO(client.http.get("/sample/one").content)).size == (80, 60)
    assert client.http.post("/sample/none").status_code == 400
