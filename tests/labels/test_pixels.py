"""A visitor's photo as a plain PNG."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from rorem.labels import pixels
from rorem.labels.pixels import plain, plain_mask, plain_size
from rorem.picture import open_picture


def noise(width: int, height: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, channels), dtype=np.uint8)


def saved(array: np.ndarray, format: str = "PNG", **manner: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, format, **manner)
    return file.getvalue()


def read(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_pixels_stay_and_nothing_else_does() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif[0x0132] = "2024:05:06 07:08:09"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    source = saved(noise(60, 40), "JPEG", exif=exif, comment=b"SecretComment")
    assert b"Secret" in source
    data = plain(open_picture(source))
    assert (read(data) == np.asarray(Image.open(io.BytesIO(source)).convert("RGB"))).all()
    chunks = {data[at + 4 : at + 8] for at in _chunks(data)}
    assert chunks == {b"IHDR", b"IDAT", b"IEND"} and b"Secret" not in data


def _chunks(data: bytes) -> list[int]:
    at, found = 8, []
    while at < len(data):
        found.append(at)
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return found


def test_a_turned_photo_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = open_picture(saved(noise(60, 40), "JPEG", exif=exif))
    assert read(plain(picture)).shape == (60, 40, 3)


def test_what_could_not_be_seen_does_not_come_to_light() -> None:
    rgba = noise(30, 20, 4)
    rgba[..., 3] = 255
    rgba[5:10, 5:10, 3] = 0
    rgba[12, 12] = (100, 0, 0, 128)
    seen = read(plain(open_picture(saved(rgba))))
    assert (seen[5:10, 5:10] == 255).all()
    assert (seen[0] == rgba[0, :, :3]).all()
    assert abs(int(seen[12, 12, 0]) - 177) <= 1 and abs(int(seen[12, 12, 1]) - 127) <= 1


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "I;16"])
def test_every_kind_of_photo(mode: str) -> None:
    if mode == "I;16":
        file = saved((noise(30, 20, 1)[..., 0].astype(np.uint16)) * 257)
    else:
        image, buffer = Image.fromarray(noise(30, 20)).convert(mode), io.BytesIO()
        image.save(buffer, "TIFF" if mode == "CMYK" else "PNG")
        file = buffer.getvalue()
    seen = read(plain(open_picture(file)))
    assert seen.shape == (20, 30, 3) and seen.dtype == np.uint8 and seen.std() > 20


def test_the_same_pixels_are_the_same_file() -> None:
    png, tiff = saved(noise(50, 50)), saved(noise(50, 50), "TIFF")
    assert plain(open_picture(png)) == plain(open_picture(tiff))


def test_large_photos_are_made_smaller_and_marks_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "MOST_PIXELS", 5000)
    size = plain_size(200, 100)
    assert size == (100, 50)
    assert read(plain(open_picture(saved(noise(200, 100))))).shape == (50, 100, 3)
    mask = np.zeros((100, 200), bool)
    mask[20:60, 40:80] = True
    small = read(plain_mask(mask))
    assert small.shape == (50, 100) and small[10:30, 20:40].all() and small.sum() == 400
    dot = np.zeros((100, 200), bool)
    dot[31, 31] = True
    assert read(plain_mask(dot)).any()
    assert plain_size(1, 10_000_000)[0] == 1


def test_small_photos_keep_their_size() -> None:
    assert plain_size(4000, 3000) == (4000, 3000)
    mask = np.zeros((20, 30), bool)
    mask[4:9, 3:7] = True
    assert (read(plain_mask(mask)) == mask).all()
