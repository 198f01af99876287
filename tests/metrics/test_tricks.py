"""What each metric without a network makes of tricks: who is fooled stands here, so that a change would be seen.

A photo with a thing on it, its truth, and outputs that remove nothing, or only seem to.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from rorem.metrics import catalog
from tests.metrics.making import look, photo, scene

SOURCE, TRUTH, MASK = scene()
HOLE = cv2.dilate(MASK.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0  # the method may change a little more
PIXELS = MASK.size


def score(id: str, result: np.ndarray) -> float:
    metric = next(one for one in catalog.METRICS if one.id == id)
    return metric.load()(look(SOURCE, result, HOLE, TRUTH, MASK))


def filled(fill: np.ndarray) -> np.ndarray:
    """The source with its hole taken from `fill`."""
    return np.where(HOLE[..., None], fill, SOURCE).round().clip(0, 255).astype(np.uint8)


def blurred() -> np.ndarray:
    known = np.repeat((~HOLE).astype(np.float32)[..., None], 3, axis=2)
    weight = cv2.GaussianBlur(known, (0, 0), 12)
    return filled(cv2.GaussianBlur(SOURCE * known, (0, 0), 12) / np.maximum(weight, 1e-6))


def mean_colour() -> np.ndarray:
    return filled(np.broadcast_to(SOURCE[~HOLE].mean(axis=0), SOURCE.shape))


def noisy() -> np.ndarray:
    return filled(np.random.default_rng(0).integers(0, 256, SOURCE.shape))


def jpeg() -> np.ndarray:
    """The truth, stored with loss."""
    _, data = cv2.imencode(".jpg", TRUTH[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 75])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.ascontiguousarray(decoded[..., ::-1])


def drifted() -> np.ndarray:
    """The truth a little tinted everywhere, as an autoencoder leaves it."""
    return (TRUTH + np.array([3, -2, 4])).clip(0, 255).astype(np.uint8)


def pasted_back() -> np.ndarray:
    return filled(drifted())


TRICKS: dict[str, Callable[[], np.ndarray]] = {
    "identity": SOURCE.copy,
    "truth": TRUTH.copy,
    "other photo": lambda: photo(seed=7),
    "blur": blurred,
    "mean colour": mean_colour,
    "noise": noisy,
    "jpeg": jpeg,
    "drift": drifted,
    "paste-back": pasted_back,
}
MADE = {name: make() for name, make in TRICKS.items()}


@pytest.mark.parametrize("trick", ["identity", "truth", "blur", "mean colour", "noise", "paste-back"])
def test_the_background_is_untouched_whatever_is_in_the_hole(trick: str) -> None:
    """PSNR of the background is no measure of a removal, and pasting back makes it perfect."""
    assert score("psnr_bg/raw", MADE[trick]) == math.inf


def test_the_background_tells_loss_and_drift() -> None:
    error = (9 + 4 + 16) / 3
    assert score("psnr_bg/raw", MADE["drift"]) == pytest.approx(10 * math.log10(255**2 / error), abs=0.2)
    assert 25 < score("psnr_bg/raw", MADE["jpeg"]) < 45
    assert score("psnr_bg/raw", MADE["other photo"]) < 25


@pytest.mark.parametrize("trick", TRICKS)
def test_once_pasted_every_background_is_perfect(trick: str) -> None:
    assert score("psnr_bg/composite", MADE[trick]) == math.inf


def test_the_hole_is_best_where_the_truth_is_and_worst_where_nothing_was_removed() -> None:
    scores = {trick: score("psnr_hole/gt", made) for trick, made in MADE.items()}
    assert scores["truth"] == math.inf
    assert scores["drift"] == scores["paste-back"] == pytest.approx(10 * math.log10(255**2 * 3 / 29), abs=0.2)
    assert scores["drift"] > scores["jpeg"] > scores["blur"] > scores["noise"]
    assert scores["mean colour"] > scores["noise"] > scores["identity"]


def test_the_hole_is_fooled_by_a_smear() -> None:
    """Known: against the one truth, a smear beats a fill as detailed as the truth that is another one."""
    assert score("psnr_hole/gt", MADE["blur"]) > score("psnr_hole/gt", MADE["other photo"]) + 3


def test_the_whole_picture_is_the_hole_diluted() -> None:
    """Where all else is equal, PSNR of the whole is that of the hole plus a constant of the mask's size."""
    dilution = 10 * math.log10(PIXELS / MASK.sum())
    identity = score("psnr_full/gt", MADE["identity"]) - score("psnr_hole/gt", MADE["identity"])
    assert identity == pytest.approx(dilution, abs=1e-9)
    assert score("psnr_full/gt", MADE["paste-back"]) > score("psnr_full/gt", MADE["drift"]) + 3
    assert score("psnr_full/gt", MADE["truth"]) == math.inf


def test_structure_is_lost_by_every_trick_and_most_by_noise() -> None:
    scores = {trick: score("ssim_full/gt", made) for trick, made in MADE.items()}
    assert scores["truth"] == 1
    assert min(scores["paste-back"], scores["drift"]) > 0.99
    assert scores["paste-back"] > scores["blur"] > scores["noise"] > scores["other photo"]
    assert all(value < 1 for trick, value in scores.items() if trick != "truth")


def test_a_seam_is_seen_where_one_is() -> None:
    scores = {trick: score("seam", made) for trick, made in MADE.items()}
    assert abs(scores["truth"]) < 0.3 and abs(scores["jpeg"]) < 0.3 and abs(scores["drift"]) < 0.3
    assert scores["mean colour"] > 0.7
    assert scores["mean colour"] > scores["blur"]


def test_the_thing_left_in_its_place_is_a_seam_where_the_hole_follows_it() -> None:
    metric = next(one for one in catalog.METRICS if one.id == "seam").load()
    assert metric(look(SOURCE, SOURCE, MASK)) > 1.5 > 0.6 > abs(metric(look(SOURCE, TRUTH, MASK)))


def test_the_published_way_prefers_doing_nothing() -> None:
    scores = {trick: score("rorem_style/psnr", made) for trick, made in MADE.items()}
    assert scores["identity"] == math.inf
    assert all(
        scores["truth"] < math.inf and value < math.inf for trick, value in scores.items() if trick != "identity"
    )
    assert abs(scores["truth"] - scores["mean colour"]) < 2  # it can hardly tell the best from a flat patch
