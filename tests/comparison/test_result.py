"""result.json, as it is written and as it may have been tampered with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from rorem.comparison import Cell, Request, compare
from rorem.comparison.result import Kept, Result, asked, parse, record_of
from rorem.errors import BadData, MissingWeights
from tests.comparison.scene import mark, photo

REQUEST = Request(("telea", "lama"), seed=2**32 - 1, settings={"telea": {"radius": 3}}, grow=2, order_seed=-5)


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    cells = [*compare(photo(), mark(), Request(("telea",))), Cell("lama", "LaMa", error=MissingWeights("No.", "Get."))]
    kept = Kept(file="sea.png", sha256="0" * 64)
    records = [record_of(cell, REQUEST, "A") for cell in cells]
    result = Result(made={"numpy": "2"}, request=asked(REQUEST), source=kept, mask=kept, cells=records)
    return json.loads(result.text())


def test_what_is_written_is_read(written: dict[str, Any]) -> None:
    read = parse(json.dumps(written).encode())
    assert json.loads(read.text()) == written
    assert read.request == asked(REQUEST) and read.cells[1].error and read.cells[1].error.kind == "MissingWeights"
    assert read.cells[0].label == "A" and read.cells[0].options == {"radius": 5} and read.cells[1].options == {}


@pytest.mark.parametrize(
    "name",
    ["../sea.png", "/etc/passwd", "a/b.png", "a\\b.png", "..", ".", "", "C:x.png", ".hidden", "a\n", "a\0b", "x" * 300],
)
@pytest.mark.parametrize("where", ["source", "mask", "avoid", "truth", "montage", "result"])
def test_no_path_leads_out(written: dict[str, Any], where: str, name: str) -> None:
    told = json.loads(json.dumps(written))
    if where == "montage":
        told["montage"] = name
    elif where == "result":
        told["cells"][0]["file"] = name
    else:
        told[where] = {"file": name, "sha256": "0" * 64}
    with pytest.raises(BadData, match="The result is wrong at"):
        parse(json.dumps(told).encode())


def changed(*path: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(told: Any) -> None:
        for step in path[:-1]:
            told = told[step]
        told[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed("extra", value=1), "wrong at extra"),
        (changed("request", "extra", value=1), "wrong at request.extra"),
        (changed("cells", 0, "extra", value=1), "wrong at cells.0.extra"),
        (changed("cells", 0, "windows", 0, "extra", value=1), "wrong at cells.0.windows.0.extra"),
        (changed("request", "seed", value=-1), "wrong at request.seed"),
        (changed("request", "methods", value=[]), "wrong at request.methods"),
        (changed("request", "protocol", value="ours"), "wrong at request.protocol"),
        (changed("request", "settings", value=[]), "wrong at request.settings"),
        (changed("source", "sha256", value="abc"), "wrong at source.sha256"),
        (changed("source", value=None), "wrong at source"),
        (changed("cells", value={}), "wrong at cells"),
        (changed("made", value={"x": {}}), "wrong at made.x"),
        (changed("schema", value=2), "schema 2, and this version"),
        (changed("schema", value="1"), "names no schema"),
    ],
)
def test_what_was_tampered_with_is_refused_in_a_sentence(
    written: dict[str, Any], change: Callable[[dict[str, Any]], None], words: str
) -> None:
    told = json.loads(json.dumps(written))
    change(told)
    with pytest.raises(BadData, match=words) as refused:
        parse(json.dumps(told).encode())
    assert "\n" not in refused.value.advice


@pytest.mark.parametrize("data", [b"", b"no", b"[]", b"{}", b"null", b"\xff\xfe", b"[" * 100_000, b'{"schema": []}'])
def test_what_is_no_result(data: bytes) -> None:
    with pytest.raises(BadData, match=r"not a sound JSON|not the result of a comparison"):
        parse(data)
