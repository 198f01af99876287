"""`python -m data_tools.generate`: what it says, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from data_tools.generate import __main__ as command
from tests.data_tools.generate.made import notes, photos, removals, shards


def call(*words: object) -> Result:
    return CliRunner().invoke(command.app, [str(word) for word in words])


def test_a_set_is_removed_and_nothing_is_done_twice(tmp_path: Path) -> None:
    name, out = photos(tmp_path, 5), tmp_path / "out"
    words = name, out, "-m", "telea", "--set", "radius=7", "--part-size", 2, "--seed", 4
    done = call(*words)
    assert done.exit_code == 0, done.stderr
    assert "5 removals made, 0 there already." in done.stdout and not done.stderr
    assert {one.options for one in removals(out).values()} == {'{"radius":7}'}
    before = shards(out)
    done = call(*words)
    assert (done.exit_code, "0 removals made, 5 there already." in done.stdout) == (0, True)
    assert shards(out) == before
    done = call(*words[:-1], 5)
    assert done.exit_code == 2 and "seed was 4 and is 5" in done.stderr


def test_failures_are_told_and_tried_again_when_asked(tmp_path: Path) -> None:
    name, out = photos(tmp_path, 3), tmp_path / "out"
    photo = tmp_path / "photos" / "source" / "scene01.png"
    good = photo.read_bytes()
    photo.write_bytes(good[:60] + bytes(len(good) - 60))  # of the same size, or it would be another set
    for more in ((), ("--retry",)):
        done = call(name, out, "-m", "telea", *more)
        assert done.exit_code == 1 and "1 failed" in done.stdout
        assert "1 photos that cannot be opened: scene01 (" in done.stderr
    photo.write_bytes(good)
    done = call(name, out, "-m", "telea", "--retry")
    assert done.exit_code == 0 and "1 removals made, 2 there already." in done.stdout, done.output


def test_machines_share_the_work(tmp_path: Path) -> None:
    name, out = photos(tmp_path), tmp_path / "out"
    words = name, out, "-m", "telea", "--part-size", 2, "--machines", 2
    done = call(*words)
    assert done.exit_code == 0 and "parts are still to come from other machines" in done.stdout
    done = call(*words, "--machine", 1)
    assert done.exit_code == 0 and "still to come" not in done.stdout
    assert sum(note["made"] for note in notes(out)) == 8


@pytest.mark.parametrize(
    "wrong",
    [
        ("--method", "magic"),
        ("--set", "radius"),
        ("--set", "radius=99"),
        ("--engine", "steam"),
        ("--machine", "2"),
        ("--workers", "2"),
        ("--part-size", "0"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(wrong: tuple[str, str], tmp_path: Path) -> None:
    done = call(photos(tmp_path, 1), tmp_path / "out", "-m", "telea", *wrong)
    assert done.exit_code == 2 and len(done.stderr.strip().splitlines()) == 1 and not done.stdout


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = call(photos(tmp_path, 1), tmp_path / "file" / "out", "-m", "telea")
    assert done.exit_code == 1 and "Traceback" not in done.output and str(tmp_path) in done.stderr
    assert (tmp_path / "file").read_text() == "in the way"


def test_ctrl_c_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "generate", stopped)
    done = call(photos(tmp_path, 1), tmp_path / "out", "-m", "telea")
    assert done.exit_code == 130 and "goes on from there" in done.stderr
