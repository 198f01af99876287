"""Lists of records of every shape and length; damage is found, and costs no memory."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.triplet import json_records
from rorem.triplet.json_records import parse, scan
from tests.triplet.samples import plain, refused, texts

records = st.lists(st.dictionaries(texts, plain, max_size=3), max_size=6)
spaces = st.text(" \t\r\n", max_size=3)


def values(path: Path) -> list[object]:
    return [entry.value for entry in scan(path)]


def check_places(path: Path) -> None:
    """Every entry can be read again from where it stands."""
    data = path.read_bytes()
    for entry in scan(path):
        assert parse(data[entry.start : entry.start + entry.length]) == entry.value


@settings(max_examples=60)
@given(records | st.lists(plain, max_size=6), spaces, st.booleans(), st.booleans(), st.sampled_from([1, 7, 1 << 20]))
def test_a_list_is_read_as_json_has_it(
    tmp_path_factory: pytest.TempPathFactory, listed: list, space: str, ascii: bool, marked: bool, block: int
) -> None:
    path = tmp_path_factory.mktemp("list") / "meta.json"
    inner = f"{space},{space}".join(json.dumps(one, ensure_ascii=ascii) for one in listed)
    path.write_bytes(f"{space}[{space}{inner}{space}]{space}".encode("utf-8-sig" if marked else "utf-8"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "BLOCK", block)
        assert values(path) == listed
        check_places(path)


@settings(max_examples=60)
@given(records, st.booleans(), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_lines_are_read_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, listed: list, ascii: bool, end: str
) -> None:
    path = tmp_path_factory.mktemp("lines") / "meta.json"
    path.write_bytes(end.join(json.dumps(one, ensure_ascii=ascii) for one in listed).encode())
    assert values(path) == listed
    check_places(path)


def test_a_damaged_line_is_one_bad_record(tmp_path: Path) -> None:
    path = tmp_path / "meta.json"
    path.write_bytes(b'{"source": "a"}\n{"source": \n\xff\xfe\n' + b"[" * 100_000 + b'\n{"source": "b"}\n{"sou')
    assert values(path) == [{"source": "a"}, None, None, None, {"source": "b"}, None]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"source": "a"}, {"source": "b"}', "after record 2"),
        ('[{"source": "a"}, {"sou', "after record 1"),
        ("[", "at its start"),
        ('[{"source": "a"} {"source": "b"}]', "after record 1"),
        ('[{"source": "a"}], 7', "after record 1"),
        ('[{"source": "a"},]', "after record 1"),
        ("[" * 100_000, "at its start"),
        ("neither\nnor", "no record"),
        ('{\n "source": "a",\n "mask": "b"\n}', "no record"),
    ],
)
def test_what_is_torn_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "meta.json"
    path.write_text(text)
    with refused("meta.json", words):
        values(path)


@pytest.mark.parametrize("data", [b"\xff\xfe[\0]\0", b'[{"a": "\xff"}]', b"\0\0\0"])
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "meta.json").write_bytes(data)
    with refused("meta.json"):
        values(tmp_path / "meta.json")


def test_one_endless_record_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "LONGEST", 1000)
    monkeypatch.setattr(json_records, "BLOCK", 100)
    path = tmp_path / "meta.json"
    for start in ('[{"a": "', '{"a": "', '[{"a": 1}x'):
        path.write_text(start + "x" * 100_000)
        with refused("meta.json"):
            values(path)


@pytest.mark.parametrize(("start", "between", "end"), [("[", ",", "]"), ("", "\n", "")])
def test_long_lists_are_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str, between: str, end: str
) -> None:
    path = tmp_path / "meta.json"
    record = json.dumps({"source": "source/x.png", "mask": "mask/x.png", "about": "-" * 60})
    count = 10_000
    monkeypatch.setattr(json_records, "BLOCK", 50_000)
    path.write_text(start + between.join([record] * count) + end)
    tracemalloc.start()
    assert sum(1 for _ in scan(path)) == count
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 1_100_000 and peak < 600_000
