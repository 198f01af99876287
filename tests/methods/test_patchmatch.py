"""The embedded method: exact, repeatable, honest about what it cannot do, and better than a smear."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.errors import Cancelled, Unavailable
from rorem.methods.patchmatch import MOST_CELLS, TOO_LITTLE, PatchMatch, PatchMatchOptions, shrunk
from rorem.methods.telea import diffuse
from rorem.remover import Fill, Job

pytest.importorskip("patchmatch")


def meadow(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Green noise with slanted stripes, uint8 RGB."""
    y, x = np.mgrid[:height, :width]
    stripes = 40 * np.sin((x + 0.5 * y) / 2.5)
    grain = np.random.default_rng(seed).normal(0, 8, (height, width))
    return np.stack([60 + stripes + grain, 150 + stripes + grain, 50 + grain], axis=2).clip(0, 255).astype(np.uint8)


def disc(height: int, width: int, radius: float, at: tuple[float, float] = (0.5, 0.5)) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return (y - at[0] * height) ** 2 + (x - at[1] * width) ** 2 <= radius**2


def fill(crop: np.ndarray, hole: np.ndarray, avoid: np.ndarray | None = None, seed: int = 0, on_step=None) -> Fill:
    job = Job(crop, hole, np.zeros_like(hole) if avoid is None else avoid, seed, PatchMatchOptions())
    return PatchMatch().fill(job, on_step or (lambda done, total: None))


@pytest.mark.parametrize("size", [(160, 200), (620, 700)])  # filled as it is; filled small and enlarged
def test_only_the_hole_changes_and_twice_is_the_same(size: tuple[int, int]) -> None:
    crop, hole = meadow(*size), disc(*size, 50)
    crop[hole] = (250, 20, 20)
    before = crop.copy()
    first, second = fill(crop, hole, seed=4), fill(crop, hole, seed=4)
    assert np.array_equal(crop, before)
    assert np.array_equal(first.crop[~hole], crop[~hole]) and np.array_equal(first.crop, second.crop)
    assert first.network_calls == 0 and first.notes == ()
    assert (first.crop[hole].astype(int)[:, 0] < 180).all(), "nothing of the red object may come back"


@pytest.mark.parametrize("size", [(180, 200), (620, 700)])
def test_what_is_avoided_never_appears(size: tuple[int, int]) -> None:
    """A magenta thing touches the hole; another, much like its surroundings, would be a fine source."""
    crop, hole = meadow(*size), disc(*size, 45)
    avoid = disc(*size, 40, at=(0.5, 0.75)) & ~hole
    avoid |= disc(*size, 20, at=(0.2, 0.2))
    crop[avoid] = (255, 0, 255)
    assert (fill(crop, hole, avoid).crop[hole][:, 2] < 120).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.floats(0, 1), st.integers(0, 9))
def test_small_and_strange_jobs_are_filled(height: int, width: int, holes: float, avoided: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    hole, avoid = np.zeros((2, height, width), bool)
    hole[: max(1, round(height * holes)), : max(1, round(width * holes))] = True
    avoid[round(height * (1 - avoided)) :] = True
    crop = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    result = fill(crop, hole, avoid, seed)
    assert result.crop.shape == crop.shape and result.crop.dtype == np.uint8
    assert np.array_equal(result.crop[~hole], crop[~hole])


@pytest.mark.parametrize("shape", [(1, 3000), (20, 15000), (700, 600)])
def test_long_crops_and_vast_holes_are_filled(shape: tuple[int, int]) -> None:
    crop, hole = meadow(*shape), np.ones(shape, bool)
    hole[:, : max(1, shape[1] // 10)] = False
    assert np.array_equal(fill(crop, hole).crop[~hole], crop[~hole])


def test_too_little_to_copy_from_is_said() -> None:
    hole = np.ones((60, 60), bool)
    hole[:5] = False
    assert fill(meadow(60, 60), hole).notes == (TOO_LITTLE,)


def test_a_vast_hole_is_filled_smaller() -> None:
    crop, hole = np.zeros((500, 500, 3), np.uint8), np.ones((500, 500), bool)
    assert shrunk(crop, hole, 384).shape[0] ** 2 == pytest.approx(MOST_CELLS, rel=0.02)
    small = shrunk(crop, ~hole, 256)
    assert small.shape[0] * small.shape[1] == pytest.approx(256**2, rel=0.02)


@pytest.mark.parametrize("stop", [0, 1, 2, 3])
def test_cancel_stops_at_every_stage(stop: int) -> None:
    def on_step(done: int, total: int) -> None:
        assert 0 <= done <= total
        if done == stop:
            raise Cancelled

    crop, hole = meadow(600, 600), disc(600, 600, 40)
    with pytest.raises(Cancelled):
        fill(crop, hole, on_step=on_step)
    assert fill(crop[:100, :100], hole[:100, :100] | disc(100, 100, 9)).crop.shape == (100, 100, 3), "works afterwards"


@pytest.mark.parametrize("size", [192, 640])
def test_texture_comes_back_where_diffusion_smears(size: int) -> None:
    """Local Gabor energies inside the hole are nearer to the truth's than Telea's are, by far."""
    truth, hole = meadow(size, size), disc(size, size, 0.16 * size)
    crop = truth.copy()
    crop[hole] = 0
    smear, _ = diffuse(crop, hole, np.zeros_like(hole))
    assert energy_distance(fill(crop, hole).crop, truth, hole) < 0.5 * energy_distance(smear, truth, hole)


def energy_distance(picture: np.ndarray, truth: np.ndarray, hole: np.ndarray) -> float:
    """Mean relative difference of blurred Gabor energies in the hole, over three wavelengths and four directions."""
    total = []
    for wavelength in (4, 8, 16):
        for angle in np.arange(4) * np.pi / 4:
            kernel = cv2.getGaborKernel((2 * wavelength + 1,) * 2, wavelength / 2, angle, wavelength, 0.7, 0)
            a, b = (_energy(p, (kernel - kernel.mean()).astype(np.float32)) for p in (picture, truth))
            total.append((np.abs(a - b) / (a + b + 2))[hole].mean())
    return float(np.mean(total))


def _energy(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return cv2.GaussianBlur(np.abs(cv2.filter2D(grey, cv2.CV_32F, kernel)), (0, 0), 6)


def test_without_the_native_library_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchmatch.patchmatch_available", False)
    with pytest.raises(Unavailable):
        PatchMatch()
    monkeypatch.setitem(sys.modules, "patchmatch", None)
    with pytest.raises(Unavailable):
        PatchMatch()
