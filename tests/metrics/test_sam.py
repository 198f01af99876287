"""Automatic masks: the parts against transformers' own and plain versions, the whole on a tiny network."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from transformers.models.sam import image_processing_pil_sam as stock

from rorem.metrics import networks, sam
from tests.checkpoints.sam import write_sure_sam


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights")
    write_sure_sam(made / "sam-vit-huge")
    return made


@pytest.fixture
def asked(folder: Path) -> networks.Asked:
    networks.clear()
    return networks.sam({"ROREM_WEIGHTS": str(folder)})


def waves(height: int, width: int, seed: int = 0) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    phase = np.random.default_rng(seed).random(3) * 6
    return np.dstack([127 + 120 * np.sin(rows / 9 + columns / 13 + one) for one in phase]).astype(np.uint8)


@pytest.mark.parametrize("count", [1, 2, 32])
def test_the_grid_is_that_of_the_published_generator(count: int) -> None:
    assert np.allclose(sam.point_grid(count), stock._build_point_grid(count))


@given(arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(-3, 3, width=32)))
@settings(max_examples=60)
def test_stability_in_three_ways(logits: np.ndarray) -> None:
    found = sam.stability(torch.from_numpy(logits))
    assert found == pytest.approx(sam.stability_reference(logits))
    if (logits > -1).any():
        theirs = stock._compute_stability_score(torch.from_numpy(logits)[None], 0.0, 1)
        assert found == pytest.approx(float(theirs[0]), abs=1e-6)


def plain_without_doubles(boxes: np.ndarray, scores: np.ndarray, same: float) -> list[int]:
    kept: list[int] = []
    for one in sorted(range(len(boxes)), key=lambda number: (-scores[number], number)):
        left, top, right, bottom = boxes[one]
        free = True
        for other in kept:
            wide = min(right, boxes[other][2]) - max(left, boxes[other][0])
            high = min(bottom, boxes[other][3]) - max(top, boxes[other][1])
            common = max(0.0, wide) * max(0.0, high)
            areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (boxes[one], boxes[other])]
            free &= not (common > 0 and common / (sum(areas) - common) > same)
        if free:
            kept.append(one)
    return kept


@given(st.lists(st.tuples(*(st.integers(0, 12),) * 4, st.integers(0, 3)), max_size=12), st.sampled_from([0.3, 0.7]))
@settings(max_examples=80)
def test_doubles_go_as_in_the_plain_version(drawn: list[tuple[int, ...]], same: float) -> None:
    corners = np.array([one[:4] for one in drawn], float).reshape(-1, 4)
    boxes = np.concatenate([np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])], 1)
    scores = np.array([one[4] for one in drawn], float)
    assert sam.without_doubles(boxes, scores, same) == plain_without_doubles(boxes, scores, same)


def test_boxes_count_as_in_segment_anything() -> None:
    masks = np.zeros((3, 6, 9), bool)
    masks[0, 1:4, 2:8] = masks[1, 5, 8] = True
    assert [sam.box_of(mask) for mask in masks] == [(2, 1, 7, 3), (8, 5, 8, 5), (0, 0, 0, 0)]
    theirs = stock._batched_mask_to_box(torch.from_numpy(masks))
    assert theirs.tolist() == [list(sam.box_of(mask)) for mask in masks]


def test_what_is_found_is_sure_and_stable_and_as_large_as_the_picture(asked: networks.Asked) -> None:
    seen = asked.net.features(waves(90, 120))
    masks = sam.find(asked.net, seen, grid=6).masks
    logits, scores = asked.net.at(seen, sam.point_grid(6) * (120, 90))
    candidates = []
    for point, kind in np.argwhere(scores > sam.OVERLAP):
        large = asked.net.enlarged(logits[point, kind], seen).numpy()
        if sam.stability_reference(large) >= sam.STABLE:
            candidates.append((scores[point, kind], large > 0))
    assert len(candidates) > len(masks) >= 1, "the random network is sure of some, and their boxes are alike"
    assert masks.shape[1:] == (90, 120) and masks.dtype == bool
    assert (masks[0] == max(candidates, key=lambda one: one[0])[1]).all()


class Discs:
    """A network to which every point means three discs around it: a small one, a large one, and one without an edge."""

    def at(self, seen: object, points: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
        rows, columns = np.mgrid[:60, :80] + 0.5
        made = []
        for x, y in points:
            far = np.hypot(columns - x, rows - y)
            made.append([100 * (6 - far), 100 * (20 - far), 0.05 * (9 - far)])
        scores = np.array([[0.9 + x / 1000, 0.5 + y / 100, 0.99] for x, y in points])
        return torch.tensor(np.array(made)), scores

    def enlarged(self, logits: torch.Tensor, seen: object) -> torch.Tensor:
        return logits


def test_only_sure_stable_and_single_masks_stay() -> None:
    picture: Any = SimpleNamespace(width=80, height=60)
    network: Any = Discs()
    masks = sam.find(network, picture, grid=4).masks
    # Points lie at x = 10, 30, 50, 70 and y = 7.5, 22.5, 37.5, 52.5. The small discs do not meet. Of the large ones the
    # network is sure (0.88) where y is 52.5, and those overlap little.
    areas = sorted(int(mask.sum()) for mask in masks)
    assert len(masks) == 20 and areas[15] < 130 and areas[16] > 400
    assert masks[0].sum() > 400, "best first"
    many = sam.find(network, picture, grid=20)
    boxes = np.array([sam.box_of(mask) for mask in many.masks], float)
    for number in range(len(boxes)):
        assert (sam.overlaps(boxes[number], np.delete(boxes, number, 0)) <= sam.SAME).all()
    assert 20 < len(boxes) < 400 + 7 * 20, "all of the small ones and 7 rows of the large ones were candidates"


def test_stricter_settings_find_less_and_the_strictest_nothing(asked: networks.Asked) -> None:
    seen = asked.net.features(waves(60, 60))
    some, fewer = (len(sam.find(asked.net, seen, 5, overlap=0.5, stable=share).masks) for share in (0.1, 0.99))
    assert some >= fewer
    nothing = sam.find(asked.net, seen, 5, overlap=2.0)
    assert nothing.masks.shape == (0, 60, 60) and nothing.nbytes == 0


def test_segments_of_a_picture_are_worked_out_once(asked: networks.Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    find = sam.find
    monkeypatch.setattr(sam, "find", lambda *given: calls.append(1) or find(*given))
    first = sam.segments(asked, waves(40, 50), 4)
    assert sam.segments(asked, waves(40, 50).copy(), 4) is first and calls == [1]
    sam.segments(asked, waves(40, 50, 1), 4)
    assert calls == [1, 1]


def test_a_picture_of_one_pixel(asked: networks.Asked) -> None:
    assert sam.segments(asked, waves(1, 1), 2).masks.shape[1:] == (1, 1)
