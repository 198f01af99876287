"""The mark that a file was edited, and what happens to the packet that was there before."""

from __future__ import annotations

from xml.dom import minidom

import numpy as np
import pytest
from PIL import Image

from rorem.picture import Edit, encode, from_rgb_array, open_picture
from rorem.picture.provenance import finished, sound
from tests.picture.samples import photo, saved, xmp_packet

IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
CODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def kinds(packet: bytes | None) -> list[str]:
    """Every digital source type that a packet declares."""
    assert packet is not None
    document = minidom.parseString(packet)
    found = [node.getAttributeNS(IPTC, "DigitalSourceType") for node in document.getElementsByTagName("*")]
    for node in document.getElementsByTagNameNS(IPTC, "DigitalSourceType"):
        found.append("".join(child.data for child in node.childNodes if child.nodeType == child.TEXT_NODE))
    return [text.removeprefix(CODES) for text in found if text]


def agents(packet: bytes | None) -> list[str]:
    assert packet is not None
    events = minidom.parseString(packet).getElementsByTagNameNS(RDF, "li")
    return [event.getAttributeNS(EVENT, "softwareAgent") for event in events]


def edited(packet: bytes | None, generative: bool = True, tool: str = "RORem") -> bytes | None:
    return finished(packet, 10, 20, True, Edit(tool, generative))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "HEIC", "TIFF", "GIF"])
@pytest.mark.parametrize(
    ("generative", "kind"), [(True, "compositeWithTrainedAlgorithmicMedia"), (False, "humanEdits")]
)
def test_every_format_with_room_for_it_says_so(format: str, generative: bool, kind: str) -> None:
    picture = from_rgb_array(photo())
    found = open_picture(encode(picture, format, edit=Edit("RORem 1.0 (patchmatch)", generative))).file.xmp
    assert kinds(found) == [kind] and agents(found) == ["RORem 1.0 (patchmatch)"]
    assert open_picture(encode(picture, format)).file.xmp is None


def test_16_bit_files_say_so_too() -> None:
    picture = from_rgb_array(np.full((4, 5, 3), 1000, np.uint16))
    for format in ("PNG", "TIFF"):
        assert kinds(open_picture(encode(picture, format, edit=Edit("x", True))).file.xmp)


def test_the_rest_of_a_packet_stays() -> None:
    history = (
        '<xmpMM:History><rdf:Seq><rdf:li stEvt:action="saved" stEvt:softwareAgent="Other"/></rdf:Seq></xmpMM:History>'
    )
    title = "<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>A &lt;title&gt; &amp; ümlaut</rdf:li></rdf:Alt></dc:title>"
    packet = edited(xmp_packet(title + history, 'dc:format="image/jpeg"'))
    assert packet is not None
    assert [agent for agent in agents(packet) if agent] == ["Other", "RORem"]
    text = packet.decode()
    assert (
        "A &lt;title&gt; &amp; ümlaut" in text and 'dc:format="image/jpeg"' in text and 'xml:lang="x-default"' in text
    )
    abouts = {
        node.getAttributeNS(RDF, "about")
        for node in minidom.parseString(packet).getElementsByTagNameNS(RDF, "Description")
    }
    assert abouts == {"uuid:1"}
    assert text.startswith("<?xpacket begin=") and text.endswith('<?xpacket end="w"?>')


def test_a_second_edit_adds_a_line_and_keeps_one_kind() -> None:
    packet = edited(edited(None, generative=False, tool="one"), tool="two")
    assert kinds(packet) == ["compositeWithTrainedAlgorithmicMedia"] and agents(packet) == ["one", "two"]


@pytest.mark.parametrize(
    ("before", "generative", "after"),
    [
        ("digitalCapture", False, "humanEdits"),
        ("digitalCapture", True, "compositeWithTrainedAlgorithmicMedia"),
        ("trainedAlgorithmicMedia", True, "trainedAlgorithmicMedia"),
        ("trainedAlgorithmicMedia", False, "trainedAlgorithmicMedia"),
        ("compositeWithTrainedAlgorithmicMedia", False, "compositeWithTrainedAlgorithmicMedia"),
        ("compositeSynthetic", False, "compositeSynthetic"),
    ],
)
def test_a_declared_synthetic_picture_never_becomes_a_photo(before: str, generative: bool, after: str) -> None:
    as_attribute = xmp_packet(attributes=f'Iptc4xmpExt:DigitalSourceType="{CODES}{before}"')
    as_element = xmp_packet(f"<Iptc4xmpExt:DigitalSourceType>{CODES}{before}</Iptc4xmpExt:DigitalSourceType>")
    as_resource = xmp_packet(f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{CODES}{before}"/>')
    for packet in (as_attribute, as_element, as_resource):
        assert kinds(edited(packet, generative)) == [after]


@pytest.mark.parametrize(
    "packet",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + xmp_packet("<dc:title>&a;</dc:title>"),
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + xmp_packet(),
        xmp_packet("<dc:title>&undefined;</dc:title>"),
        xmp_packet("<undeclared:title/>"),
        xmp_packet("<dc:a>" * 5000 + "</dc:a>" * 5000),
        xmp_packet("<dc:a/>" * 200_000),
        xmp_packet(f"<dc:a>{'x' * 5_000_000}</dc:a>"),
        b'<?xml version="1.0" encoding="nonsense"?>' + xmp_packet(),
        xmp_packet().replace(b"rdf:RDF", b"rdf:Other"),
    ],
    ids=["entity", "file", "undefined", "undeclared", "deep", "many", "long", "encoding", "no rdf"],
)
def test_packets_that_are_no_plain_xmp_are_not_read(packet: bytes) -> None:
    assert sound(packet) is None
    assert kinds(edited(packet)) == ["compositeWithTrainedAlgorithmicMedia"]


def test_padding_around_a_packet_is_fine() -> None:
    packet = sound(b"  \n" + xmp_packet("<dc:title>kept</dc:title>") + b"\n" * 2000 + b"\0")
    assert packet is not None and b"kept" in (edited(packet) or b"")


def test_odd_but_legal_packets() -> None:
    bare = f'<RDF xmlns="{RDF}"><Description xmlns:e="http://e/" e:a="1"/></RDF>'.encode()
    assert b'e:a="1"' in (edited(bare) or b"") and kinds(edited(bare)) and agents(edited(bare)) == ["RORem"]
    assert kinds(edited(xmp_packet().decode().encode("utf-16")))
    tool = 'quotes " < & >'
    assert agents(edited(None, tool=tool)) == [tool]


def test_a_prefix_that_means_something_else_is_not_confused() -> None:
    packet = xmp_packet(
        "<foreign:a/>", 'Iptc4xmpExt:DigitalSourceType="x"', foreign="http://f/", Iptc4xmpExt="http://not-iptc/"
    )
    assert "compositeWithTrainedAlgorithmicMedia" in kinds(edited(packet))
    assert b"http://not-iptc/" in (edited(packet) or b"")


def test_the_mark_costs_no_pixel() -> None:
    data = saved(Image.fromarray(photo()), "JPEG", quality=80)
    plain, told = encode(open_picture(data)), encode(open_picture(data), edit=Edit("RORem", True))
    assert np.array_equal(open_picture(plain).colour, open_picture(told).colour)
