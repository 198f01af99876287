"""From what a person marked to what a method must fill and what is blended back.

Three masks (bool, True = remove), each inside the next:
U, what the person marked; its gaps closed; M, the hole that a method fills: U grown once. The weight A says how much of
the fill is written: 1 on U, falling to 0 at the edge of M. So nothing of the object comes back, and nothing outside M
changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from rorem.errors import BadMask
from rorem.geometry import Box

CELL = 16  # px: marks closer than this are one thing in any case, so clusters are found on a grid of such cells
MOST_CLUSTERS = 128  # more specks than this are gathered in tiles: time grows with the number of windows
LEAST_CONTEXT = 128  # px of surroundings a method needs to see, however small the thing
JOINED_GROWTH = 1.5  # marks are filled together while one window around both costs little more detail than two


@dataclass(frozen=True, eq=False)
class Masks:
    """The masks of one window.

    marked: bool (h, w), U with its gaps closed.
    hole: bool (h, w), M.
    weight: float32 (h, w) in [0, 1], A.
    """

    marked: np.ndarray
    hole: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, eq=False)
class Cluster:
    """Marks that are filled together. `marked` is bool (box.height, box.width)."""

    box: Box
    marked: np.ndarray


def check(mask: np.ndarray, width: int, height: int) -> None:
    """Raises BadMask unless `mask` is a bool (height, width) array that marks something and leaves something."""
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise BadMask("The mask is not a plain yes-or-no picture.", "Use `rorem.read_mask` to read a mask file.")
    if mask.shape != (height, width):
        raise BadMask(
            f"The mask is {mask.shape[1]} x {mask.shape[0]} pixels and the photo {width} x {height}.",
            "Use a mask of the photo's size.",
        )
    marked = int(np.count_nonzero(mask))
    if not marked:
        raise BadMask("Nothing is marked yet.")
    if marked == mask.size:
        raise BadMask("The whole photo is marked, so there is nothing left to go by.")


def masks(user: np.ndarray, grow: int) -> Masks:
    """The three masks of a window.

    user: bool (h, w), U. grow: px >= 0, how far M reaches beyond it.
    """
    marked, weight = np.zeros_like(user), np.zeros(user.shape, np.float32)
    if not user.any():
        return Masks(marked, marked, weight)
    near = _bounds(user).grown(grow + 2).clipped(user.shape[1], user.shape[0])  # beyond, every mask is empty
    marked[near.slices] = close_gaps(user[near.slices], grow)
    distance = cv2.distanceTransform((~marked[near.slices]).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    fading = np.clip(1 - distance / (grow + 1), 0, 1)  # the first pixel past M would get 0
    fading[distance > grow] = 0
    weight[near.slices] = fading
    return Masks(marked, weight > 0, weight)


def close_gaps(user: np.ndarray, radius: int) -> np.ndarray:
    """U with slits up to 2 x `radius` px wide closed and small enclosed holes filled: what quick strokes leave open.

    A hole is small when it could have been left between two strokes: at most (4 x radius) squared px, or a twentieth of
    what is marked.
    """
    if radius == 0:
        return user
    padded = np.pad(user, radius + 1).astype(np.uint8)
    beyond = cv2.distanceTransform(1 - padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > radius
    back = cv2.distanceTransform((~beyond).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > radius
    inside = slice(radius + 1, -radius - 1)
    closed = user | back[inside, inside]
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~closed).astype(np.uint8), connectivity=4)
    height, width = closed.shape
    left, top, wide, high, area = stats.T
    at_border = (left == 0) | (top == 0) | (left + wide == width) | (top + high == height)
    small = ~at_border & (area <= max((4 * radius) ** 2, int(closed.sum()) // 20))
    return closed | small[labels]


def grow_or_shrink(user: np.ndarray, pixels: int) -> np.ndarray:
    """The mark made wider (`pixels` > 0) or narrower (< 0) by that many px, round; bool (h, w) in and out."""
    if pixels == 0 or not user.any():
        return user
    outside = ~user if pixels > 0 else user
    distance = cv2.distanceTransform(outside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance <= pixels if pixels > 0 else distance > -pixels


def clusters(mask: np.ndarray, native: int | None = None) -> list[Cluster]:
    """The marks in groups: near ones together, far ones apart, left to right within top to bottom.

    mask: bool (H, W), not empty.
    native: px, the side up to which a method works without shrinking; None where there is none.
    Two groups join when their context boxes overlap, unless the window around both would be so much larger than either
    that the fill lost detail. At most `MOST_CLUSTERS` come back.
    """
    bounds = _bounds(mask)
    window = mask[bounds.slices]
    labels, count = _cells(window)
    boxes = [_tight(window, labels == label) for label in range(1, count + 1)]
    groups = [_Group(box, {label}, _window(box)) for label, box in enumerate(boxes, 1)]
    found = []
    for box, members, _ in _join(groups, native or 512):
        cells = np.isin(labels, list(members))
        found.append(Cluster(box.moved(bounds.left, bounds.top), window[box.slices] & _spread(cells, box)))
    return sorted(found, key=lambda one: (one.box.top, one.box.left))


def context(box: Box) -> int:
    """px of surroundings to show around a mark: its own size, and never less than `LEAST_CONTEXT`."""
    return max(LEAST_CONTEXT, box.side)


def _bounds(mask: np.ndarray) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _cells(window: np.ndarray) -> tuple[np.ndarray, int]:
    """Groups of marked cells: labels per cell from 1 (0 = unmarked), and how many groups there are.

    Cells that touch are one group. Where that makes too many, those whose middles lie in one tile are taken together,
    in the smallest tiles that leave few enough: so dust all over a photo is filled part by part, not as one thing.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_occupied(window).astype(np.uint8), connectivity=8)
    left, top, wide, high, _ = stats[1:].T
    groups, tile = np.arange(count - 1), 1
    while len(np.unique(groups)) > MOST_CLUSTERS:
        tile *= 2
        groups = (top + high // 2) // tile * labels.shape[1] + (left + wide // 2) // tile
    names, numbers = np.unique(groups, return_inverse=True)
    return np.concatenate([[0], numbers + 1]).take(labels.astype(np.intp)), len(names)


def _occupied(window: np.ndarray) -> np.ndarray:
    rows = np.logical_or.reduceat(window, np.arange(0, window.shape[0], CELL), axis=0)
    return np.logical_or.reduceat(rows, np.arange(0, window.shape[1], CELL), axis=1)


def _tight(window: np.ndarray, cells: np.ndarray) -> Box:
    grid = _bounds(cells)
    coarse = Box(*(edge * CELL for edge in grid)).clipped(window.shape[1], window.shape[0])
    inner = _bounds(window[coarse.slices] & _spread(cells, coarse))
    return inner.moved(coarse.left, coarse.top)


def _spread(cells: np.ndarray, box: Box) -> np.ndarray:
    """A mask of cells as a mask of the pixels of `box`."""
    rows = np.arange(box.top, box.bottom) // CELL
    columns = np.arange(box.left, box.right) // CELL
    return cells[np.ix_(rows, columns)]


class _Group(NamedTuple):
    """Marks that go together: the box around them, their labels, and the largest window that one would get alone.

    A join is held against that window. Held against the group's own, ever larger groups would swallow the photo.
    """

    box: Box
    members: set[int]
    alone: int


def _join(groups: list[_Group], native: int) -> list[_Group]:
    """Joins pairs until none is left that belongs together."""
    done: list[_Group] = []
    waiting = list(groups)
    while waiting:
        one = waiting.pop()
        other = next((other for other in (*waiting, *done) if _belong(one, other, native)), None)
        if other is None:
            done.append(one)
            continue
        (waiting if other in waiting else done).remove(other)
        both = one.box.joined(other.box)
        waiting.append(_Group(both, one.members | other.members, max(one.alone, other.alone)))
    return done


def _belong(one: _Group, other: _Group, native: int) -> bool:
    if not one.box.grown(context(one.box)).meets(other.box.grown(context(other.box))):
        return False
    return _window(one.box.joined(other.box)) <= max(JOINED_GROWTH * max(one.alone, other.alone), native)


def _window(box: Box) -> int:
    """The longer side of a window around a mark, in px."""
    return box.side + 2 * context(box)
