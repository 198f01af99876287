"""`rorem compare` as a person and as a script use it."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from rorem import batch, cli, cli_compare, mask_file
from rorem.comparison import Cell, machine, replay
from rorem.comparison.blind import HIDDEN_FAILURE
from rorem.comparison.result import CellRecord
from rorem.comparison.result import Result as Kept
from rorem.methods import catalog
from rorem.methods.entry import State
from tests.comparison.scene import mark, pixels, truth

PAGE = (Path(__file__).parents[1] / "docs/compare.md").read_text("utf-8")
TWO = "--methods patchmatch,telea"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has a folder with a photo for itself, and a wide terminal without colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    Image.fromarray(pixels()).save("sea.png")
    Image.fromarray(mark()).save("mask.png")
    Image.fromarray(truth()).save("clean.png")


def files(folder: str = ".") -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def run(line: str, code: int = 0) -> Result:
    """A command in this process. No error that was foreseen may come as a traceback."""
    result = CliRunner().invoke(cli.app, ["compare", *shlex.split(line)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    assert result.exit_code == code, result.output
    return result


def refused(line: str, code: int = 2) -> str:
    """The sentence with which a command is refused. Nothing is written."""
    before = files()
    result = run(line, code)
    assert result.stdout == "" and result.stderr.count("\n") == 1, result.output
    assert files() == before
    return result.stderr.strip()


def test_two_methods() -> None:
    result = run(f"sea.png mask.png {TWO} --seed 4")
    words = " ".join(result.stdout.split())
    assert result.stderr == "" and "sea.png, same pipeline, seed 4" in words and "Saved in sea-compared." in words
    assert all(head in words for head in ("method", "seconds", "calls", "working size", "memory, MB"))
    assert words.index("patchmatch") < words.index("telea") and "96 x 72" in words
    assert files("sea-compared") == [
        *("mask.png", "montage.png", "result.json", "sea.patchmatch.png", "sea.png", "sea.telea.png")
    ]


def test_all_that_can_run_is_the_default() -> None:
    lines = [json.loads(line) for line in run("sea.png mask.png --json -o out").stdout.splitlines()]
    assert {line["method"] for line in lines} == {e.id for e in catalog.ENTRIES if e.state().kind == "ready"}
    assert {line["method"] for line in lines} == {"patchmatch", "telea"}


def test_a_line_of_json_for_each_method() -> None:
    result = run(f"sea.png mask.png {TWO} --json --set telea.radius=9 --grow 3 -o out")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.stderr == "Saved in out.\n" and {line["method"] for line in lines} == {"patchmatch", "telea"}
    (telea,) = (line for line in lines if line["method"] == "telea")
    assert telea["options"] == {"radius": 9} and telea["windows"][0]["grow"] == 3 and telea["error"] is None
    kept = json.loads(Path("out/result.json").read_text())
    assert kept["request"]["settings"] == {"telea": {"radius": 9}} and kept["request"]["grow"] == 3


def test_the_same_again_and_again() -> None:
    run(f"sea.png mask.png {TWO} --seed 9 -o kept.zip")
    result = run("--from kept.zip -o again")
    words = " ".join(result.stdout.split())
    assert words.count(": the same, bit for bit") == 2 and "Not as it was then" not in words
    assert "Saved in again." in words and "Saved" not in run("--from again").stdout
    lines = [json.loads(line) for line in run("--from again/result.json --json").stdout.splitlines()]
    assert [line["same"] for line in lines] == [True, True] and lines[0]["verdict"] == "the same, bit for bit"
    with zipfile.ZipFile("kept.zip") as archive:
        for name in ("sea.telea.png", "sea.patchmatch.png", "sea.png", "mask.png"):
            assert archive.read(name) == Path("again", name).read_bytes()


def test_what_is_not_the_same_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    run(f"sea.png mask.png {TWO} -o kept")
    told = json.loads(Path("kept/result.json").read_text())
    told["made"]["numpy"] = "0.1"
    next(cell for cell in told["cells"] if cell["method"] == "telea")["options"]["radius"] = 25
    Path("kept/result.json").write_text(json.dumps(told))
    result = run("--from kept", 1)
    assert "patchmatch: the same, bit for bit" in result.stdout
    assert re.search(r"telea: differs: [\d,]+ of 6,912 pixels by up to \d+ levels", result.stdout)
    assert f"Not as it was then: numpy: 0.1 then, {np.__version__} now" in result.stdout


def test_as_many_threads_as_then(monkeypatch: pytest.MonkeyPatch) -> None:
    run(f"sea.png mask.png {TWO} -o kept")
    seen: list[dict[str, str]] = []
    monkeypatch.setattr(machine, "same_threads", lambda made: seen.append(dict(made)))
    run("--from kept")
    assert seen == [replay.read(Path("kept")).made]


def test_one_that_fails(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torn = tmp_path / "weights" / "migan"
    torn.mkdir(parents=True)
    for file in (weights / "migan").iterdir():
        (torn / file.name).write_bytes(file.read_bytes()[:500])
    (tmp_path / "weights" / "big-lama").symlink_to(weights / "big-lama")
    monkeypatch.setenv("ROREM_WEIGHTS", str(tmp_path / "weights"))
    result = run("sea.png mask.png --methods lama,migan,telea -o kept.zip", 1)
    assert result.stderr.startswith("migan: ") and "damaged" in result.stderr and result.stderr.count("\n") == 1
    assert "failed" in result.stdout and "Saved in kept.zip." in result.stdout
    again = run("--from kept.zip")
    assert again.stderr == "" and "migan: failed then and now: " in again.stdout
    assert "lama: the same, bit for bit" in again.stdout
    published = run("sea.png mask.png --methods lama,telea --protocol published -o published", 1)
    assert "telea: Smooth fill has no published way of its own." in published.stderr
    assert "lama: the same, bit for bit" in run("--from published").stdout


def test_a_stand_in_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(catalog.find("patchmatch"), probe=lambda: State("unavailable", "It does not load here."))
    monkeypatch.setattr(catalog, "ENTRIES", (broken, catalog.find("telea")))
    result = run(f"sea.png mask.png {TWO} -o out", 1)
    assert "nothing stands in" in result.stderr and "It does not load here." in result.stderr
    assert "sea.patchmatch.png" not in files("out") and "sea.telea.png" in files("out")


def test_hidden_names() -> None:
    result = run(f"sea.png mask.png {TWO} --blind 4 -o out")
    assert not [word for word in ("patchmatch", "telea", "seconds", "memory", "96 x 72") if word in result.output]
    assert {"sea.A.png", "sea.B.png"} <= set(files("out")) and not [name for name in files("out") if "telea" in name]
    again = run("--from out -o more")
    assert "A: the same, bit for bit" in again.stdout and "sea.A.png" in files("more")
    assert not [word for word in ("patchmatch", "telea", "seconds") if word in again.output]


def test_hidden_names_are_not_told_by_what_fails() -> None:
    result = run("sea.png mask.png --methods telea,patchmatch --protocol published --blind 5 -o out", 1)
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["A", "B"]
    assert result.stderr.count(HIDDEN_FAILURE) == 2 and "fill" not in result.output
    again = run("--from out")
    assert again.stdout.count("failed then and now") == 2 and "fill" not in again.output
    told = json.loads(Path("out/result.json").read_text())
    assert all("no published way" in cell["error"]["sentence"] for cell in told["cells"]), "the file does tell"


def test_hidden_names_are_not_told_by_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    def noted(*given: Any) -> Iterator[Cell]:
        for cell in cells(*given):
            assert cell.removal is not None
            yield replace(cell, removal=replace(cell.removal, notes=("Filled smoothly.",)))

    cells = cli_compare._cells
    monkeypatch.setattr(cli_compare, "_cells", noted)
    assert "Filled smoothly." not in run(f"sea.png mask.png {TWO} --blind 5 -o hidden").output
    assert "Filled smoothly." in run(f"sea.png mask.png {TWO} -o shown").output


def test_hidden_names_are_not_told_by_what_differs() -> None:
    run(f"sea.png mask.png {TWO} --blind 4 -o kept")
    told = json.loads(Path("kept/result.json").read_text())
    for cell in told["cells"]:
        cell["options"], cell["revision"] = ({"radius": 25} if cell["method"] == "telea" else {}), "opencv 1"
    Path("kept/result.json").write_text(json.dumps(told))
    result = run("--from kept", 1)
    assert "B: differs\n" in result.stdout and "opencv 1" not in result.output


def test_hidden_names_are_not_told_by_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr("rich.progress.Progress.update", lambda self, row, **what: told.append(what))
    run(f"sea.png mask.png {TWO} --blind 4 -o hidden")
    assert told == [
        {"description": "1 of 2", "completed": 0},
        {"description": "2 of 2", "completed": cli_compare.STEPS},
    ]
    told.clear()
    run(f"sea.png mask.png {TWO} -o shown")
    assert {what.get("description") for what in told} == {"patchmatch", "telea", None}


def test_the_truth_is_kept_and_must_fit() -> None:
    run(f"sea.png mask.png {TWO} --truth clean.png -o out")
    assert Path("out/truth.png").read_bytes() == Path("clean.png").read_bytes()
    Image.fromarray(truth()[:9]).save("small.png")
    assert "The truth is 96 x 9 pixels" in refused("sea.png mask.png --truth small.png -o none")


def test_polarity_and_what_to_leave_alone() -> None:
    Image.fromarray(~mark()).save("black.png")
    Image.fromarray(np.arange(96)[None].repeat(72, axis=0) > 70).save("people.png")
    run("sea.png black.png --polarity black --avoid people.png --methods telea -o out")
    assert (np.asarray(Image.open("out/mask.png")) == mark()).all()
    assert np.asarray(Image.open("out/avoid.png")).any()
    assert "inverted" in run("sea.png black.png --methods telea -o guessed").stdout


def test_the_judge_is_asked_if_wanted() -> None:
    result = run("sea.png mask.png --methods telea --judge -o out")
    assert "judge was left out. The judge's weights are not on this machine" in result.stdout
    assert "judge" not in run("sea.png mask.png --methods telea --no-judge -o other").stdout


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "This needs a photo and a mask."),
        ("sea.png", "This needs a photo and a mask."),
        ("nothing.png mask.png", "nothing.png could not be read: no such file"),
        ("sea.png nothing.png", "nothing.png could not be read: no such file"),
        ("sea.png mask.png --truth nothing.png", "nothing.png could not be read"),
        ("sea.png notes.txt", "The mask could not be read"),
        ("notes.txt mask.png", "not a photo"),
        ("sea.png mask.png --avoid notes.txt", "notes.txt, the mask of what to leave alone"),
        ("sea.png mask.png --methods telea,nope", "There is no method called 'nope'"),
        ("sea.png mask.png --methods telea,telea", "named twice"),
        ("sea.png mask.png --methods ,", "nothing to compare"),
        ("sea.png mask.png --set radius=3", "--set takes METHOD.NAME=VALUE"),
        ("sea.png mask.png --set telea.radius", "--set takes METHOD.NAME=VALUE"),
        ("sea.png mask.png --set lama.x=3", "a method that is not compared"),
        ("sea.png mask.png --set telea.nope=3", "has no setting called nope"),
        ("sea.png mask.png --set telea.radius=900", "cannot take radius = 900"),
        ("sea.png mask.png -o notes.txt", "notes.txt is a file"),
        ("sea.png mask.png -o .", "holds sea.png, which is needed"),
        ("sea.png mask.png -o full", "full is there already"),
        ("sea.png mask.png -o full.zip", "full.zip is there already"),
        ("--from nothing", "There is no nothing"),
        ("--from notes.txt", "not a sound JSON file"),
        ("--from full.zip", "does not hold one comparison"),
        ("--from full.zip sea.png", "--from brings all"),
        ("--from full.zip --methods telea", "--from brings all"),
    ],
)
def test_wrong_input_is_one_sentence_and_leaves_nothing(line: str, words: str) -> None:
    Path("notes.txt").write_text("no")
    Path("full").mkdir()
    Path("full/x").write_text("x")
    with zipfile.ZipFile("full.zip", "w") as archive:
        archive.writestr("x", "x")
    assert words in refused(line)


@pytest.mark.parametrize("line", ["--seed -1", "--grow -1", "--grow 5000", "--protocol ours", "--polarity pink"])
def test_options_that_are_none_are_refused(line: str) -> None:
    run(f"sea.png mask.png {line}", 2)


def test_what_is_there_is_overwritten_only_when_asked() -> None:
    run("sea.png mask.png --methods telea -o out")
    before = Path("out/result.json").read_bytes()
    assert "out is there already" in refused(f"sea.png mask.png {TWO} -o out")
    assert Path("out/result.json").read_bytes() == before
    run(f"sea.png mask.png {TWO} -o out --overwrite")
    assert "sea.patchmatch.png" in files("out")
    assert "holds" in refused("--from out -o out --overwrite") and "holds" in refused(
        "--from out/result.json -o out --overwrite"
    )


@pytest.mark.parametrize("place", ["out", "out.zip"])
def test_a_full_disk_is_told(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    result = run(f"sea.png mask.png --methods telea -o {place}", 1)
    assert "could not be written: no space left on device. Make room" in result.stderr
    assert "telea" in result.stdout and files() == ["clean.png", "mask.png", "sea.png"]


def test_names_cannot_play_with_the_terminal() -> None:
    Path("\x1b[31mred[bold].png").write_bytes(Path("sea.png").read_bytes())
    result = CliRunner().invoke(
        cli.app, ["compare", "\x1b[31mred[bold].png", "mask.png", "--methods", "telea", "-o", "out"]
    )
    assert result.exit_code == 0 and "\x1b" not in result.output and "[bold]" in result.output


STOP = """
signal.signal(signal.SIGINT, signal.default_int_handler)
from rorem.comparison import running
remove, calls = running.remover.remove, []
def stopped(*words, **more):
    calls.append(1)
    os.kill(os.getpid(), signal.SIGINT) if len(calls) == {at} else None
    return remove(*words, **more)
running.remover.remove = stopped
"""


def process(line: str, before: str) -> subprocess.CompletedProcess[str]:
    code = f"import os, signal\nfrom rorem.cli import app\n{before}\napp()"
    return subprocess.run(
        [sys.executable, "-c", code, "compare", *shlex.split(line)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_ctrl_c_keeps_what_is_finished() -> None:
    stopped = process(f"sea.png mask.png {TWO} -o out", STOP.format(at=2))
    assert stopped.returncode == cli.STOPPED, stopped.stderr
    assert stopped.stderr == "Stopped. 1 of 2 methods are done. Saved in out.\n" and "telea" in stopped.stdout
    assert files("out") == ["mask.png", "montage.png", "result.json", "sea.png", "sea.telea.png"]
    assert json.loads(Path("out/result.json").read_text())["request"]["methods"] == ["patchmatch", "telea"]
    assert "telea: the same, bit for bit" in run("--from out").stdout


def test_a_stopped_one_keeps_its_letters() -> None:
    stopped = process(f"sea.png mask.png {TWO} --blind 4 -o out", STOP.format(at=2))
    assert stopped.returncode == cli.STOPPED and "sea.B.png" in files("out"), stopped.stderr
    assert "B: the same, bit for bit" in run("--from out -o more").stdout and "sea.B.png" in files("more")
    assert "B: the same, bit for bit" in run("--from more").stdout, "also in the third generation"


def test_ctrl_c_before_anything_is_finished() -> None:
    stopped = process(f"sea.png mask.png {TWO} -o out", STOP.format(at=1))
    assert (stopped.returncode, stopped.stdout) == (cli.STOPPED, "") and not Path("out").exists()
    assert stopped.stderr == "Stopped. 0 of 2 methods are done.\n"


def test_what_is_written_twice_is_the_same() -> None:
    """Help must not load the library, so `rorem.cli_compare` repeats some of its values."""
    assert cli_compare.LARGEST_SEED == batch.LARGEST_SEED and cli_compare.LARGEST_GROWTH == cli.LARGEST_GROWTH
    assert cli_compare.Polarity == mask_file.Polarity


def commands() -> Iterator[str]:
    """Every command in a bash block of the page."""
    for block in re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        yield from filter(None, (shlex.join(shlex.split(line, comments=True)) for line in block.splitlines()))


def on_the_beach() -> None:
    Image.fromarray(pixels()).save("beach.jpg")
    Image.fromarray(np.arange(96)[None].repeat(72, axis=0) > 70).save("people.png")


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_every_command_of_the_page_runs(command: str) -> None:
    on_the_beach()
    program, subcommand, *words = shlex.split(command)
    assert (program, subcommand) == ("rorem", "compare")
    if "--from" in words:
        run(f"beach.jpg mask.png {TWO} -o {'two.zip' if 'two.zip' in words else 'two'}")
    run(shlex.join(words))


def test_the_page_says_every_key_file_and_exit_code() -> None:
    assert re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE) == ["0", "1", "2", str(cli.STOPPED)]
    (whole, cells) = PAGE.split("## result.json")[1].split("| key of a cell")
    for text, model in ((whole, Kept), (cells, CellRecord)):
        keys = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", text, re.MULTILINE))))
        assert keys == {field.alias or name for name, field in model.model_fields.items()}
    on_the_beach()
    run("beach.jpg mask.png --methods telea --truth clean.png --avoid people.png -o out")
    assert set(re.findall(r"`([\w.]+\.(?:png|jpg|json))`", PAGE.split("## What is kept")[1].split("##")[0])) == {
        *files("out"),
        "beach.A.png",
    }


@pytest.mark.parametrize("code", re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
def test_the_python_of_the_page_runs(code: str) -> None:
    on_the_beach()
    exec(compile(code, "docs/compare.md", "exec"), {})
    assert zipfile.is_zipfile("both.zip")
