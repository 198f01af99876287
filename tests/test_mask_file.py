"""Mask files as people have them: every reading is right, refused, or says what was guessed."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rorem.errors import BadMask
from rorem.mask_file import CLEAR, CUT_OUT, GREY, INVERTED, RESIZED, enlarge_marks, read_mask

WIDTH, HEIGHT = 120, 80


def drawing(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """An ellipse off the middle, bool (height, width)."""
    canvas = np.zeros((height, width), np.uint8)
    return cv2.ellipse(canvas, (width // 3, height // 2), (width // 5, height // 4), 0, 0, 360, 1, -1) > 0


def soft_drawing(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """The same with a rim of greys, float (height, width) in [0, 1]."""
    large = drawing(8 * width, 8 * height).astype(np.float32)
    return cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)


def scene(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Something with as many colours as a photo, uint8 (h, w, 3)."""
    noise = np.random.default_rng(0).standard_normal((height, width, 3)).astype(np.float32)
    return np.clip(128 + 300 * cv2.GaussianBlur(noise, (0, 0), 3), 0, 255).astype(np.uint8)


def file_of(array: np.ndarray | Image.Image, format: str = "PNG", **options: Any) -> bytes:
    image: Image.Image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def grey(mask: np.ndarray, white: int = 255) -> np.ndarray:
    return np.where(mask, np.uint8(white), np.uint8(0))


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


PALETTE_IMAGE = Image.fromarray(grey(drawing(), 1)).convert("P")
PALETTE_IMAGE.putpalette([0, 0, 0, 255, 255, 255])
RED = np.where(drawing()[..., None], np.array([255, 0, 0], np.uint8), np.uint8(0))
BLUE = np.where(drawing()[..., None], np.array([0, 0, 255], np.uint8), np.uint8(0))

PLAIN: dict[str, bytes | np.ndarray] = {
    "8 bit": file_of(grey(drawing())),
    "0 and 1": file_of(grey(drawing(), 1)),
    "grey paint": file_of(grey(drawing(), 128)),
    "1 bit": file_of(Image.fromarray(drawing())),
    "16 bit": file_of(np.where(drawing(), np.uint16(65535), np.uint16(0))),
    "16 bit, 0 and 1": file_of(drawing().astype(np.uint16)),
    "palette": file_of(PALETTE_IMAGE),
    "rgb": file_of(grey(drawing())[..., None].repeat(3, 2)),
    "red paint": file_of(RED),
    "blue paint": file_of(BLUE),
    "cmyk": file_of(Image.fromarray(grey(drawing())).convert("RGB").convert("CMYK"), "TIFF"),
    "webp": file_of(grey(drawing())[..., None].repeat(3, 2), "WEBP", lossless=True),
    "gif": file_of(grey(drawing()), "GIF"),
    "bmp": file_of(grey(drawing()), "BMP"),
    "opaque rgba": file_of(np.dstack([grey(drawing())[..., None].repeat(3, 2), grey(drawing() | True)])),
    "bool array": drawing(),
    "bool array of one channel": drawing()[..., None],
    "int array": drawing().astype(np.int64),
    "uint8 array": grey(drawing()),
    "uint8 rgb array": grey(drawing())[..., None].repeat(3, 2),
    "uint16 array": drawing().astype(np.uint16) * np.uint16(65535),
    "float array": drawing().astype(np.float64),
    "half array": drawing().astype(np.float16),
    "float array to 255": drawing().astype(np.float32) * 255,
    "array with huge numbers": drawing() * 1e300,
    "array with negative numbers": np.where(drawing(), 1.0, -1.0),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_a_plain_mask_is_read_exactly_and_without_a_word(kind: str) -> None:
    reading = read_mask(PLAIN[kind], WIDTH, HEIGHT)
    assert reading.mask.dtype == np.bool_
    assert np.array_equal(reading.mask, drawing())
    assert reading.notes == ()


def test_a_mask_is_read_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(file_of(grey(drawing())))
    for source in (path, str(path)):
        assert np.array_equal(read_mask(source, WIDTH, HEIGHT).mask, drawing())


@pytest.mark.parametrize(
    "source",
    [
        file_of(np.rint(soft_drawing() * 255).astype(np.uint8)),
        file_of(np.rint(soft_drawing() * 65535).astype(np.uint16)),
        np.rint(soft_drawing() * 255).astype(np.uint8),
        soft_drawing(),
        soft_drawing().astype(np.float64) * 255,
    ],
    ids=["8 bit", "16 bit", "uint8", "float", "float to 255"],
)
def test_a_soft_rim_is_cut_in_its_middle(source: bytes | np.ndarray) -> None:
    reading = read_mask(source, WIDTH, HEIGHT)
    clear = np.abs(soft_drawing() - 0.5) > 0.01  # the very middle may be rounded either way
    assert np.array_equal(reading.mask[clear], soft_drawing()[clear] > 0.5)
    assert reading.notes == ()


@pytest.mark.parametrize("quality", [10, 50, 95])
@pytest.mark.parametrize("inverted", [False, True])
def test_the_noise_of_a_jpeg_does_not_matter(quality: int, inverted: bool) -> None:
    data = file_of(grey(drawing() ^ inverted), "JPEG", quality=quality)
    reading = read_mask(data, WIDTH, HEIGHT)
    assert overlap(reading.mask, drawing()) > 0.97
    assert (INVERTED in reading.notes) == inverted


def test_an_empty_jpeg_with_noise_is_empty() -> None:
    noise = np.random.default_rng(0).integers(0, 9, (HEIGHT, WIDTH), np.uint8)
    for source in (file_of(noise), file_of(noise, "JPEG"), noise, noise[..., None].repeat(3, 2)):
        with pytest.raises(BadMask, match="marks nothing"):
            read_mask(source, WIDTH, HEIGHT)


@pytest.mark.parametrize("scale", [0.25, 0.5, 1.5, 3])
def test_a_mask_of_another_size_and_the_same_shape_is_fitted(scale: float) -> None:
    other = soft_drawing(round(WIDTH * scale), round(HEIGHT * scale)) > 0.5
    reading = read_mask(file_of(grey(other)), WIDTH, HEIGHT)
    assert reading.mask.shape == (HEIGHT, WIDTH)
    assert overlap(reading.mask, soft_drawing() > 0.5) > 0.9
    assert reading.notes == (RESIZED,)


def test_a_larger_mask_is_fitted_by_area() -> None:
    most, few = np.ones((3, 3), np.uint8), np.zeros((3, 3), np.uint8)
    most[1, 1] = most[0, 0] = 0
    few[1, 1] = few[2, 1] = 1
    blocks = np.where(drawing()[..., None, None], most, few).swapaxes(1, 2).reshape(3 * HEIGHT, 3 * WIDTH)
    assert np.array_equal(read_mask(grey(blocks > 0), WIDTH, HEIGHT).mask, drawing())


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (WIDTH, HEIGHT + 9), (2 * WIDTH, HEIGHT), (1, 1), (WIDTH, 1)])
def test_a_mask_of_another_shape_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(BadMask, match=f"{size[0]} x {size[1]}.*{WIDTH} x {HEIGHT}"):
        read_mask(file_of(np.full(size[::-1], 255, np.uint8)), WIDTH, HEIGHT)


def test_an_inverted_mask_is_turned_and_says_so() -> None:
    reading = read_mask(file_of(grey(~drawing())), WIDTH, HEIGHT)
    assert np.array_equal(reading.mask, drawing())
    assert reading.notes == (INVERTED,)


def test_whoever_names_the_colour_is_taken_at_their_word() -> None:
    inverted = grey(~drawing())
    assert np.array_equal(read_mask(inverted, WIDTH, HEIGHT, polarity="black").mask, drawing())
    white = read_mask(inverted, WIDTH, HEIGHT, polarity="white")
    assert np.array_equal(white.mask, ~drawing()) and white.notes == ()


def test_true_means_remove_however_much_is_marked() -> None:
    reading = read_mask(~drawing(), WIDTH, HEIGHT)
    assert np.array_equal(reading.mask, ~drawing()) and reading.notes == ()


def test_a_large_mark_that_leaves_the_border_is_no_inverted_mask() -> None:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[4:-4, 4:-4] = True
    reading = read_mask(grey(mask), WIDTH, HEIGHT)
    assert np.array_equal(reading.mask, mask) and reading.notes == ()


@pytest.mark.parametrize("paint", [(255, 255, 255), (0, 0, 0), (250, 30, 90)])
@pytest.mark.parametrize("opacity", [255, 160, 90])
def test_the_shape_of_a_brush_stroke_may_lie_in_alpha(paint: tuple[int, int, int], opacity: int) -> None:
    rgba = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    rgba[..., :3] = paint
    rgba[..., 3] = np.rint(soft_drawing() * opacity)
    reading = read_mask(file_of(rgba), WIDTH, HEIGHT)
    assert overlap(reading.mask, drawing()) > 0.95
    assert reading.notes == ()


def test_a_drawing_in_black_and_white_with_clear_corners_is_read_by_its_colours() -> None:
    rgba = np.dstack([grey(drawing())[..., None].repeat(3, 2), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    rgba[:9, :9, 3] = rgba[-9:, -9:, 3] = 0
    reading = read_mask(file_of(rgba), WIDTH, HEIGHT)
    assert np.array_equal(reading.mask, drawing())
    assert reading.notes == (CLEAR,)


@pytest.mark.parametrize("kind", ["colour", "grey", "white sky"])
@pytest.mark.parametrize("at_border", [False, True])
def test_the_part_cut_out_of_a_photo_should_go(kind: str, at_border: bool) -> None:
    photo = scene(1600, 1200) if kind == "white sky" else scene()
    if kind == "grey":
        photo[:] = photo[..., :1]
    elif kind == "white sky":  # more than a million white pixels come first
        photo[:1400] = 255
    height, width = photo.shape[:2]
    cut = drawing(width, height)
    if at_border:
        cut[:, width // 3 :] = True
    data = file_of(np.dstack([photo, grey(~cut)]))
    reading = read_mask(data, width, height)
    assert np.array_equal(reading.mask, cut)
    assert reading.notes == (CUT_OUT,)


def test_a_bilevel_mask_with_a_transparent_colour_is_read() -> None:
    data = file_of(Image.fromarray(drawing()), transparency=0)
    reading = read_mask(data, WIDTH, HEIGHT)
    assert np.array_equal(reading.mask, drawing())


def test_a_palette_mask_may_hold_its_shape_in_transparency() -> None:
    reading = read_mask(file_of(PALETTE_IMAGE, transparency=0), WIDTH, HEIGHT)
    assert np.array_equal(reading.mask, drawing())


@pytest.mark.parametrize(
    "source", [file_of(scene()), scene(), np.linspace(0, 1, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)]
)
def test_what_is_mostly_grey_is_not_taken_without_a_word(source: bytes | np.ndarray) -> None:
    assert GREY in read_mask(source, WIDTH, HEIGHT).notes


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"no picture at all",
        file_of(grey(drawing()))[:90],
        Path("does-not-exist.png"),
        np.where(drawing(), np.nan, 0.0),
        np.where(drawing(), np.inf, 0.0),
        drawing().astype(complex),
        drawing().astype(str),
        drawing().astype(object),
        np.zeros((0, 0)),
        np.zeros((0, WIDTH, 3)),
        np.zeros(WIDTH),
        np.zeros((HEIGHT, WIDTH, 4), np.uint8),
        np.zeros((2, HEIGHT, WIDTH, 1)),
        np.array(1.0),
    ],
    ids=lambda source: repr(source)[:20],
)
def test_what_is_no_mask_is_refused_in_one_sentence(source: Any) -> None:
    with pytest.raises(BadMask) as refused:
        read_mask(source, WIDTH, HEIGHT)
    assert str(refused.value) and refused.value.fix


@pytest.mark.parametrize("polarity", ["auto", "white", "black"])
@pytest.mark.parametrize("level", [0, 255])
def test_empty_and_full_masks_are_refused(polarity: Any, level: int) -> None:
    plain = np.full((HEIGHT, WIDTH), level, np.uint8)
    rgba = np.dstack([plain[..., None].repeat(3, 2), np.full_like(plain, 255)])
    clear = np.dstack([plain[..., None].repeat(3, 2), np.zeros_like(plain)])
    for source in (plain, plain > 0, file_of(plain), file_of(rgba), file_of(clear), plain / 255):
        with pytest.raises(BadMask, match=r"nothing\.|whole photo"):
            read_mask(source, WIDTH, HEIGHT, polarity=polarity)


@settings(max_examples=60)
@given(
    st.sampled_from([np.uint8, np.uint16, np.int16, np.int32, np.int64, np.uint64, np.float16, np.float32, np.float64]),
    st.integers(0, 255),
    st.integers(1, 255),
    st.integers(0, 2**31),
)
def test_two_levels_are_always_read_right(dtype: type, low: int, step: int, seed: int) -> None:
    """Two levels far enough apart are a drawing, whatever their type; and nothing else comes without a word."""
    high = min(255, low + step)
    mask = np.zeros((20, 30), bool)
    random = np.random.default_rng(seed)
    top, left = random.integers(1, 10), random.integers(1, 15)
    mask[top : top + 9, left : left + 14] = True
    array = np.where(mask, high, low).astype(dtype)
    try:
        reading = read_mask(array, 30, 20)
    except BadMask:
        assert low == high or low > high / 2  # so bright a ground is not told from the mark
        return
    assert np.array_equal(reading.mask, mask) or reading.notes


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 200), st.integers(1, 200), st.integers(0, 2**31))
def test_any_size_gives_a_mask_of_the_photo_or_a_sentence(
    wide: int, high: int, width: int, height: int, seed: int
) -> None:
    mask = np.random.default_rng(seed).random((high, wide)) < 0.3
    try:
        reading = read_mask(mask, width, height)
    except BadMask as refused:
        assert str(refused).endswith(".")
        return
    assert reading.mask.shape == (height, width) and reading.mask.dtype == np.bool_
    assert reading.mask.any() and not reading.mask.all()


@pytest.mark.parametrize(
    ("size", "width", "height"), [((2048, 10), 20000, 100), ((10, 2048), 100, 20000), ((1, 2048), 1, 5000)]
)
def test_marks_on_a_small_version_are_enlarged_whatever_its_shape(
    size: tuple[int, int], width: int, height: int
) -> None:
    marks = np.zeros(size[::-1], bool)
    marks[: max(1, size[1] // 2), : max(1, size[0] // 2)] = True
    enlarged = enlarge_marks(file_of(marks), size, width, height)
    assert enlarged.shape == (height, width) and enlarged.dtype == np.bool_
    assert abs(enlarged.mean() - marks.mean()) < 0.01


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        file_of(np.eye(9, dtype=bool)),
        file_of(np.zeros((10, 20), bool)),
        file_of(np.ones((10, 20), bool)),
    ],
)
def test_marks_that_cannot_be_meant_are_refused(data: bytes) -> None:
    with pytest.raises(BadMask):
        enlarge_marks(data, (20, 10), 40, 20)


def test_a_mask_of_the_photo_fits_its_small_version_without_a_word() -> None:
    reading = read_mask(file_of(grey(drawing(2000, 97))), 205, 10, photo=(2000, 97))
    assert reading.mask.shape == (10, 205) and reading.notes == ()
    with pytest.raises(BadMask, match="2000 x 97"):
        read_mask(file_of(grey(drawing())), 205, 10, photo=(2000, 97))
