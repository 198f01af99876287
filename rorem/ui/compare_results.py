"""What can be had of a finished comparison: views, files, the ZIP, and a result as the photo's next state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from rorem.comparison import Cell, bundle
from rorem.errors import RoremError
from rorem.geometry import Box
from rorem.picture import Picture, apply, blend, from_rgb_array, open_picture, patch
from rorem.remover import Removal, WindowReport
from rorem.ui.board import Board, other_size
from rorem.ui.patch_files import within
from rorem.ui.preview import bits, fitted
from rorem.ui.removal_files import get, patches_of, whole
from rorem.ui.session import AT_WORK, ORIGINAL, Session


class Changed(RoremError):
    """The photo is not what the comparison was made from."""

    fix = "Undo until it is as it was, or compare again."


CHANGED = "The photo has changed since this comparison."


def view(session: Session, board: Board, key: str, box: Box, side: int) -> Picture | None:
    """A part of the photo, of the truth or of a result; None if there is none to show. Raises Changed.

    key: "source", "truth" or the number of a slot. box: in px of the photo. What was made as published is shown at the
    photo's size, whatever its own.
    """
    if key == "truth":
        return None if board.truth is None else from_rgb_array(np.array(board.truth.pixels[box.slices]))
    before = session.window(board.base, box)
    if before is None:
        raise Changed(CHANGED)
    if key == "source":
        return before
    index = int(key)
    if board.result(index) is None:
        return None
    made = whole(board.stem(index))
    if made is None:
        return apply(before, within(patches_of(board.stem(index)), box))
    shown = _stretched(made, box, session.picture.size, fitted(box.width, box.height, side))
    return _in_colours_of(before, shown)


def both(session: Session, board: Board, index: int) -> tuple[Picture, Picture]:
    """The whole photo that the comparison was made from, and a result at its own size. Raises Changed, KeyError."""
    before = _before(session, board)
    if board.result(index) is None:
        raise KeyError(index)
    made = whole(board.stem(index))
    after = apply(before, patches_of(board.stem(index))) if made is None else _in_colours_of(before, np.array(made))
    return before, after


def keep(session: Session, board: Board, index: int) -> bool:
    """Makes a result the photo's next state. Returns whether it lies beside an earlier one as a further version.

    Raises RoremError if it cannot be, OSError; then nothing has changed.
    """
    with session.lock:
        if session.busy:
            raise RoremError(AT_WORK)
        if board.kept.get(index) in session.choices:
            session.choose(board.kept[index])
            return True
        version = session.version(session.state)
        beside = session.state != board.base and bool(session.choices) and version is not None
        if session.state != board.base and not (beside and version and version.parent == board.base):
            raise Changed(CHANGED)
        cell = board.result(index)
        if cell is None:
            raise KeyError(index)
        removal = _whole_cell(board, index, cell, session.before() if beside else session.picture).removal
        assert removal is not None
        marks = _mask_file(board, "mask").read_bytes()
        board.kept[index] = session.add(_laid_in(removal), again=beside, marks=marks)
        return beside


def fits(session: Session, board: Board) -> bool:
    """Whether the photo is such that results can be made its next state."""
    version = session.version(session.state)
    return session.state == board.base or bool(session.choices and version and version.parent == board.base)


def stored(session: Session, board: Board, index: int) -> tuple[bytes, str]:
    """A result as a file without loss, and the file's name. Raises Changed, KeyError for one that is not there."""
    cell = board.result(index)
    if cell is None:
        raise KeyError(index)
    removal = _whole_cell(board, index, cell, _before(session, board)).removal
    assert removal is not None
    if board.hidden:
        generative = any(slot.cell and slot.cell.removal and slot.cell.removal.generative for slot in board.slots)
        removal = replace(removal, generative=generative)  # which of them is must not be told
    file = bundle.store(removal, hidden=board.hidden)
    return file.data, f"{Path(session.name).stem or 'photo'}-{board.name(index)}{file.ending}"


def packed(session: Session, board: Board) -> Path:
    """The ZIP of the whole comparison, written when first asked for. Raises Changed, OSError."""
    path = board.stem(0).with_name(f"compare-{board.id}-all.zip")
    if path.exists():
        return path
    before = _before(session, board)
    mask, avoid = read_marks(board)
    finished = {slot.method: index for index, slot in enumerate(board.slots) if slot.cell is not None}
    cells = [cell for slot in board.slots if (cell := slot.cell) is not None]
    source = (session.folder / "original").read_bytes() if board.base == ORIGINAL else None
    truth = board.truth.path.read_bytes() if board.truth else None
    kept = bundle.Comparison(
        before,
        mask,
        board.request,
        cells,
        source,
        session.name,
        avoid,
        truth,
        made=board.made,
        load=lambda cell: _whole_cell(board, finished[cell.method], cell, before),
    )
    bundle.write(path, kept, overwrite=True)
    return path


def write_marks(board: Board, mask: np.ndarray, avoid: np.ndarray | None) -> None:
    """Keeps what was marked, at the photo's size. Raises OSError."""
    _mask_file(board, "mask").write_bytes(bits(mask))
    if avoid is not None:
        _mask_file(board, "avoid").write_bytes(bits(avoid))


def read_marks(board: Board) -> tuple[np.ndarray, np.ndarray | None]:
    """What was marked, and what was not to be copied from; bool (H, W) of the photo's size."""
    mask, avoid = (
        open_picture(file).colour.astype(bool) if file.exists() else None
        for file in (_mask_file(board, "mask"), _mask_file(board, "avoid"))
    )
    if mask is None:
        raise FileNotFoundError(_mask_file(board, "mask"))
    return mask, avoid


def _mask_file(board: Board, kind: str) -> Path:
    return board.stem(0).with_name(f"compare-{board.id}-{kind}.png")


def _before(session: Session, board: Board) -> Picture:
    """The whole photo that the comparison was made from. Raises Changed."""
    before = session.window(board.base, Box(0, 0, session.picture.width, session.picture.height))
    if before is None:
        raise Changed(CHANGED)
    return before


def _whole_cell(board: Board, index: int, cell: Cell, before: Picture) -> Cell:
    """A cell with its pixels."""
    if cell.removal is None:
        return cell
    return replace(cell, removal=get(board.stem(index), cell.removal, before, read_marks(board)[0]))


def _laid_in(removal: Removal) -> Removal:
    """A removal that was made as published, as if its whole picture were one window. Raises RoremError if it cannot."""
    if removal.published is None:
        return removal
    before = removal.before
    high, wide = removal.published.shape[:2]
    if (wide, high) != before.size:
        raise RoremError(other_size((wide, high), before.size))
    everywhere = np.ones((high, wide), bool)
    place = Box(0, 0, wide, high)
    laid = patch(blend(before, np.asarray(removal.published), everywhere.astype(np.float32)), place)
    window = WindowReport(place, removal.windows[0].working, 0, everywhere)
    return replace(removal, published=None, patches=(laid,), windows=(window,))


def _stretched(made: np.ndarray, box: Box, photo: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """The part of a result that lies at `box` of the photo, at this width and height; uint8 RGB."""
    high, wide = made.shape[:2]
    across, down = wide / photo[0], high / photo[1]
    left, top, right, bottom = box.left * across, box.top * down, box.right * across, box.bottom * down
    part = Box(int(left) - 2, int(top) - 2, int(right) + 3, int(bottom) + 3).clipped(wide, high)
    pixels = np.ascontiguousarray(made[part.slices])
    scale = (right - left) / size[0], (bottom - top) / size[1]
    if min(scale) > 1:
        exact = Box(round(left), round(top), max(round(left) + 1, round(right)), max(round(top) + 1, round(bottom)))
        inner = exact.moved(-part.left, -part.top)
        return cv2.resize(pixels[inner.slices], size, interpolation=cv2.INTER_AREA)
    # Enlarged, half a pixel would be seen: pixel x of the view has its middle at left + (x + 0.5) * scale.
    where = np.array(
        [
            [scale[0], 0, left - part.left + scale[0] / 2 - 0.5],
            [0, scale[1], top - part.top + scale[1] / 2 - 0.5],
        ]
    )
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(pixels, where, size, flags=how, borderMode=cv2.BORDER_REPLICATE)


def _in_colours_of(before: Picture, rgb: np.ndarray) -> Picture:
    """Numbers of a photo's colour space as a picture in that space, so that both look alike on a screen."""
    if before.space != "rgb":
        return from_rgb_array(rgb)
    return replace(before, colour=rgb, alpha=None)


def shrunk(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask, bool (H, W), at this width and height; whatever is marked leaves a trace."""
    small = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return small >= min(0.5, float(small.max()))
