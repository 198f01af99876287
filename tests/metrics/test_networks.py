"""The shelf of networks, what it keeps, and all metrics with networks on tiny weights."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.errors import BadWeights, MissingWeights, Unavailable
from rorem.metrics import catalog, networks
from rorem.metrics.contract import Metric, Seen, SetMetric
from rorem.metrics.networks import Asked
from rorem.weights import Hub, complete
from tests.checkpoints.metrics import write_metric_weights

MODULES = ("lpips", "dino", "clip", "remove", "cfd", "rc_s", "rorem_style_networks")
METRICS: tuple[Metric, ...] = tuple(one for name in MODULES for one in import_module(f"rorem.metrics.{name}").METRICS)
SET_METRICS: tuple[SetMetric, ...] = import_module("rorem.metrics.cmmd").SET_METRICS
EVERY: tuple[Metric | SetMetric, ...] = (*METRICS, *SET_METRICS)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights")
    write_metric_weights(made)
    return made


@pytest.fixture
def ready(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROREM_WEIGHTS", str(weights))


def picture(seed: int, height: int = 96, width: int = 130) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    phase = np.random.default_rng(seed).random(3) * 6
    return np.dstack([127 + 120 * np.sin(rows / 9 + columns / 13 + one) for one in phase]).astype(np.uint8)


def removal(left: int, top: int, right: int, bottom: int) -> Seen:
    mask = np.zeros((96, 130), bool)
    mask[top:bottom, left:right] = True
    return Seen(picture(0), mask, picture(1), mask, picture(2), category="object")


def test_the_ids_are_these() -> None:
    assert [one.id for one in EVERY] == [
        *(f"lpips_full/gt@{net}" for net in ("alex", "vgg", "squeeze")),
        *("lpips_hole/gt", "dino_ring", "clip_box", "clip_box/text", "remove/published", "remove/fixed"),
        *("cfd/published", "cfd/fixed", "rc_s", "rorem_style/lpips", "rorem_style/dino", "rorem_style/clip", "cmmd"),
    ]


@pytest.mark.parametrize("metric", METRICS, ids=lambda one: one.id)
def test_each_measures_a_removal_and_a_single_pixel(metric: Metric, ready: None) -> None:
    assert catalog.obstacle(metric) == ""
    measure = metric.load()
    found = measure(removal(40, 30, 80, 70))
    assert isinstance(found, float) and math.isfinite(found)
    assert measure(removal(40, 30, 80, 70)) == found
    assert isinstance(measure(removal(129, 95, 130, 96)), float)
    assert isinstance(measure(removal(0, 0, 0, 0)), float)


@pytest.mark.parametrize("metric", EVERY, ids=lambda one: one.id)
def test_missing_weights_are_said_and_never_a_number(metric: Metric | SetMetric) -> None:
    assert metric.parts and set(metric.parts) <= set(networks.PARTS)
    assert "rorem weights pull" in catalog.obstacle(metric)
    with pytest.raises(MissingWeights):
        metric.load()


@pytest.mark.parametrize("part", networks.PARTS, ids=lambda one: one.name)
def test_every_part_has_a_size_and_a_tiny_twin(part: networks.Part, weights: Path) -> None:
    assert complete(weights / part.name, part)
    assert part.bytes > 1000 and (isinstance(part.source, Hub) or all(len(one.sha256) >= 8 for one in part.files))
    for file in part.files:
        digits = file.name.rpartition(".")[0].rpartition("-")[2]
        if file.name.endswith(".pth") and "-" in file.name:
            assert file.sha256 == digits, "torchvision's names end in the first digits"


def test_parts_have_names_of_their_own() -> None:
    assert len({part.name for part in networks.PARTS}) == len(networks.PARTS)
    assert {part for metric in EVERY for part in metric.parts} == set(networks.PARTS)


def test_the_lists_are_light() -> None:
    names = ", ".join(f"rorem.metrics.{name}" for name in (*MODULES, "cmmd", "sam", "cells"))
    code = f"import sys, {names}; print([one for one in ('torch', 'transformers', 'diffusers') if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


def test_without_a_package_the_sentence_says_which(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    monkeypatch.setattr(networks, "find_spec", lambda name: None if name == "transformers" else object())
    with pytest.raises(Unavailable, match="transformers"):
        networks.clip({"ROREM_WEIGHTS": str(weights)})


def test_other_weights_take_the_place_of_the_first(weights: Path, tmp_path: Path) -> None:
    networks.clear()
    first = networks.clip({"ROREM_WEIGHTS": str(weights)})
    (tmp_path / "clip-vit-large-patch14-336").symlink_to(weights / "clip-vit-large-patch14-336")
    second = networks.clip({"ROREM_WEIGHTS": str(tmp_path)})
    assert second is not first
    assert networks.clip({"ROREM_WEIGHTS": str(tmp_path)}) is second
    assert networks.clip({"ROREM_WEIGHTS": str(weights)}) is not first, "one at a time: they are large"


def test_where_the_gpu_is_lent_metrics_do_without(weights: Path) -> None:
    networks.clear()
    environment = {"ROREM_WEIGHTS": str(weights), "ROREM_DEVICE": "meta", "SPACES_ZERO_GPU": "true"}
    assert {one.device.type for one in networks.lpips("alex", environment).net.parameters()} == {"cpu"}
    networks.clear()


def test_a_damaged_network_is_not_kept(weights: Path, tmp_path: Path) -> None:
    networks.clear()
    for name in ("lpips-alexnet", "lpips-alex"):
        (tmp_path / name).mkdir()
        for file in (weights / name).iterdir():
            (tmp_path / name / file.name).write_bytes(file.read_bytes()[:999])
    for _ in range(2):
        with pytest.raises(BadWeights):
            networks.lpips("alex", {"ROREM_WEIGHTS": str(tmp_path)})


def test_threads_load_one_network_and_ask_once(weights: Path) -> None:
    networks.clear()
    environment, found, calls = {"ROREM_WEIGHTS": str(weights)}, [], []
    photo = picture(3)

    def ask() -> None:
        asked = networks.dinov2(networks.DINOV2_BASE, environment)
        found.append((asked, asked.of(photo, "sum", lambda: calls.append(1) or np.array(photo.sum()))))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(asked) for asked, _ in found}) == 1 and len(found) == 8 and calls == [1]


@given(st.lists(st.integers(0, 6), max_size=30), st.integers(1, 4), st.integers(1, 5))
@settings(max_examples=60)
def test_what_is_kept_is_the_latest_and_bounded(asks: list[int], pictures: int, room: int) -> None:
    asked = Asked(None, bytes=8 * room, pictures=pictures)
    made: list[int] = []
    kept: list[int] = []  # the model: the last used are last
    for one in asks:
        given_picture = np.full((2, 2, 3), one, np.uint8)
        said = asked.of(given_picture, "value", lambda one=one: made.append(one) or np.array([one]))
        assert said[0] == one
        if one in kept:
            kept.remove(one)
        else:
            assert made.pop() == one
        kept = [*kept, one][-min(pictures, room) :]
    assert made == []


def test_another_shape_or_question_is_another_answer() -> None:
    asked = Asked(None)
    flat = np.zeros((2, 6, 3), np.uint8)
    first = asked.of(flat, "a", lambda: np.array(1))
    assert asked.of(flat.reshape(6, 2, 3), "a", lambda: np.array(2)) == 2
    assert asked.of(flat, "b", lambda: np.array(3)) == 3
    assert asked.of(flat, "a", lambda: np.array(4)) is first


def test_what_is_too_large_is_answered_and_not_kept() -> None:
    asked = Asked(None, bytes=10)
    calls: list[int] = []
    for _ in range(2):
        assert asked.of(np.zeros((1, 1, 3), np.uint8), "a", lambda: calls.append(1) or np.zeros(99)).shape == (99,)
    assert calls == [1, 1]
