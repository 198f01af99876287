"""What an annotator sees: full sharpness at the place, without loss, and nothing but pixels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rorem.errors import RoremError
from rorem.geometry import Box
from rorem.labels.items import row_of
from rorem.labels.plan import Plan
from rorem.picture import Limits
from rorem.triplet import Triplet
from rorem.ui.label_pictures import LEAST, LONGEST, Drawn, Odd, Views, draw, focus_of, window_of
from tests.ui.compared import png

RANDOM = np.random.default_rng(3)


class Lying:
    """Pictures that lie in memory."""

    def __init__(self, **files: bytes | None) -> None:
        self.files = files

    def read(self, where: object, part: str) -> bytes | None:
        return self.files[part]


def drawn(source: np.ndarray, mask: np.ndarray, result: np.ndarray | None = None, whole: bool = False) -> Views:
    files = {"source": png(source), "mask": png(mask), "result": png(source if result is None else result)}
    return draw(row(), Lying(**files), Limits(), whole)  # type: ignore[arg-type]


def row() -> Any:
    triplet = Triplet("one", b"source", b"mask", b"result")
    return row_of(triplet, Plan(), 7, 0, mask_share=0.1)


def opened(views: Views, part: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(views.files[part])))


def marked(width: int, height: int, box: Box) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    mask[box.slices] = 255
    return mask


def test_a_small_photo_comes_whole_and_without_loss() -> None:
    photo = RANDOM.integers(0, 256, (90, 140, 3), np.uint8)
    views = drawn(photo, marked(140, 90, Box(30, 40, 50, 55)), 255 - photo)
    assert views.size == (140, 90) and views.window == Box(0, 0, 140, 90)
    assert (opened(views, "source") == photo).all() and (opened(views, "result") == 255 - photo).all()
    assert Image.open(io.BytesIO(views.files["mask"])).mode == "1"
    assert opened(views, "mask").sum() == 20 * 15


@pytest.mark.soak
def test_of_a_large_photo_the_place_comes_at_full_sharpness() -> None:
    photo = RANDOM.integers(0, 256, (2000, 3000, 3), np.uint8)
    mask = marked(3000, 2000, Box(2900, 1500, 2990, 1560))
    views = drawn(photo, mask)
    window = views.window
    assert (window.width, window.height) == (LONGEST, LONGEST) and window.right == 3000
    assert (opened(views, "source") == photo[window.slices]).all()
    assert (opened(views, "mask") == (mask[window.slices] > 0)).all()
    whole = drawn(photo, mask, whole=True)
    assert whole.window == Box(0, 0, 3000, 2000) and opened(whole, "result").shape == (1067, 1600, 3)


def test_a_thin_mark_on_a_huge_place_is_still_seen() -> None:
    mask = marked(5000, 400, Box(10, 200, 4990, 201))
    views = drawn(RANDOM.integers(0, 256, (400, 5000, 3), np.uint8), mask)
    assert views.window == Box(0, 0, 5000, 400) and opened(views, "mask").shape == (128, 1600)
    assert opened(views, "mask").any(axis=0).mean() > 0.99


def test_what_is_transparent_stays_so() -> None:
    photo = RANDOM.integers(0, 256, (50, 50, 4), np.uint8)
    views = drawn(photo, marked(50, 50, Box(10, 10, 20, 20)), photo)
    assert (opened(views, "result")[..., 3] == photo[..., 3]).all()


@given(st.data())
def test_the_window_holds_the_place(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 6000)), data.draw(st.integers(1, 6000))
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = Box(left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height)))
    focus = focus_of(box, (width, height))
    window = window_of(focus, (width, height))
    assert focus.common(box) == box and window.common(focus) == focus
    assert window == window.clipped(width, height)
    assert window.width <= max(LONGEST, focus.width) and window.height <= max(LONGEST, focus.height)
    assert focus.left == max(0, focus.left) and (focus.left == 0 or box.left - focus.left >= LEAST)


@pytest.mark.parametrize(
    "files",
    [
        {"result": None},
        {"source": None},
        {"mask": None},
        {"result": b"broken"},
        {"mask": b"broken"},
        {"mask": png(np.zeros((40, 40), np.uint8))},
        {"result": png(np.zeros((40, 41, 3), np.uint8))},
        {"mask": png(marked(90, 30, Box(1, 1, 5, 5)))},
    ],
)
def test_odd_items(files: dict[str, bytes | None]) -> None:
    good: dict[str, bytes | None] = {name: png(np.zeros((40, 40, 3), np.uint8)) for name in ("source", "result")}
    good["mask"] = png(marked(40, 40, Box(1, 1, 5, 5)))
    with pytest.raises(Odd) as caught:
        draw(row(), Lying(**{**good, **files}), Limits())  # type: ignore[arg-type]
    assert isinstance(caught.value, RoremError)


def test_what_was_drawn_is_kept_within_bounds() -> None:
    kept, made = Drawn(most=100), list[str]()

    def make(name: str) -> Views:
        made.append(name)
        return Views((1, 1), Box(0, 0, 1, 1), Box(0, 0, 1, 1), {"source": bytes(40)})

    for name in ("a", "b", "a", "c", "a", "b"):
        kept.get(name, lambda name=name: make(name))
    assert made == ["a", "b", "c", "b"]  # b was used least lately when c came


def test_what_is_taken_back_while_it_is_drawn_is_not_kept() -> None:
    kept = Drawn()
    views = Views((1, 1), Box(0, 0, 1, 1), Box(0, 0, 1, 1), {})

    def make() -> Views:
        Drawn.forget_everywhere(["mine"])
        return views

    assert kept.get("mine", make) is views and not kept._kept
    kept.get("mine", lambda: views)
    assert list(kept._kept) == ["mine"]
