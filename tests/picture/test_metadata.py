"""What a file says besides its pixels: kept where still true, corrected where not, gone where it must not leave."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from rorem.picture import Edit, encode, from_rgb_array, open_picture, to_rgb
from rorem.picture.orient import upright
from tests.picture.samples import (
    exif_block,
    grey_profile,
    photo,
    png_of,
    png_parts,
    reopened,
    rgb_profile,
    saved,
    with_thumbnail,
    xmp_packet,
)

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
WITH_ALL = ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"]
LOSSY = {"JPEG": 12, "AVIF": 12, "HEIF": 12, "WEBP": 12}
EDIT = Edit("RORem", generative=True)


def file(format: str, array: np.ndarray | None = None, **manner: Any) -> bytes:
    if "exif" in manner:
        manner["exif"] = b"Exif\0\0" + manner["exif"]
    if format == "PNG" and "xmp" in manner:
        from PIL.PngImagePlugin import PngInfo

        manner["pnginfo"] = PngInfo()
        manner["pnginfo"].add_itxt("XML:com.adobe.xmp", manner.pop("xmp").decode())
    if format == "TIFF" and "xmp" in manner:
        facts = Image.Exif()
        facts.load(manner.get("exif", b""))
        facts[700] = manner.pop("xmp")
        manner["exif"] = facts
    return saved(Image.fromarray(photo() if array is None else array), format, **manner)


def seen(data: bytes) -> Image.Image:
    if data[4:8] == b"ftyp" and b"avif" not in data[:32]:
        import pillow_heif

        return pillow_heif.HeifImageFile(io.BytesIO(data))
    return reopened(data)


def marked() -> np.ndarray:
    """A picture whose corners tell how it lies."""
    array = np.full((40, 64, 3), 128, np.uint8)
    array[:12, :20] = (250, 10, 10)
    array[:12, -20:] = (10, 250, 10)
    array[-12:, :20] = (10, 10, 250)
    return array


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", WITH_ALL)
def test_pixels_are_turned_upright_and_the_tag_is_reset(format: str, orientation: int) -> None:
    lying = marked()
    if format in ("AVIF", "HEIF"):  # their encoders write the turn into the container
        lying = np.kron(lying, np.ones((2, 2, 1), np.uint8))
    picture = open_picture(
        file(format, lying, exif=exif_block(orientation), **({"quality": 95} if format in LOSSY else {}))
    )
    expected = upright(lying, orientation)
    assert picture.colour.shape == expected.shape
    assert np.abs(to_rgb(picture).astype(int) - expected).mean() <= LOSSY.get(format, 0)

    written = encode(picture)
    again = seen(written)
    assert again.size == picture.size
    assert again.getexif().get(0x0112, 1) == 1
    assert again.getexif()[0x0110] == "Model 1"
    assert open_picture(written).size == picture.size


def test_upright_is_what_pillow_makes_of_it() -> None:
    from PIL import ImageOps

    for orientation in range(1, 9):
        data = saved(Image.fromarray(photo()), "PNG", exif=b"Exif\0\0" + exif_block(orientation))
        assert np.array_equal(open_picture(data).colour, np.asarray(ImageOps.exif_transpose(reopened(data))))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_orientation_in_xmp_counts_where_exif_is_silent(format: str) -> None:
    for attributes, inside in (('tiff:Orientation="6"', ""), ("", "<tiff:Orientation>6</tiff:Orientation>")):
        packet = xmp_packet(inside, attributes)
        picture = open_picture(file(format, xmp=packet))
        assert picture.size == (43, 61)
        written = encode(picture)
        assert b"Orientation" in (open_picture(written).file.xmp or b"")
        assert open_picture(written).size == (43, 61)
        assert open_picture(file(format, xmp=packet, exif=exif_block(1))).size == (61, 43)


@pytest.mark.parametrize("format", WITH_ALL)
def test_exif_is_kept_and_its_sizes_are_right(format: str) -> None:
    picture = open_picture(file(format, exif=exif_block(6, maker=b"maker note \x00\x01\x02", size=(61, 43))))
    found = seen(encode(picture)).getexif()
    assert (found[0x010F], found[0x0110]) == ("Maker", "Model 1")
    details = found.get_ifd(0x8769)
    assert details[0x9003] == "2024:05:06 07:08:09" and float(details[0x829A]) == 0.01
    assert details[0x927C] == b"maker note \x00\x01\x02"
    assert (details[0xA002], details[0xA003]) == picture.size == (43, 61)
    assert found.get_ifd(0x8825)[2] == (48.0, 8.0, 15.0)


@pytest.mark.parametrize("target", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIC"])
@pytest.mark.parametrize("source", WITH_ALL)
def test_everything_travels_between_formats(source: str, target: str) -> None:
    packet = xmp_packet("<dc:title>Garden</dc:title>")
    picture = open_picture(file(source, exif=exif_block(), xmp=packet, icc_profile=rgb_profile()))
    again = seen(encode(picture, target, edit=EDIT))
    assert again.getexif()[0x0110] == "Model 1"
    assert again.getexif().get_ifd(0x8825)[2] == (48.0, 8.0, 15.0)
    assert again.info["icc_profile"] == rgb_profile()
    found = open_picture(encode(picture, target, edit=EDIT)).file.xmp or b""
    assert b"Garden" in found and b"compositeWithTrainedAlgorithmicMedia" in found


def test_a_block_of_exif_keeps_every_byte_that_is_still_true() -> None:
    maker = b"Nikon\0" + bytes(range(256)) * 4
    block = exif_block(1, maker=maker, size=(61, 43))
    written = open_picture(encode(open_picture(file("JPEG", exif=block)))).file.exif
    assert written is not None
    assert written.find(maker) == block.find(maker)  # maker notes point into the block by absolute offsets
    assert len(written) == len(block)


@pytest.mark.parametrize("format", WITH_ALL)
def test_thumbnails_never_leave(format: str) -> None:
    little = saved(Image.fromarray(photo(16, 12)), "JPEG", exif=b"Exif\0\0" + exif_block())
    maker = b"Maker\0" + bytes(50) + little + b"after the preview"
    data = file(format, exif=exif_block(1, thumbnail=little, maker=maker))
    body = little[-200:]
    assert format in ("TIFF", "AVIF") or data.count(body) == 2
    for written in (encode(open_picture(data)), encode(open_picture(data), "PNG", edit=EDIT)):
        assert body not in written
        block = open_picture(written).file.exif or b""
        assert b"after the preview" in block and b"\xff\xd8\xff" not in block
        assert not dict(reopened(encode(open_picture(data), "JPEG")).getexif().get_ifd(ExifTags.IFD.IFD1))


@pytest.mark.parametrize("order", ["<", ">"])
def test_uncompressed_thumbnails_never_leave(order: str) -> None:
    pixels = bytes(range(1, 241))
    block = b"II*\0" if order == "<" else b"MM\0*"
    block += struct.pack(order + "IHHHIHxxI", 8, 1, 0x0112, 3, 1, 6, 26)
    block += struct.pack(order + "H" + "HHII" * 2, 2, 0x0111, 4, 1, 56, 0x0117, 4, 1, len(pixels)) + bytes(4)
    block += pixels
    picture = open_picture(file("JPEG", exif=block))
    assert picture.size == (43, 61)
    assert pixels not in encode(picture) and reopened(encode(picture)).getexif()[0x0112] == 1


def test_pictures_within_xmp_never_leave() -> None:
    packet = xmp_packet(
        "<xmp:Thumbnails><rdf:Alt><rdf:li>/9j/secret</rdf:li></rdf:Alt></xmp:Thumbnails>"
        "<dc:title>kept</dc:title><GImage:Data>secret</GImage:Data>",
        'hdrgm:Version="1.0" GCamera:MotionPhoto="1"',
        GImage="http://ns.google.com/photos/1.0/image/",
        GCamera="http://ns.google.com/photos/1.0/camera/",
        hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/",
    )
    found = open_picture(encode(open_picture(file("JPEG", xmp=packet)))).file.xmp or b""
    assert b"kept" in found
    assert b"secret" not in found and b"Version" not in found and b"MotionPhoto" not in found


@pytest.mark.parametrize("format", WITH_ALL)
def test_gps_is_removed_on_request(format: str) -> None:
    packet = xmp_packet(
        "<exif:GPSLongitude>11,34.5E</exif:GPSLongitude><dc:title>kept</dc:title>",
        'exif:GPSLatitude="48,8.25N" drone:GpsLatitude="48.1"',
        drone="http://www.dji.com/drone-dji/1.0/",
    )
    picture = open_picture(file(format, exif=exif_block(), xmp=packet))
    kept, gone = encode(picture), encode(picture, keep_gps=False)
    assert seen(kept).getexif().get_ifd(0x8825)[1] == "N"
    assert b"48,8.25N" in kept and b"11,34.5E" in kept
    assert not seen(gone).getexif().get_ifd(0x8825)
    assert seen(gone).getexif()[0x0110] == "Model 1"
    found = open_picture(gone).file.xmp or b""
    assert b"kept" in found and b"gps" not in found.lower()
    assert b"48,8.25N" not in gone and struct.pack("<II", 48, 1) not in (open_picture(gone).file.exif or b"")
    assert struct.pack(">II", 48, 1) not in (open_picture(gone).file.exif or b"")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "BMP"])
def test_dots_per_inch_are_kept(format: str) -> None:
    data = file(format, dpi=(300, 150))
    for written in (encode(open_picture(data)), encode(open_picture(data), edit=EDIT)):
        assert seen(written).info["dpi"] == pytest.approx((300, 150), abs=0.1)


def test_dots_per_inch_turn_with_the_picture() -> None:
    picture = open_picture(file("JPEG", dpi=(300, 150), exif=exif_block(6)))
    assert picture.file.dpi == (150, 300)


def test_no_dots_per_inch_are_made_up() -> None:
    for format in ("JPEG", "PNG", "TIFF"):
        assert open_picture(file(format)).file.dpi is None
        assert open_picture(encode(open_picture(file(format)))).file.dpi is None


def test_dots_per_inch_of_exif_count_where_jpeg_is_silent() -> None:
    facts = Image.Exif()
    facts[0x011A], facts[0x011B], facts[0x0128] = 240.0, 240.0, 2
    picture = open_picture(file("JPEG", exif=facts.tobytes().removeprefix(b"Exif\0\0")))
    assert picture.file.dpi == (240.0, 240.0)


@pytest.mark.parametrize("format", WITH_ALL)
def test_profiles_are_kept_byte_for_byte(format: str) -> None:
    for profile in (SRGB, rgb_profile()):
        picture = open_picture(file(format, icc_profile=profile))
        assert picture.file.icc == profile and seen(encode(picture)).info["icc_profile"] == profile


def test_a_large_profile_spans_segments() -> None:
    profile = rgb_profile()
    profile = struct.pack(">I", 200_000) + profile[4:] + np.random.default_rng(0).bytes(200_000 - len(profile))
    assert open_picture(encode(open_picture(file("JPEG", icc_profile=profile)))).file.icc == profile


def test_a_profile_that_does_not_fit_the_new_colours_is_not_written() -> None:
    grey = open_picture(file("PNG", photo()[..., 0], icc_profile=grey_profile()))
    written = encode(grey, "WEBP")
    assert "icc_profile" not in reopened(written).info
    assert np.array_equal(open_picture(encode(grey, "PNG")).colour, grey.colour)
    assert reopened(encode(grey)).info["icc_profile"] == grey_profile()


def test_broken_profile_is_left_out_and_said() -> None:
    picture = open_picture(file("JPEG", icc_profile=b"not a profile" * 30))
    assert picture.file.icc is None and "profile" in picture.notes[0]


def test_png_keeps_what_says_how_its_colours_are_meant() -> None:
    parts = png_parts(file("PNG"))
    extra = [(b"gAMA", struct.pack(">I", 100_000)), (b"cHRM", struct.pack(">8I", *range(31270, 31278)))]
    written = encode(open_picture(png_of([parts[0], *extra, *parts[1:]])), edit=EDIT)
    assert [part for part in png_parts(written) if part[0] in (b"gAMA", b"cHRM")] == extra


def test_png_keeps_its_texts() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Author", "Zoë")
    info.add_itxt("Comment", "Grüße")
    found = reopened(encode(open_picture(file("PNG", pnginfo=info)))).text  # pyright: ignore[reportAttributeAccessIssue]
    assert found == {"Author": "Zoë", "Comment": "Grüße"}


def test_texts_that_pose_as_something_else_are_texts() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for name in ("transparency", "icc_profile", "xmp", "exif", "dpi", "gamma", "interlace"):
        info.add_text(name, "trap")
    picture = open_picture(file("PNG", pnginfo=info))
    assert np.array_equal(picture.colour, photo()) and open_picture(encode(picture)).size == picture.size


def test_jpeg_keeps_its_comment_and_its_credits() -> None:
    record = b"\x1c\x02\x50\x00\x04Anna"
    body = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + record + b"\0"
    data = file("JPEG", comment=b"hello", extra=b"\xff\xed" + struct.pack(">H", len(body) + 2) + body)
    again = reopened(encode(open_picture(data)))
    assert again.info["comment"] == b"hello" and again.info["photoshop"][0x0404] == record


def test_gif_keeps_its_comment_and_carries_xmp() -> None:
    picture = open_picture(saved(Image.fromarray(photo()).quantize(16), "GIF", comment=b"hello"))
    written = encode(picture, edit=EDIT)
    assert reopened(written).info["comment"] == b"hello"
    assert b"compositeWithTrained" in (open_picture(written).file.xmp or b"")
    assert b"compositeWithTrained" in (open_picture(encode(open_picture(written))).file.xmp or b"")


@pytest.mark.parametrize(
    "block",
    [
        b"garbage",
        b"II*\0\xff\xff\xff\xff",
        exif_block(6)[:40],
        b"II*\0\x08\0\0\0\xff\xff" + bytes(100),
        b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0" + bytes(4),  # a directory that holds itself
    ],
    ids=["garbage", "far away", "cut off", "too many entries", "loop"],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_does_not_stop_a_photo(format: str, block: bytes) -> None:
    picture = open_picture(file(format, exif=block))
    assert picture.size in ((61, 43), (43, 61))
    assert "camera" in picture.notes[0]
    assert open_picture(encode(picture, edit=EDIT)).notes == ()


@pytest.mark.parametrize("block", [b"garbage", b"II*\0\xff\xff\xff\xff"], ids=["garbage", "far away"])
def test_broken_exif_does_not_stop_an_avif(block: bytes) -> None:
    data = file("AVIF", exif=exif_block(1))
    whole = open_picture(data).file.exif
    assert whole is not None and data.count(whole) == 1
    picture = open_picture(data.replace(whole, block.ljust(len(whole), b"\0")))
    assert picture.size == (61, 43) and picture.file.exif is None and "camera" in picture.notes[0]


def test_a_broken_entry_costs_only_itself() -> None:
    block = bytearray(exif_block(6))
    at = block.find(struct.pack("<HH", 0x0110, 2) if block[:2] == b"II" else struct.pack(">HH", 0x0110, 2))
    block[at + 8 : at + 12] = b"\x7f\xff\xff\x7f"
    picture = open_picture(file("JPEG", exif=bytes(block)))
    assert picture.size == (43, 61) and "camera" in picture.notes[0]
    found = reopened(encode(picture)).getexif()
    assert 0x0110 not in found and found[0x010F] == "Maker" and found.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"


@pytest.mark.parametrize(
    "packet", [b"<x", b"\xff\xfe<", xmp_packet()[:100], b"<?xml?>", b"<a/>", b"\0" * 50, b"<!DOCTYPE a []><a/>"]
)
@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_broken_xmp_does_not_stop_a_photo(format: str, packet: bytes) -> None:
    picture = open_picture(file(format, xmp=packet))
    assert picture.file.xmp is None and "editor" in picture.notes[0]
    assert b"compositeWithTrained" in encode(picture, edit=EDIT)


def test_more_than_a_jpeg_can_hold_is_left_out() -> None:
    packet = xmp_packet(f"<dc:title>{'x' * 70_000}</dc:title>")
    picture = open_picture(file("WEBP", xmp=packet, exif=exif_block(maker=bytes(70_000))))
    written = encode(picture, "JPEG", edit=EDIT)
    assert b"compositeWithTrained" in written and len(written) < 60_000
    assert b"x" * 70_000 in (open_picture(encode(picture, "PNG")).file.xmp or b"")


def test_thumbnails_made_here_are_what_others_see() -> None:
    block = with_thumbnail(exif_block(), saved(Image.fromarray(photo(8, 8)), "JPEG"))
    assert 0x0201 in reopened(file("JPEG", exif=block)).getexif().get_ifd(ExifTags.IFD.IFD1)


def test_pictures_made_of_arrays_say_nothing() -> None:
    found = open_picture(encode(from_rgb_array(photo())))
    assert (found.file.exif, found.file.xmp, found.file.icc, found.file.dpi) == (None, None, None, None)
