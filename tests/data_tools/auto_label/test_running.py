"""Whole runs: what is written, what is not done twice, what survives a kill, and the command."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from data_tools.auto_label import Judge, Settings, Summary, auto_label, read_calibration, running
from data_tools.auto_label.__main__ import app
from data_tools.auto_label.running import made_with
from data_tools.auto_label.scorers import FILE, FromFile
from data_tools.auto_label.scoring import MakeWork, Outcome, outcome_of
from data_tools.parts import parts_of
from rorem.errors import BadData, BadOptions, MissingWeights, RoremError
from rorem.triplet import Triplet, open_set
from tests.data_tools.auto_label.rounds import SHARP, draw, picture, removal, write_csv, write_set

COUNT = 420
FILES = ("scores.parquet", "calibration.json", "report.html")
COLUMNS = {"name": "string", "id": "string", "sample": "string", "method": "string", "raw": "double"}
PLAIN = Settings(verdicts="majority")


@pytest.fixture(scope="module")
def round_(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A set of two methods, a file of scores, and an answer to each of the first 360."""
    folder, drawn = tmp_path_factory.mktemp("round"), draw(SHARP, COUNT, 0)
    triplets = [removal(number, method="lama" if number % 2 else "telea") for number in range(COUNT)]
    pairs = list(zip(triplets, drawn.raw, drawn.yes, strict=True))
    scores = write_csv(folder / "scores.csv", [{"id": one.id, "raw": float(raw)} for one, raw, _ in pairs])
    said = [{"item": one.id, "annotator": "a", "verdict": "yes" if yes else "no"} for one, _, yes in pairs]
    answers = write_csv(folder / "answers.csv", said[:360])
    few = write_csv(folder / "few.csv", said[:40])
    return {
        "set": write_set(folder / "set", triplets),
        "scores": scores,
        "answers": answers,
        "few": few,
        "drawn": drawn,
    }


def label(round_: dict[str, Any], out: Path, answers: str = "answers", **more: Any) -> Summary:
    judge = Judge(FILE, round_["scores"])
    return auto_label(round_["set"], out, judge, round_.get(answers, ""), PLAIN, part_size=50, **more)


def test_what_is_written(round_: dict[str, Any], tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    summary = label(round_, tmp_path / "out", on_step=lambda done, total: steps.append((done, total)))
    table = pq.read_table(tmp_path / "out" / "scores.parquet")
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds == {**COLUMNS, "probability": "double", "accepted": "bool"}
    rows = table.to_pylist()
    assert [row["name"] for row in rows] == [f"photo {number}" for number in range(COUNT)]
    assert [row["raw"] for row in rows] == round_["drawn"].raw.tolist()
    told = json.loads((tmp_path / "out" / "calibration.json").read_text())
    found = read_calibration(tmp_path / "out" / "calibration.json")
    assert found == summary.calibration and not found.fallback and found.threshold is not None
    assert [row["accepted"] for row in rows] == [row["probability"] >= found.threshold for row in rows]
    assert sum(row["accepted"] for row in rows) == told["accepted"] == summary.accepted > 50
    assert (told["answers"], told["scored"], told["answers_used"]) == (360, COUNT, "all")
    assert {"ece", "kind", "judge_revision", "tests", "bins", "method_left_out", "reason"} <= set(told)
    assert [one["group"] for one in told["method_left_out"]] == ["lama", "telea"]
    assert str(tmp_path) not in json.dumps(told) and told["answers_from"] == "answers.csv"
    assert steps[-1] == (COUNT, COUNT) and steps == sorted(steps)


def test_more_answers_need_no_more_scores(
    round_: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = label(round_, tmp_path, "few")
    assert first.calibration.fallback and first.there == 0
    assert {row["probability"] for row in pq.read_table(tmp_path / "scores.parquet").to_pylist()} == {None}
    monkeypatch.setattr(FromFile, "scores", lambda self, triplets: pytest.fail("asked again"))
    second = label(round_, tmp_path)
    assert not second.calibration.fallback and second.there > 1
    assert label(round_, tmp_path, "none").calibration.answers == 0


def test_two_runs_are_equal_to_the_byte(round_: dict[str, Any], tmp_path: Path) -> None:
    label(round_, tmp_path / "one")
    label(round_, tmp_path / "other", "few")
    label(round_, tmp_path / "other")
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_a_folder_of_other_scores_is_left_alone(round_: dict[str, Any], tmp_path: Path) -> None:
    label(round_, tmp_path / "out")
    with pytest.raises(BadData, match="another"):
        auto_label(round_["set"], tmp_path / "out", Judge("seam"), part_size=50)
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "meta.json").write_text("[]")
    with pytest.raises(BadData, match="something else"):
        label(round_, tmp_path / "strange")


def test_a_stopped_run_goes_on(round_: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(done: int, total: int) -> None:
        if done > 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label(round_, tmp_path / "out", on_step=stop)
    there = list((tmp_path / "out" / "parts").iterdir())
    assert 0 < len(there) < 9 and not (tmp_path / "out" / "calibration.json").exists()
    there[0].write_bytes(there[0].read_bytes()[:100])  # torn
    asked = 0
    before = FromFile.scores

    def counting(self: FromFile, triplets: list[Triplet]) -> Any:
        nonlocal asked
        asked += len(triplets)
        return before(self, triplets)

    monkeypatch.setattr(FromFile, "scores", counting)
    summary = label(round_, tmp_path / "out")
    assert summary.scored == COUNT and summary.there == len(there) - 1 and 0 < asked < COUNT
    label(round_, tmp_path / "whole")
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


KILLED = """
import os, signal, sys
from pathlib import Path
from data_tools.auto_label import running
from data_tools.auto_label import Judge, Settings, auto_label
count, sync = 0, os.fsync
def synced(file):
    global count
    count += 1
    if count == 5:  # the fourth part, after the note of the run
        os.kill(os.getpid(), signal.SIGKILL)
    sync(file)
os.fsync = synced
auto_label(sys.argv[1], Path(sys.argv[2]), Judge("file", sys.argv[3]), part_size=50)
"""


@pytest.mark.soak
def test_a_killed_run_goes_on(round_: dict[str, Any], tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, round_["set"], str(tmp_path / "out"), round_["scores"]]
    assert subprocess.run(command, check=False, capture_output=True).returncode == -9
    names = sorted(path.name for path in (tmp_path / "out" / "parts").iterdir())
    assert len(names) == 4 and names[0].endswith(".part")
    assert label(round_, tmp_path / "out").there == 3
    label(round_, tmp_path / "whole")
    assert (tmp_path / "out" / FILES[0]).read_bytes() == (tmp_path / "whole" / FILES[0]).read_bytes()


def mixed(tmp_path: Path) -> str:
    good = [removal(number) for number in range(6)]
    bad = [
        Triplet("no result ü", picture(0), picture(1)),
        Triplet("torn", good[0].source, good[0].mask, b"\x89PNG"),
        Triplet("<script>alert(1)</script>", b"nothing", good[0].mask, good[0].result),
    ]
    return write_set(tmp_path / "set", [*good, *bad])


def test_what_cannot_be_scored_is_counted_and_named(tmp_path: Path) -> None:
    summary = auto_label(mixed(tmp_path), tmp_path / "out", Judge("seam"))
    assert (summary.scored, summary.failed.total) == (6, 3)
    told = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert sum(told["failed"].values()) == 3
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page and "no result ü" in page


def test_a_set_without_removals_is_refused(tmp_path: Path) -> None:
    name = write_set(tmp_path / "set", [Triplet("a", picture(0), picture(1))])
    with pytest.raises(BadData, match="None of the records"):
        auto_label(name, tmp_path / "out", Judge("seam"))
    with pytest.raises(BadOptions):
        auto_label(name, tmp_path / "out", Judge("seam"), workers=0)


def test_the_work_travels_without_what_is_open(round_: dict[str, Any], tmp_path: Path) -> None:
    work = MakeWork(round_["set"], tmp_path, Judge(FILE, round_["scores"]), "no hash", on_record=print)
    there = pickle.loads(pickle.dumps(work))
    assert there == work and there.on_record is None
    with pytest.raises(BadData, match="another set or another judge"):
        there()


def test_two_workers_on_one_part_do_not_disturb_each_other(
    round_: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Ray takes a machine for lost that only was slow."""
    judge, set_, sync, told = Judge(FILE, round_["scores"]), open_set(round_["set"]), os.fsync, list[Outcome]()
    hashed = made_with(set_, judge, judge.load().revision)
    slow, quick = (MakeWork(round_["set"], tmp_path, judge, hashed)() for _ in range(2))
    part = parts_of(set_.names, 9)[0]

    def meanwhile(file: int) -> None:
        monkeypatch.setattr(os, "fsync", sync)
        told.append(quick(part))
        sync(file)

    monkeypatch.setattr(os, "fsync", meanwhile)
    assert slow(part) == told[0] == outcome_of(tmp_path, part, hashed)
    assert len(list((tmp_path / "parts").iterdir())) == 1


def test_scores_are_found_from_any_folder(
    round_: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(round_["scores"]).parent)
    sent = list[MakeWork]()

    def elsewhere(make_work: MakeWork, *about: Any) -> list[Outcome]:
        sent.append(pickle.loads(pickle.dumps(make_work)))
        monkeypatch.chdir(tmp_path)
        work = sent[0]()
        return [work(part) for part in about[0]]

    monkeypatch.setattr(running, "run", elsewhere)
    out = tmp_path / "out"
    summary = auto_label(round_["set"], out, Judge(FILE, "scores.csv"), part_size=50, engine="ray")
    assert summary.scored == COUNT and sent[0].judge.file == round_["scores"]


@pytest.mark.soak
def test_ray_gives_the_same_bytes(round_: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("ray")
    label(round_, tmp_path / "here")
    label(round_, tmp_path / "there", engine="ray", workers=2)
    for name in FILES:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_the_page_holds_everything_in_itself(round_: dict[str, Any], tmp_path: Path) -> None:
    label(round_, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"|url\((?!#)|https?://|@import|<script', page)
    assert "default-src 'none'" in page and page.count("<svg") == 3
    for word in ("Reliability", "From the top", "Accepted share", "each left out", "calibration error"):
        assert word in page


def command(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def test_the_command(round_: dict[str, Any], tmp_path: Path) -> None:
    words = [round_["set"], str(tmp_path / "out"), "--scores", round_["scores"], "--answers", round_["answers"]]
    code, said = command(*words, "--curve", "platt")
    assert (
        code == 0 and "of 420 removals accepted by the rule: probability >=" in said and "with 95 % confidence" in said
    )
    code, said = command(mixed(tmp_path), str(tmp_path / "mixed"), "--judge", "seam")
    assert code == 1 and "no result ü" in said and "nothing is promised" in said and "does not know" in said
    for wrong in (["--precision", "2"], ["--judge", "magic"], ["--answers", str(tmp_path / "nothing.csv")]):
        code, said = command(round_["set"], str(tmp_path / "new"), *wrong)
        assert code == 2 and "Traceback" not in said and len(said.splitlines()) == 1
    assert command(str(tmp_path / "none"), str(tmp_path / "new"), "--judge", "seam")[0] == 2


def test_without_weights_the_command_says_what_to_do(
    round_: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    code, said = command(round_["set"], str(tmp_path / "new"))
    assert code == 1 and "rorem weights pull judge" in said
    with pytest.raises(MissingWeights):
        auto_label(round_["set"], tmp_path / "new", Judge("discriminator"))
    assert issubclass(MissingWeights, RoremError) and np.isfinite(round_["drawn"].raw).all()
