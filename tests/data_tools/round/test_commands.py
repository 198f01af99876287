"""The commands of a round, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from data_tools.round.__main__ import app
from tests.data_tools.round.sets import ANNA, answers, candidate, rows, scores, shards, start


def run(*words: object) -> Result:
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture
def words(tmp_path: Path) -> list[object]:
    """Of a round that works."""
    new = [candidate(seed) for seed in (20, 21)]
    said = answers(tmp_path / "answers.csv", [(new[0], ANNA, "yes")])
    with said.open("a") as file:
        file.write("broken,row\n")
    judged = scores(tmp_path / "scores", [(new[1], 0.9, True)], fallback=True, reason="There are 1 answers.")
    before, generated = rows(tmp_path / "start", [start(1)]), shards(tmp_path / "new", new)
    inputs = ["--previous", before, "--generated", generated, "--answers", said, "--scores", judged]
    return ["make", tmp_path / "out", *inputs, "--cache", tmp_path / "cache"]


def test_a_round_is_made_shown_and_made_again(tmp_path: Path, words: list[object]) -> None:
    made = run(*words)
    assert made.exit_code == 0, made.output
    assert "3 pairs: 1 by their truth, 1 by people, 1 by the judge" in made.stdout
    assert "without calibration: There are 1 answers." in made.stdout
    assert "1 answers that cannot be read: line 3" in made.stderr
    again = run(*words)
    assert again.exit_code == 0 and "was made before" in again.stderr
    shown = run("status", tmp_path / "start", tmp_path / "out")
    assert shown.exit_code == 0 and "(fallback)" in shown.stdout and len(shown.stdout.splitlines()) == 3
    (first, one) = json.loads(run("status", "--json", tmp_path / "out", tmp_path / "start").stdout)
    assert first["round"] is None and one["success"]["shown"] == 1
    rebuilt = run("rebuild", tmp_path / "out", tmp_path / "again")
    assert rebuilt.exit_code == 0 and "3 pairs in" in rebuilt.stdout
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (tmp_path / "out" / "manifest.json").read_bytes()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["make", "out"], "no set to make a round of"),
        (["make", "out", "--previous", "none"], "no file or folder called none"),
        (["make", "out", "--previous", "none", "--near", "40"], "differ in 0 to 16 bits"),
        (["status", "none"], "no folder called none"),
        (["status", ".", "--evaluation", "two=x"], "A round has a number, not 'two'"),
        (["rebuild", ".", "again"], "has no manifest.json"),
        (["rebuild", ".", "again", "--moved", "a"], "--moved takes OLD=NEW, not 'a'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = run(*words)
    assert (told.exit_code, told.stdout) == (2, "") and sentence in told.stderr
    assert len(told.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
