"""What a check keeps, so that it goes on where it was stopped, and what it sends to other machines."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data_tools.check import Checked, Rules, check, checking
from data_tools.check.__main__ import app
from data_tools.check.looking import Found, InOrder, Search
from rorem.triplet import write_shards
from rorem.triplet.folder import open_folder
from tests.data_tools.check.made import checked, hole, records, sound, write
from tests.tools.imports import ROOT
from tests.ui.compared import png


def test_a_check_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    folder, keep = write(tmp_path / "set", *(sound(number) for number in range(450))), tmp_path / "keep"
    (folder / records(folder)[3]["GT"]).unlink()

    def stop(done: int, total: int) -> None:
        if done == 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(str(folder), on_step=stop, keep=keep)
    (part,) = keep.iterdir()
    told = json.loads(part.read_text())
    told["problems"].append([5, "photo 5", "missing", "as if", ""])
    part.write_text(json.dumps(told))
    _, found = checked(folder, keep=keep)
    assert found == {"photo 3": ["missing"], "photo 5": ["missing"]}  # the first part was not looked at again
    _, found = checked(folder, keep=keep, rules=Rules(tolerance=9))
    assert found == {"photo 3": ["missing"]}
    part.write_text("torn")
    assert checked(folder, keep=keep)[1] == {"photo 3": ["missing"]}


def flipped(file: Path) -> None:
    """A file of the same size, written a second later."""
    data, before = bytearray(file.read_bytes()), file.stat().st_mtime_ns
    data[-20] ^= 255
    file.write_bytes(data)
    os.utime(file, ns=(before, before + 10**9))


@pytest.mark.parametrize("kind", ["folder", "list", "lines", "shards", "shard", "split"])
def test_what_was_kept_is_not_for_files_that_were_exchanged(tmp_path: Path, kind: str) -> None:
    some = [sound(number) for number in range(3)]
    home = tmp_path / "set"
    if kind in ("folder", "list", "lines"):
        write(home, *some)
        file = home / records(home)[1]["source"]
        (home / "other.json").write_text(json.dumps(records(home)))
        (home / "meta.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records(home)))
        name = {"folder": home, "list": home / "other.json", "lines": home / "meta.jsonl"}[kind]
    else:
        write_shards(some, home)
        (file,) = home.iterdir()
        file = file.rename(home / "train-00000-of-00001.parquet")
        name = {"shards": home, "shard": file, "split": home / "train"}[kind]
    for keep in (tmp_path / "keep", home / "keep"):
        assert checked(name, keep=keep)[1] == {}
        (part,) = keep.iterdir()
        before = part.stat().st_mtime_ns
        assert checked(name, keep=keep)[1] == {} and part.stat().st_mtime_ns == before, "it was looked at again"
    flipped(file) if file.suffix == ".png" else os.utime(file, ns=(0, 0))
    assert checked(name, keep=keep)[1] == checked(name)[1] and part.stat().st_mtime_ns != before
    assert file.suffix != ".png" or "photo 1" in checked(name, keep=keep)[1]


def test_what_was_kept_of_the_hub_is_for_one_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, keep = write(tmp_path / "set", sound(0)), tmp_path / "keep"
    seen = set[str]()
    for commit in ("a" * 40, "b" * 40):
        monkeypatch.setattr(checking, "open_set", lambda name, commit=commit: open_folder(folder, revision=commit))
        check("owner/name", keep=keep)
        seen.add(json.loads((keep / "part-00000-of-00001.json").read_text())["made_with"])
    assert len(seen) == 2


def sent(monkeypatch: pytest.MonkeyPatch, name: str, **settings) -> Search:
    """What other machines would get."""
    caught: list[Search] = []

    def run(search: Search, parts: InOrder, engine_name: str, workers: int) -> list[Found]:
        caught.append(pickle.loads(pickle.dumps(search)))
        return [search()(part) for part in parts]

    monkeypatch.setattr(checking.engine, "run", run)
    check(name, **settings)
    return caught[0]


def test_workers_find_a_set_that_was_named_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "set", sound(0), sound(1))
    monkeypatch.chdir(tmp_path)
    search = sent(monkeypatch, "set", keep=Path("keep"))
    (part,) = (tmp_path / "keep").iterdir()
    part.unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert search()(InOrder(2)[0]).problems == () and part.exists()


def test_workers_look_at_one_commit_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "set", sound(0))
    monkeypatch.setattr(checking, "open_set", lambda name: open_folder(folder, revision="a" * 40))
    assert sent(monkeypatch, "owner/name").name == f"owner/name@{'a' * 40}" == check("owner/name").name


def test_the_work_goes_to_other_machines(tmp_path: Path) -> None:
    """In a fresh process, as pickles, with the same outcome."""
    folder = write(tmp_path / "set", *(replace(sound(number), mask=png(hole() // 2)) for number in range(3)))
    search, parts = Search(str(folder), Rules()), InOrder(3, 2)
    here = [search()(part) for part in parts]
    sent = pickle.dumps((search, search(), parts, here))
    code = "import pickle, sys\nmake, work, parts, here = pickle.load(sys.stdin.buffer)\n"
    code += "assert [make()(part) for part in parts] == here == [work(part) for part in parts] and len(here) == 2"
    subprocess.run([sys.executable, "-c", code], input=sent, cwd=ROOT, check=True)
    assert [problem.kind for one in here for _, problem in one.problems] == ["mask not binary"] * 3


def test_a_check_that_keeps_nothing_does_not_say_that_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from data_tools.check import __main__ as command

    def stopped(*_: object) -> Checked:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "check", stopped)
    without = CliRunner().invoke(app, ["set"])
    assert without.exit_code == 130 and "same command" not in without.output and "--keep" in without.output
    kept = CliRunner().invoke(app, ["set", "--keep", str(tmp_path)])
    assert kept.exit_code == 130 and "The same command goes on from there." in kept.output


@pytest.mark.soak
def test_ray_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the set was named from here."""
    pytest.importorskip("ray")
    some = [replace(sound(number), mask=png(hole() // 2)) if number % 3 else sound(number) for number in range(450)]
    folder = write(tmp_path / "set", *some)
    here, found = checked(folder)
    monkeypatch.chdir(tmp_path)
    there, found_there = checked(Path("set"), engine_name="ray", workers=2, keep=Path("keep"))
    assert (here, found) == (there, found_there) and len(found) == 300
    assert len(list((tmp_path / "keep").iterdir())) == 3
