"""LaMa as a method: what it loads, what it fills, and that it runs as published where it is asked to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rorem.errors import BadWeights
from rorem.methods import catalog
from rorem.methods.lama import PART, Lama, LamaOptions
from rorem.methods.network import ALL_AVOIDED
from rorem.nets.lama import Generator
from rorem.remover import Job
from rorem.weights import complete
from tests.checkpoints.lama import NAMES, random_generator, write_lama

GENERATOR = random_generator(contrast=0.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("weights") / PART.name
    write_lama(home, "safetensors", GENERATOR)
    return home


@pytest.fixture(scope="module")
def lama(folder: Path) -> Lama:
    return Lama({PART.name: folder})


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def marked(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = True
    return mask


def painted(image: np.ndarray, mask: np.ndarray, generator: Generator = GENERATOR) -> np.ndarray:
    """The plain network on one picture, both sides multiples of 8. All float32 in [0, 1], pictures (H, W, 3)."""
    with torch.inference_mode():
        seen = torch.from_numpy(image).permute(2, 0, 1)[None]
        return generator(seen, torch.from_numpy(mask)[None, None])[0].permute(1, 2, 0).numpy()


def mirrored(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """Padded at the bottom and right to that size by its mirror image, the last row and column repeated."""
    array = np.concatenate([array, array[::-1]])[:height]
    return np.concatenate([array, array[:, ::-1]], axis=1)[:, :width]


@pytest.mark.parametrize("layout", NAMES)
def test_every_layout_makes_it_ready(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROREM_WEIGHTS", str(tmp_path))
    write_lama(tmp_path / PART.name, layout, GENERATOR)
    entry = catalog.find("lama")
    assert entry.state().kind == "ready"
    mask = marked(40, 48)
    job = Job(picture(40, 48), mask, np.zeros_like(mask), 0, entry.options())
    fill = entry.load().remover.fill(job)
    wanted = painted((job.crop / 255).astype(np.float32), mask.astype(np.float32)) * 255
    assert np.abs(fill.crop[mask] - wanted[mask]).max() < 0.51  # rounded, not cut
    assert np.array_equal(fill.crop[~mask], job.crop[~mask])
    assert fill.network_calls == 1 and fill.notes == ()


def test_every_published_name_will_do(tmp_path: Path) -> None:
    for number, name in enumerate(PART.files[0].names):
        path = tmp_path / str(number) / name
        path.parent.mkdir(parents=True)
        path.touch()
        assert complete(tmp_path / str(number), PART)


@pytest.mark.parametrize("size", [(24, 32), (37, 50), (16, 9), (8, 8), (1, 60), (3, 2)])
def test_as_published(size: tuple[int, int], lama: Lama) -> None:
    """Against upstream's steps, written down once more: mirror to multiples of 8, compose, cut to whole levels."""
    before, mask = picture(*size), marked(*size)
    height, width = (max(16, -(-side // 8) * 8) for side in size)
    image, hole = (before / 255).astype(np.float32), mask.astype(np.float32)
    while image.shape[:2] != (height, width):
        shape = [min(wanted, 2 * side) for wanted, side in zip((height, width), hole.shape, strict=True)]
        image, hole = mirrored(image, *shape), mirrored(hole, *shape)
    composed = hole[..., None] * painted(image, hole) + (1 - hole[..., None]) * image
    composed = np.clip(composed * 255, 0, 255)[: size[0], : size[1]]
    told: list[tuple[int, int]] = []
    fill = lama.fill_published(before, mask, 0, LamaOptions(), lambda done, total: told.append((done, total)))
    assert np.abs(fill.crop + 0.5 - composed).max() < 0.51  # cut, not rounded
    assert np.array_equal(fill.crop[~mask], composed.astype(np.uint8)[~mask])
    assert fill.network_calls == 1 and told == [(0, 1), (1, 1)]


def test_what_is_to_be_avoided_is_hidden_like_the_hole(lama: Lama) -> None:
    crop, mask = picture(40, 40), marked(40, 40)
    avoid = np.zeros_like(mask)
    avoid[30:, 30:] = True
    other = np.where(avoid[..., None], 255 - crop, crop)
    fills = [lama.fill(Job(one, mask, avoid, 0, LamaOptions())) for one in (crop, other)]
    assert np.array_equal(fills[0].crop[mask], fills[1].crop[mask])
    assert np.array_equal(fills[1].crop[avoid], other[avoid])
    everything = lama.fill(Job(crop, mask, ~mask, 0, LamaOptions()))
    assert everything.notes == (ALL_AVOIDED,)


def test_bad_files_are_named_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / PART.name / NAMES["safetensors"]
    path.parent.mkdir()
    whole = (folder / path.name).read_bytes()
    for content in (whole[:-100], whole[:1000], b"", b"<html>Not found</html>"):
        path.write_bytes(content)
        with pytest.raises(BadWeights, match=r"^big-lama/model.safetensors is damaged\.$"):
            Lama({PART.name: path.parent})
    save_file({"unet.weight": torch.ones(2)}, path)
    with pytest.raises(BadWeights, match=r"^big-lama/model.safetensors holds other weights than this method needs: "):
        Lama({PART.name: path.parent})
