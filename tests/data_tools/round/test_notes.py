"""What other tools wrote beside a set goes into the manifest, and what does not fit in is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_tools.round import notes
from data_tools.round.notes import notes_of
from data_tools.round.sets import Opened
from rorem.triplet import TripletSet
from rorem.triplet.record import sha256


def test_a_long_list_of_what_was_dropped_does_not_hide_the_rest(tmp_path: Path) -> None:
    dropped = [
        {"name": f"photo {n:05}", "id": "a" * 64, "scores": {"source": 0.1}, "concepts": {}} for n in range(9000)
    ]
    told = {"checker": "a checker", "adjustment": 0.02, "kept": 5, "dropped": dropped}
    text = json.dumps(told, indent=1).encode()
    assert len(text) > 1 << 20
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "safety.json").write_bytes(text)
    (found,) = notes_of(tmp_path).values()
    assert found == {
        "bytes": len(text),
        "sha256": sha256(text),
        "told": {"checker": "a checker", "adjustment": 0.02, "kept": 5, "dropped": 9000},
    }


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"{", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"9" * 99, "too large"),
    ],
)
def test_what_does_not_fit_in_is_said(tmp_path: Path, data: bytes, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if why == "too large":
        monkeypatch.setattr(notes, "LARGEST", 98)
    (tmp_path / "safety.json").write_bytes(data)
    found: Any = notes_of(tmp_path)["safety.json"]
    assert found == {"bytes": len(data), "sha256": sha256(data), "not_told": why}


def test_what_is_left_after_the_lists_has_to_be_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MOST", 50)
    (tmp_path / "generate.json").write_text(json.dumps({"options": "x" * 100}))
    found: Any = notes_of(tmp_path)["generate.json"]
    assert found["not_told"] == "too large" and "told" not in found


def test_of_a_set_on_the_hub_it_is_said_that_nobody_looked() -> None:
    class Two:
        names = ("a", "b")

        def read(self, index: int) -> Any:
            raise AssertionError

        def fingerprint(self) -> str:
            return "f" * 64

    on_hub = Opened("previous", "owner/name", TripletSet("owner/name", Two(), "c" * 40), notes=notes.ON_HUB)
    assert on_hub.told()["notes"] == {
        "generate.json": {"not_told": "not looked for on the Hub"},
        "safety.json": {"not_told": "not looked for on the Hub"},
    }
