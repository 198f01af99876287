"""MI-GAN as a method: its input and output, and the way IOPaint runs it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from rorem.errors import BadWeights
from rorem.methods import catalog
from rorem.methods.migan import PART, Migan, MiganOptions, published_boxes
from rorem.remover import Job
from tests.checkpoints.migan import NAME, tiny_migan, write_migan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("weights") / PART.name
    write_migan(home)
    return home


@pytest.fixture(scope="module")
def migan(folder: Path) -> Migan:
    return Migan({PART.name: folder})


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def marked(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = True
    return mask


def painted(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The network on 512 x 512 px: uint8 (512, 512, 3), from uint8 and bool."""
    seen = np.where(mask[..., None], 0, image / 127.5 - 1)
    planes = np.concatenate([0.5 - mask[..., None], seen], axis=2).astype(np.float32)
    with torch.inference_mode():
        made = tiny_migan()(torch.from_numpy(planes).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    return np.clip(np.rint(made * 127.5 + 127.5), 0, 255).astype(np.uint8)


def close(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one.astype(int) - other).max() <= 1)


def test_the_checkpoint_makes_it_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalog.find("migan")
    monkeypatch.setenv("ROREM_WEIGHTS", str(tmp_path))
    write_migan(tmp_path / PART.name)
    assert entry.state().kind == "ready"
    assert isinstance(entry.load().remover, Migan)


@pytest.mark.parametrize("size", [(512, 512), (300, 512), (100, 60)])
def test_a_crop_is_mirrored_to_the_size_of_the_network(size: tuple[int, int], migan: Migan) -> None:
    crop, mask = picture(*size), marked(*size)
    fill = migan.fill(Job(crop, mask, np.zeros_like(mask), 0, MiganOptions()))
    margins = (0, 512 - size[0]), (0, 512 - size[1])
    wanted = painted(np.pad(crop, (*margins, (0, 0)), "symmetric"), np.pad(mask, margins, "symmetric"))
    assert close(fill.crop[mask], wanted[: size[0], : size[1]][mask])
    assert np.array_equal(fill.crop[~mask], crop[~mask])
    assert fill.network_calls == 1 and fill.working == size[::-1]


def test_a_larger_crop_is_shrunk_and_the_fill_enlarged(migan: Migan) -> None:
    crop, mask = picture(512, 1024), marked(512, 1024)
    fill = migan.fill(Job(crop, mask, np.zeros_like(mask), 0, MiganOptions()))
    assert fill.working == (512, 256) and np.array_equal(fill.crop[~mask], crop[~mask])


def test_as_published_at_its_own_size_the_whole_picture_is_run(migan: Migan) -> None:
    before, mask = picture(512, 512), marked(512, 512)
    fill = migan.fill_published(before, mask, 0, MiganOptions())
    assert close(fill.crop[mask], painted(before, mask)[mask]) and np.array_equal(fill.crop[~mask], before[~mask])


def test_as_published_every_mark_has_a_crop_of_its_own(migan: Migan) -> None:
    before, mask = picture(700, 1200), np.zeros((700, 1200), bool)
    mask[100:140, 200:260] = mask[300:700, 800:1100] = True
    told: list[tuple[int, int]] = []
    fill = migan.fill_published(before, mask, 0, MiganOptions(), lambda done, total: told.append((done, total)))
    assert np.array_equal(fill.crop[~mask], before[~mask]) and fill.network_calls == 2
    assert told[0] == (0, 2) and told[-1] == (2, 2) and told == sorted(told)
    crop, hole = before[0:268, 72:388], mask[0:268, 72:388]  # 128 px around; what is cut off above is added below
    margins = (0, 512 - 268), (0, 512 - 316)
    wanted = painted(np.pad(crop, (*margins, (0, 0)), "symmetric"), np.pad(hole, margins, "symmetric"))
    assert close(fill.crop[100:140, 200:260], wanted[100:140, 128:188])


def test_as_published_a_large_mark_is_filled_small(migan: Migan) -> None:
    before, mask = picture(900, 900), np.zeros((900, 900), bool)
    mask[100:800, 100:800] = True
    grey = mask.astype(np.uint8) * 255
    small, small_grey = (cv2.resize(array, (512, 512), interpolation=cv2.INTER_CUBIC) for array in (before, grey))
    share = small_grey[..., None] / 255
    composed = painted(small, small_grey > 120) * share + small * (1 - share)
    wanted = np.clip(cv2.resize(composed, (900, 900), interpolation=cv2.INTER_CUBIC), 0, 255)
    fill = migan.fill_published(before, mask, 0, MiganOptions())
    assert np.abs(fill.crop[mask] - wanted[mask]).max() <= 2 and np.array_equal(fill.crop[~mask], before[~mask])


@pytest.mark.parametrize(
    ("columns", "box"),
    [
        ((400, 500), (272, 628)),
        ((0, 10), (0, 266)),  # -128 to 138: what is cut off on the left is added on the right
        ((990, 1000), (734, 1000)),
        ((0, 1000), (0, 1000)),
    ],
)
def test_published_boxes(columns: tuple[int, int], box: tuple[int, int]) -> None:
    grey = np.zeros((50, 1000), np.uint8)
    grey[:, columns[0] : columns[1]] = 255
    assert published_boxes(grey) == [(box[0], 0, box[1], 50)]


def test_bad_files_are_named_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / PART.name / NAME
    path.parent.mkdir()
    whole = (folder / NAME).read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"<html>Not found</html>"):
        path.write_bytes(content)
        with pytest.raises(BadWeights, match=r"^migan/migan_traced.pt is damaged, or no TorchScript archive\.$"):
            Migan({PART.name: path.parent})
