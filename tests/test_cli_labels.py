"""`rorem labels` as an operator uses it."""

from __future__ import annotations

import csv
import json
import os
import shlex
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from rorem import cli
from rorem.labels.identity import Identities
from rorem.labels.items import add_items, keep_picture
from rorem.labels.lease import give_back, new_holder, take
from rorem.labels.plan import Plan
from rorem.labels.queue import Queue
from rorem.labels.store import Store
from rorem.triplet import Triplet, open_set, write_folder
from tests.hub import TOKEN, Hub
from tests.labels.events import ANNA, voted
from tests.labels.samples import row, triplet
from tests.labels.test_filling import triplets
from tests.tools.imports import ROOT

KEY = "a key for the tests"


def run(line: str) -> Result:
    return CliRunner().invoke(cli.app, ["labels", *shlex.split(line)])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a set of five removals; labels lie in `labels`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROREM_LABEL_DIR", str(tmp_path / "labels"))
    monkeypatch.setenv("ROREM_LABEL_KEY", KEY)
    monkeypatch.delenv("ROREM_LABELS", raising=False)
    write_folder(triplets(5), tmp_path / "set")
    return tmp_path


def store() -> Store:
    Path("labels").mkdir(exist_ok=True)
    return Store("sqlite:///labels/labels.db", Path("labels/pictures"))


def answered(verdict: str = "yes") -> None:
    """Everything in the queue, by one annotator."""
    opened = store()
    queue = Queue(opened, Plan(gold=0.0, repeats=0.0))
    while lent := queue.lent(ANNA, 1):
        queue.answer(lent[0].id, ANNA, verdict, seconds=1.0)
    opened.close()


def test_from_a_set_to_a_report(here: Path) -> None:
    added = run("add set")
    assert added.exit_code == 0 and "5 removals added" in added.stdout
    assert "nothing has changed" in run("add set").stdout
    assert "10 checks added" in run("gold set").stdout
    answered()
    told = json.loads(run("stats --json").stdout)
    assert told["judgements"] == 5 and told["states"]["gold"] == 10 and told["rounds"][0]["yes"] == 5
    plain = run("stats").stdout
    assert "5 from the queue" in plain and "10 gold" in plain
    done = run("report --out page.html")
    assert done.exit_code == 0 and "5 answers of 1 annotators" in done.stdout
    assert "<h1>" in Path("page.html").read_text()
    assert run("verify").exit_code == 0


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_labels_go_to_another_place(here: Path, suffix: str) -> None:
    run("add set")
    answered()
    assert "5 labels are in" in run(f"export out.{suffix}").stdout
    come = run(f"import out.{suffix} --label-dir other")
    assert come.exit_code == 0 and "5 labels and 5 items added" in come.stdout
    assert "0 labels and 0 items added; 5 labels were there" in run(f"import out.{suffix} --label-dir other").stdout
    run(f"export again.{suffix} --label-dir other")
    for name in (suffix, f"items.{suffix}"):
        assert Path(f"again.{name}").read_bytes() == Path(f"out.{name}").read_bytes()
    told = [json.loads(run(f"stats --json {where}").stdout) for where in ("", "--label-dir other")]
    assert told[0] == told[1]


def test_answers_for_an_evaluation(here: Path) -> None:
    run("add set")
    answered("no")
    assert "5 answers that count" in run("export answers.csv").stdout
    with Path("answers.csv").open(newline="") as file:
        assert {(one["method"], one["verdict"]) for one in csv.DictReader(file)} == {("telea", "no")}


def test_removals_are_made_for_the_queue(here: Path) -> None:
    random = np.random.default_rng(0)
    photos = [cv2.imencode(".png", random.integers(0, 256, (40, 40, 3), np.uint8))[1].tobytes() for _ in range(2)]
    marks = triplets(1)[0].mask
    write_folder([Triplet(f"p{at}", one, marks, category="dog") for at, one in enumerate(photos)], Path("bare"))
    done = run("make bare made -m telea,patchmatch --seeds 0,1")
    assert done.exit_code == 0, done.output
    made = [one for one in open_set("made") if isinstance(one, Triplet)]
    # telea has no seed, so that another one would make the same again
    assert (
        sorted((one.method, one.seed) for one in made)
        == [("patchmatch", 0)] * 2 + [("patchmatch", 1)] * 2 + [("telea", 0)] * 2
    )
    assert all(one.result and one.category == "dog" and one.extra["removal_seconds"] for one in made)
    assert "6 removals added" in run("add made").stdout
    again = run("make bare made")
    assert again.exit_code == 2 and "never written over" in again.stderr


def test_removals_that_fail_are_told(here: Path) -> None:
    good, *_ = triplets(1)
    bad = Triplet("odd", b"nothing", good.mask)
    write_folder([Triplet("good", good.source, good.mask), bad], Path("mixed"))
    done = run("make mixed made -m telea")
    assert done.exit_code == 1 and "telea failed on odd" in done.stderr and "1 removals" in done.stdout
    write_folder([bad], Path("bad"))
    none = run("make bad none -m telea")
    assert none.exit_code == 2 and "No removal could be made" in none.stderr and not Path("none/meta.json").exists()


@pytest.mark.parametrize("line", ["make set out -m nosuch", "make set out --seeds x", "make set out -m ,"])
def test_wrong_wishes_are_refused(here: Path, line: str) -> None:
    done = run(line)
    assert done.exit_code == 2 and done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "line",
    ["stats", "report", "leaderboard", "verify", "export a.jsonl", "pending", "approve x", "refuse x", "withdraw X"],
)
def test_a_folder_without_labels_is_a_slip(here: Path, line: str) -> None:
    done = run(line)
    assert done.exit_code == 2 and "There are no labels in" in done.stderr
    assert not Path("labels").exists()


def test_a_set_that_is_not_there(here: Path) -> None:
    done = run("add set nowhere")
    assert done.exit_code == 1 and "5 removals added" in done.stdout and "nowhere" in done.stderr


def test_a_set_without_truth_gives_no_checks(here: Path) -> None:
    write_folder([Triplet(one.name, one.source, one.mask) for one in triplets(2)], Path("bare"))
    done = run("gold bare")
    assert done.exit_code == 2 and "no truth" in done.stderr


def test_the_built_in_pairs_are_checks(here: Path) -> None:
    assert "24 checks added" in run("gold").stdout


def test_the_leaderboard(here: Path) -> None:
    opened = store()
    rows = [row(number, Plan(), state="private", method=method) for number, method in enumerate(("[red]a", "b"))]
    opened.write(lambda connection: add_items(connection, rows))
    opened.close()
    assert "There are no votes yet." in run("leaderboard").stdout
    opened = store()
    opened.add(voted(rows[0]["id"], rows[1]["id"], "left"))
    opened.close()
    first, second = json.loads(run("leaderboard --json").stdout)
    assert (first["method"], first["wins"], second["losses"]) == ("[red]a", 1, 1)
    assert "[red]a" in run("leaderboard").stdout


def held(number: int, code: str) -> str:
    """A visitor's photo; returns the item's id."""
    opened, one, hashed = store(), triplet(number), Identities(KEY.encode()).code_hash(code)
    for part in (one.source, one.mask, one.result):
        keep_picture(opened.pictures, part or b"")
    told = row(number, Plan(), state="held", hold_until=4_000_000_000_000, code=hashed)
    opened.write(lambda connection: add_items(connection, [told]))
    opened.close()
    return told["id"]


def test_strangers_photos_wait_for_the_operator(here: Path) -> None:
    one, other = held(1, "ABCDE-FGHJK"), held(2, "AAAAA-BBBBB")
    assert "2 in all" in run("pending --page page.html").stdout and one in Path("page.html").read_text()
    assert {entry["id"] for entry in json.loads(run("pending --json").stdout)} == {one, other}
    early = run(f"approve {one}")
    assert early.exit_code == 1 and "not over" in early.stderr
    assert run(f"approve {one} --now").exit_code == 0
    assert run(f"refuse {other}").exit_code == 0
    assert "Nothing waits." in run("pending").stdout
    assert json.loads(run("stats --json").stdout)["states"] == {"open": 1}
    assert run(f"approve {other}").exit_code == 1


def test_a_code_takes_a_photo_back(here: Path) -> None:
    code = "ABCDE-FGHJK-LMNPQ-RSTUV"
    held(1, code)
    wrong = run("withdraw AAAAA-BBBBB-CCCCC-DDDDD")
    assert wrong.exit_code == 2 and "Nothing was shared" in wrong.stderr
    done = run(f"withdraw {code.lower()}")
    assert done.exit_code == 0 and "1 removal deleted" in done.stdout
    assert json.loads(run("stats --json").stdout)["items"] == 0


def test_what_is_unsound_is_told(here: Path) -> None:
    run("add set")
    answered()
    with sqlite3.connect("labels/labels.db") as connection:
        connection.execute("UPDATE items SET yes = 5")
    done = run("verify")
    assert done.exit_code == 1 and done.stderr


def test_a_read_only_database_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("labels").mkdir()
    Path("labels/labels.db").write_bytes(b"this is no database, and long enough to be seen as such" * 20)
    done = run("stats")
    assert done.exit_code in (1, 2) and "Traceback" not in done.stderr and done.stderr


def test_a_password_is_never_shown(here: Path) -> None:
    done = run("stats --labels postgresql+psycopg://me:topsecret@127.0.0.1:1/none")
    assert done.exit_code in (1, 2) and "topsecret" not in done.output


def process(line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own: huggingface_hub reads HF_ENDPOINT once."""
    command = [sys.executable, "-m", "rorem.cli", "labels", *shlex.split(line)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment = {**kept, "PYTHONPATH": str(ROOT), "HF_HUB_DISABLE_XET": "1", "HF_HOME": "hf", **more}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


def test_to_the_hub_and_back(here: Path) -> None:
    run("add set")
    answered()
    with Hub() as hub:
        told = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}
        pushed = process("sync me/labels", **told)
        assert pushed.returncode == 0 and "5 answers safe here, 0 not yet on the Hub." in pushed.stdout, pushed.stderr
        back = process("restore me/labels --label-dir fresh", **told)
        assert back.returncode == 0 and "5 removals and 5 labels came back" in back.stdout, back.stderr
        again = process("restore me/labels --label-dir fresh", **told)
        assert again.returncode == 2 and "There are answers here already." in again.stderr
        nothing = process("restore me/nothing --label-dir other", **told)
        assert nothing.returncode == 1 and "There is no data set me/nothing" in nothing.stderr, nothing.stderr
        hub.revoke()
        refused = process("restore me/labels --label-dir other", **told)
        assert refused.returncode == 1 and refused.stderr and TOKEN not in refused.stderr + refused.stdout
    (first, second) = (json.loads(run(f"stats --json --label-dir {name}").stdout) for name in ("labels", "fresh"))
    assert first == second
    assert run("verify --label-dir fresh").exit_code == 0


def test_a_push_that_fails_is_no_success(here: Path) -> None:
    code = "ABCDE-FGHJK-LMNPQ-RSTUV"
    run(f"approve {held(1, code)} --now")
    answered()
    with Hub() as hub:
        told = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}
        assert process("sync me/labels", **told).returncode == 0
        run(f"withdraw {code}")
        hub.fail(400, "/commit/")
        failed = process("sync me/labels", **told)
        assert failed.returncode == 1 and "0 not yet on the Hub. The Hub did not take it" in failed.stdout
        assert "1 withdrawn removal is not deleted there yet." in failed.stderr
        elsewhere = new_holder().replace(socket.gethostname(), "another-machine")
        opened = store()
        opened.write(lambda connection: take(connection, elsewhere, int(time.time() * 1000)))
        busy = process("sync me/labels", **told)
        assert busy.returncode == 1 and "Another process is pushing" in busy.stderr, busy.stderr
        opened.write(lambda connection: give_back(connection, elsewhere))
        opened.close()
        done = process("sync me/labels", **told)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        assert set(hub.files("me/labels")) == {"README.md"}


def test_without_a_token_it_says_so(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    run("add set")
    done = run("sync me/labels")
    assert done.exit_code == 1 and "HF_TOKEN is not set" in done.stdout


@pytest.mark.parametrize("line", ["sync", "restore", "sync ../x", "restore x"])
def test_a_data_set_has_a_name(here: Path, line: str) -> None:
    run("add set")
    done = run(f"{line} --label-dir {'labels' if line.startswith('sync') else 'new'}")
    assert done.exit_code == 2 and done.stderr
