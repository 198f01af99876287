"""Each rule on its own: what it finds, and what it lets pass."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data_tools.check import KINDS, Rules, look
from data_tools.check.rules import allowed
from rorem.errors import BadOptions
from tests.data_tools.check.made import HIGH, WIDE, candidate, hole, photo, removal, sound
from tests.ui.compared import png


def kinds(triplet, rules: Rules = Rules()) -> list[str]:  # noqa: B008
    return [problem.kind for problem in look(triplet, rules)]


def encoded(picture: np.ndarray, format: str, **settings) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format, **settings)
    return file.getvalue()


def test_sound_records_pass() -> None:
    assert not look(sound()) and not look(candidate())
    assert not look(replace(sound(), mask=png(hole() > 0)))  # one bit a pixel
    assert not look(replace(sound(), mask=encoded(hole().astype(np.uint16) * 257, "PNG")))
    assert not look(replace(sound(), mask=png(np.dstack([hole()] * 3))))
    assert not look(replace(sound(), mask=encoded(hole(), "GIF")))  # a palette


def test_a_turned_photo_is_compared_upright() -> None:
    lying = Image.fromarray(np.ascontiguousarray(photo(0).transpose(1, 0, 2)[:, ::-1]))  # has to be turned back
    exif = Image.Exif()
    exif[0x0112] = 8
    file = io.BytesIO()
    lying.save(file, "PNG", exif=exif)
    assert not look(replace(sound(), source=file.getvalue()))
    assert kinds(replace(sound(1), source=file.getvalue())).count("changed outside the mask") == 2


@pytest.mark.parametrize("part", ["source", "mask", "result", "truth", "effect"])
@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_what_cannot_be_decoded_is_found(part: str, format: str) -> None:
    whole = encoded(photo(0), format)
    for data in (whole[: len(whole) // 2], whole[:-40], whole[:-1], b"", b"no picture", b"<html>404</html>"):
        (problem, *_) = [one for one in look(replace(sound(), **{part: data})) if one.kind == "damaged picture"]
        assert problem.part == part and part in problem.what


@pytest.mark.parametrize("part", ["mask", "result", "truth", "effect"])
def test_another_size_is_found(part: str) -> None:
    small = png(np.zeros((HIGH, WIDE - 1), np.uint8))
    (problem,) = look(replace(sound(), **{part: small}))
    assert problem.kind == "other size" and f"{WIDE - 1} x {HIGH}" in problem.what and part in problem.what


def test_a_mask_is_black_and_white() -> None:
    grey = hole().copy()
    grey[16, 20:24] = 128
    assert kinds(replace(sound(), mask=png(grey))) == ["mask not binary"]
    assert kinds(replace(sound(), mask=png(hole() // 255))) == ["mask not binary"]  # of 0 and 1
    assert kinds(replace(sound(), mask=encoded(hole(), "JPEG", quality=60))) == ["mask not binary"]
    coloured = np.dstack([hole(), hole(), np.zeros_like(hole())])
    assert kinds(replace(sound(), mask=png(coloured))) == ["mask not binary"]
    clear = np.dstack([np.full((HIGH, WIDE, 3), 255, np.uint8), hole()])
    (problem,) = look(replace(sound(), mask=png(clear)))
    assert problem.kind == "mask not binary" and "transparent" in problem.what


def test_a_mask_marks_something_and_not_everything() -> None:
    assert kinds(replace(sound(), mask=png(np.zeros_like(hole())))) == ["mask empty"]
    assert kinds(replace(sound(), mask=png(np.full_like(hole(), 255)))) == ["mask full"]
    assert kinds(replace(candidate(), mask=png(np.full_like(hole(), 200)))) == ["mask not binary", "mask full"]


@given(st.integers(0, HIGH - 1), st.integers(0, WIDE - 1), st.integers(9, 255), st.integers(0, 2))
def test_one_changed_pixel_outside_is_found_and_inside_is_not(row: int, column: int, by: int, channel: int) -> None:
    rules = Rules(tolerance=8, changed=0, grow=0.05)
    result = removal(0, hole())
    level = int(result[row, column, channel])
    result[row, column, channel] = level + by if level + by <= 255 else max(0, level - by)
    moved = abs(int(result[row, column, channel]) - level)
    inside = 16 - 3 <= row < 32 + 3 and 20 - 3 <= column < 36 + 3  # 5 % of 64 px is 3
    found = kinds(replace(sound(), result=png(result)), rules)
    assert found == ([] if inside or moved <= 8 else ["changed outside the mask"])


def test_the_share_that_may_differ_is_counted_outside() -> None:
    result = removal(0, hole())
    result[0, :10] ^= 255
    outside = HIGH * WIDE - 16 * 16
    triplet = replace(sound(), result=png(result))
    assert kinds(triplet, Rules(grow=0, changed=10 / outside)) == []
    assert kinds(triplet, Rules(grow=0, changed=9.9 / outside)) == ["changed outside the mask"]
    (problem,) = look(triplet, Rules(grow=0))
    assert f"{10 / outside:.2%}" in problem.what


def test_a_shadow_that_is_marked_may_go() -> None:
    mask, shadow = hole(), hole(44)
    truth = removal(0, mask | shadow)
    triplet = replace(sound(), truth=png(truth), result=None)
    assert kinds(triplet, Rules(grow=0)) == ["changed outside the mask"]
    assert kinds(replace(triplet, effect=png(shadow)), Rules(grow=0)) == []


def test_results_as_published_may_drift() -> None:
    drifted = replace(sound(), result=png(255 - photo(0)))
    assert kinds(drifted) == ["changed outside the mask"]
    assert kinds(replace(drifted, protocol="as published")) == []


def test_hashes_are_held_to_the_pictures() -> None:
    """Reading a set puts those that do not agree into `extra`."""
    other = "0" * 64
    assert kinds(replace(sound(), extra={"sha256_mask": other})) == ["wrong hash"]
    assert kinds(replace(sound(), extra={"sha256_mask": other, "sha256_result": "?"})) == ["wrong hash"] * 2
    for id in ("000123", other):  # of another kind
        assert kinds(replace(sound(), extra={"id": id})) == []


def test_names_can_be_printed() -> None:
    assert kinds(sound(name="Straße 北京")) == []
    assert kinds(sound(name="a\nb")) == ["bad name"]


def test_every_kind_says_what_becomes_of_it() -> None:
    assert len(KINDS) == 13 and all(KINDS.values())


@pytest.mark.parametrize("settings", [{"tolerance": 256}, {"tolerance": -1}, {"changed": 1.1}, {"grow": -0.1}])
def test_rules_that_make_no_sense_are_refused(settings: dict) -> None:
    with pytest.raises(BadOptions):
        Rules(**settings)


@given(st.integers(0, 40))
def test_the_mask_grows_by_a_square(pixels: int) -> None:
    grown = allowed((hole() > 0).view(np.uint8), None, pixels / WIDE)
    rows, columns = np.nonzero(grown)
    assert rows.min() == max(0, 16 - pixels) and columns.max() == min(WIDE - 1, 35 + pixels)
    assert grown.sum() == (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
