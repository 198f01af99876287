"""Screening: who is dropped, what is written of it, and that it goes on where it was stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from data_tools.safety import Settings, screen, screening
from data_tools.safety.__main__ import app
from data_tools.safety.checker import CHECKER
from rorem.errors import BadOptions, Cancelled
from rorem.picture import open_picture, to_srgb
from rorem.triplet import Triplet, open_set, write_folder, write_shards
from tests.data_tools.safety import checkpoint
from tests.triplet.samples import picture, refused, same, triplets

UNSAFE = 2001  # the seed of a picture that the checker of these tests does not like


class Dislikes:
    """Two concepts; the first one is a certain picture. asked: how often."""

    def __init__(self) -> None:
        self.bad = to_srgb(open_picture(picture(UNSAFE)))
        self.asked = 0

    def scores(self, rgb: np.ndarray, adjustment: float = 0.0) -> tuple[float, ...]:
        self.asked += 1
        return ((0.125 if np.array_equal(rgb, self.bad) else -0.25) + adjustment, -0.5)

    def load(self) -> tuple[Dislikes, str]:
        return self, "r1"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_folder(triplets(5), tmp_path / "set")  # "photo 1" has the result that is not liked
    return tmp_path


def test_records_are_dropped_and_told(place: Path) -> None:
    done = screen(str(place / "set"), place / "out", load=Dislikes().load)
    told = json.loads((place / "out/safety.json").read_bytes())
    assert told == dict(done.told) and done.left_out.total == 0
    wanted = {"checker": "CompVis/stable-diffusion-safety-checker", "revision": "r1", "adjustment": 0.0, "kept": 4}
    assert wanted.items() <= told.items() and told["records"] == 5
    assert told["input_fingerprint"] == open_set(str(place / "set")).fingerprint
    (one,) = told["dropped"]
    assert one == {
        "name": "photo 1",
        "id": triplets(2)[1].id,
        "scores": {"source": -0.25, "result": 0.125},
        "concepts": {"result": [0]},
    }
    found = open_set(str(place / "out"))
    assert all(same(*pair) for pair in zip([triplets(5)[n] for n in (0, 2, 3, 4)], found, strict=True))
    assert {path.name for path in (place / "out").iterdir()} == {"safety.json", "data-00000-of-00001.parquet"}


def test_what_is_looked_at_and_how_strictly_can_be_chosen(place: Path) -> None:
    sources = screen(str(place / "set"), place / "a", Settings(parts=("source",)), load=Dislikes().load)
    assert sources.told["dropped"] == [] and sources.told["kept"] == 5
    lax = screen(str(place / "set"), place / "b", Settings(adjustment=-0.125), load=Dislikes().load)
    assert lax.told["dropped"] == []
    with refused("no record through", "5 were held"):
        screen(str(place / "set"), place / "c", Settings(adjustment=0.5), load=Dislikes().load)
    for adjustment, parts in ((2.0, ("source",)), (0.0, ()), (0.0, ("mask",))):
        with pytest.raises(BadOptions):
            Settings(adjustment, parts)


def test_a_stopped_run_looks_at_nothing_twice(place: Path) -> None:
    checker = Dislikes()

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        screen(str(place / "set"), place / "out", load=checker.load, on_step=stop)
    with refused():
        open_set(str(place / "out"))
    (journal,) = place.glob(".out.making/*/.looked-at.jsonl")
    journal.write_bytes(journal.read_bytes()[:-9])  # the last line is torn
    screen(str(place / "set"), place / "out", load=checker.load)
    first = sum(1 + (one.result is not None) for one in triplets(3))
    again = sum(1 + (one.result is not None) for one in triplets(5)[2:])
    assert checker.asked == first + again
    asked = checker.asked
    assert screen(str(place / "set"), place / "out", load=checker.load).told["kept"] == 4
    assert checker.asked == asked
    with refused("screened in another way"):
        screen(str(place / "set"), place / "out", Settings(adjustment=0.01), load=checker.load)


@pytest.mark.parametrize("where", ["before the note", "before the name"])
def test_a_kill_near_the_end_leaves_no_set_and_can_be_taken_up(
    place: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    checker = Dislikes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        if where == "before the note":
            patched.setattr(screening, "write_whole", killed)
        else:
            rename = Path.rename
            patched.setattr(
                Path, "rename", lambda self, to: killed() if Path(to) == place / "out" else rename(self, to)
            )
        screen(str(place / "set"), place / "out", load=checker.load)
    with refused():
        open_set(str(place / "out"))
    asked = checker.asked
    done = screen(str(place / "set"), place / "out", load=checker.load)
    assert checker.asked == asked and done.told["kept"] == 4 == len(open_set(str(place / "out")))
    assert {path.name for path in place.iterdir()} == {"set", "out"}
    assert {path.name for path in (place / "out").iterdir()} == {"safety.json", "data-00000-of-00001.parquet"}


def test_what_cannot_be_looked_at_does_not_slip_through(place: Path) -> None:
    some = [*triplets(2), replace(triplets(3)[2], source=b"no picture")]
    write_shards(some, place / "odd")
    done = screen(str(place / "odd"), place / "out", load=Dislikes().load)
    assert done.left_out.counts == {"could not be looked at": 1} and done.told["not_looked_at"] == 1
    assert [one.name for one in open_set(str(place / "out")) if isinstance(one, Triplet)] == ["photo 0"]


def test_the_command_with_a_tiny_checker(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = checkpoint.write(place / "weights" / CHECKER.name).parent
    monkeypatch.setenv("ROREM_WEIGHTS", str(weights))
    ran = CliRunner().invoke(app, [str(place / "set"), "--out", str(place / "out"), "--adjustment", "-0.05"])
    told = json.loads((place / "out/safety.json").read_bytes())
    assert ran.exit_code == 0 and f"{told['kept']} of 5 records" in ran.output
    assert told["kept"] + len(told["dropped"]) == 5 and told["revision"].startswith("local ")
    assert 0 < len(told["dropped"]) < 5
    ran = CliRunner().invoke(app, [str(place / "set"), "--out", str(place / "more"), "--look", "mask"])
    assert ran.exit_code == 2 and "Traceback" not in ran.output
