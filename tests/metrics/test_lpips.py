"""LPIPS as a metric: through its files, on removals."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from rorem.errors import OutOfMemory
from rorem.metrics import lpips, networks
from rorem.metrics.contract import Seen
from rorem.nets import compute
from tests.checkpoints.lpips import write_lpips


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights")
    for net in ("alex", "squeeze"):
        write_lpips(made, net)
    return made


@pytest.fixture
def alex(folder: Path) -> networks.Asked:
    networks.clear()
    return networks.lpips("alex", {"ROREM_WEIGHTS": str(folder)})


def noise(seed: int, height: int = 60, width: int = 84) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def removal(result: np.ndarray, truth: np.ndarray | None) -> Seen:
    mask = np.zeros(result.shape[:2], bool)
    mask[20:40, 30:60] = True
    return Seen(noise(0), mask, result, mask, truth)


def test_the_truth_itself_is_perfect_and_more_difference_is_worse(alex: networks.Asked) -> None:
    truth = noise(1)
    small = np.clip(truth.astype(int) + np.random.default_rng(2).integers(-9, 10, truth.shape), 0, 255).astype(np.uint8)
    for measure in (lpips.whole, lpips.in_hole):
        found = [measure(alex, removal(result, truth)) for result in (truth, small, noise(3))]
        assert found[0] == 0 < found[1] < found[2]


def test_the_hole_is_where_the_mask_is(alex: networks.Asked) -> None:
    truth = noise(1)
    inside, outside = truth.copy(), truth.copy()
    inside[20:40, 30:60] = 128
    outside[:8] = 128
    near, far = (removal(result, truth) for result in (inside, outside))
    assert lpips.in_hole(alex, near) > 2 * lpips.whole(alex, near) > 0
    assert 0 <= lpips.in_hole(alex, far) < lpips.whole(alex, far)


def test_over_the_whole_picture_the_map_is_what_the_hole_averages(alex: networks.Asked) -> None:
    from rorem.nets.lpips import distance_map

    one, other = noise(1), noise(2)
    everywhere = Seen(noise(0), np.ones((60, 84), bool), other, np.ones((60, 84), bool), one)
    mapped = distance_map(lpips.features(alex, one), lpips.features(alex, other), alex.net.heads)
    assert lpips.in_hole(alex, everywhere) == pytest.approx(float(mapped.mean()), rel=1e-4)


def test_without_a_truth_or_a_mask_there_is_no_number(alex: networks.Asked) -> None:
    assert math.isnan(lpips.whole(alex, removal(noise(1), None)))
    assert math.isnan(lpips.in_hole(alex, removal(noise(1), None)))
    empty = np.zeros((60, 84), bool)
    assert math.isnan(lpips.in_hole(alex, Seen(noise(0), empty, noise(1), empty, noise(2))))


def test_a_truth_is_looked_at_once(alex: networks.Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    forward = alex.net.forward
    monkeypatch.setattr(alex.net, "forward", lambda levels: looks.append(1) or forward(levels))
    for seed in range(5):
        lpips.whole(alex, removal(noise(seed + 2), noise(1)))
        lpips.in_hole(alex, removal(noise(seed + 2), noise(1)))
    assert len(looks) == 6


def test_one_network_for_a_process_and_another_for_another_tower(folder: Path, alex: networks.Asked) -> None:
    environment = {"ROREM_WEIGHTS": str(folder)}
    assert networks.lpips("alex", environment) is alex
    assert networks.lpips("squeeze", environment) is not alex
    assert len(networks.lpips("squeeze", environment).net.heads) == 7


def test_a_lack_of_memory_is_said(alex: networks.Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(levels: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")

    monkeypatch.setattr(alex.net, "forward", refuse)
    with pytest.raises(OutOfMemory, match="LPIPS"):
        lpips.whole(alex, removal(noise(8), noise(9)))


def test_what_would_not_fit_is_refused_beforehand(alex: networks.Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(levels: object) -> None:
        raise AssertionError("it was begun")

    enough = alex.net.peak_memory(60, 84)
    assert enough == 200 * 60 * 84
    monkeypatch.setattr(compute, "free_memory", lambda where: enough - 1)
    with monkeypatch.context() as patch:
        patch.setattr(alex.net, "forward", look)
        for measure in (lpips.whole, lpips.in_hole):
            with pytest.raises(OutOfMemory, match=r"LPIPS needs about 0\.0 GB of memory at this size"):
                measure(alex, removal(noise(8), noise(9)))
    for free in (enough, None):
        monkeypatch.setattr(compute, "free_memory", lambda where, free=free: free)
        assert lpips.whole(alex, removal(noise(8), noise(9))) > 0


def test_the_entries_say_what_they_need() -> None:
    assert [one.id for one in lpips.METRICS] == [
        *(f"lpips_full/gt@{net}" for net in ("alex", "vgg", "squeeze")),
        "lpips_hole/gt",
    ]
    for entry in lpips.METRICS:
        assert entry.needs_truth and entry.better == "lower" and len(entry.parts) == 2 and entry.packages == ("torch",)
