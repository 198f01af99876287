"""Things that are fitted to their place and cast a shadow, and what is told of it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from data_tools.synthesize import Settings, synthesize
from data_tools.synthesize.__main__ import app
from data_tools.synthesize.composing import Layer, as_it_is, compose
from data_tools.synthesize.looks import fitted_to, look_of
from data_tools.synthesize.optics import optics_of
from data_tools.synthesize.sample import FAR, Wish, make
from data_tools.synthesize.shadow import shadow_of
from data_tools.synthesize.stock import take_stock
from rorem.triplet import Triplet, open_set
from tests.data_tools.originals import cutout, folders, photo


def block(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 4), 255, np.uint8)


def test_a_shadow_lies_where_the_thing_stands() -> None:
    shadow = shadow_of(Layer(block(60, 100), 200, 100))
    assert shadow and shadow.effect and shadow.removed
    dark = np.zeros((300, 460))
    rows, columns = shadow.rgba.shape[:2]
    dark[shadow.top : shadow.top + rows, shadow.left : shadow.left + columns] = shadow.rgba[..., 3]
    assert not shadow.rgba[..., :3].any() and dark.max() < 200
    row, column = np.unravel_index(dark.argmax(), dark.shape)
    assert abs(row - 199) <= 4 and 205 <= column <= 255, "darkest along the lower edge"
    assert np.nonzero(dark.any(0))[0].min() < 198 and np.nonzero(dark.any(0))[0].max() > 262, "soft to both sides"
    assert not dark[:150].any() and not dark[[0, -1]].any() and not shadow.rgba[-1, :, 3].any()
    assert dark[210, 230] > 0 and dark[202, 230] > dark[210, 230], "it fades away from the thing"


def test_a_table_is_dark_under_its_legs_and_less_between() -> None:
    rgba = block(120, 80)
    rgba[20:, 15:105, 3] = 0
    shadow = shadow_of(Layer(rgba, 0, 0))
    assert shadow
    foot = shadow.rgba[79 - shadow.top, :, 3].astype(int)
    leg, between = foot[7 - shadow.left], foot[60 - shadow.left]
    assert leg > 60 and between < leg / 2


def test_specks_cast_none() -> None:
    assert shadow_of(Layer(block(3, 3), 0, 0)) is None
    assert shadow_of(Layer(np.zeros((40, 40, 4), np.uint8), 0, 0)) is None
    assert len(look_of(False, True)(photo(0), Layer(block(3, 3), 0, 0))) == 1


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(-40, 130), st.integers(-40, 130), st.booleans()), max_size=4), st.integers(0, 4))
def test_source_and_truth_differ_in_mask_and_effect_alone(places: list[tuple[int, int, bool]], margin: int) -> None:
    thing = cv2.resize(cutout(1), (40, 34))
    layers = [Layer(thing, left, top, removed) for left, top, removed in places]
    ground = photo(2)[:128, :128]
    pair = compose(ground, layers, margin, look_of(False, True))
    marked = pair.mask if pair.effect is None else pair.mask | pair.effect
    assert (pair.source == pair.truth)[~marked].all()
    kept = [layer for layer in layers if not layer.removed]
    assert (compose(ground, kept, margin, look_of(False, True)).source == pair.truth).all()


def test_the_thing_itself_is_no_effect() -> None:
    pair = compose(photo(2), [Layer(block(60, 100), 200, 100)], 2, look_of(False, True))
    assert pair.effect is not None and pair.effect.any()
    assert not pair.effect[100:200, 200:260].any() and pair.mask[100:200, 200:260].all()
    assert (pair.effect & ~pair.mask).sum() > 200, "the mask is what a person paints, and the shadow lies beside it"
    assert compose(photo(2), [Layer(block(60, 100), 200, 100)], 2).effect is None


def boxes(seed: int) -> np.ndarray:
    """Boxes of all levels, everywhere. uint8 RGB (480, 560, 3)."""
    rng = np.random.default_rng(seed)
    picture = np.full((480, 560, 3), 120, np.uint8)
    for _ in range(300):
        left, top, width, height = (
            int(rng.integers(first, last)) for first, last in ((0, 560), (0, 480), (10, 70), (10, 70))
        )
        picture[top : top + height, left : left + width] = rng.integers(15, 240)
    return picture


def test_a_thing_becomes_like_its_place() -> None:
    soft = cv2.GaussianBlur(boxes(5), (0, 0), 2)
    ground = np.clip(soft + np.random.default_rng(0).normal(0, 6, soft.shape[:2])[..., None], 0, 255).astype(np.uint8)
    sharp = cutout(4, 200, 180)
    sharp[..., :3] = np.where(np.indices((180, 200)).sum(0)[..., None] // 40 % 2, 60, 190)
    layer = Layer(sharp, 150, 150)
    fitted = fitted_to(ground, layer)
    before, after = optics_of(sharp[..., :3]), optics_of(fitted.rgba[..., :3], fitted.rgba[..., 3] > 250)
    place = optics_of(ground)
    assert before and after and place and before.detail and after.detail and place.detail
    assert before.detail > 1.4 * place.detail and after.detail < 1.15 * place.detail
    assert before.grain < 1 and after.grain == pytest.approx(place.grain, abs=1.5)
    pad = layer.left - fitted.left
    assert pad > 0 and fitted.rgba.shape[1] == 200 + 2 * pad and fitted.top == 150 - pad
    again = fitted_to(ground, layer)
    assert (again.rgba == fitted.rgba).all(), "the same every time"


def test_a_thing_outside_the_picture_is_left() -> None:
    layer = Layer(cutout(1), 5000, 20)
    assert (fitted_to(photo(1), layer).rgba == layer.rgba).all()


def test_what_stands_higher_is_smaller(tmp_path: Path) -> None:
    photos, cutouts = folders(tmp_path)
    stock = take_stock([photos], [cutouts], lambda name, error: None)
    ratios = []
    for index in range(10):
        plain, scaled = (make(Wish(index, 1, (160,), 0, 0, matched), stock) for matched in (False, True))
        rows, smaller = (np.nonzero(sample.pair.mask)[0] for sample in (plain, scaled))
        assert abs(int(rows.max()) - int(smaller.max())) <= 1, "it stands where it stood"
        ratios.append((int(rows.max()), np.ptp(smaller) / np.ptp(rows)))
    assert all(FAR - 0.05 <= ratio <= 1.05 for _, ratio in ratios)
    ratios.sort()
    assert ratios[0][1] < ratios[-1][1] - 0.1


def test_the_looks() -> None:
    assert look_of(False, False) is as_it_is
    assert len({look_of(matched, shadow) for matched in (False, True) for shadow in (False, True)}) == 4


def test_the_command(tmp_path: Path) -> None:
    photos, cutouts = folders(tmp_path)
    out = tmp_path / "out"
    words = ["--photos", str(photos), "--cutouts", str(cutouts), "--sizes", "128", "--count", "3", "--out", str(out)]
    done = CliRunner().invoke(app, [*words, "--matched", "--shadow"])
    assert done.exit_code == 0, done.output
    for record in json.loads((out / "meta.json").read_text("utf-8")):
        source, mask, truth, effect = (
            np.asarray(Image.open(out / record[part])) for part in ("source", "mask", "truth", "effect")
        )
        assert record["matched"] is True and record["shadow"] is True and effect.dtype == bool and effect.any()
        assert not ((source != truth).any(2) & ~(mask | effect)).any()
    assert all(isinstance(one, Triplet) and one.effect for one in open_set(str(out)))
    again = CliRunner().invoke(app, [*words, "--matched", "--shadow"])
    assert again.exit_code == 0 and "0 made, 3 there already." in again.output
    plain = CliRunner().invoke(app, words)
    assert plain.exit_code == 2 and "other settings" in plain.output
    next(iter((out / "EFFECT").iterdir())).unlink()
    assert "1 made, 2 there already." in CliRunner().invoke(app, [*words, "--matched", "--shadow"]).output


def test_without_them_nothing_is_said_of_them(tmp_path: Path) -> None:
    """Sets that were made before there was a choice are taken up."""
    photos, cutouts = folders(tmp_path)
    synthesize(tmp_path / "out", [photos], [cutouts], 1, Settings(sizes=(96,)))
    (record,) = json.loads((tmp_path / "out" / "meta.json").read_text("utf-8"))
    assert not {"effect", "matched", "shadow"} & set(record) and not (tmp_path / "out" / "EFFECT").exists()
