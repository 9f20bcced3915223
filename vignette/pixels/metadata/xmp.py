"""
Reads XMP packets: RDF/XML in the subset of the XMP specification (ISO 16684-1), as cameras and programs write it.

XMP is XML that strangers send: no document type, no entities (defusedxml), bounded depth and number of elements. The
parser knows nothing of namespaces: with them, expat copies the namespace before each name, and one of a megabyte in
front of each of 100,000 elements is a bomb. We resolve the prefixes ourselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from vignette.limits import KIB, MIB
from vignette.pixels.metadata import values
from vignette.pixels.metadata.namespaces import Prefixes
from vignette.pixels.metadata.remarks import Remarks
from vignette.pixels.metadata.values import Fields, UniqueNames

# Lightroom's masks lie some twenty deep; Photoshop has written 100,000 ancestors of a document, of use to nobody.
MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 50_000
# The main packet, and those that did not fit into it.
MAX_PACKETS: Final = 16
# What the parser itself takes time for, before it calls us: attributes ("=") and line ends, each in the millions.
MAX_ATTRIBUTES: Final = 100_000
MAX_LINES: Final = 1_000_000
# Phones put a depth map, or a second picture, into a property, as megabytes of base64: its beginning is kept.
MAX_VALUE_BYTES: Final = 256 * KIB
BEGINNING_BYTES: Final = 4 * KIB
# The largest packets of programs (histories, masks) have some hundred KiB without such values.
MAX_BYTES: Final = 2 * MIB

# What stands between the marks of XML: a text, the value of an attribute, padding. Looked for behind a mark only, so
# that each is looked at once.
_LONG_RUN: Final = re.compile(rb"(?:\A|(?<=[<>\"']))[^<>\"']{%d,}" % (MAX_VALUE_BYTES + 1))
# A reference, or a character of UTF-8, that is cut.
_TORN_END: Final = re.compile(rb"(?:&[^;]{0,16}|[\xc0-\xff][\x80-\xbf]{0,3})\Z")
_ELLIPSIS: Final = b"&#8230;"

# Characters that XML 1.0 forbids. Writers leave NULs and control characters in text; the rest can be read all the same.
_FORBIDDEN: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

_ARRAYS: Final = ("rdf:Bag", "rdf:Seq", "rdf:Alt")
# How RDF is written, not what is said.
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
    """`name` and the attributes' names carry canonical prefixes."""

    name: str
    attributes: dict[str, str]
    children: list[_Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class _TooLarge(Exception):
    """The packet is deeper or has more elements than is read; what came before is kept."""


@dataclass(frozen=True, slots=True)
class Xmp:
    """The properties under "prefix:name", and the URIs of those prefixes that are not well known."""

    properties: Fields
    namespaces: dict[str, str]


def read(packets: Sequence[bytes], remarks: Remarks) -> Xmp:
    """Returns the properties of all *packets* together; the first packet that has a property names it."""
    tree = _Tree()
    named = UniqueNames()
    for text in _affordable(packets, remarks):
        root = tree.grow(text, remarks)
        for name, value in _properties(root) if root else ():
            if not named.put(name, value):
                remarks.add(f"XMP: {name} is there more than once")
    return Xmp(named.fields, tree.prefixes.unknown)


def _affordable(packets: Sequence[bytes], remarks: Remarks) -> Iterator[str]:
    """The text of the packets, while all together are no larger than what is read."""
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
    """*packet*, of each value of over `MAX_VALUE_BYTES` only the beginning, and an ellipsis."""
    if len(packet) <= MAX_VALUE_BYTES:
        return packet

    def cut(run: re.Match[bytes]) -> bytes:
        beginning = packet[run.start() : run.start() + BEGINNING_BYTES]
        if not beginning.strip():
            return b"\n"
        remarks.add(f"XMP: a value of {run.end() - run.start():,} bytes is cut; the original holds it")
        return _TORN_END.sub(b"", beginning) + _ELLIPSIS

    return _LONG_RUN.sub(cut, packet)


def _up_to(bytes_left: int, packet: bytes, remarks: Remarks) -> bytes:
    if len(packet) <= bytes_left:
        return packet
    remarks.add(f"XMP: {len(packet):,} bytes are read up to byte {bytes_left:,}; the original holds them")
    return packet[: packet.rfind(b">", 0, bytes_left) + 1]


def _decode(packet: bytes) -> str:
    """The text from the first "<" on; UTF-8, or UTF-16 or UTF-32 as the zeros around it tell."""
    start = max(packet.find(b"<"), 0)
    zeros = packet[start + 1 : start + 4]
    # The order of bytes: a "<" that stands last among the bytes of its character is big-endian.
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
    """Builds a tree of each packet, and gives up at the limits, which hold for all packets together."""

    def __init__(self) -> None:
        super().__init__()
        self.prefixes = Prefixes()
        self._root: _Element | None = None
        self._open: list[_Element] = []
        self._scopes: list[dict[str, str]] = []
        self._elements = 0

    def grow(self, text: str, remarks: Remarks) -> _Element | None:
        """The tree of a packet; of one that breaks off, what comes before the break."""
        self._root, self._open, self._scopes = None, [], []
        parser = DefusedExpatParser(forbid_dtd=True)
        parser.setContentHandler(self)
        try:
            parser.feed(text)
            parser.close()
        except DefusedXmlException:
            remarks.add("XMP: the packet has a document type or entities, which XMP has not")
        except (SAXException, _TooLarge) as error:
            remarks.add(f"XMP: the packet is read up to a fault: {error}")
        return self._root

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802  (named by SAX)
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise _TooLarge(f"more than {MAX_ELEMENTS} elements")
        if len(self._open) == MAX_DEPTH:
            raise _TooLarge(f"elements more than {MAX_DEPTH} deep")
        self._scopes.append({key.partition(":")[2]: uri.strip() for key, uri in attrs.items() if _declares(key)})
        element = _Element(
            # A default namespace holds for elements only (Namespaces in XML 1.0, section 6.2).
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
        # Not declared: writers forget it, and the prefix still says what is meant.
        return qualified.removeprefix(":")


def _declares(attribute: str) -> bool:
    return attribute == "xmlns" or attribute.startswith("xmlns:")


def _properties(root: _Element) -> Iterator[tuple[str, Any]]:
    """The top-level properties: what the nodes within rdf:RDF say of the picture."""
    if root.attributes.get("x:xmptk"):
        yield "x:xmptk", root.attributes["x:xmptk"]
    for rdf in _rdf(root):
        for node in rdf.children:
            about = node.attributes.get("rdf:about") or node.attributes.get("about")  # RDF of 1999 had it bare
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
    """The properties that a node holds, as attributes or as elements."""
    for name, value in node.attributes.items():
        if name not in _SYNTAX:
            yield name, value
    for child in node.children:
        if child.name == "rdf:Description":
            yield from _fields(child)
        else:
            yield child.name, _value(child)


def _value(element: _Element) -> Any:
    """A string, a list, or an object: a structure, or a text in one language."""
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
    # A value with qualifiers is a structure; without them it is but the value.
    return named.fields["rdf:value"] if set(named.fields) == {"rdf:value"} else named.fields


def _array(items: Sequence[_Element]) -> list[Any] | Mapping[str, Any]:
    """The items of an array; those of a language alternative by their language, if each has its own."""
    languages = [item.attributes.get("xml:lang") or "x-default" for item in items]
    if any("xml:lang" in item.attributes for item in items) and len(set(languages)) == len(languages):
        return {language: _value_in_any_language(item) for language, item in zip(languages, items, strict=True)}
    return [_value(item) for item in items]
