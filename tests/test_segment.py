"""Picking things with SAM: the real code on tiny networks, against transformers' own; and what happens without."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional
from transformers import Sam2Model, SamModel
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

from rorem import segment
from rorem.errors import BadWeights, OutOfMemory
from rorem.geometry import Box
from rorem.picture import Limits
from rorem.segment import PARTS, Segmenter, cleaned
from rorem.selection import select_box, select_point
from rorem.ui.per_photo import PerPhoto
from rorem.ui.pick import Clicks, Picker
from rorem.ui.session import Session
from rorem.ui.sessions import Sessions
from tests.checkpoints.sam import SIDE, write_sam, write_sam2

WIDTH, HEIGHT = 200, 150
CLICKS = {
    "a click": Clicks(plus=((50, 60),)),
    "clicks": Clicks(plus=((50, 60), (100, 100)), minus=((20, 20),)),
    "a box": Clicks(box=Box(10, 10, 100, 90)),
    "all": Clicks(plus=((30, 30),), minus=((150, 30), (9, 140)), box=Box(10, 10, 100, 90)),
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ROREM_WEIGHTS names it, with both networks."""
    folder = tmp_path_factory.mktemp("weights")
    write_sam2(folder / "sam2-hiera-tiny")
    write_sam(folder / "sam-vit-base")
    return folder


@pytest.fixture(scope="module", params=[part.name for part in PARTS])
def folder(request: pytest.FixtureRequest, weights: Path) -> Path:
    return weights / request.param


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    made = Sessions(tmp_path / "data", Limits(), 3600, 10**9)
    yield made
    made.close()


def photo(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A red and a blue square on waves."""
    rows, columns = np.mgrid[:height, :width]
    picture = np.dstack([110 + 50 * np.sin(columns / 7), 100 + 50 * np.cos(rows / 5), 90 + 0 * rows])
    picture[30:80, 30:80] = (200, 30, 30)
    picture[30:80, 80:130] = (30, 30, 200)
    return picture.astype(np.uint8)


def opened(sessions: Sessions, picture: np.ndarray | None = None) -> Session:
    folder = sessions.exchange.parent / f"photo-{len(sessions)}"
    folder.mkdir()
    Image.fromarray(photo() if picture is None else picture).save(folder / "original", "PNG")
    return sessions.open_folder(folder, "a.png")


def stock(folder: Path, pixels: torch.Tensor, clicks: Clicks) -> np.ndarray:
    """The same by transformers in one forward, as its documentation shows it."""
    sam2 = "sam2" in folder.name
    model: Any = (Sam2Model if sam2 else SamModel).from_pretrained(folder, local_files_only=True)
    wide, high = (SIDE, SIDE) if sam2 else (SIDE, int(HEIGHT * SIDE / WIDTH + 0.5))
    scale = np.array([wide / WIDTH, high / HEIGHT])
    given: dict[str, torch.Tensor] = {}
    points = [*clicks.plus, *clicks.minus]
    if points:
        given["input_points"] = torch.tensor(np.array(points) * scale, dtype=torch.float32)[None, None]
        given["input_labels"] = torch.tensor([[[1] * len(clicks.plus) + [0] * len(clicks.minus)]])
    if clicks.box:
        given["input_boxes"] = torch.tensor(np.array(clicks.box).reshape(2, 2) * scale, dtype=torch.float32).reshape(
            1, 1, 4
        )
    with torch.no_grad():
        told = model(pixel_values=pixels, multimask_output=len(clicks) == 1, **given)
    assert told.pred_masks.shape[2] == (3 if len(clicks) == 1 else 1)
    masks = told.pred_masks[0]
    if not sam2:
        masks = functional.interpolate(masks, (SIDE, SIDE), mode="bilinear")[..., :high, :wide]
    masks = functional.interpolate(masks, (HEIGHT, WIDTH), mode="bilinear")
    return (masks[0, told.iou_scores[0, 0].argmax()] > 0).numpy()


def test_looking_once_and_asking_often_is_the_stock_forward(folder: Path) -> None:
    segmenter, rgb = Segmenter(folder), photo()
    embedding = segmenter.embed(rgb)
    for name, clicks in CLICKS.items():
        raw = stock(folder, segmenter.pixels(rgb), clicks)
        assert 0.05 < raw.mean() < 0.95, "a mask of one kind would prove nothing"
        mine = segmenter.select(embedding, clicks.plus, clicks.minus, clicks.box)
        assert mine.dtype == bool and mine.shape == (HEIGHT, WIDTH)
        assert (mine == cleaned(raw, clicks.plus, clicks.minus)).all(), name


@pytest.mark.parametrize("size", [(200, 150), (64, 128), (300, 301), (700, 20)])
def test_the_first_sam_is_shown_what_transformers_shows_it(weights: Path, size: tuple[int, int]) -> None:
    picture = np.random.default_rng(4).integers(0, 256, (size[1], size[0], 3), np.uint8)
    published = SamImageProcessorPil(
        size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE}
    )(picture, return_tensors="pt").pixel_values  # fmt: skip
    shown = Segmenter(weights / "sam-vit-base").pixels(picture)
    assert shown.shape == published.shape == (1, 3, SIDE, SIDE)
    assert (shown - published).abs().max() < 0.02  # theirs is rounded to whole numbers of 255 on the way


def test_sam2_is_shown_a_square(weights: Path) -> None:
    picture = photo()
    small = np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    wanted = (small / 255 - segment.MEAN) / segment.STD
    shown = Segmenter(weights / "sam2-hiera-tiny").pixels(picture)[0].permute(1, 2, 0).numpy()
    assert np.abs(shown - wanted).max() < 0.02


def test_nothing_is_asked_of_a_network_without_a_plus_or_a_box(folder: Path) -> None:
    segmenter = Segmenter(folder)
    embedding = segmenter.embed(photo())
    assert not segmenter.select(embedding, minus=[(5, 5)]).any()
    assert not segmenter.select(embedding, box=Box(500, 10, 600, 90)).any()


def test_specks_and_small_gaps_go_and_clicked_places_stay() -> None:
    wanted = np.zeros((100, 100), bool)
    wanted[20:80, 20:80] = True
    found = wanted.copy()
    found[5:8, 5:8] = found[90:93, 90:93] = True
    found[40:43, 40:43] = found[60:63, 60:63] = False
    assert (cleaned(found) == wanted).all()
    kept = cleaned(found, plus=[(6, 6)], minus=[(61, 61)])
    wanted[5:8, 5:8] = True
    wanted[60:63, 60:63] = False
    assert (kept == wanted).all()
    assert not cleaned(np.zeros((9, 9), bool)).any() and cleaned(np.ones((9, 9), bool)).all()


def test_sam2_comes_first_and_without_weights_there_is_nothing(weights: Path, tmp_path: Path) -> None:
    environment = {"ROREM_WEIGHTS": str(weights)}
    first = segment.load(environment)
    assert first is not None and len(first.embed(photo()).maps) == 3
    alone = {"ROREM_WEIGHTS": str(tmp_path), "HF_HOME": str(tmp_path / "hub")}
    assert segment.load(alone) is None
    (tmp_path / "sam-vit-base").symlink_to(weights / "sam-vit-base")
    second = segment.load(alone)
    assert second is not None and len(second.embed(photo()).maps) == 1


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])


def another_model(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "bert"}')


def no_json(folder: Path) -> None:
    (folder / "config.json").write_text("<html>")


def a_tensor_less(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["mask_decoder.iou_token.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("harm", [cut, another_model, no_json, a_tensor_less])
@pytest.mark.parametrize("write", [write_sam2, write_sam])
def test_broken_weights_leave_picking_by_colour(
    tmp_path: Path,
    sessions: Sessions,
    caplog: pytest.LogCaptureFixture,
    write: Callable[[Path], Path],
    harm: Callable[[Path], None],
) -> None:
    folder = write(tmp_path / ("sam2-hiera-tiny" if write is write_sam2 else "sam-vit-base"))
    harm(folder)
    with pytest.raises(BadWeights):
        Segmenter(folder)
    picker = Picker(lambda: segment.load({"ROREM_WEIGHTS": str(tmp_path), "HF_HOME": str(tmp_path / "hub")}))
    found = picker.select(opened(sessions), Clicks(plus=((50, 50),)))
    assert (found == select_point(photo(), 50, 50)).all()
    told = [record for record in caplog.records if record.name == "rorem.segment"]
    assert [record.levelno for record in told] == [logging.WARNING]
    assert str(tmp_path) in told[0].getMessage() and "\n" not in told[0].getMessage()


class Counting(Segmenter):
    looks = 0

    def embed(self, rgb: np.ndarray) -> segment.Embedding:
        self.looks += 1
        return super().embed(rgb)


def test_a_photo_is_looked_at_once_as_long_as_it_stays_as_it_is(folder: Path, sessions: Sessions) -> None:
    segmenter, loads = Counting(folder), []
    picker = Picker(lambda: loads.append(1) or segmenter)
    one, other = opened(sessions), opened(sessions, photo()[::-1])
    first = picker.select(one, CLICKS["a click"])
    assert (first == segmenter.select(segmenter.embed(photo()), [(50, 60)])).all()
    segmenter.looks = 1
    for clicks in CLICKS.values():
        picker.select(one, clicks)
    assert segmenter.looks == 1 and loads == [1]
    picker.select(other, CLICKS["a click"])
    picker.select(one, CLICKS["clicks"])
    assert segmenter.looks == 2
    one._applied.append(7)  # as after a removal
    picker.select(one, CLICKS["clicks"])
    assert segmenter.looks == 3
    one._applied.pop()  # and after undoing it
    picker.select(one, CLICKS["clicks"])
    assert segmenter.looks == 3


def test_clicks_by_colour_add_up_and_take_away(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr("rorem.ui.pick.select_point", lambda *a: calls.append(a[1:]) or select_point(*a))
    picker, session = Picker(lambda: None), opened(sessions)
    red, blue, box = (50, 50), (100, 50), Box(25, 25, 135, 85)
    by_click = {place: select_point(photo(), *place) for place in (red, blue)}
    assert (picker.select(session, Clicks(plus=(red,))) == by_click[red]).all()
    both = picker.select(session, Clicks(plus=(red, blue)))
    assert (both == by_click[red] | by_click[blue]).all()
    assert (picker.select(session, Clicks(plus=(red, blue), minus=(blue,))) == by_click[red] & ~by_click[blue]).all()
    boxed = picker.select(session, Clicks(box=box, minus=(blue,)))
    assert (boxed == select_box(photo(), box) & ~by_click[blue]).all()
    assert calls == [red, blue], "each place is worked out once"
    beside = picker.select(session, Clicks(plus=((10**30, -5),)))
    assert (beside == select_point(photo(), WIDTH - 1, 0)).all()


def test_without_memory_for_the_network_colour_is_used(folder: Path, sessions: Sessions) -> None:
    segmenter = Segmenter(folder)

    def refuse(**given: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")

    segmenter._model.get_image_embeddings = refuse
    with pytest.raises(OutOfMemory):
        segmenter.embed(photo())
    found = Picker(lambda: segmenter).select(opened(sessions), Clicks(plus=((50, 50),)))
    assert (found == select_point(photo(), 50, 50)).all()


def test_what_is_kept_is_bounded_and_goes_with_the_photo(sessions: Sessions) -> None:
    kept: PerPhoto[np.ndarray] = PerPhoto(1000)
    one, other = opened(sessions), opened(sessions)
    for key in range(4):
        kept.put(one, key, np.zeros(300, np.uint8))
    assert [kept.get(one, key) is not None for key in range(4)] == [False, True, True, True]
    kept.put(other, 0, np.zeros(300, np.uint8))
    assert kept.get(one, 1) is None and kept.get(one, 3) is not None  # `one` was used last now
    kept.put(one, 5, np.zeros(300, np.uint8))
    assert kept.get(other, 0) is None
    kept.put(other, 6, np.zeros(5000, np.uint8))
    assert len(kept) == 0 and kept.nbytes == 0
    kept.put(one, 7, np.zeros(300, np.uint8))
    sessions.delete(one.token)
    del one
    gc.collect()
    assert len(kept) == 0
