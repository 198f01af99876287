"""The seam along a hole's outline: against the definition written out, and on results whose seams are known."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.metrics import in_torch, seam
from tests.metrics.making import disc, holes, look, noises, photo

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 60))


def written_out(picture: np.ndarray, hole: np.ndarray) -> float:
    """The docstring, word by word."""

    def outline(by: int) -> list[float]:
        bits = hole if by >= 0 else ~hole
        square = np.ones((2 * abs(by) + 1,) * 2, np.uint8)
        grown = cv2.dilate(bits.astype(np.uint8), square) > 0
        part = grown if by >= 0 else ~grown
        found = []
        for y, x in np.ndindex(hole.shape):
            for below, right in ((y + 1, x), (y, x + 1)):
                if below < hole.shape[0] and right < hole.shape[1] and part[y, x] != part[below, right]:
                    step = picture[y, x].astype(float) - picture[below, right]
                    found.append(float(np.mean(step**2)))
        return found

    def energy(offsets: tuple[int, ...]) -> list[float]:
        every = [one for by in offsets for one in outline(by)]
        return [sum(every) / len(every)] if every else []

    edge, near = energy((-1, 0, 1)), energy((-8, -7, -6, -5, -4)) + energy((4, 5, 6, 7, 8))
    return math.log((edge[0] + 1) / (sum(near) / len(near) + 1)) if near else math.nan


def of(result: np.ndarray, hole: np.ndarray) -> float:
    return seam.seam(look(result, result, hole))


def in_torch_of(result: np.ndarray, hole: np.ndarray) -> float:
    picture = torch.from_numpy(np.ascontiguousarray(result)).permute(2, 0, 1)[None]
    return in_torch.seam(picture, torch.from_numpy(np.ascontiguousarray(hole))[None, None]).item()


@settings(max_examples=30)
@given(st.data())
def test_as_defined_and_as_in_torch(data: st.DataObject) -> None:
    picture, _ = data.draw(noises(SHAPES))
    hole = data.draw(holes(*picture.shape[:2]))
    expected = pytest.approx(written_out(picture, hole), abs=1e-9, nan_ok=True)
    assert of(picture, hole) == expected
    assert in_torch_of(picture, hole) == expected


@settings(max_examples=15)
@given(st.data())
def test_it_is_the_same_from_every_side(data: st.DataObject) -> None:
    picture, _ = data.draw(noises(SHAPES))
    hole = data.draw(holes(*picture.shape[:2]))
    expected = pytest.approx(of(picture, hole), abs=1e-9, nan_ok=True)
    assert of(picture[::-1], hole[::-1]) == expected
    assert of(picture[:, ::-1], hole[:, ::-1]) == expected
    assert of(picture.transpose(1, 0, 2), hole.T) == expected
    assert of(255 - picture, hole) == expected


@pytest.mark.parametrize(
    "hole", [disc(), disc(radius=60), np.indices((128, 160))[1] < 40], ids=["disc", "large", "half"]
)
def test_a_whole_photo_has_no_seam(hole: np.ndarray) -> None:
    assert abs(of(photo(), hole)) < 0.25


def test_a_jump_is_a_seam_and_a_larger_jump_is_more_of_one() -> None:
    grey, hole = np.full((128, 160, 3), 100, np.uint8), disc()
    scores = [of(np.where(hole[..., None], grey + np.uint8(jump), grey), hole) for jump in (0, 1, 2, 5, 20, 80)]
    assert scores == sorted(scores) and scores[0] == 0
    assert scores[1] < 0.5  # one level is nothing to an eye
    assert scores[3] > 1.5 and scores[5] > 6


def test_the_jump_of_a_straight_edge_is_known_exactly() -> None:
    """One of three outlines has the whole jump; further in and out nothing changes."""
    hole = np.indices((64, 64))[1] < 32
    result = np.where(hole[..., None], 70, 64).astype(np.uint8) * np.ones(3, np.uint8)
    assert of(result, hole) == pytest.approx(math.log(36 / 3 + 1))
    result[..., 1:] = 64  # in one channel of three
    assert of(result, hole) == pytest.approx(math.log(36 / 9 + 1))


def test_the_border_of_the_picture_is_no_seam() -> None:
    corner = np.zeros((128, 160), bool)
    corner[:50, :60] = True
    assert abs(of(photo(), corner)) < 0.25
    flat = np.full((128, 160, 3), 30, np.uint8)
    flat[0], flat[:, 0] = 250, 250  # steps along the border, which the hole shrunk from the border would meet
    flat[:6, :6] = 250
    inside = of(flat, corner)
    assert inside < of(np.where(corner[..., None], flat + np.uint8(5), flat), corner)
    _, pairs = seam.outlines(flat, corner)
    assert pairs[seam.REACH] == 50 + 60 and pairs[0] == 42 + 52


def test_a_smooth_fill_without_a_step_is_no_seam() -> None:
    """Less detail inside is a fault, but another one; the score must not mistake it for a seam."""
    random = np.random.default_rng(3)
    grain = random.normal(128, 12, (128, 160, 3))
    hole = disc(radius=40)
    smooth = np.where(hole[..., None], 128, grain).round().clip(0, 255).astype(np.uint8)
    assert abs(of(smooth, hole)) < 0.2
    stepped = np.where(hole[..., None], 158, smooth).astype(np.uint8)
    assert of(stepped, hole) > 0.8


def test_a_blend_makes_less_of_a_seam_and_a_blur_along_it_less_than_none() -> None:
    base, hole = photo().astype(np.float32), disc(radius=40)
    hard = base + 40 * hole[..., None]
    soft = base + 40 * cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 6)[..., None]
    near = cv2.dilate(hole.astype(np.uint8), np.ones((7, 7))) - cv2.erode(hole.astype(np.uint8), np.ones((7, 7)))
    blurred = np.where(near[..., None] > 0, cv2.GaussianBlur(base, (0, 0), 4), base)
    scores = [of(picture.round().clip(0, 255).astype(np.uint8), hole) for picture in (blurred, base, soft, hard)]
    assert scores == sorted(scores)
    assert scores[0] < -0.5 and scores[2] < 0.3 and scores[3] > 1.5


def test_a_hole_too_small_to_be_shrunk_is_held_against_its_surroundings() -> None:
    flat = np.full((64, 64, 3), 50, np.uint8)
    speck = np.zeros((64, 64), bool)
    speck[30, 30] = True
    assert of(flat, speck) == 0
    flat[30, 30] = 90
    assert of(flat, speck) > 4
    assert of(flat, ~speck) > 4  # all but a speck: the other way round


def test_what_cannot_be_measured_is_nan() -> None:
    flat = np.full((64, 64, 3), 50, np.uint8)
    for hole in (np.zeros((64, 64), bool), np.ones((64, 64), bool)):
        assert math.isnan(of(flat, hole)) and math.isnan(in_torch_of(flat, hole))
    tiny = np.array([[True, False]])
    assert math.isnan(of(flat[:1, :2], tiny)) and math.isnan(in_torch_of(flat[:1, :2], tiny))


def test_only_the_result_counts() -> None:
    result, hole = photo(), disc()
    assert seam.seam(look(255 - result, result, hole, truth=result // 2)) == of(result, hole)


def test_a_batch_is_measured_picture_by_picture() -> None:
    pictures = np.stack([photo(seed=seed) for seed in (1, 2, 3)])
    many = np.stack([disc(), disc(radius=3), disc(radius=60)])
    found = in_torch.seam(torch.from_numpy(pictures).permute(0, 3, 1, 2), torch.from_numpy(many)[:, None])
    assert found.numpy() == pytest.approx([of(*pair) for pair in zip(pictures, many, strict=True)], abs=1e-9)
