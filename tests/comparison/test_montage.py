"""The labelled picture of a comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from rorem.comparison import Cell, Request, compare, montage
from rorem.comparison.montage import draw
from rorem.errors import BadWeights
from rorem.picture import Picture, from_rgb_array
from rorem.remover import AS_PUBLISHED
from tests.comparison.scene import HIGH, WIDE, mark, photo, truth
from tests.stubs import pictures

SENTENCE = "The weights of LaMa are damaged. Delete them and fetch them again."


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return [
        *compare(photo(), mark(), Request(("telea", "patchmatch"))),
        Cell("lama", "LaMa", error=BadWeights(SENTENCE)),
    ]


def found(sheet: np.ndarray, tile: np.ndarray) -> bool:
    """Whether the tile is somewhere on the sheet, pixel for pixel."""
    error = cv2.matchTemplate(sheet, np.ascontiguousarray(tile), cv2.TM_SQDIFF)
    top, left = np.unravel_index(int(error.argmin()), error.shape)
    return bool((sheet[top : top + tile.shape[0], left : left + tile.shape[1]] == tile).all())


def reddish(sheet: np.ndarray) -> np.ndarray:
    """Where the outline is."""
    return (sheet == montage.RED).all(axis=2)


def test_every_picture_is_on_it_in_the_same_size(cells: list[Cell]) -> None:
    sheet = draw(photo(), mark(), cells, truth=truth(), side=WIDE)
    assert sheet.dtype == np.uint8 and sheet.ndim == 3
    for cell in cells[:2]:
        assert cell.removal is not None and found(sheet, cell.removal.picture.colour)
    assert found(sheet, truth())
    outlined = photo().colour.copy()
    assert not found(sheet, outlined)  # the photo has its outline
    assert found(sheet, outlined[:20]) and found(sheet, outlined[30:40, 35:50])


def test_the_outline_lies_around_the_mask() -> None:
    flat = np.full((HIGH, WIDE, 3), 60, np.uint8)
    sheet = draw(from_rgb_array(flat), mark(), [], side=WIDE)
    rows, columns = np.nonzero(reddish(sheet))
    assert len(rows) > 80
    height, width = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
    assert (height, width) == (24, 29)


def test_small_marks_of_a_large_photo_are_outlined() -> None:
    large = np.full((1200, 1600, 3), 60, np.uint8)
    marked = np.zeros((1200, 1600), bool)
    marked[7, 9] = True
    sheet = draw(from_rgb_array(large), marked, [], side=200)
    assert reddish(sheet).any()


def test_hidden_names_hide_everything_that_would_tell_them(cells: list[Cell], monkeypatch: pytest.MonkeyPatch) -> None:
    written = texts(cells, monkeypatch, {"telea": "A", "patchmatch": "B", "lama": "C"})
    assert "A" in written and "B" in written and "C" in written and "This one failed." in " ".join(written)
    hint = " ".join(written).replace("Show the names to read why.", "")
    assert not any(word in hint for word in ("fill", " s ", "network", "LaMa", "damaged"))


def test_what_is_written(cells: list[Cell], monkeypatch: pytest.MonkeyPatch) -> None:
    published = cells[0].removal
    assert published is not None
    made = replace(published, published=np.zeros((30, 20, 3), np.uint8), protocol=AS_PUBLISHED, network_calls=4)
    written = texts([*cells, replace(cells[0], removal=made)], monkeypatch)
    assert "Smooth fill" in written and "Quick fill" in written and "LaMa" in written and "failed" in written
    assert " ".join(written).find("The weights of LaMa are damaged.") >= 0
    assert f"{published.seconds:.1f} s · no network" in written
    assert f"{published.seconds:.1f} s · 4 network calls · as published, 20 x 30 px" in written


def texts(cells: Sequence[Cell], monkeypatch: pytest.MonkeyPatch, names: dict[str, str] | None = None) -> list[str]:
    written: list[str] = []
    text = montage.ImageDraw.ImageDraw.text

    def keep(self: object, where: object, words: str, *more: object) -> None:
        written.append(words)
        text(self, where, words, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(montage.ImageDraw.ImageDraw, "text", keep)
    draw(photo(), mark(), cells, names=names)
    return written


@pytest.mark.parametrize("name", pictures())
def test_photos_of_every_mode(name: str) -> None:
    picture = pictures()[name]
    marked = np.zeros((picture.height, picture.width), bool)
    marked[9:20, 9:20] = True
    assert draw(picture, marked, []).any()


def test_what_is_transparent_lies_on_a_chessboard() -> None:
    colour = np.zeros((40, 40, 3), np.uint8)
    alpha = np.zeros((40, 40), np.uint8)
    marked = np.zeros((40, 40), bool)
    marked[0, 0] = True
    sheet = draw(Picture(colour, alpha), marked, [], side=40)
    assert {215, 255} <= set(np.unique(sheet[60:100, 16:56]))


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (3000, 40)])
def test_strange_shapes(size: tuple[int, int]) -> None:
    marked = np.zeros(size, bool)
    marked[0, 0] = True
    sheet = draw(from_rgb_array(np.zeros((*size, 3), np.uint8)), marked, [Cell("a", "A", error=BadWeights(SENTENCE))])
    assert max(sheet.shape) < 1500


@pytest.mark.parametrize("count", range(12))
def test_its_shape_is_that_of_a_page(count: int) -> None:
    sheet = draw(photo(), mark(), [Cell("a", "A", error=BadWeights(SENTENCE))] * count)
    if count > 2:
        assert abs(math.log(sheet.shape[1] / sheet.shape[0] / montage.SHAPE)) < math.log(1.8)


@given(st.text(min_size=1, max_size=300), st.integers(30, 400))
@settings(max_examples=40)
def test_any_sentence_is_wrapped_into_its_width(text: str, width: int) -> None:
    font = ImageFont.load_default(montage.SMALL)
    plain = montage._plain(text)
    lines = montage._wrapped(plain, font, width)
    assert "".join(lines).replace(" ", "") == plain.replace(" ", "")
    assert all(font.getlength(line) <= width for line in lines)
    assert font.getlength(montage._cut(text, font, width)) <= width


def test_signs_that_the_font_lacks() -> None:
    assert montage._plain("Café – 3 × 4 · 漢\n") == "Cafe - 3 x 4 · ??"
