"""Matching and detail transfer: the right place is found, and its detail arrives at full size."""

from __future__ import annotations

import cv2
import numpy as np

from rorem.methods import detail
from rorem.methods.detail import SmallFill, bands, enlarge, sample
from rorem.methods.match import nearest_patches, patch_sources, patches_touching


def texture(height: int, width: int, grain: float, seed: int = 0) -> np.ndarray:
    """Smooth noise, uint8 RGB."""
    rough = np.random.default_rng(seed).normal(0, 1, (height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(rough, (0, 0), grain)
    return (128 + 40 * smooth / smooth.std()).clip(0, 255).astype(np.uint8)


def test_sources_keep_their_distance() -> None:
    usable = np.ones((20, 20), bool)
    usable[10, 10] = False
    sources = patch_sources(usable, radius=2)
    assert not sources[8:13, 8:13].any() and not sources[:2].any() and sources[13, 13] and sources[2, 2]


def test_a_copied_patch_finds_its_original_and_neighbours_stay_together() -> None:
    picture = texture(80, 120, 1.5)
    hole = np.zeros((80, 120), bool)
    hole[20:60, 70:100] = True
    picture[20:60, 70:100] = picture[20:60, 20:50]
    wanted = cv2.erode(hole.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0  # patches wholly inside the copy
    matches = nearest_patches(picture.astype(np.float32), wanted, patch_sources(~hole))
    y, x = np.nonzero(wanted)
    assert np.mean((matches.rows[y, x] == y) & (matches.columns[y, x] == x - 50)) > 0.98
    assert np.all(matches.rows[~wanted] == -1)


def test_matching_is_repeatable() -> None:
    picture = texture(60, 60, 1).astype(np.float32)
    hole = np.zeros((60, 60), bool)
    hole[20:40, 20:40] = True
    first, second = (nearest_patches(picture, patches_touching(hole), patch_sources(~hole)) for _ in range(2))
    assert np.array_equal(first.rows, second.rows) and np.array_equal(first.columns, second.columns)


def test_detail_arrives_at_full_size() -> None:
    """A fill copied at a third of the size becomes the exact original again, not its blur."""
    coarse, fine = texture(240, 360, 6), texture(240, 360, 1, seed=1)
    photo = (0.6 * coarse + 0.4 * fine).astype(np.uint8)
    photo[60:180, 210:300] = photo[60:180, 60:150]  # the truth: a repeat, 150 pixels or 50 cells to the right
    hole = np.zeros((240, 360), bool)
    hole[90:150, 231:279] = True
    small = cv2.resize(photo, (120, 80), interpolation=cv2.INTER_AREA)
    small_hole = hole[1::3, 1::3]
    fill = SmallFill(small, small, small_hole, patch_sources(~small_hole))
    seen: list[int] = []
    damaged = photo.copy()
    damaged[hole] = 0
    result = enlarge(damaged, hole, fill, seen.append)
    soft = sample(small, photo.shape, *np.nonzero(hole))
    error = np.abs(result[hole].astype(float) - photo[hole]).mean()
    assert error < 0.2 * np.abs(soft - photo[hole]).mean()
    assert np.array_equal(result[~hole], damaged[~hole]) and seen == [1]


def test_bands_hold_every_pixel_once(monkeypatch) -> None:
    monkeypatch.setattr(detail, "BAND", 50)
    hole = np.random.default_rng(0).random((70, 33)) < 0.2
    places = [np.stack(band) for band in bands(hole)]
    assert len(places) > 3 and np.array_equal(np.hstack(places).T, np.argwhere(hole))


def test_sampling_is_enlarging() -> None:
    picture = texture(20, 30, 2)
    whole = cv2.resize(picture.astype(np.float32), (75, 50), interpolation=cv2.INTER_CUBIC)
    y, x = np.nonzero(np.ones((50, 75), bool))
    assert np.abs(sample(picture, (50, 75), y, x).reshape(50, 75, 3) - whole).max() < 4  # remap rounds places to 1/32
