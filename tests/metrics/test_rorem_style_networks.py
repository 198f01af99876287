"""Our reading of RORem's own table: the columns that need networks."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rorem.metrics import networks
from rorem.metrics import rorem_style_networks as style
from rorem.metrics.contract import Seen
from rorem.nets.clip import Clip
from rorem.nets.dinov2 import Dinov2
from tests.checkpoints.clip import write_clip
from tests.checkpoints.dinov2 import write_dinov2
from tests.checkpoints.lpips import write_lpips


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights")
    write_lpips(made, "alex")
    write_dinov2(made / "dinov2-base")
    write_clip(made / "clip-vit-large-patch14-336")
    return made


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    networks.clear()
    return {"ROREM_WEIGHTS": str(folder)}


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def removal(raw: np.ndarray | None = None, category: str = "", same: bool = False) -> Seen:
    source = noise(0, 60, 80)
    mask = np.zeros((60, 80), bool)
    mask[20:40, 30:60] = True
    return Seen(source, mask, source if same else noise(1, 60, 80), mask, raw=raw, category=category)


def squashed(rgb: np.ndarray) -> np.ndarray:
    return np.array(Image.fromarray(rgb).resize((512, 512)))


def test_lpips_is_of_two_squares_times_100(environment: dict[str, str]) -> None:
    asked = networks.lpips("alex", environment)
    levels = [
        torch.from_numpy(squashed(rgb)).permute(2, 0, 1)[None].float() for rgb in (noise(0, 60, 80), noise(1, 60, 80))
    ]
    from rorem.nets.lpips import distance

    with torch.inference_mode():
        wanted = 100 * distance(asked.net(levels[0]), asked.net(levels[1]), asked.net.heads)
    assert style.of_lpips(asked, removal()) == pytest.approx(wanted, rel=1e-5)
    assert style.of_lpips(asked, removal(same=True)) == 0, "doing nothing wins"


def test_dino_is_of_the_middle_of_both_squares(environment: dict[str, str], folder: Path) -> None:
    network = Dinov2(folder / "dinov2-base", torch.device("cpu"))
    vectors = []
    for rgb in (noise(0, 60, 80), noise(1, 60, 80)):
        small = np.array(Image.fromarray(squashed(rgb)).resize((256, 256), Image.Resampling.BICUBIC))
        vectors.append(network.tokens(small[16:240, 16:240]).whole)
    asked = networks.dinov2(networks.DINOV2_BASE, environment)
    wanted = float(torch.cosine_similarity(*vectors, dim=0))
    assert style.of_dino(asked, removal()) == pytest.approx(wanted, abs=1e-5)
    assert style.of_dino(asked, removal(same=True)) == pytest.approx(1, abs=1e-6)


def test_clip_needs_a_category(environment: dict[str, str], folder: Path) -> None:
    network = Clip(folder / "clip-vit-large-patch14-336", torch.device("cpu"))
    asked = networks.clip(environment)
    wanted = 100 * float(network.picture(squashed(noise(1, 60, 80))) @ network.text("object"))
    assert style.of_clip(asked, removal(category="object")) == pytest.approx(wanted, abs=1e-3)
    assert math.isnan(style.of_clip(asked, removal()))


def test_the_raw_result_counts_where_there_is_one(environment: dict[str, str]) -> None:
    asked = networks.lpips("alex", environment)
    raw = removal(raw=squashed(noise(0, 60, 80)))
    assert style.of_lpips(asked, raw) == 0
    assert style.of_lpips(asked, removal()) > 1
    dino = networks.dinov2(networks.DINOV2_BASE, environment)
    assert style.of_dino(dino, raw) == pytest.approx(1, abs=1e-6)


def test_every_entry_says_that_it_is_our_reading() -> None:
    assert [one.id for one in style.METRICS] == [f"rorem_style/{name}" for name in ("lpips", "dino", "clip")]
    assert all("undefined protocol" in one.about and not one.needs_truth for one in style.METRICS)
