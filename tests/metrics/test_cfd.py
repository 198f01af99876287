"""CFD, with and without the published faults."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import Dinov2Model
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

from rorem.metrics import cfd, networks
from rorem.metrics.contract import Seen
from rorem.metrics.sam import Segments
from rorem.nets.dinov2 import MEAN, STD
from tests.checkpoints.dinov2 import write_dinov2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights")
    write_dinov2(made / "dinov2-giant", giant=True)
    return made


@pytest.fixture
def dino(folder: Path) -> networks.Asked:
    networks.clear()
    return networks.dinov2(networks.DINOV2_GIANT, {"ROREM_WEIGHTS": str(folder)})


@pytest.fixture(scope="module")
def stock(folder: Path) -> Any:
    return Dinov2Model.from_pretrained(folder / "dinov2-giant", local_files_only=True)


def finder(*masks: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> networks.Asked:
    """SAM, had it found these."""
    packed = np.stack([np.packbits(mask) for mask in masks]) if masks else np.zeros((0, 1), np.uint8)
    size = masks[0].shape if masks else (0, 0)
    monkeypatch.setattr(cfd, "segments", lambda asked, rgb: Segments(packed, *size))
    return networks.Asked(None)


def noise(seed: int, height: int = 112, width: int = 224) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def marked(*boxes: tuple[int, int, int, int], height: int = 112, width: int = 224) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


def removal(result: np.ndarray, mask: np.ndarray) -> Seen:
    return Seen(result, mask, result, mask)


def tokens(stock: Any, picture: np.ndarray, **how: Any) -> np.ndarray:
    """By transformers alone, of length 1 each: (257, D)."""
    small = np.array(Image.fromarray(picture).resize((224, 224)))
    settings = {"size": {"shortest_edge": 256}, "image_mean": MEAN, "image_std": STD, **how}
    with torch.no_grad():
        found = stock(BitImageProcessorPil(**settings)(small, return_tensors="pt").pixel_values).last_hidden_state[0]
    return (found / found.norm(dim=-1, keepdim=True)).numpy()


def apart(one: np.ndarray, other: np.ndarray) -> float:
    first, second = one.mean(0), other.mean(0)
    return float(1 - first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def test_the_published_first_term_asks_one_place_too_early(
    dino: networks.Asked, stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, mask = noise(1), marked((70, 35, 140, 70))  # 5 x 5 cells of 14 x 7 px, the ring one cell wide and more
    found = cfd.as_published(finder(monkeypatch=monkeypatch), dino, removal(result, mask))
    every = tokens(stock, result)
    hole = [row * 16 + column for row in range(5, 10) for column in range(5, 10)]
    ring = [row * 16 + column for row in range(3, 12) for column in range(3, 12)]  # middles of cells from 47 to 163 px
    ring = [number for number in ring if number not in hole]
    assert [*np.flatnonzero(cfd.published_cells(mask))] == [*hole, 256]
    assert [*np.flatnonzero(cfd.published_cells(cfd.published_ring(mask)))] == [*ring, 256]
    assert found == pytest.approx(apart(every[[*hole, 256]], every[[*ring, 256]]), abs=1e-5)


def test_the_fixed_first_term_asks_the_cells(dino: networks.Asked, stock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    result, mask = noise(1), marked((70, 35, 140, 70))
    found = cfd.as_meant(finder(monkeypatch=monkeypatch), dino, removal(result, mask))
    cells = tokens(stock, result, do_resize=False, do_center_crop=False)[1:].reshape(16, 16, -1)
    hole = np.zeros((16, 16), bool)
    ring = hole.copy()
    hole[5:10, 5:10] = True
    ring[3:12, 3:12] = True  # the box grows by 23 and 11 px: more than half of the second cell,
    ring[3:12:8, 3:12:8] = False  # but not of those in the corners
    assert found == pytest.approx(apart(cells[hole], cells[ring & ~hole]), abs=1e-5)


def test_the_published_second_term_takes_levels_for_numbers_of_tokens(
    dino: networks.Asked, stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, mask = noise(1), marked((42, 21, 168, 91))
    thing, beside = marked((70, 35, 112, 63)), marked((112, 35, 200, 63))
    sam = finder(thing, beside, monkeypatch=monkeypatch)
    with_thing = cfd.as_published(sam, dino, removal(result, mask))
    without = cfd.as_published(finder(monkeypatch=monkeypatch), dino, removal(result, mask))
    # Both cut out are full rectangles: all levels are 255, so that token 255 stands 256 times and token 1 once.
    sides = []
    for box in (np.s_[35:63, 112:168], np.s_[35:63, 70:112]):  # what is beside it, inside the hole; and the thing
        every = tokens(stock, result[box])
        sides.append(every[[255] * 256 + [1]])
    assert with_thing - without == pytest.approx(apart(*sides), abs=1e-5)
    assert set(cfd.published_numbers(thing, smooth=False)) == {0, 1, 255}
    assert len(set(cfd.published_numbers(np.eye(4, dtype=bool), smooth=True))) > 10, "levels between, at its edges"


def test_the_fixed_second_term_takes_the_cells_of_the_segments(
    dino: networks.Asked, stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, mask = noise(1), marked((42, 21, 168, 91))
    thing, beside = marked((70, 35, 112, 63)), marked((112, 35, 200, 63))
    thing[35:49, 70:91] = False  # without its upper left quarter
    both = cfd.as_meant(finder(thing, beside, monkeypatch=monkeypatch), dino, removal(result, mask))
    none = cfd.as_meant(finder(monkeypatch=monkeypatch), dino, removal(result, mask))
    shown = np.where(thing[..., None], result, np.uint8(255))[35:63, 70:112]
    cells = tokens(stock, shown, do_resize=False, do_center_crop=False)[1:].reshape(16, 16, -1)
    own = np.ones((16, 16), bool)
    own[:8, :8] = False
    other = tokens(stock, result[35:63, 112:168], do_resize=False, do_center_crop=False)[1:]
    assert both - none == pytest.approx(apart(other, cells[own]), abs=1e-5)


def test_segments_count_by_area_and_only_if_they_touch() -> None:
    part = marked((20, 20, 120, 90))
    large, small, alone = marked((30, 30, 50, 50)), marked((30, 60, 40, 70)), marked((90, 60, 110, 70))
    partly = marked((50, 30, 200, 50)), marked((0, 60, 25, 70))  # the second is 5 px away from the small one
    asked: list[tuple[int, int]] = []

    def distance(one: np.ndarray, inside: np.ndarray, other: np.ndarray, outside: np.ndarray) -> float:
        asked.append((int(inside.sum()), int(outside.sum())))
        return 1.0 if outside.sum() == 400 else 10.0

    masks = np.stack([large, small, alone, *partly])
    found = cfd.new_things(noise(1), part, masks, distance)
    assert asked == [(70 * 20, 400), (5 * 10, 100)]  # of what touches, only the part of it that lies in the hole
    assert found == pytest.approx((400 * 1.0 + 100 * 10.0) / 700)
    assert cfd.new_things(noise(1), part, np.stack(partly), distance) == 0


def plain_distinct(masks: np.ndarray) -> list[int]:
    kept: list[int] = []
    for own in sorted(range(len(masks)), key=lambda n: (-masks[n].sum(), n)):
        free = True
        for other in kept:
            both, either = (masks[own] & masks[other]).sum(), (masks[own] | masks[other]).sum()
            free &= not ((either and both / either > 0.8) or (masks[own].any() and both / masks[own].sum() > 0.9))
        if free:
            kept.append(own)
    return kept


@given(st.integers(0, 10**6), st.integers(0, 9))
@settings(max_examples=60)
def test_distinct_segments_as_in_the_plain_version(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.random((5, 7)) < 0.5
    masks = np.array([base & (rng.random((5, 7)) < rng.choice([0.3, 0.95])) for _ in range(count)], bool)
    masks = masks.reshape(count, 5, 7)
    packed = np.packbits(masks.reshape(count, 35), axis=1)
    shared = cfd.common(packed)
    assert (shared == np.einsum("nhw,mhw->nm", masks.astype(int), masks.astype(int))).all()
    assert cfd.distinct(shared) == plain_distinct(masks)


def test_the_rings() -> None:
    part = marked((50, 30, 80, 60), height=100, width=100)
    wide = marked((40, 20, 90, 70), height=100, width=100)
    assert (cfd.ring(part) == (wide & ~part)).all()
    assert (cfd.published_ring(part) == (marked((40, 20, 91, 71), height=100, width=100) & ~part)).all()
    corner = marked((97, 97, 100, 100), height=100, width=100)
    for around in (cfd.ring, cfd.published_ring):
        assert (around(corner) == (marked((96, 96, 100, 100), height=100, width=100) & ~corner)).all()


def test_the_mean_is_over_connected_parts(dino: networks.Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    result = noise(1)
    one, other = marked((20, 20, 60, 60)), marked((150, 40, 190, 90))
    for measure in (cfd.as_published, cfd.as_meant):
        sam = finder(monkeypatch=monkeypatch)
        first, second, both = (measure(sam, dino, removal(result, mask)) for mask in (one, other, one | other))
        assert both == pytest.approx((first + second) / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("box", "known"),
    [
        ((5, 5, 6, 6), True),
        ((0, 0, 40, 30), True),
        ((223, 111, 224, 112), True),
        ((0, 50, 224, 60), True),
        ((0, 0, 224, 112), False),
        ((0, 0, 0, 0), False),
    ],
)
def test_specks_borders_and_everything(
    dino: networks.Asked, monkeypatch: pytest.MonkeyPatch, box: tuple[int, int, int, int], known: bool
) -> None:
    seen = removal(noise(1), marked(box))
    sam = finder(marked(box) if any(box) else marked((1, 1, 2, 2)), monkeypatch=monkeypatch)
    assert math.isfinite(cfd.as_meant(sam, dino, seen)) == known
    assert math.isfinite(cfd.as_published(sam, dino, seen)) == any(box)


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (13, 5)])
def test_tiny_pictures(dino: networks.Asked, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    mask = np.zeros(size, bool)
    mask[0, 0] = True
    sam = finder(mask, monkeypatch=monkeypatch)
    for measure in (cfd.as_published, cfd.as_meant):
        found = measure(sam, dino, removal(noise(1, *size), mask))
        assert math.isnan(found) or found >= -1e-6
