"""The HTTP side: what goes in and out, and what is refused in one sentence."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from rorem.picture import Limits
from rorem.ui.pick import Picker
from rorem.ui.routes import address, routes
from rorem.ui.sessions import Sessions


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    sessions = Sessions(tmp_path / "data", Limits(max_bytes=3_000_000, max_pixels=20_000_000), 3600, 10**9)
    with TestClient(Starlette(routes=routes(sessions, Picker(lambda: None)))) as made:
        made.app_state["sessions"] = sessions
        yield made
    sessions.close()


def encoded(array: np.ndarray, format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, format, **options)
    return file.getvalue()


def scene(width: int = 300, height: int = 200) -> np.ndarray:
    picture = np.full((height, width, 3), 120, np.uint8)
    rows, columns = np.mgrid[:height, :width]
    picture[(columns - 150) ** 2 + (rows - 100) ** 2 < 40**2] = (220, 40, 40)
    return picture


def opened(client: TestClient, data: bytes, name: str = "a.png") -> dict:
    answer = client.post("/photo", params={"name": name}, content=data)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_health(client: TestClient) -> None:
    assert client.get("/health").json()["status"] == "ok"


def test_open_view_and_file(client: TestClient) -> None:
    data = encoded(scene())
    facts = opened(client, data, "süß photo.png")
    assert (facts["width"], facts["height"], facts["state"], facts["name"]) == (300, 200, 0, "süß photo.png")
    view = client.get(f"/photo/{facts['token']}/view", params={"state": 0, "box": "100,50,200,150", "side": 50})
    assert Image.open(io.BytesIO(view.content)).size == (50, 50)
    file = client.get(f"/photo/{facts['token']}/file")
    assert file.content == data
    assert "süß photo.png" in unquote(file.headers["content-disposition"])
    assert int(client.head(f"/photo/{facts['token']}/file").headers["x-size"]) == len(data)


def test_a_large_photo_gets_a_small_proxy_and_sharp_parts(client: TestClient) -> None:
    facts = opened(client, encoded(np.zeros((2000, 5000, 3), np.uint8)))
    assert facts["proxy"] == [2048, 819]
    view = client.get(f"/photo/{facts['token']}/view")
    assert Image.open(io.BytesIO(view.content)).size == (2048, 819)
    part = client.get(f"/photo/{facts['token']}/view", params={"box": "0,0,500,400", "side": 9999})
    assert Image.open(io.BytesIO(part.content)).size == (500, 400)


def test_transparency_is_shown(client: TestClient) -> None:
    array = np.dstack([scene(), np.tile(np.linspace(0, 255, 300).astype(np.uint8), (200, 1))])
    facts = opened(client, encoded(array))
    assert Image.open(io.BytesIO(client.get(f"/photo/{facts['token']}/view").content)).mode == "RGBA"


@pytest.mark.parametrize("data", [b"", b"hello", encoded(scene(), "JPEG")[:2000], b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_what_is_no_photo_is_refused(client: TestClient, data: bytes) -> None:
    answer = client.post("/photo", params={"name": "a.png"}, content=data)
    assert answer.status_code == 422
    assert answer.json()["error"].count("\n") == 0 and "Error" not in answer.json()["error"]
    assert client.get("/health").json()["photos"] == 0


def test_too_many_bytes_or_pixels_are_refused(client: TestClient) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1200, 1200, 3), dtype=np.uint8)
    assert "MB" in client.post("/photo", content=encoded(noise)).json()["error"]
    wide = encoded(np.zeros((5000, 5000), np.uint8))
    assert client.post("/photo", content=wide).status_code == 422


def test_unknown_tokens_and_nonsense(client: TestClient) -> None:
    assert client.get("/photo/nobody/view").json()["gone"] is True
    assert client.get("/photo/nobody").status_code == 410
    token = opened(client, encoded(scene()))["token"]
    assert client.get(f"/photo/{token}/view", params={"box": "1,2,3"}).status_code == 400
    assert client.get(f"/photo/{token}/view", params={"box": "-9,-9,-1,-1"}).status_code == 404
    assert client.get(f"/photo/{token}/view", params={"state": 12}).status_code == 404
    assert client.post(f"/photo/{token}/mask", content=b"no mask").status_code == 422
    assert client.post(f"/photo/{token}/choose", params={"version": "x"}).status_code == 400
    assert client.get("/example/nothing").status_code == 400


def test_picking_growing_and_shadow(client: TestClient) -> None:
    token = opened(client, encoded(scene()))["token"]

    def mask(answer: object) -> np.ndarray:
        picture = Image.open(io.BytesIO(answer.content))  # type: ignore[attr-defined]
        assert picture.mode == "1"
        return np.asarray(picture)

    disc = scene()[..., 0] > 200
    clicked = mask(client.post(f"/photo/{token}/select", params={"point": "150,100"}))
    boxed = mask(client.post(f"/photo/{token}/select", params={"box": "95.5,50,205,150"}))
    for found in (clicked, boxed):
        assert (found & disc).sum() / (found | disc).sum() > 0.9
    wider = mask(client.post(f"/photo/{token}/grow", params={"pixels": 5}, content=encoded(disc)))
    assert wider[disc].all() and wider.sum() > disc.sum()
    narrower = mask(client.post(f"/photo/{token}/grow", params={"pixels": -5}, content=encoded(disc)))
    assert disc[narrower].all() and 0 < narrower.sum() < disc.sum()
    assert not mask(client.post(f"/photo/{token}/shadow", content=encoded(disc))).any()


def test_clicks_are_answered_together(client: TestClient) -> None:
    picture = scene()
    picture[:, 150:][picture[:, 150:, 0] > 200] = (40, 40, 220)
    token = opened(client, encoded(picture))["token"]

    def select(**query: Any) -> np.ndarray:
        answer = client.post(f"/photo/{token}/select", params=query)
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
        mask = Image.open(io.BytesIO(answer.content))
        assert mask.mode == "1"
        return np.asarray(mask)

    disc = scene()[..., 0] > 200
    red = disc & (np.arange(300) < 150)

    def overlap(mask: np.ndarray, wanted: np.ndarray) -> float:
        return (mask & wanted).sum() / (mask | wanted).sum()

    assert overlap(select(plus="130,100"), red) > 0.85
    assert (select(plus="130,100") == select(point="130,100")).all()
    both = select(plus=["130,100", "170.9,100"])
    assert overlap(both, disc) > 0.85
    assert overlap(select(plus=["130,100", "170,100"], minus="175,105"), red) > 0.85
    assert overlap(select(box="95,50,205,150", minus="170,100"), red) > 0.8
    assert overlap(select(box="95,50,150,150", plus=["170,100"]), disc) > 0.8


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"minus": "3,3"},
        {"plus": "3"},
        {"plus": "3,3", "minus": "1,2,3"},
        {"plus": "3,3", "minus": "nan,1"},
        {"plus": ["3,3", "here"]},
        {"plus": ["3,3"] * 40, "minus": ["9,9"] * 25},
        {"box": "1,2,3", "plus": "3,3"},
    ],
)
def test_clicks_that_make_no_sense_are_refused(client: TestClient, query: dict[str, str | list[str]]) -> None:
    token = opened(client, encoded(scene()))["token"]
    answer = client.post(f"/photo/{token}/select", params=query)
    assert answer.status_code == 400 and answer.json() == {"error": "The request was not understood."}


def test_odd_masks_are_read_or_refused(client: TestClient) -> None:
    token = opened(client, encoded(scene()))["token"]
    inverted = np.full((200, 300), 255, np.uint8)
    inverted[50:100, 50:100] = 0
    answer = client.post(f"/photo/{token}/mask", content=encoded(inverted))
    assert np.asarray(Image.open(io.BytesIO(answer.content))).sum() == 2500
    assert "inverted" in unquote(answer.headers["x-notes"])
    small = client.post(f"/photo/{token}/mask", content=encoded(255 - inverted[::2, ::2]))
    assert abs(int(np.asarray(Image.open(io.BytesIO(small.content))).sum()) - 2500) < 200
    other = client.post(f"/photo/{token}/mask", content=encoded(inverted[:, :100]))
    assert other.status_code == 422 and "another shape" in other.json()["error"]


def test_delete(client: TestClient) -> None:
    token = opened(client, encoded(scene()))["token"]
    assert client.delete(f"/photo/{token}").status_code == 200
    assert client.get(f"/photo/{token}").status_code == 410


@pytest.mark.parametrize("number", ["inf", "nan", "1e999", "-inf"])
def test_numbers_that_are_none_are_not_understood(client: TestClient, number: str) -> None:
    token = opened(client, encoded(scene()))["token"]
    assert client.get(f"/photo/{token}/view", params={"box": f"0,0,{number},9"}).status_code == 400
    assert client.post(f"/photo/{token}/select", params={"point": f"3,{number}"}).status_code == 400
    assert client.post(f"/photo/{token}/select", params={"point": "3,1e300"}).status_code in (200, 400)


def test_a_visitor_who_leaves_during_an_upload_is_no_failure(
    client: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stream(self: Request):
        yield b"half"
        raise ClientDisconnect

    monkeypatch.setattr(Request, "stream", stream)
    assert client.post("/photo", content=b"x").status_code == 400
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(("width", "height"), [(20000, 100), (100, 20000), (1, 5000)])
def test_marks_on_a_very_long_photo(client: TestClient, width: int, height: int) -> None:
    facts = opened(client, encoded(np.full((height, width), 90, np.uint8)))
    wide, high = facts["proxy"]
    marks = np.zeros((high, wide), bool)
    marks[: max(1, high // 2), : max(1, wide // 2)] = True
    token = facts["token"]
    whole = client.post(f"/photo/{token}/mask-file", content=encoded(marks))
    assert Image.open(io.BytesIO(whole.content)).size == (width, height)
    assert client.post(f"/photo/{token}/grow", params={"pixels": 1}, content=encoded(marks)).status_code == 200
    assert client.post(f"/photo/{token}/shadow", content=encoded(marks)).status_code == 200
    back = client.post(f"/photo/{token}/mask", content=whole.content)
    assert back.headers["x-notes"] == ""
    assert (np.asarray(Image.open(io.BytesIO(back.content))) != marks).mean() < 0.01


def test_marks_of_another_size_are_refused(client: TestClient) -> None:
    token = opened(client, encoded(scene()))["token"]
    answer = client.post(f"/photo/{token}/mask-file", content=encoded(np.eye(100, 150, dtype=bool)))
    assert answer.status_code == 422 and "300 x 200" in answer.json()["error"]


@pytest.mark.parametrize(
    ("data", "lossless", "exact"),
    [
        (encoded(scene()), True, True),
        (encoded(scene(), "JPEG"), False, True),
        (encoded(scene(), "WEBP", lossless=True), True, True),
        (encoded(scene(), "WEBP", quality=80), False, True),
    ],
)
def test_what_saving_does_to_the_pixels_is_told(client: TestClient, data: bytes, lossless: bool, exact: bool) -> None:
    facts = opened(client, data)
    assert (facts["lossless"], facts["png_exact"], facts["busy"]) == (lossless, exact, False)


def test_nothing_is_undone_during_a_removal(client: TestClient) -> None:
    sessions = client.app_state["sessions"]
    token = opened(client, encoded(scene()))["token"]
    cancel = sessions.get(token).begin()
    assert client.post(f"/photo/{token}/undo").status_code == 409
    assert client.get(f"/photo/{token}").json()["busy"] is True
    client.post(f"/photo/{token}/cancel")
    assert cancel.is_set()


@pytest.mark.parametrize(
    ("behind_proxy", "header", "expected"),
    [
        (False, "1.1.1.1", "testclient"),
        (True, "1.1.1.1, 2.2.2.2", "2.2.2.2"),
        (True, "2.2.2.2", "2.2.2.2"),
        (True, "", "testclient"),
        (None, "1.1.1.1", "testclient"),
    ],
)
def test_only_a_known_proxy_is_believed(behind_proxy: bool | None, header: str, expected: str) -> None:
    async def tell(request: Request) -> PlainTextResponse:
        return PlainTextResponse(address(request))

    app = Starlette(routes=[Route("/", tell)])
    if behind_proxy is not None:
        app.state.behind_proxy = behind_proxy
    assert TestClient(app).get("/", headers={"X-Forwarded-For": header}).text == expected
    assert address(None) == "unknown"
