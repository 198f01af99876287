"""Whether a photo tells where it was taken."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD

from rorem.picture import encode, open_picture, tells_place


def jpeg(gps: bool, exif: bool = True) -> bytes:
    tags = Image.Exif()
    if exif:
        tags[0x010F] = "Maker"
    if gps:
        tags.get_ifd(IFD.GPSInfo).update({GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (48.0, 8.0, 0.0)})
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "teal").save(file, "JPEG", exif=tags)
    return file.getvalue()


@pytest.mark.parametrize(("gps", "exif"), [(True, True), (False, True), (False, False)])
def test_it_is_known(gps: bool, exif: bool) -> None:
    assert tells_place(open_picture(jpeg(gps, exif))) is gps


def test_it_is_gone_from_a_file_without_it() -> None:
    picture = open_picture(jpeg(True))
    assert tells_place(open_picture(encode(picture)))
    assert not tells_place(open_picture(encode(picture, keep_gps=False)))


def test_a_packet_can_tell_it_too() -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="48,8N"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG", xmp=packet)
    assert tells_place(open_picture(file.getvalue()))
