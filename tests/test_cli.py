"""The command line as a person and as a script use it."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import rorem
from rorem import batch, cli, mask_file
from rorem.methods import catalog
from rorem.methods.entry import Entry, State

PAGE = (Path(__file__).parents[1] / "docs/cli.md").read_text("utf-8")
HIGH, WIDE = 48, 64


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has the current folder for itself, and a wide terminal without colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")


def photo(path: str) -> Path:
    pixels = np.random.default_rng(len(path)).integers(90, 120, (HIGH, WIDE, 3), dtype=np.uint8)
    pixels[15:25, 20:34] = (250, 20, 20)
    return saved(path, pixels)


def mask(path: str) -> Path:
    marked = np.zeros((HIGH, WIDE), np.uint8)
    marked[15:25, 20:34] = 255
    return saved(path, marked)


def saved(path: str, pixels: np.ndarray) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return Path(path)


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def files(folder: str = ".") -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def run(line: str) -> Result:
    """A command in this process. No error that was foreseen may come as a traceback."""
    result = CliRunner().invoke(cli.app, shlex.split(line))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def refused(line: str, code: int = 2) -> str:
    """The sentence with which a command is refused."""
    result = run(line)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert result.stderr.count("\n") == 1
    return result.stderr.strip()


def process(line: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """A command in a process of its own. before: Python that runs ahead of it."""
    code = f"import os, signal\nfrom rorem.cli import app\n{before}\napp()"
    return subprocess.run(
        [sys.executable, "-c", code, *shlex.split(line)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_one_photo() -> None:
    photo("sea.png")
    mask("mask.png")
    result = run("remove sea.png mask.png")
    assert result.exit_code == 0 and result.stdout.startswith("Saved sea-removed.png in ") and result.stderr == ""
    before, after = pixels("sea.png"), pixels("sea-removed.png")
    assert after[15:25, 20:34, 0].max() < 200
    assert (after[:10] == before[:10]).all() and (after[:, 40:] == before[:, 40:]).all()


def test_the_suffix_chooses_the_format_and_folders_are_made() -> None:
    photo("sea.png")
    mask("mask.png")
    assert run("remove sea.png mask.png -o new/out.jpg").exit_code == 0
    with Image.open("new/out.jpg") as image:
        assert image.format == "JPEG"


def test_the_same_seed_gives_the_same_file_and_candidates_count_up() -> None:
    photo("sea.png")
    mask("mask.png")
    for line in ("-o one.png --seed 8", "-o two.png --seed 8", "-o many.jpg --seed 7 --candidates 2"):
        assert run(f"remove sea.png mask.png {line}").exit_code == 0
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()
    assert [name for name in files() if "many" in name] == ["many.1.jpg", "many.2.jpg"]


def test_what_is_there_is_skipped_until_it_may_be_overwritten() -> None:
    photo("sea.png")
    mask("mask.png")
    run("remove sea.png mask.png -o out.png")
    before = Path("out.png").stat().st_mtime_ns
    again = run("remove sea.png mask.png -o out.png")
    assert again.exit_code == 0 and "out.png is there already" in again.stdout
    assert Path("out.png").stat().st_mtime_ns == before
    assert run("remove sea.png mask.png -o out.png --overwrite").stdout.startswith("Saved")


def test_the_source_is_written_over_only_when_asked() -> None:
    original = photo("sea.png").read_bytes()
    mask("mask.png")
    assert "written over sea.png" in refused("remove sea.png mask.png -o sea.png")
    assert Path("sea.png").read_bytes() == original
    assert run("remove sea.png mask.png -o sea.png --overwrite").exit_code == 0
    assert Path("sea.png").read_bytes() != original and files() == ["mask.png", "sea.png"]


def test_the_mark_and_the_place() -> None:
    photo("plain.png")
    mask("mask.png")
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0), 3: "E", 4: (11.0, 34.0, 0.0)})
    Image.open("plain.png").save("sea.jpg", exif=exif)
    run("remove sea.jpg mask.png -o told.jpg")
    run("remove sea.jpg mask.png -o quiet.jpg --no-mark --no-gps")
    told, quiet = Path("told.jpg").read_bytes(), Path("quiet.jpg").read_bytes()
    assert b"RORem" in told and b"RORem" not in quiet
    places = [Image.open(name).getexif().get_ifd(0x8825).get(1) for name in ("told.jpg", "quiet.jpg")]
    assert places == ["N", None]


def test_a_photo_on_its_side_fits_its_upright_mask() -> None:
    mask("mask.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(photo("plain.png")).rotate(90, expand=True).save("sea.jpg", exif=exif)
    assert run("remove sea.jpg mask.png -o out.png").exit_code == 0
    assert pixels("out.png").shape == (HIGH, WIDE, 3)


def test_settings_and_method_and_polarity_and_avoid() -> None:
    photo("sea.png")
    mask("mask.png")
    mask("people.png")
    saved("black.png", 255 - np.asarray(Image.open("mask.png")))
    line = "remove sea.png black.png -o out.png --method telea --set radius=3 --grow 2 --polarity black"
    facts = json.loads(run(f"{line} --avoid people.png --json").stdout)
    assert facts["method"] == "telea" and facts["notes"] == [] and facts["windows"][0]["grow"] == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("missing.jpg mask.png", "There is no file or folder called missing.jpg."),
        ("sea.png missing.png", "There is no file or folder called missing.png."),
        ("sea.png", "This needs a photo and a mask."),
        ("", "This needs a photo and a mask."),
        ("sea.png empty", "There is no mask for sea.png."),
        ("empty mask.png", "There are no photos in empty."),
        ("mask.txt mask.png", "not a photo"),
        ("sea.png mask.txt", "The mask could not be read"),
        ("sea.png black.png", "The mask marks nothing."),
        ("sea.png tall.png", "another shape"),
        ("sea.png mask.png -o out.xyz", "RORem cannot write .xyz files."),
        ("sea.png mask.png --set radius", "--set takes NAME=VALUE"),
        ("sea.png mask.png --set nope=1", "has no setting called nope"),
        ("sea.png mask.png --set patch_size=99", "cannot take patch_size = 99"),
        ("sea.png mask.png --method nope", "There is no method called 'nope'. Choose one of"),
        ("sea.png mask.png --grow -1", "--grow takes auto or"),
        ("sea.png mask.png --grow 100000", "--grow takes auto or"),
        ("--manifest pairs.csv", "A list needs -o"),
        ("sea.png mask.png --manifest pairs.csv -o out", "A list needs -o"),
        ("--manifest missing.csv -o out", "The list missing.csv could not be read."),
    ],
)
def test_wrong_input_is_one_sentence_and_leaves_nothing(line: str, words: str) -> None:
    photo("sea.png")
    mask("mask.png")
    Path("empty").mkdir()
    Path("mask.txt").write_text("no")
    saved("black.png", np.zeros((HIGH, WIDE), np.uint8))
    saved("tall.png", np.eye(WIDE, 9, dtype=np.uint8) * 255)
    before = files()
    assert words in refused(f"remove {line}")
    assert files() == before


@pytest.mark.parametrize("line", ["--seed -1", "--candidates 0", "--polarity pink", "--nope", "--seed x"])
def test_options_that_are_none_are_refused(line: str) -> None:
    assert run(f"remove sea.png mask.png {line}").exit_code == 2


def test_what_fails_is_a_sentence_and_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    photo("sea.png")
    mask("mask.png")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "out.png could not be written: no space left on device." in refused("remove sea.png mask.png -o out.png", 1)
    assert "out.png" not in files()
    assert "sea.png" in refused("remove sea.png mask.png -o sea.png/out.png", 1)


def test_a_folder() -> None:
    photo("in/a.png")
    photo("in/trip/b.jpg")
    photo("in/lone.png")
    Path("in/bad.png").write_bytes(b"no")
    mask("masks/a.png")
    mask("masks/trip/b_mask001.png")
    mask("masks/bad.png")
    first = run("remove in masks -o out")
    assert first.exit_code == 1 and files("out") == ["a.png", "trip/b.jpg"]
    assert first.stdout == "2 done, 2 failed.\n"
    assert [line.split(": ")[0] for line in first.stderr.splitlines()] == ["in/bad.png", "in/lone.png"]
    Path("in/lone.png").unlink()
    Path("in/bad.png").unlink()
    Path("out/a.png").unlink()
    second = run("remove in masks -o out")
    assert second.exit_code == 0 and second.stderr == ""
    assert second.stdout == "1 done, 1 skipped because the result is there already.\n"


def test_a_list_with_json_lines() -> None:
    photo("in/a.png")
    photo("in/b.png")
    mask("m.png")
    Path("in/c.png").write_bytes(b"no")
    lines = [
        "photo,mask,output,seed,method",
        "in/a.png,m.png,,,",
        "in/b.png,m.png,new.jpg,3,telea",
        "in/c.png,m.png,,,",
    ]
    Path("pairs.csv").write_text("\n".join([*lines, "../x.png,m.png,,,"]))
    result = run("remove --manifest pairs.csv -o out --seed 5 --json")
    first, second, third, fourth = map(json.loads, result.stdout.splitlines())
    assert result.exit_code == 1 and files("out") == ["in/a.png", "new.jpg"]
    assert first | {"seconds": 0, "windows": []} == {
        "photo": "in/a.png",
        "mask": "m.png",
        "outputs": ["out/in/a.png"],
        "method": "patchmatch",
        "seed": 5,
        "seconds": 0,
        "protocol": "same pipeline",
        "revision": catalog.find("patchmatch").traits.revision,
        "network_calls": 0,
        "windows": [],
        "notes": [],
        "skipped": False,
        "error": None,
        "fix": None,
    }
    box = {key: first["windows"][0][key] for key in ("left", "top", "right", "bottom", "working")}
    assert box == {"left": 0, "top": 0, "right": WIDE, "bottom": HIGH, "working": [WIDE, HIGH]}
    assert first["seconds"] > 0 and (second["seed"], second["method"]) == (3, "telea")
    assert third["error"] and third["outputs"] == [] and "leads out of" in fourth["error"]
    assert result.stderr.splitlines()[-1] == "2 done, 2 failed."
    again = run("remove --manifest pairs.csv -o out --json")
    assert [json.loads(line)["skipped"] for line in again.stdout.splitlines()] == [True, True, False, False]


def test_a_list_of_one_wrong_line_still_fails() -> None:
    Path("pairs.jsonl").write_text("no\n")
    result = run("remove --manifest pairs.jsonl -o out")
    assert result.exit_code == 1 and "Line 1 of pairs.jsonl" in result.stderr


def test_names_cannot_play_with_the_terminal() -> None:
    mask("masks/x.png")
    photo("in/x.png")
    Path("in/\x1b[31mred[bold]\n.png").write_bytes(b"no")
    result = run("remove in masks -o out")
    assert "\x1b" not in result.output and "[bold]" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_another_method_takes_over_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(catalog.find("patchmatch"), probe=lambda: State("unavailable", "It does not load here."))
    monkeypatch.setattr(catalog, "ENTRIES", (broken, catalog.find("telea")))
    photo("sea.png")
    mask("mask.png")
    assert "It does not load here." in run("remove sea.png mask.png -o a.png").stdout
    assert json.loads(run("remove sea.png mask.png -o b.png --json").stdout)["method"] == "telea"
    assert "It does not load here." in run("methods patchmatch").stdout


def test_methods_as_a_table() -> None:
    shown = run("methods").stdout
    assert all(entry.id in shown and entry.title in shown for entry in catalog.ENTRIES)
    assert "400 MB" in shown and "ready" in shown and "rorem methods METHOD" in shown


@pytest.mark.parametrize("entry", catalog.ENTRIES, ids=lambda entry: entry.id)
def test_one_method_with_its_settings(entry: Entry) -> None:
    shown = run(f"methods {entry.id}").stdout
    words = " ".join(shown.replace("│", " ").split())
    assert entry.title in words and entry.licence in words and entry.paper in words
    for name, setting in entry.options.model_fields.items():
        assert name in words and str(setting.default) in words
    assert ("2 to 8" in words) == (entry.id == "patchmatch")


def test_a_method_that_is_not_there() -> None:
    assert "no method called 'nothing'" in refused("methods nothing")


def test_methods_for_scripts() -> None:
    listed = json.loads(run("methods --json").stdout)
    assert [entry["id"] for entry in listed] == [entry.id for entry in catalog.ENTRIES]
    patchmatch = listed[0]
    assert patchmatch["default"] and patchmatch["state"] == {"kind": "ready", "why": "", "bytes": 0}
    assert patchmatch["options"]["properties"]["patch_size"]["maximum"] == 8
    assert {"title", "licence", "paper", "memory", "weights", "fallback", "traits"} <= set(patchmatch)


def test_version_and_help() -> None:
    assert run("--version").stdout == f"rorem {rorem.__version__}\n"
    assert "remove" in run("--help").stdout and "methods" in run("--help").stdout
    assert "--allow-outside" in run("remove --help").stdout


def test_help_brings_in_nothing_heavy() -> None:
    heavy = "{'numpy', 'cv2', 'PIL', 'pydantic', 'rorem.batch', 'torch', 'gradio'}"
    asked = process("--help", f"import atexit, sys\natexit.register(lambda: print(sorted({heavy} & set(sys.modules))))")
    assert asked.returncode == 0 and asked.stdout.splitlines()[-1] == "[]"


def test_help_is_quick() -> None:
    """In seconds of processor time, the best of three, since other work on the machine must not fail it."""

    def once() -> float:
        before = os.times()
        assert process("--help").returncode == 0
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(once() for _ in range(3)) < 1


def test_what_is_written_twice_is_the_same() -> None:
    """Help must not load the library, so `rorem.cli` repeats three of its values."""
    assert cli.LARGEST_SEED == batch.LARGEST_SEED
    assert cli.Polarity == mask_file.Polarity
    assert batch.Settings().method == catalog.DEFAULT and f"[default: {catalog.DEFAULT}]" in run("remove --help").stdout


FIVE = [f"{name}.png" for name in "abcde"]


@pytest.fixture
def five() -> None:
    for name in FIVE:
        photo(f"in/{name}")
    mask("m.png")


def at_third_file(signal: str) -> str:
    """Python that sends this process a signal while it writes its third file.

    A run that was started in the background ignores Ctrl-C, and so would its children: here they must not.
    """
    return f"""
signal.signal(signal.SIGINT, signal.default_int_handler)
calls, sync = [], os.fsync
def fsync(file):
    calls.append(file)
    os.kill(os.getpid(), signal.{signal}) if len(calls) == 3 else sync(file)
os.fsync = fsync"""


@pytest.mark.usefixtures("five")
def test_killed_in_the_middle_and_taken_up_again() -> None:
    killed = process("remove in m.png -o out --seed 4", at_third_file("SIGKILL"))
    assert killed.returncode == -9
    there = {name: Path("out", name).read_bytes() for name in FIVE[:2]}
    (left,) = set(files("out")) - set(there)
    assert left.startswith(".c.png.") and left.endswith(".part")  # never under the name of a result

    resumed = process("remove in m.png -o out --seed 4")
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout == "3 done, 2 skipped because the result is there already.\n"
    assert files("out") == FIVE and {name: Path("out", name).read_bytes() for name in there} == there
    assert run("remove in m.png -o whole --seed 4").exit_code == 0
    assert [Path("out", name).read_bytes() for name in FIVE] == [Path("whole", name).read_bytes() for name in FIVE]


@pytest.mark.usefixtures("five")
def test_ctrl_c_ends_with_what_was_done() -> None:
    stopped = process("remove in m.png -o out --json", at_third_file("SIGINT"))
    assert stopped.returncode == cli.STOPPED and "Traceback" not in stopped.stderr
    assert stopped.stderr == "Stopped. 2 of 5 photos are done; the same command goes on from there.\n"
    assert len(stopped.stdout.splitlines()) == 2 and files("out") == FIVE[:2]


def commands() -> Iterator[str]:
    """Every command in a bash block of the page."""
    for block in re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        yield from filter(None, (shlex.join(shlex.split(line, comments=True)) for line in block.splitlines()))


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_every_command_of_the_page_runs(command: str) -> None:
    for name in ("beach.jpg", "photos/sea.png", "photos/trip/beach.jpg", "pairs/sea.png"):
        photo(name)
    for name in ("mask.png", "people.png", "masks/sea.png", "masks/trip/beach_mask001.png", "pairs/sea_mask.png"):
        mask(name)
    (listed,) = re.findall(r"^```csv\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    Path("pairs.csv").write_text(listed)
    Path("pairs.jsonl").write_text('{"photo": "beach.jpg", "mask": "mask.png"}\n')
    before = files()
    program, _, line = command.partition(" ")
    result = run(line)
    assert program == "rorem" and result.exit_code == 0, result.output
    assert ("remove" in line) == (files() != before)


def record_of_a_removal() -> dict[str, object]:
    photo("beach.jpg")
    mask("mask.png")
    return json.loads(run("remove beach.jpg mask.png -o a.png --json").stdout)


def test_the_page_says_every_exit_code_and_every_key() -> None:
    codes = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert codes == ["0", "1", "2", str(cli.STOPPED)]
    keys = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)))
    task = batch.Task(Path("a"), Path("b"), Path("c"))
    assert set(keys) >= set(batch.Outcome(task, "telea", 0).record())
    assert set(keys) - {"memory", "score", "drift", "seeds", "scores"} == set(record_of_a_removal())


@pytest.mark.parametrize("code", re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
def test_the_python_of_the_page_runs(code: str) -> None:
    photo("beach.jpg")
    mask("mask.png")
    exec(compile(code, "docs/cli.md", "exec"), {})
    assert Path("without.png").is_file()
