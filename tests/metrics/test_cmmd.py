"""CMMD: numpy and torch against each other, and its properties."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.metrics import cmmd, networks
from rorem.metrics.contract import Seen
from tests.checkpoints.clip import write_clip


def unit_vectors(seed: int, count: int, width: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9), st.integers(1, 6))
@settings(max_examples=60)
def test_numpy_and_torch_agree(seed: int, first: int, second: int, width: int) -> None:
    one, other = unit_vectors(seed, first, width), unit_vectors(seed + 1, second, width)
    found = cmmd.distance(one, other)
    twin = cmmd.distance_torch(torch.from_numpy(one), torch.from_numpy(other))
    assert found == pytest.approx(twin, rel=1e-6, abs=1e-6)
    assert found == pytest.approx(cmmd.distance(other, one), abs=1e-9) and found >= 0
    assert cmmd.distance(one, one) == pytest.approx(0, abs=1e-9)


def test_two_vectors_by_hand() -> None:
    one, other = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert cmmd.distance(one, other) == pytest.approx(1000 * (2 - 2 * math.exp(-2 / 200)))


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = unit_vectors(1, 50, 8), unit_vectors(2, 30, 8)
    whole = cmmd.distance(one, other)
    monkeypatch.setattr(cmmd, "BLOCK", 7)
    assert cmmd.distance(one, other) == pytest.approx(whole, abs=1e-9)


def test_small_sets_look_farther_apart_than_they_are() -> None:
    """That is why the number of pictures belongs beside it."""
    few, many = (cmmd.distance(unit_vectors(3, n, 6), unit_vectors(4, n, 6)) for n in (5, 500))
    assert few > 5 * many


def test_no_pictures_no_number() -> None:
    none, some = np.zeros((0, 3), np.float32), unit_vectors(1, 2, 3)
    assert math.isnan(cmmd.distance(none, some)) and math.isnan(cmmd.distance(some, none))
    assert math.isnan(cmmd.distance_torch(torch.from_numpy(none), torch.from_numpy(some)))


def test_vectors_of_results_and_truths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(tmp_path / "clip-vit-large-patch14-336")
    monkeypatch.setenv("ROREM_WEIGHTS", str(tmp_path))
    networks.clear()
    (entry,) = cmmd.SET_METRICS
    pair = entry.load()
    pictures = [np.random.default_rng(n).integers(0, 256, (30, 40, 3), np.uint8) for n in range(3)]
    mask = np.zeros((30, 40), bool)
    result, truth = pair(Seen(pictures[0], mask, pictures[1], mask, pictures[2]))
    assert result.shape == truth.shape == (12,) and result.dtype == np.float32
    assert np.linalg.norm(result) == pytest.approx(1, abs=1e-5) and not np.allclose(result, truth)
    same, again = pair(Seen(pictures[0], mask, pictures[2], mask, pictures[2]))
    assert (same == again).all() and entry.distance(same[None], again[None]) == 0
    with pytest.raises(ValueError, match="truth"):
        pair(Seen(pictures[0], mask, pictures[1], mask))
