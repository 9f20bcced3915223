"""
Reads XMP packets: RDF/XML in the subset of the XMP specification (ISO 16684-1), as cameras and programs write it.

Strangers send this XML. So it may have no document type and no entities (defusedxml), and its depth and its number of
elements are bounded. The parser runs without namespaces, and we resolve the prefixes ourselves: expat would copy the
namespace before each name, and a namespace of a megabyte before each of 100,000 elements is a bomb.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from vignette.limits import KIB, MIB
from vignette.pixels.metadata import values
from vignette.pixels.metadata.namespaces import Prefixes
from vignette.pixels.metadata.remarks import Remarks
from vignette.pixels.metadata.values import Fields, UniqueNames

# Lightroom's masks lie some twenty deep. Photoshop has listed 100,000 ancestors of a document, which help nobody.
MAX_DEPTH: Final = 64
# Elements and attributes together. The richest packets of cameras and agencies that we know have three hundred.
MAX_NODES: Final = 20_000
# The main packet, and further ones with what does not fit into it.
MAX_PACKETS: Final = 16
# The parser takes long for millions of attributes or line ends before it calls us for the first time. So we count "="
# and line ends before we call the parser.
MAX_ATTRIBUTES: Final = 100_000
MAX_LINES: Final = 1_000_000
# Phones put a depth map or a second picture into a property, as megabytes of base64. We keep the beginning of that.
MAX_VALUE_BYTES: Final = 256 * KIB
BEGINNING_BYTES: Final = 4 * KIB
# Without such values, the largest packets of programs (histories, masks) have some hundred KiB.
MAX_BYTES: Final = 2 * MIB

_MARKS: Final = (b"<", b">", b'"', b"'")
_MARK: Final = re.compile(rb"[<>\"']")
# Matches the rest of a reference ("&amp;") or of a UTF-8 character that was cut in two.
_TORN_END: Final = re.compile(rb"(?:&[^;]{0,16}|[\xc0-\xff][\x80-\xbf]{0,3})\Z")
_ELLIPSIS: Final = b"&#8230;"

# XML 1.0 forbids these characters. Some writers leave NULs and control characters in text; the rest is still readable.
_FORBIDDEN: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

_ARRAYS: Final = ("rdf:Bag", "rdf:Seq", "rdf:Alt")
# These attributes are the syntax of RDF, and say nothing of the picture.
_SYNTAX: Final = frozenset(
    {
        "rdf:about",
        "about",
        "rdf:parseType",
        "rdf:resource",
        "rdf:ID",
        "rdf:nodeID",
        "rdf:datatype",
        "rdf:type",
        "xml:lang",
    }
)


@dataclass(slots=True)
class _Element:
    """An element of XML. Its `name` and the names of its attributes have the prefixes of `Prefixes`."""

    name: str
    attributes: dict[str, str]
    children: list[_Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class _TooLarge(Exception):
    """The packet is too deep, or has too many elements. What came before is kept."""


@dataclass(frozen=True, slots=True)
class Xmp:
    """`properties` by "prefix:name", and the URI of each prefix that is not well known."""

    properties: Fields
    namespaces: dict[str, str]


def read(packets: Sequence[bytes], remarks: Remarks) -> Xmp:
    """Return the properties of all *packets* together. If packets differ in one, that of the first keeps the name."""
    tree = _Tree()
    named = UniqueNames()
    for text in _affordable(packets, remarks):
        root = tree.grow(text, remarks)
        for name, value in _properties(root) if root else ():
            if not named.put(name, value):
                remarks.add(f"XMP: {name} is there more than once")
    return Xmp(named.fields, tree.prefixes.unknown)


def _affordable(packets: Sequence[bytes], remarks: Remarks) -> Iterator[str]:
    """Decode one packet after another, until all together reach a limit."""
    attributes = lines = 0
    bytes_left = MAX_BYTES
    for number, whole in enumerate(packets):
        packet = _up_to(bytes_left, _without_long_values(whole, remarks), remarks)
        bytes_left -= len(packet)
        text = _decode(packet)
        attributes += text.count("=")
        lines += text.count("\n")
        if number == MAX_PACKETS or attributes > MAX_ATTRIBUTES or lines > MAX_LINES:
            remarks.add(f"XMP: {len(packets) - number} of {len(packets)} packets are not read: too many, or too large")
            return
        yield text


def _without_long_values(packet: bytes, remarks: Remarks) -> bytes:
    """Cut each value of over `MAX_VALUE_BYTES` in *packet* to its beginning and an ellipsis."""
    kept = []
    end = 0
    for start, stop in _long_runs(packet):
        beginning = packet[start : start + BEGINNING_BYTES]
        if beginning.strip():
            remarks.add(f"XMP: a value of {stop - start:,} bytes is cut; the original holds it")
            cut = _TORN_END.sub(b"", beginning) + _ELLIPSIS
        else:
            cut = b"\n"
        kept += [packet[end:start], cut]
        end = stop
    return b"".join([*kept, packet[end:]]) if kept else packet


def _long_runs(packet: bytes) -> Iterator[tuple[int, int]]:
    """
    Yield where each run of over `MAX_VALUE_BYTES` bytes begins and ends that holds no mark of XML.

    That is a long text, value of an attribute, or padding. Only the last mark of so many bytes matters: whatever lies
    between the marks before it is shorter. So a packet of nothing but marks is searched as fast as one without any.
    """
    start = 0
    while (least := start + MAX_VALUE_BYTES + 1) <= len(packet):
        last = max(packet.rfind(mark, start, least) for mark in _MARKS)
        if last >= 0:
            start = last + 1
            continue
        mark = _MARK.search(packet, least)
        stop = mark.start() if mark else len(packet)
        yield start, stop
        start = stop + 1


def _up_to(bytes_left: int, packet: bytes, remarks: Remarks) -> bytes:
    if len(packet) <= bytes_left:
        return packet
    remarks.add(f"XMP: {len(packet):,} bytes are read up to byte {bytes_left:,}; the original holds them")
    return packet[: packet.rfind(b">", 0, bytes_left) + 1]


def _decode(packet: bytes) -> str:
    """
    Decode *packet* from its first "<" on.

    It is UTF-16 or UTF-32 if there are zero bytes behind the "<"; else UTF-8 if it is valid, else Latin-1.
    """
    start = max(packet.find(b"<"), 0)
    zeros = packet[start + 1 : start + 4]
    # Big-endian, if the byte "<" is the last one of its character; little-endian, if it is the first.
    if zeros == b"\0\0\0":
        encoding, behind = ("utf-32-be", 3) if start % 4 == 3 else ("utf-32-le", 0)
    elif zeros[:1] == b"\0":
        encoding, behind = ("utf-16-be", 1) if start % 2 == 1 else ("utf-16-le", 0)
    else:
        encoding, behind = "", 0
    raw = packet[start - behind :]
    text = raw.decode(encoding, errors="replace") if encoding else values.utf_8_or_latin_1(raw)
    return _FORBIDDEN.sub("\ufffd", text.rstrip("\0 \t\r\n"))


class _Tree(ContentHandler):
    """Builds a tree of each packet, up to `MAX_DEPTH`, and up to `MAX_NODES` for all packets together."""

    def __init__(self) -> None:
        super().__init__()
        self.prefixes = Prefixes()
        self._root: _Element | None = None
        self._open: list[_Element] = []
        self._scopes: list[dict[str, str]] = []
        self._nodes = 0

    def grow(self, text: str, remarks: Remarks) -> _Element | None:
        """Return the tree of a packet; if the packet has a fault, the part of the tree before the fault."""
        self._root, self._open, self._scopes = None, [], []
        parser = DefusedExpatParser(forbid_dtd=True)
        parser.setContentHandler(self)
        try:
            parser.feed(text)
            parser.close()
        except DefusedXmlException:
            remarks.add("XMP: the packet has a document type or entities, which XMP has not")
        except SAXParseException as error:
            place = f"line {error.getLineNumber()}, column {error.getColumnNumber()}"
            remarks.add(f"XMP: the packet is no XML from {place} on, and is read up to there")
        except _TooLarge as error:
            remarks.add(f"XMP: the packet is read up to a limit: {error}")
        return self._root

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802  (named by SAX)
        self._nodes += 1 + len(attrs)
        if self._nodes > MAX_NODES:
            raise _TooLarge(f"more than {MAX_NODES} elements and attributes")
        if len(self._open) == MAX_DEPTH:
            raise _TooLarge(f"elements more than {MAX_DEPTH} deep")
        self._scopes.append({key.partition(":")[2]: uri.strip() for key, uri in attrs.items() if _declares(key)})
        element = _Element(
            # A default namespace holds for elements, not for attributes (Namespaces in XML 1.0, section 6.2).
            self._canonical(name if ":" in name else f":{name}"),
            {self._canonical(key): value for key, value in attrs.items() if not _declares(key)},
        )
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802
        self._open.pop()
        self._scopes.pop()

    def characters(self, content: str) -> None:
        self._open[-1].pieces.append(content)

    def _canonical(self, qualified: str) -> str:
        prefix, colon, local = qualified.partition(":")
        if colon:
            for scope in reversed(self._scopes):
                if prefix in scope:
                    return f"{self.prefixes.canonical(scope[prefix], prefix)}:{local}"
        # Some writers forget to declare a prefix, and the prefix still says what they mean.
        return qualified.removeprefix(":")


def _declares(attribute: str) -> bool:
    return attribute == "xmlns" or attribute.startswith("xmlns:")


def _properties(root: _Element) -> Iterator[tuple[str, Any]]:
    """Yield the top-level properties: what the nodes within rdf:RDF say of the picture."""
    if root.attributes.get("x:xmptk"):
        yield "x:xmptk", root.attributes["x:xmptk"]
    for rdf in _rdf(root):
        for node in rdf.children:
            about = node.attributes.get("rdf:about") or node.attributes.get("about")  # RDF of 1999 had no prefix
            if about:
                yield "rdf:about", about
            yield from _fields(node)


def _rdf(element: _Element) -> Iterator[_Element]:
    if element.name == "rdf:RDF":
        yield element
    else:
        for child in element.children:
            yield from _rdf(child)


def _fields(node: _Element) -> Iterator[tuple[str, Any]]:
    """Yield the properties that *node* holds as attributes or as elements."""
    for name, value in node.attributes.items():
        if name not in _SYNTAX:
            yield name, value
    for child in node.children:
        if child.name == "rdf:Description":
            yield from _fields(child)
        else:
            yield child.name, _value(child)


def _value(element: _Element) -> Any:
    """Return a string, a list, or an object: a structure, or a text by its language."""
    value = _value_in_any_language(element)
    language = element.attributes.get("xml:lang")
    return {language: value} if language and isinstance(value, str) else value


def _value_in_any_language(element: _Element) -> Any:
    arrays = [child for child in element.children if child.name in _ARRAYS]
    if arrays:
        return _array([item for array in arrays for item in array.children])
    named = UniqueNames()
    for name, value in _fields(element):
        named.put(name, value)
    resource = element.attributes.get("rdf:resource")
    own = resource if resource is not None else element.text
    if not named.fields:
        return own
    if own.strip():
        named.put("rdf:value", own)
    # A value that has qualifiers is a structure; a value that has none is just the value.
    return named.fields["rdf:value"] if set(named.fields) == {"rdf:value"} else named.fields


def _array(items: Sequence[_Element]) -> list[Any] | Mapping[str, Any]:
    """Return the items of an array: as a list; or, if each is in a language of its own, as an object by language."""
    languages = [item.attributes.get("xml:lang") or "x-default" for item in items]
    if any("xml:lang" in item.attributes for item in items) and len(set(languages)) == len(languages):
        return {language: _value_in_any_language(item) for language, item in zip(languages, items, strict=True)}
    return [_value(item) for item in items]
