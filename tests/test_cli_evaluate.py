"""`rorem evaluate` as a person and as a script use it: killed, resumed, and on two processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rorem import cli
from rorem.evaluation import rows
from rorem.evaluation.facts import FACTS
from rorem.evaluation.rows import Row
from tests.evaluation.sets import folder
from tests.server import ROOT

TIMED = {fact.id for fact in FACTS if fact.id != "network_calls"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["evaluate", *arguments])


def started(*arguments: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "rorem.cli", "evaluate", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c
    )


def heed_ctrl_c() -> None:
    """A run that was started in the background ignores it, and its children would, too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def lasting(found: Sequence[Row]) -> list[Row]:
    """Without what is another number each time."""
    return sorted(row for row in found if row.metric not in TIMED)


class Loads(HTMLParser):
    """Every address that a page would load something from."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            value or "" for name, value in attrs if name in ("src", "srcset", "data") or (tag, name) == ("link", "href")
        ]


def test_a_run_writes_everything_it_promises(tmp_path: Path) -> None:
    folder(tmp_path / "set", 3)
    result = run("set", "-m", "telea,patchmatch", "--seeds", "0,1", "-o", "out")
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    assert {"report.html", "table.md", "table.csv", "rows.parquet", "run.json", "removals"} == {
        file.name for file in out.iterdir()
    }
    assert "PSNR hole" in result.stdout and "report.html" in result.stdout
    assert "Left out: dino_ring" in result.stderr and "rorem weights pull dinov2-base" in result.stderr
    page = (out / "report.html").read_text("utf-8")
    assert all(address.startswith("data:") for address in Loads(page).found) and "http" not in "".join(
        Loads(page).found
    )
    assert page.count("data:image/webp") >= 6, "best and worst cases with their pictures"
    assert json.loads((out / "run.json").read_text())["seeds"] == [0, 1]


def test_the_table_as_json(tmp_path: Path) -> None:
    folder(tmp_path / "set", 2)
    result = run("set", "-m", "telea", "-o", "out", "--metrics", "seam,psnr_hole/gt", "--json")
    told = json.loads(result.stdout)
    assert {cell["metric"] for cell in told["table"]} == {
        "seam",
        "psnr_hole/gt",
        "latency",
        "peak_memory",
        "network_calls",
    }
    assert told["failures"] == [] and told["left_out"] == {}


def test_one_bad_sample_does_not_end_the_run_and_the_exit_code_tells(tmp_path: Path) -> None:
    folder(tmp_path / "set", 3)
    (tmp_path / "set/source/scene01.png").write_bytes(b"torn")
    result = run("set", "-m", "telea", "-o", "out")
    assert result.exit_code == 1
    assert "telea failed on scene01: " in result.stderr
    good = {row.name for row in rows.read(tmp_path / "out/rows.parquet") if row.metric == "seam"}
    assert good == {"scene00", "scene02"}


def test_without_truth_it_measures_what_can_be_measured(tmp_path: Path) -> None:
    folder(tmp_path / "set", 2, truth=False)
    result = run("set", "-m", "telea", "-o", "out")
    assert result.exit_code == 0, result.output
    measured = {row.metric for row in rows.read(tmp_path / "out/rows.parquet")}
    assert "seam" in measured and not [id for id in measured if id.endswith("/gt")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nowhere",), "no file or folder"),
        (("set", "-m", "beauty"), "no method called"),
        (("set", "--seeds", "one"), "--seeds takes whole numbers"),
        (("set", "--seeds", ""), "--seeds takes whole numbers"),
        (("set", "--masks", "loose"), "no mask policy"),
        (("set", "--metrics", "beauty"), "no metric called"),
        (("set", "--probes", "--metrics", "beauty"), "no metric called"),
        (("set", "--answers", "nowhere.csv"), "cannot be read"),
        (("set", "--set", "patch_size=3"), "METHOD.NAME=VALUE"),
        (("set", "--set", "patchmatch.patch_size"), "METHOD.NAME=VALUE"),
        (("set", "--set", "patchmatch.colour=red"), "no setting called"),
        (("set", "--results", "theirs"), "NAME=FOLDER"),
        (("set", "--results", "../x=set"), "cannot be called"),
        (("set", "--results", "telea=set"), "is a method of RORem"),
        (("set", "--results", "theirs=nowhere"), "no folder"),
        (("set", "-o", "mine"), "something else"),
    ],
)
def test_wrong_input_gets_one_sentence_and_does_nothing(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    folder(tmp_path / "set", 1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("x")
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr and "Traceback" not in result.stderr
    assert {file.name for file in tmp_path.iterdir()} <= {"set", "mine"}


def test_the_paper_is_printed_beside_when_asked(tmp_path: Path) -> None:
    folder(tmp_path / "set", 1)
    run("set", "-m", "telea", "-o", "plain")
    run("set", "-m", "telea", "-o", "with", "--paper")
    assert (
        "31.10" in (tmp_path / "with/table.md").read_text()
        and "not run here" in (tmp_path / "with/table.md").read_text()
    )
    assert "31.10" not in (tmp_path / "plain/table.md").read_text()


def test_all_mask_policies_make_a_grid(tmp_path: Path) -> None:
    folder(tmp_path / "set", 2)
    assert run("set", "-m", "telea", "--masks", "all", "-o", "out").exit_code == 0
    found = {row.policy for row in rows.read(tmp_path / "out/rows.parquet")}
    assert found == {"as given", "tight", "dilated", "eroded", "shifted", "scribble"}
    page = (tmp_path / "out/report.html").read_text("utf-8")
    assert all(policy in page for policy in found)


@pytest.mark.soak
def test_a_killed_run_goes_on_and_comes_to_the_same(tmp_path: Path) -> None:
    """On the built-in pairs, killed twice in the midst of its work."""
    asked = ("-m", "patchmatch,telea", "--seeds", "0,1")
    removals = tmp_path / "killed/removals"
    for least in (4, 15):
        process = started(*asked, "-o", "killed")
        deadline = time.monotonic() + 240
        while len(list(removals.rglob("*.hole.png"))) < least and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "killed/report.html").exists()
    kept = {file: file.stat().st_mtime_ns for file in removals.rglob("*.json") if "metrics" not in file.name}
    assert 12 <= len(kept) < 36
    assert run(*asked, "-o", "killed").exit_code == 0
    assert all(file.stat().st_mtime_ns == time_then for file, time_then in kept.items()), "nothing was done twice"
    assert run(*asked, "-o", "whole").exit_code == 0
    one, other = (lasting(rows.read(tmp_path / name / "rows.parquet")) for name in ("killed", "whole"))
    assert one == other and len({row.sample for row in one}) == 12
    assert (tmp_path / "killed/report.html").exists()
    for metric, near in (("psnr_hole/gt", 0.6), ("ssim_full/gt", 0.01), ("texture_hole/gt", 0.03)):  # a seed more there
        for method, told in zip(("patchmatch", "telea"), in_readme(metric), strict=True):
            values = [row.value or 0.0 for row in one if (row.metric, row.method) == (metric, method)]
            stale = f"The README's {metric} of {method} is out of date: python -m tests.figures"
            assert sum(values) / len(values) == pytest.approx(told, abs=near), stale


def in_readme(metric: str) -> list[float]:
    """The means of both methods in the README's table."""
    text = (ROOT / "README.md").read_text("utf-8")
    (line,) = re.findall(rf"^\| [^|]*<br>`{re.escape(metric)}` \|.*$", text, re.MULTILINE)
    return [float(re.findall(r"[-\d.]+", cell)[0]) for cell in line.split("|")[4:6]]


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    folder(tmp_path / "set", 40)
    process = started("set", "-m", "patchmatch", "--seeds", "0,1,2", "-o", "out")
    while not list((tmp_path / "out").rglob("*.hole.png")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint.strip().endswith("the same command goes on from there.")


@pytest.mark.soak
def test_two_processes_come_to_the_same_as_one(tmp_path: Path) -> None:
    folder(tmp_path / "set", 5)
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
    ]
    command += ["--mixed_precision", "no", "--dynamo_backend", "no", "-m", "rorem.cli", "evaluate", "set"]
    asked = ["-m", "telea,patchmatch", "--seeds", "0,1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, *asked, "-o", "two"], env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The report is") == 1, "only one process speaks"
    assert run("set", *asked, "-o", "one").exit_code == 0
    one, two = (lasting(rows.read(tmp_path / name / "rows.parquet")) for name in ("one", "two"))
    assert one == two and len(one) > 0


def test_probes_say_which_metrics_can_be_gamed(tmp_path: Path) -> None:
    folder(tmp_path / "set", 6)
    result = run("set", "--probes", "-o", "probes")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "probes/probes.md").read_text("utf-8")
    assert text.strip() in result.stdout
    (identity,) = [line for line in text.splitlines() if line.startswith("| identity")]
    assert "**equal**" in identity
    assert (tmp_path / "probes/report.html").exists()
    with_paper = run("set", "--probes", "-o", "probes")
    assert with_paper.exit_code == 0, "a second time, everything is there already"
