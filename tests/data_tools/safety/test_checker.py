"""The checker from its published layout, against the one of diffusers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data_tools.safety.checker import CHECKER, Checker, load
from rorem.errors import BadWeights, MissingWeights
from tests.checkpoints.parts import write_json
from tests.data_tools.safety import checkpoint

CPU = torch.device("cpu")


def noise(seed: int, height: int = 40, width: int = 61) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint.write(tmp_path_factory.mktemp("weights") / CHECKER.name)


def by_diffusers(rgb: np.ndarray) -> tuple[list[float], bool]:
    """Scores of the 17 concepts, and whether it would be blacked out."""
    from transformers import CLIPImageProcessor

    side = {"height": checkpoint.SIDE, "width": checkpoint.SIDE}
    prepare = CLIPImageProcessor(size={"shortest_edge": checkpoint.SIDE}, crop_size=side, do_center_crop=True)
    seen = prepare(Image.fromarray(rgb), return_tensors="pt").pixel_values
    model = checkpoint.make()
    pooled = model.visual_projection(model.vision_model(seen)[1])
    normal = torch.nn.functional.normalize
    care = (normal(pooled) @ normal(model.special_care_embeds).T)[0] - model.special_care_embeds_weights
    raised = 0.01 if (care > 0.0005).any() else 0.0
    scores = (normal(pooled) @ normal(model.concept_embeds).T)[0] - model.concept_embeds_weights + raised
    _, unsafe = model(clip_input=seen, images=[rgb.copy()])
    return scores.tolist(), unsafe[0]


def test_it_says_what_diffusers_says(folder: Path) -> None:
    checker, verdicts = Checker(folder, CPU), []
    for seed in range(12):
        rgb = noise(seed, *((40, 61), (61, 40), (28, 28), (30, 200))[seed % 4])
        scores, unsafe = by_diffusers(rgb)
        found = checker.scores(rgb)
        assert len(found) == checkpoint.CONCEPTS
        assert np.allclose(found, scores, atol=6e-4)  # rounded to three digits
        if abs(max(scores)) > 6e-4:
            assert (max(found) > 0) == unsafe
            verdicts.append(unsafe)
    assert any(verdicts) and not all(verdicts)


def test_every_layout_is_read_the_same(folder: Path, tmp_path: Path) -> None:
    wanted = Checker(folder, CPU).scores(noise(1))
    for number, (old, safe) in enumerate([(True, True), (False, False), (False, True)]):
        other = checkpoint.write(tmp_path / str(number), old=old, safe=safe)
        assert Checker(other, CPU).scores(noise(1)) == wanted


def test_the_adjustment_is_added(folder: Path) -> None:
    checker = Checker(folder, CPU)
    plain, lower = (np.array(checker.scores(noise(2), adjustment)) for adjustment in (0.0, -0.02))
    # Special care may be due for the one and not for the other.
    assert np.allclose(plain - lower, 0.02, atol=0.011) and (plain > lower).all()


def test_what_is_no_checker_is_told(folder: Path, tmp_path: Path) -> None:
    for missing in ("concept_embeds", "visual_projection", "vision_model.encoder.layers.1.mlp.fc1.weight"):
        with pytest.raises(BadWeights, match="lacks"):
            Checker(checkpoint.write(tmp_path / missing, without=missing), CPU)
    damaged = checkpoint.write(tmp_path / "damaged")
    (damaged / "pytorch_model.bin").write_bytes(b"x" * 100)
    with pytest.raises(BadWeights):
        Checker(damaged, CPU)
    other = checkpoint.write(tmp_path / "other")
    write_json(other / "config.json", {"vision_config": {"hidden_size": 8}})
    with pytest.raises(BadWeights):
        Checker(other, CPU)
    with pytest.raises(MissingWeights) as raised:
        load({"ROREM_WEIGHTS": str(tmp_path / "nowhere"), "HF_HUB_CACHE": str(tmp_path / "cache")})
    assert "--pull" in raised.value.fix


def test_it_is_found_where_weights_lie(folder: Path) -> None:
    found = load({"ROREM_WEIGHTS": str(folder.parent), "ROREM_DEVICE": "cpu"})
    assert found.scores(noise(1)) == Checker(folder, CPU).scores(noise(1))
