"""Whole sets: every kind of problem in folders, lists and shards, and what the command says of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from data_tools.check import Rules, check
from data_tools.check.__main__ import app
from data_tools.check.listed import repeats
from data_tools.check.looking import InOrder, look_at
from rorem.errors import BadData
from rorem.triplet import open_set, write_shards
from tests.data_tools.check.made import candidate, checked, hole, records, relist, sound, write
from tests.ui.compared import png


def test_a_sound_set_passes(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", *(sound(number) for number in range(3)), candidate(7))
    whole, found = checked(folder)
    assert not found and not whole.counts and whole.wrong == 0 and whole.records == 4


Spoil = Callable[[Path, list[dict]], None]


def _cut(folder: Path, listed: list[dict]) -> None:
    """Of a set that tells no hashes, as most do."""
    file = folder / listed[1]["GT"]
    file.write_bytes(file.read_bytes()[:100])
    del listed[1]["id"], listed[1]["sha256_result"]


def _link_out(folder: Path, listed: list[dict]) -> None:
    file = folder / listed[1]["source"]
    (folder.parent / "secret.png").write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(folder.parent / "secret.png")


def _link_to_nothing(folder: Path, listed: list[dict]) -> None:
    (folder / listed[1]["source"]).unlink()
    (folder / listed[1]["source"]).symlink_to("nothing.png")


def _say(**fields: object) -> Spoil:
    return lambda folder, listed: listed[1].update(fields)


def _no_right(folder: Path, listed: list[dict]) -> None:
    (folder / listed[1]["source"]).unlink()
    (folder / listed[1]["source"]).mkdir()


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("missing", lambda folder, listed: (folder / listed[1]["mask"]).unlink()),
        ("missing", _say(GT="GT/nothing.png")),
        ("missing", _say(mask=None)),
        ("missing", _no_right),
        ("outside the folder", _say(source="../secret.png")),
        ("outside the folder", _say(source="/etc/hostname")),
        ("outside the folder", _say(mask="C:\\mask.png")),
        ("outside the folder", _say(mask=5)),
        ("outside the folder", _link_out),
        ("missing", _link_to_nothing),
        ("unreadable", lambda folder, listed: listed.__setitem__(1, 5)),
        ("damaged picture", _cut),
        ("wrong hash", _say(sha256_source="0" * 64)),
    ],
)
def test_each_problem_of_a_folder_is_found_and_the_rest_goes_on(tmp_path: Path, kind: str, spoil: Spoil) -> None:
    folder = write(tmp_path / "set", *(sound(number) for number in range(3)))
    listed = records(folder)
    spoil(folder, listed)
    relist(folder, listed)
    whole, found = checked(folder)
    assert list(found.values()) == [[kind]] and whole.counts == {kind: 1} and whole.wrong == 1


def test_what_is_there_twice_is_found(tmp_path: Path) -> None:
    again = replace(sound(0), name="again", category="ship")
    folder = write(tmp_path / "set", sound(0), sound(1), again)
    _, found = checked(folder)
    assert found == {"again": ["duplicate"]}
    listed = records(folder)
    listed[2]["name"] = "photo 1"
    listed[2]["mask"] = listed[1]["mask"]
    relist(folder, listed)
    _, found = checked(folder)
    assert found == {"photo 1-2": ["bad name", "duplicate"]}


def test_of_copies_the_one_with_nothing_else_wrong_stays(tmp_path: Path) -> None:
    bad = replace(sound(0), truth=b"no picture")
    copies = (replace(bad, name=f"copy {number}", truth=truth) for number, truth in enumerate([b"?", None, None]))
    whole, found = checked(write(tmp_path / "set", bad, *copies, sound(1)))
    assert found == {
        "photo 0": ["damaged picture", "duplicate"],
        "copy 0": ["damaged picture", "duplicate"],
        "copy 2": ["duplicate"],
    }
    assert whole.wrong == 3 and whole.counts == {"damaged picture": 2, "duplicate": 3}


def test_one_file_for_two_records_is_found(tmp_path: Path) -> None:
    other = replace(sound(0), name="other", mask=png(hole(24)))
    folder = write(tmp_path / "set", sound(0), other)
    listed = records(folder)
    listed[1]["GT"] = f"./{listed[0]['GT']}"  # another way to write the same
    relist(folder, listed)
    _, found = checked(folder, rules=Rules(grow=0.2))
    assert found["other"] == ["one file, two records"]


def test_two_masks_of_one_photo_are_no_problem(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", candidate(0), replace(candidate(0), name="other", mask=png(hole(24))))
    listed = records(folder)
    listed[1]["source"] = listed[0]["source"]
    relist(folder, listed)
    assert checked(folder)[1] == {}


def test_json_lines_a_bare_folder_and_shards(tmp_path: Path) -> None:
    some = [sound(0), replace(sound(1), mask=png(hole() // 2)), replace(sound(0), name="again")]
    wanted = {"photo 1": ["mask not binary"], "again": ["duplicate"]}
    folder = write(tmp_path / "set", *some)
    lines = "".join(json.dumps(record) + "\n" for record in records(folder))
    (folder / "other.jsonl").write_text(lines + "not json\n")
    _, found = checked(folder / "other.jsonl")
    assert found.pop("record-4") == ["unreadable"] and found == wanted
    (folder / "meta.json").unlink()
    assert checked(folder)[1] == {"photo 1": wanted["photo 1"], "photo 0": ["duplicate"]}
    write_shards(some, tmp_path / "shards")
    assert checked(tmp_path / "shards")[1] == wanted
    (file,) = (tmp_path / "shards").iterdir()
    data = bytearray(file.read_bytes())
    data[data.index(some[1].source[-200:])] ^= 255
    file.write_bytes(data)
    assert "unreadable" in checked(tmp_path / "shards")[1]["photo 1"]


def test_no_set_at_all(tmp_path: Path) -> None:
    with pytest.raises(BadData):
        check(str(tmp_path / "nothing"))
    result = CliRunner().invoke(app, [str(tmp_path / "nothing")])
    assert result.exit_code == 2 and "no file or folder" in result.output


@given(st.integers(0, 50), st.integers(1, 7))
def test_parts_hold_every_record_once_in_order(count: int, size: int) -> None:
    parts = InOrder(count, size)
    assert [index for part in parts for index in part.indices] == list(range(count))
    assert [part.number for part in parts] == list(range(len(parts))) and parts[:1] == list(parts)[:1]


@given(st.lists(st.integers(0, 4)), st.booleans())
def test_repeats_are_told_with_their_first_place(keys: list[int], wide: bool) -> None:
    array = np.array(keys, np.uint64)
    array = np.stack([array, array * 3], 1) if wide else array
    naive = [(at, keys.index(key)) for at, key in enumerate(keys) if key and keys.index(key) < at]
    assert list(repeats(array)) == naive


def test_parts_of_a_set_are_alike_however_they_are_cut(tmp_path: Path) -> None:
    set_ = open_set(str(write(tmp_path / "set", *(replace(sound(n), mask=png(hole() // 2)) for n in range(4)))))
    whole = look_at(set_, range(4), Rules())
    pieces = [look_at(set_, (index,), Rules()) for index in range(4)]
    assert whole.ids == b"".join(piece.ids for piece in pieces)
    assert whole.problems == tuple(problem for piece in pieces for problem in piece.problems)


def test_the_command_tells_a_line_a_problem_and_a_summary(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", sound(0), replace(sound(1), name="a\x1bb", mask=png(hole() // 2)))
    result = CliRunner().invoke(app, [str(folder)])
    assert result.exit_code == 1 and "\x1b" not in result.output
    assert "mask not binary: " in result.output and "2 records, 1 of them with problems" in result.output
    assert CliRunner().invoke(app, [str(write(tmp_path / "good", sound(0)))]).exit_code == 0
    result = CliRunner().invoke(app, [str(folder), "--json"])
    *problems, last = map(json.loads, result.stdout.splitlines())
    assert {one["record"] for one in problems} == {"a\x1bb"} and set(problems[0]) == {"record", "kind", "what"}
    assert last["summary"]["kinds"] == {"bad name": 1, "mask not binary": 1}
    assert CliRunner().invoke(app, [str(folder), "--tolerance", "300"]).exit_code == 2
    assert CliRunner().invoke(app, [str(folder), "--engine", "abacus"]).exit_code == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_is_closed_to_us(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", sound(0), sound(1))
    (folder / records(folder)[1]["source"]).chmod(0)
    assert checked(folder)[1] == {"photo 1": ["unreadable"]}
