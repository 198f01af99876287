"""Fetching: goes on where it was broken off, checks what came, and leaves nothing half-made."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest

from data_tools.openimages.fetching import TRIES, Gone, Wanted, fetch, md5_of
from rorem.errors import BadData, Unavailable
from tests.data_tools.openimages.web import Web, serving

DATA = random.Random(0).randbytes(300_000)


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        web.files["/a.bin"] = DATA
        yield web


def get(web: Web, target: Path, wanted: Wanted = Wanted(), **how) -> None:  # noqa: B008
    fetch(f"{web.address}/a.bin", target, wanted, pause=lambda seconds: None, **how)


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole(web: Web, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    get(web, tmp_path / "in" / "a.bin", on_bytes=lambda *at: steps.append(at))
    assert (tmp_path / "in" / "a.bin").read_bytes() == DATA
    assert only(tmp_path / "in") == ["a.bin"], "nothing is left beside it"
    assert steps[0] == (0, len(DATA)) and steps[-1] == (len(DATA), len(DATA))


def test_a_line_that_breaks_is_taken_up_again(web: Web, tmp_path: Path) -> None:
    web.breaks["/a.bin"] = 10  # as often as it likes, as long as something comes
    get(web, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA
    ranges = [asked for _, asked in web.asked]
    assert ranges[:3] == ["", "bytes=150000-", "bytes=225000-"] and len(ranges) == 11


def test_a_run_that_was_killed_goes_on(web: Web, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    web.breaks["/a.bin"] = 1
    with pytest.raises(KeyboardInterrupt):
        get(web, tmp_path / "a.bin", on_bytes=stop)
    assert not (tmp_path / "a.bin").exists()
    get(web, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert web.asked[-1][1] == "bytes=150000-"


def test_a_file_that_has_changed_meanwhile_is_fetched_anew(web: Web, tmp_path: Path) -> None:
    web.breaks["/a.bin"] = 1

    def change(seconds: float) -> None:
        web.files["/a.bin"] = DATA[::-1]

    fetch(f"{web.address}/a.bin", tmp_path / "a.bin", pause=change)
    assert (tmp_path / "a.bin").read_bytes() == DATA[::-1]


def test_a_server_that_knows_no_ranges_sends_all_of_it(web: Web, tmp_path: Path) -> None:
    web.deaf, web.breaks["/a.bin"] = True, 1
    get(web, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_a_kill_between_the_last_byte_and_the_name(web: Web, tmp_path: Path) -> None:
    web.breaks["/a.bin"] = 1
    with pytest.raises(KeyboardInterrupt):
        get(web, tmp_path / "a.bin", on_bytes=stop_at(150_000))
    (tmp_path / ".a.bin.part").write_bytes(DATA)
    get(web, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA and len(web.asked) == 2


def test_a_file_that_became_shorter_is_fetched_anew(web: Web, tmp_path: Path) -> None:
    web.breaks["/a.bin"] = 1
    with pytest.raises(KeyboardInterrupt):
        get(web, tmp_path / "a.bin", on_bytes=stop_at(150_000))
    (tmp_path / ".a.bin.part").write_bytes(DATA + b"more")
    get(web, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA


def stop_at(bytes: int):
    def stop(done: int, total: int) -> None:
        if done >= bytes:
            raise KeyboardInterrupt

    return stop


def test_busy_servers_are_asked_again(web: Web, tmp_path: Path) -> None:
    web.busy["/a.bin"] = TRIES - 1
    pauses: list[float] = []
    fetch(f"{web.address}/a.bin", tmp_path / "a.bin", pause=pauses.append)
    assert pauses == [1.0, 2.0, 4.0] and (tmp_path / "a.bin").read_bytes() == DATA
    web.busy["/a.bin"] = TRIES
    with pytest.raises(Unavailable, match="could not be fetched") as caught:
        get(web, tmp_path / "b.bin")
    assert "same command" in caught.value.fix


@pytest.mark.parametrize(
    ("status", "error"), [(404, Gone), (403, Gone), (410, Gone), (401, Unavailable), (400, Unavailable)]
)
def test_other_answers_are_final(web: Web, tmp_path: Path, status: int, error: type[Exception]) -> None:
    web.answers["/a.bin"] = status
    with pytest.raises(error):
        get(web, tmp_path / "a.bin")
    assert len(web.asked) == 1 and not (tmp_path / "a.bin").exists()


def test_no_network_at_all(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        fetch("http://127.0.0.1:9/a.bin", tmp_path / "a.bin", pause=lambda seconds: None)


@pytest.mark.parametrize("kind", ["google", "amazon"])
def test_what_the_server_says_of_a_file_is_checked(web: Web, tmp_path: Path, kind: str) -> None:
    web.kind = kind
    get(web, tmp_path / "a.bin")
    web.wrong.add("/a.bin")
    with pytest.raises(BadData, match="its MD5 is"):
        get(web, tmp_path / "b.bin")
    assert "b.bin" not in only(tmp_path) and ".b.bin.part" not in only(tmp_path)


def test_an_etag_of_another_server_is_no_md5(web: Web, tmp_path: Path) -> None:
    web.kind = ""
    web.wrong.add("/a.bin")
    get(web, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_what_was_wanted_is_checked(web: Web, tmp_path: Path) -> None:
    md5 = hashlib.md5(DATA).hexdigest()
    get(web, tmp_path / "a.bin", Wanted(len(DATA), md5))
    with pytest.raises(BadData, match="300000 bytes instead of 7"):
        get(web, tmp_path / "b.bin", Wanted(7))
    with pytest.raises(BadData, match="MD5"):
        get(web, tmp_path / "b.bin", Wanted(md5="0" * 32))
    assert only(tmp_path) == ["a.bin"]


def test_no_more_is_fetched_than_a_file_may_have(web: Web, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="more than"):
        get(web, tmp_path / "a.bin", Wanted(most=len(DATA) - 1))
    web.untold = True  # how long it is shows only as it comes
    came: list[int] = []
    with pytest.raises(BadData, match="more than"):
        get(web, tmp_path / "a.bin", Wanted(most=len(DATA) - 1), on_bytes=lambda done, total: came.append(done))
    assert not only(tmp_path) and len(web.asked) == 2, "what came is gone, and is not asked for again"
    get(web, tmp_path / "a.bin", Wanted(most=len(DATA)))
    assert only(tmp_path) == ["a.bin"]


def test_addresses_are_encoded_for_the_web(web: Web, tmp_path: Path) -> None:
    web.files["/a%20b/%C3%A9.jpg?x=%C3%A4"] = DATA
    for number, path in enumerate(("/a b/é.jpg?x=ä", "/a%20b/%C3%A9.jpg?x=%C3%A4#here")):
        fetch(f" {web.address}{path}\n", tmp_path / f"{number}.jpg")
        assert (tmp_path / f"{number}.jpg").read_bytes() == DATA


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "",
        "/etc/passwd",
        "http://",
        "http:///x",
        "http://[x/a",
        "http://a:b/x",
        "http://a:99999/x",
        f"http://{'a' * 64}.com/x",
        "http://a..b/x",
        "http://a b/x",
        "http://a\x00b/x",
    ],
)
def test_only_the_web_is_fetched_from(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadData, match="no address on the web"):
        fetch(url, tmp_path / "a.bin")
    assert only(tmp_path) == []


@pytest.mark.parametrize("place", ["http://[x/a", "http://a b/x", "http://a:b/x"])
def test_a_server_may_send_us_nowhere(web: Web, tmp_path: Path, place: str) -> None:
    web.elsewhere["/a.bin"] = place
    with pytest.raises(BadData):
        get(web, tmp_path / "a.bin")
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    ("headers", "md5"),
    [
        ({"x-goog-hash": "crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ=="}, "3a393d7377617f182829554763015b1d"),
        ({"x-goog-hash": "crc32c=n03x6A=="}, ""),
        ({"x-goog-hash": "md5=nonsense"}, ""),
        ({"ETag": f'"{"a" * 32}"', "Server": "AmazonS3"}, "a" * 32),
        ({"ETag": f'"{"a" * 32}"', "Server": "AmazonS3", "x-amz-server-side-encryption": "aws:kms"}, ""),
        ({"ETag": f'"{"a" * 32}-3"', "Server": "AmazonS3"}, ""),
        ({"ETag": f'"{"a" * 32}"'}, ""),
    ],
)
def test_how_servers_tell_the_md5(headers: dict[str, str], md5: str) -> None:
    message = Message()
    for name, value in headers.items():
        message[name] = value
    assert md5_of(message) == md5
