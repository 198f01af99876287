"""One labelled picture of a comparison: the photo, the truth, and what each method made of it."""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rorem.comparison.blind import HIDDEN_FAILURE
from rorem.comparison.record import Cell
from rorem.opacity import opacity_of
from rorem.picture import Picture, from_rgb_array, to_srgb

SIDE = 480  # px: the longer side of a photo in its cell
NARROWEST, LOWEST = 300, 160  # px: of a cell; below, words have no room
GAP, PAPER, INK, FAINT = 16, (255, 255, 255), (20, 20, 20), (95, 95, 95)
TITLE, SMALL = 20, 16  # px: of letters
LINE = 1.3  # of a letter's size, from one line to the next
SHAPE = 1.6  # width by height that a montage comes close to
WHITE, RED = (255, 255, 255), (230, 0, 70)  # of the outline: red between white is seen on every ground
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
SIGNS = str.maketrans({"×": "x", "–": "-", "—": "-", "’": "'", "“": '"', "”": '"', "…": "..."})


@dataclass(frozen=True, eq=False)
class Tile:
    """One field of a montage, small whatever the photo's size.

    picture: uint8 RGB (h, w, 3), or None where there is only a sentence.
    """

    title: str
    line: str
    picture: np.ndarray | None = None
    sentence: str = ""


def draw(
    picture: Picture,
    mask: np.ndarray,
    cells: Iterable[Cell],
    *,
    truth: np.ndarray | None = None,
    names: Mapping[str, str] | None = None,
    side: int = SIDE,
) -> np.ndarray:
    """The photo with the outline of the mask, the truth, and each cell with its title, seconds and network calls.

    mask: bool (H, W). truth: uint8 RGB (H, W, 3). cells: in the order they are shown. names: as for `tile`.
    side: px, of the longer side of each photo; all cells have the same size. Returns uint8 RGB.
    """
    return sheet(picture, mask, [tile(cell, picture.size, names, side) for cell in cells], truth=truth, side=side)


def sheet(
    picture: Picture, mask: np.ndarray, tiles: Iterable[Tile], *, truth: np.ndarray | None = None, side: int = SIDE
) -> np.ndarray:
    """As `draw`, of tiles that were made one by one, so that no two cells need to be in memory at once."""
    width, height = _box(picture.width, picture.height, side)
    shown = _shown(picture, width, height)
    _outline(shown, mask)
    every = [Tile("Photo", f"{picture.width} x {picture.height} px, marks outlined", shown)]
    if truth is not None:
        every.append(Tile("Truth", "as it is without the thing", _shown(from_rgb_array(truth), width, height)))
    return _laid_out([*every, *tiles], max(width, NARROWEST), max(height, LOWEST))


def tile(cell: Cell, photo: tuple[int, int], names: Mapping[str, str] | None = None, side: int = SIDE) -> Tile:
    """A cell's part of the montage. photo: width and height, px.

    names: by method, what stands for a hidden name; then seconds, calls and the sentence of a failure, which would tell
    it, are left out.
    """
    title = cell.title if names is None else names[cell.method]
    if cell.removal is None:
        why = cell.error.advice if cell.error else ""
        return Tile(title, "failed", sentence=why if names is None else HIDDEN_FAILURE)
    return Tile(title, _facts(cell) if names is None else "", _shown(cell.removal.picture, *_box(*photo, side)))


def encoded(montage: np.ndarray) -> bytes:
    """As PNG."""
    from rorem.picture import encode

    return encode(from_rgb_array(montage), "PNG")


def _facts(cell: Cell) -> str:
    told = [f"{cell.seconds:.1f} s"]
    calls = cell.network_calls
    told.append("no network" if not calls else "1 network call" if calls == 1 else f"{calls} network calls")
    if cell.removal and cell.removal.published is not None:
        high, wide = cell.removal.published.shape[:2]
        told.append(f"as published, {wide} x {high} px")
    return " · ".join(told)


def _box(width: int, height: int, side: int) -> tuple[int, int]:
    """The size of the photo in its cell; tiny ones are enlarged."""
    scale = side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _shown(picture: Picture, width: int, height: int) -> np.ndarray:
    """uint8 RGB, within the box, as a screen shows it; what is transparent lies on a chessboard."""
    rgb = np.ascontiguousarray(to_srgb(picture))
    opacity = opacity_of(picture)
    scale = min(width / rgb.shape[1], height / rgb.shape[0])
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST  # enlarged, one sees the pixels there are
    small = cv2.resize(rgb, size, interpolation=how)
    if opacity is None:
        return small
    share = cv2.resize(opacity, size, interpolation=how)[..., None].astype(np.float32) / 255
    rows, columns = np.indices(small.shape[:2]) // 8
    board = np.where((rows + columns) % 2, 255.0, 215.0)[..., None]
    return np.rint(board + share * (small - board)).astype(np.uint8)


def _outline(shown: np.ndarray, mask: np.ndarray) -> None:
    """Draws a ring around whatever is marked at all, without covering it."""
    height, width = shown.shape[:2]
    how = cv2.INTER_AREA if width < mask.shape[1] else cv2.INTER_NEAREST
    marked = (cv2.resize(mask.astype(np.float32), (width, height), interpolation=how) > 0).astype(np.uint8)
    grown = [cv2.dilate(marked, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * px + 1,) * 2)) for px in (1, 2, 3)]
    shown[(grown[2] > 0) & (marked == 0)] = WHITE
    shown[(grown[1] > 0) & (grown[0] == 0)] = RED


def _laid_out(tiles: Sequence[Tile], width: int, height: int) -> np.ndarray:
    """All tiles on one sheet, in rows."""
    head = round(LINE * TITLE) + round(LINE * SMALL)
    across, down = width + GAP, head + height + GAP
    columns = min(
        range(1, len(tiles) + 1),
        key=lambda count: abs(math.log(count * across / (math.ceil(len(tiles) / count) * down) / SHAPE)),
    )
    rows = math.ceil(len(tiles) / columns)
    sheet = Image.new("RGB", (columns * across + GAP, rows * down + GAP), PAPER)
    pen = ImageDraw.Draw(sheet)
    title, small = ImageFont.load_default(TITLE), ImageFont.load_default(SMALL)
    for index, tile in enumerate(tiles):
        left, top = GAP + index % columns * across, GAP + index // columns * down
        pen.text((left, top), _cut(tile.title, title, width), INK, title)
        pen.text((left, top + round(LINE * TITLE)), _cut(tile.line, small, width), FAINT, small)
        if tile.picture is not None:
            sheet.paste(Image.fromarray(tile.picture), (left, top + head))
            continue
        pen.rectangle((left, top + head, left + width - 1, top + head + height - 1), (244, 244, 244))
        _write(pen, tile.sentence, small, (left + GAP, top + head + GAP), width - 2 * GAP, height - 2 * GAP)
    return np.asarray(sheet)


def _write(pen: ImageDraw.ImageDraw, text: str, font: Font, where: tuple[int, int], width: int, height: int) -> None:
    """A text in lines within a width; what has no room is cut off."""
    step = round(LINE * SMALL)
    lines = _wrapped(_plain(text), font, width)
    room = max(1, height // step)
    if len(lines) > room:
        lines = [*lines[: room - 1], _cut(f"{lines[room - 1]} ...", font, width)]
    for number, line in enumerate(lines):
        pen.text((where[0], where[1] + number * step), line, INK, font)


def _wrapped(text: str, font: Font, width: int) -> list[str]:
    """Lines that fit; a word that is longer than a line is broken."""
    letters = len(text)
    while letters > 1:
        lines = textwrap.wrap(text, letters)
        widest = max((font.getlength(line) for line in lines), default=0)
        if widest <= width:
            return lines
        letters = min(letters - 1, int(letters * width / widest) + 1)
    return list(text)


def _cut(text: str, font: Font, width: int) -> str:
    text = _plain(text)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


def _plain(text: str) -> str:
    """In the signs that the built-in font has: ASCII and the middle dot. Accents are dropped."""
    spread = unicodedata.normalize("NFKD", text.translate(SIGNS))
    kept = (sign for sign in spread if not unicodedata.combining(sign))
    return "".join(sign if " " <= sign <= "~" or sign == "·" else "?" for sign in kept)
