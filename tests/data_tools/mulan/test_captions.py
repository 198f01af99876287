"""Captions in CSV files: what is broken costs itself and nothing else."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_tools.mulan.captions import Captions, read_captions
from data_tools.mulan.finding import Scene
from data_tools.tally import Tally

BROKEN = "broken rows of captions"


def captions(folder: Path, text: str, photos: int = 4) -> tuple[Captions, Tally]:
    """Of photos p1, p2 and so on, with two layers each."""
    (folder / "meta_data.csv").write_bytes(text.encode())
    scenes = []
    for number in range(1, photos + 1):
        layers = [folder / f"p{number}-layer_{layer}.png" for layer in range(2)]
        scenes.append(Scene(f"p{number}", f"p{number}", layers))
    tally = Tally()
    return read_captions(folder, scenes, tally), tally


def test_a_quote_that_is_never_closed_breaks_one_row_only(tmp_path: Path) -> None:
    rows = [f"p{number}-layer_1.png,caption {number}" for number in range(1, 5)]
    rows[1] = 'p2-layer_1.png,"6 inches'
    found, tally = captions(tmp_path, "\n".join(["paths,blip2", *rows, "coco/p3.jpg,of the photo"]))
    said = [found.of(f"p{number}", 1).get("blip2") for number in range(1, 5)]
    assert said == ["caption 1", None, "caption 3", "caption 4"]
    assert tally.counts == {BROKEN: 1} and tally.examples[BROKEN] == ["meta_data.csv, line 3"]
    assert found.photos == {"p3": {"blip2": "of the photo"}}


def test_a_row_without_an_end_breaks_itself_only(tmp_path: Path) -> None:
    long = "x" * 200_000  # more than Python's reader takes
    for text in (long, f'"{long}', f'"{long}"'):
        rows = f"paths,blip2\np1-layer_1.png,a\np2-layer_1.png,{text}\np3-layer_1.png,c\n"
        found, tally = captions(tmp_path, rows)
        assert found.of("p1", 1) and found.of("p3", 1) and not found.of("p2", 1)
        assert tally.counts == {BROKEN: 1}


def test_a_quote_inside_a_cell_is_a_sign_like_others(tmp_path: Path) -> None:
    found, tally = captions(tmp_path, 'paths,blip2\np1-layer_1.png,a 6" pipe\n\nother.txt,b\np2-layer_1.png,c\n')
    assert found.of("p1", 1) == {"blip2": 'a 6" pipe'} and found.of("p2", 1) == {"blip2": "c"}
    assert not tally.total


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(tmp_path: Path, end: str) -> None:
    rows = [",paths,blip2", '0,p1-layer_1.png,"of two', 'lines"', "1,p2-layer_1.png,b"]
    found, tally = captions(tmp_path, end.join(rows))
    assert found.of("p1", 1) == {"blip2": f"of two{end}lines"} and found.of("p2", 1) == {"blip2": "b"}
    assert not tally.total


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=30)


@given(st.lists(texts, max_size=6), st.sampled_from(["\n", "\r\n"]), st.integers(0, csv.QUOTE_ALL))
def test_captions_of_any_kind_come_back(
    tmp_path_factory: pytest.TempPathFactory, some: list[str], end: str, quoting: int
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end, quoting=quoting)  # pyright: ignore[reportArgumentType]
    writer.writerow(["paths", "blip2"])
    writer.writerows([f"p{number}-layer_1.png", said] for number, said in enumerate(some, 1))
    found, tally = captions(tmp_path_factory.mktemp("csv"), text.getvalue(), len(some))
    assert not tally.total
    for number, said in enumerate(some, 1):
        assert found.of(f"p{number}", 1) == ({"blip2": said} if said else {})
