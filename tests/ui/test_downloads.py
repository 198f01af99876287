"""The list of methods, and fetching what they lack: one at a time, told as it goes, stopped, failed in a sentence."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from rorem.errors import BadWeights, RoremError
from rorem.methods import catalog
from rorem.ui.downloads import Downloads
from rorem.weights import OnBytes, Part


class Pull:
    """Stands in for `weights.pull`."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.parts: list[str] = []

    def __call__(self, part: Part, on_bytes: OnBytes) -> Path:
        self.parts.append(part.name)
        on_bytes(1_000_000, 4_000_000, "weights.bin")
        self.begun.set()
        assert self.go_on.wait(20)
        on_bytes(4_000_000, 4_000_000, "weights.bin")
        if self.error:
            raise self.error
        return Path()


def one(downloads: Downloads, id: str) -> dict[str, Any]:
    return next(told for told in downloads.methods() if told["id"] == id)


def over(downloads: Downloads, id: str) -> dict[str, Any]:
    until = time.monotonic() + 20
    while (told := one(downloads, id)["fetching"])["running"]:
        assert time.monotonic() < until
        time.sleep(0.02)
    return told


def test_every_method_is_listed_with_how_to_get_it() -> None:
    for allowed in (True, False):
        listed = Downloads(allowed, Pull()).methods()
        assert [told["id"] for told in listed] == [entry.id for entry in catalog.ENTRIES]
        states = {told["id"]: told for told in listed}
        assert states["telea"]["state"] == "ready" and "download" not in states["telea"]
        radius = next(one for one in states["telea"]["settings"] if one["name"] == "radius")
        assert radius["least"] < radius["default"] < radius["most"] and radius["title"]
    assert states["lama"]["download"] == "tell" and states["lama"]["how"] == "rorem weights pull lama"
    lama = one(Downloads(True, Pull()), "lama")
    assert lama["download"] == "offer" and lama["size"] == "206 MB"


def test_what_only_a_person_can_download_names_its_page() -> None:
    downloads = Downloads(True, Pull())
    told = one(downloads, "rorem-4s")
    assert told["download"] == "tell" and "by hand" in told["how"] and "https://" in told["how"]
    with pytest.raises(RoremError, match="by hand"):
        downloads.start("rorem-4s")


def test_a_download_is_told_as_it_goes_and_only_one_runs() -> None:
    pull = Pull()
    downloads = Downloads(True, pull)
    downloads.start("lama")
    assert pull.begun.wait(20)
    told = one(downloads, "lama")["fetching"]
    assert told["running"] and told["progress"] == 0.25 and told["text"] == "weights.bin: 1 MB of 4 MB"
    with pytest.raises(RoremError, match="Another download"):
        downloads.start("migan")
    pull.go_on.set()
    assert over(downloads, "lama")["error"] == ""
    assert pull.parts == ["big-lama"]


def test_a_download_can_be_stopped_and_begun_again() -> None:
    pull = Pull()
    downloads = Downloads(True, pull)
    downloads.start("lama")
    assert pull.begun.wait(20)
    downloads.stop("migan")
    assert one(downloads, "lama")["fetching"]["running"] and not downloads._stop.is_set(), (
        "another one's is not stopped"
    )
    downloads.stop("lama")
    pull.go_on.set()
    assert over(downloads, "lama")["error"].startswith("Stopped.")
    downloads.start("lama")
    assert over(downloads, "lama")["error"] == ""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(BadWeights("It is damaged.", "Fetch it again."), "It is damaged. Fetch it again."), (ValueError("x"), "log")],
)
def test_a_failure_is_one_sentence(error: Exception, sentence: str) -> None:
    pull = Pull(error)
    pull.go_on.set()
    downloads = Downloads(True, pull)
    downloads.start("lama")
    assert sentence in over(downloads, "lama")["error"]


def test_where_it_is_not_allowed_the_command_is_told() -> None:
    with pytest.raises(RoremError) as told:
        Downloads(False, Pull()).start("lama")
    assert "rorem weights pull lama" in told.value.advice
    with pytest.raises(RoremError, match="does not download"):
        Downloads(False, Pull()).stop("lama")


def test_what_is_no_method_cannot_be_stopped() -> None:
    with pytest.raises(RoremError, match="no method called"):
        Downloads(True, Pull()).stop("nope")
