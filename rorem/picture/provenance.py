"""XMP: what it says about how the picture lies and where it was taken, and the mark that it was edited.

A packet is read without any of XML's doors to other files: one with a DOCTYPE is not read at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .record import Edit

if TYPE_CHECKING:
    from xml.dom.minidom import Attr, Document, Element

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_META = "adobe:ns:meta/"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_MM = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_XMLNS = "http://www.w3.org/2000/xmlns/"

# IPTC NewsCodes, the vocabulary that search engines and social networks read.
_SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATIVE = _SOURCE + "compositeWithTrainedAlgorithmicMedia"
BY_HAND = _SOURCE + "humanEdits"
# A picture that was already declared synthetic stays so: removing something from it does not make it a photo.
_STRONGER = {_SOURCE + "trainedAlgorithmicMedia", _SOURCE + "algorithmicMedia"}
_NOT_WEAKENED = {*_STRONGER, GENERATIVE, _SOURCE + "compositeSynthetic"}

# Other pictures of the same scene, and pointers to parts of the file that are not written again: they still show, or
# promise, what was removed.
_STALE_SPACES = {
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/container/item/",
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/dd/1.0/image/",
    "http://ns.google.com/photos/dd/1.0/depthmap/",
    "http://ns.google.com/photos/dd/1.0/device/",
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.adobe.com/xmp/note/",
}
_XMP = "http://ns.adobe.com/xap/1.0/"
_STALE_FACTS = {(_XMP, "Thumbnails"), (_XMP, "PageInfo")}

MAX_BYTES = 4_000_000
_MAX_DEPTH = 60
_MAX_ELEMENTS = 100_000


def sound(packet: bytes) -> bytes | None:
    """The packet without padding if it is well-formed XMP, else None."""
    packet = packet.strip(b"\0 \t\r\n")
    try:
        _parse(packet)
    except ValueError:
        return None
    return packet


def orientation(packet: bytes) -> int | None:
    """1 to 8 as in EXIF; None if the packet does not say."""
    for fact in _facts(_parse(packet)):
        if (fact.namespaceURI, fact.localName) == (_TIFF, "Orientation"):
            text = _text(fact).strip()
            return int(text) if text in {*"12345678"} else None
    return None


def finished(packet: bytes | None, width: int, height: int, keep_gps: bool, edit: Edit | None) -> bytes | None:
    """The packet for an upright file of this size; a fresh one if there was none and `edit` must be told.

    Everything that is still true stays. Thumbnails and pointers to hidden copies of the picture go, GPS on request.
    """
    if packet is None and edit is None:
        return None
    try:
        document = _parse(packet or _EMPTY)
    except ValueError:  # only packets that went through `sound` get here, but a file must always be written
        document = _parse(_EMPTY)
    _correct(document, width, height, keep_gps)
    if edit is not None:
        _mark(document, edit)
    return _written(document)


_EMPTY = (
    f'<x:xmpmeta xmlns:x="{_META}"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
).encode()


def _parse(packet: bytes) -> Document:
    """Raises ValueError for anything but a small, plain, well-formed packet."""
    from xml.dom import minidom
    from xml.parsers import expat

    if len(packet) > MAX_BYTES:
        raise ValueError("too long")
    depth = elements = 0

    def refuse(*_: object) -> None:
        raise ValueError("a DOCTYPE has no place in XMP")

    def enter(*_: object) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > _MAX_DEPTH or elements > _MAX_ELEMENTS:
            raise ValueError("too deep")

    def leave(_: str) -> None:
        nonlocal depth
        depth -= 1

    guard = expat.ParserCreate()
    guard.StartDoctypeDeclHandler = refuse
    guard.EntityDeclHandler = refuse
    guard.StartElementHandler = enter
    guard.EndElementHandler = leave
    try:
        guard.Parse(packet, True)
        document = minidom.parseString(packet)
    except (expat.ExpatError, LookupError, UnicodeError, AttributeError, KeyError) as error:
        raise ValueError(str(error)) from error
    if not document.getElementsByTagNameNS(_RDF, "RDF"):
        raise ValueError("no RDF")
    return document


def _facts(document: Document) -> list[Element | Attr]:
    """Every element and attribute, the outer ones first: XMP may write a fact as either."""
    found: list[Element | Attr] = []
    for element in document.getElementsByTagName("*"):
        found.append(element)
        found.extend(attribute for attribute in element.attributes.values() if attribute.namespaceURI != _XMLNS)
    return found


def _correct(document: Document, width: int, height: int, keep_gps: bool) -> None:
    true_now = {
        (_TIFF, "Orientation"): "1",
        (_TIFF, "ImageWidth"): str(width),
        (_TIFF, "ImageLength"): str(height),
        (_EXIF, "PixelXDimension"): str(width),
        (_EXIF, "PixelYDimension"): str(height),
    }
    for fact in _facts(document):
        name = (fact.namespaceURI or "", fact.localName or "")
        if name[0] in _STALE_SPACES or name in _STALE_FACTS or (not keep_gps and _tells_place(name[1])):
            _remove(fact)
        elif name in true_now:
            _set_text(document, fact, true_now[name])


def _tells_place(name: str) -> bool:
    """exif:GPSLatitude, drone-dji:GpsLongitude and their like."""
    name = name.lower()
    return name.startswith("gps") or "latitude" in name or "longitude" in name


def _mark(document: Document, edit: Edit) -> None:
    """Declares the edit: the kind of picture it is now, and one more line in its history."""
    kind = GENERATIVE if edit.generative else BY_HAND
    for fact in _facts(document):
        if (fact.namespaceURI, fact.localName) == (_IPTC, "DigitalSourceType"):
            before = _text(fact).strip() or _resource(fact)
            if before in (_STRONGER if edit.generative else _NOT_WEAKENED):
                kind = before
            _remove(fact)
    rdf = document.getElementsByTagNameNS(_RDF, "RDF")[0]
    prefix = f"{rdf.prefix}:" if rdf.prefix else ""
    about = [node.getAttributeNS(_RDF, "about") for node in rdf.getElementsByTagNameNS(_RDF, "Description")]
    ours = document.createElementNS(_RDF, prefix + "Description")
    _attribute(ours, _RDF, "rdf", "about", about[0] if about else "")
    _attribute(ours, _IPTC, "Iptc4xmpExt", "DigitalSourceType", kind)
    rdf.appendChild(ours)

    event = document.createElementNS(_RDF, prefix + "li")
    _attribute(event, _EVENT, "stEvt", "action", "edited")
    _attribute(event, _EVENT, "stEvt", "softwareAgent", edit.tool)
    _history(document, ours, prefix).appendChild(event)


def _history(document: Document, ours: Element, prefix: str) -> Element:
    """The list of what was done to the picture; begun inside `ours` if there is none."""
    for history in document.getElementsByTagNameNS(_MM, "History"):
        for listing in history.getElementsByTagNameNS(_RDF, "Seq"):
            return listing
    ours.setAttributeNS(_XMLNS, "xmlns:xmpMM", _MM)
    history = ours.appendChild(document.createElementNS(_MM, "xmpMM:History"))
    return history.appendChild(document.createElementNS(_RDF, prefix + "Seq"))


def _attribute(element: Element, space: str, prefix: str, name: str, text: str) -> None:
    element.setAttributeNS(_XMLNS, f"xmlns:{prefix}", space)
    element.setAttributeNS(space, f"{prefix}:{name}", text)


def _text(fact: Element | Attr) -> str:
    if fact.nodeType == fact.ATTRIBUTE_NODE:
        return fact.value
    return "".join(node.data for node in fact.childNodes if node.nodeType == node.TEXT_NODE)


def _resource(fact: Element | Attr) -> str:
    """The address in `<x rdf:resource="..."/>`, another way to write a text."""
    return fact.getAttributeNS(_RDF, "resource") if fact.nodeType == fact.ELEMENT_NODE else ""


def _set_text(document: Document, fact: Element | Attr, text: str) -> None:
    if fact.nodeType == fact.ATTRIBUTE_NODE:
        fact.value = text
        return
    while fact.firstChild:
        fact.removeChild(fact.firstChild)
    fact.appendChild(document.createTextNode(text))


def _remove(fact: Element | Attr) -> None:
    if fact.nodeType == fact.ATTRIBUTE_NODE:
        if fact.ownerElement is not None:
            fact.ownerElement.removeAttributeNode(fact)
    elif fact.parentNode is not None and fact.parentNode.nodeType == fact.ELEMENT_NODE:
        fact.parentNode.removeChild(fact)


def _written(document: Document) -> bytes:
    """One packet in UTF-8, between the markers that let a program find it in any file."""
    root = document.documentElement
    body = root.toxml() if root is not None else ""
    begin = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    return f'{begin}\n{body}\n<?xpacket end="w"?>'.encode()
